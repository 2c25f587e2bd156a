"""Calls into components: who is named where one takes long, and where it is interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from asc.calls import Watch, call, watching

MINE = 'The predictor "mine"'
LAW = 100.0  # seconds after which a wait in a test is taken to hang


class Looks:
    """A watch that is made to look at set times, and what it says."""

    def __init__(self, otherwise: str = 'The backend "toy"') -> None:
        self.said: list[str] = []
        self.stopped = False
        self.watch = Watch(self.said.append, lambda: self.stopped, otherwise)

    def predict(self, *times: float) -> list[str]:
        """Be in a call while the watch looks; return what it has said."""
        for now in times:
            self.watch.look(now)
        return self.said


def has_been(seconds: int, title: str = MINE) -> str:
    return f"{title} has been in predict for {seconds} s. Ctrl-C twice ends the command."


def test_a_call_answers_what_the_method_answers() -> None:
    assert call(MINE, divmod, 7, 2) == (3, 1)


def test_a_call_that_takes_long_is_named_at_each_doubling() -> None:
    looks = Looks()
    assert call(MINE, looks.predict, 100, 101, 104, 105, 106, 109, 110, 115, 119, 120) == [
        has_been(5),
        has_been(10),
        has_been(20),
    ]


def test_many_short_calls_are_not_taken_for_a_long_one() -> None:
    looks = Looks()
    for now in range(60):
        call(MINE, looks.predict, float(now))
    assert looks.said == []


def test_later_calls_as_long_as_one_that_was_named_are_not_named_again() -> None:
    looks = Looks()
    for began in (0, 100, 200):
        call(MINE, looks.predict, began, began + 6)
    assert looks.said == [has_been(6)]
    call(MINE, looks.predict, 300, 313)
    assert looks.said == [has_been(6), has_been(13)]


def test_what_takes_long_by_its_nature_is_not_named() -> None:
    title = 'The study "mine"'
    looks = Looks(title)
    assert call(title, looks.predict, 0, 1000) == []
    assert call(title, call, MINE, looks.predict, 2000, 2006) == [has_been(6)]


def test_an_inner_call_is_named_and_then_the_outer_one_is_again() -> None:
    looks = Looks()

    def outer() -> None:
        call("The validator", looks.predict, 0, 5)
        looks.predict(6, 11)

    call(MINE, outer)
    assert looks.said == [has_been(5, "The validator"), has_been(5).replace("in predict", "in outer")]


def test_where_an_end_was_asked_for_the_component_is_named_at_the_next_look() -> None:
    looks = Looks()

    def predict() -> None:
        looks.predict(0)
        looks.stopped = True
        looks.predict(1, 2, 3)

    call(MINE, predict)
    assert looks.said == [
        'Waiting for the predictor "mine", which is in predict. A second Ctrl-C ends the command at once.'
    ]


def test_where_an_end_was_asked_for_in_no_component_the_rest_has_a_moment_to_end() -> None:
    looks = Looks()
    looks.stopped = True
    assert looks.predict(0) == []
    assert looks.predict(1) == ['Waiting for the backend "toy". A second Ctrl-C ends the command at once.']
    assert len(looks.predict(2, 3)) == 1


def test_a_call_that_raises_is_over() -> None:
    looks = Looks()

    def predict() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        call(MINE, predict)
    assert looks.predict(0, 100) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), r"^interrupted while the predictor \"mine\" was in predict \(test_calls.py, line \d+\)$"),
        (("own",), "^own"),
    ],
)
def test_an_interruption_has_the_component_and_the_place_unless_it_has_a_message(
    arguments: tuple[str, ...], message: str
) -> None:
    def predict() -> None:
        raise KeyboardInterrupt(*arguments)

    with pytest.raises(KeyboardInterrupt, match=message):
        call("The study", call, MINE, predict)


def seen(said: list[str], stop: bool) -> Callable[[], None]:
    """Return a method that ends once something was said."""

    def predict() -> None:
        assert over.wait(LAW)

    over = threading.Event()

    def say(sentence: str) -> None:
        said.append(sentence)
        over.set()

    def within() -> None:
        with watching(say, lambda: stop, "The backend"):
            call(MINE, predict)

    return within


def test_a_thread_of_its_own_looks() -> None:
    said: list[str] = []
    seen(said, stop=True)()
    assert said == ['Waiting for the predictor "mine", which is in predict. A second Ctrl-C ends the command at once.']


def test_a_sentence_that_cannot_be_printed_ends_nothing() -> None:
    over = threading.Event()

    def say(sentence: str) -> None:
        over.set()
        raise BrokenPipeError(sentence)

    with watching(say, lambda: True, "The backend"):
        assert over.wait(LAW)


def test_where_there_is_no_thread_to_be_had_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with watching(pytest.fail, lambda: True, "The backend"):
        assert call(MINE, divmod, 7, 2) == (3, 1)
