"""What a word has been most often: right more often than any other prediction where values come in no order."""

from __future__ import annotations

import random
from typing import Any

from asc.predictors.most_frequent import MostFrequent
from asc.testing.histories import WordHistory
from asc.words import Word


def after(states: list[dict[str, Word]], ahead: int = 1, **settings: int) -> Any:
    """Show all states one by one, the newest eight at a time; return the state predicted from the last."""
    predictor, prediction = MostFrequent(MostFrequent.Config(**settings)), None
    for now in range(1, len(states) + 1):
        history = WordHistory(range(0, 10 * now, 10)[-8:], states[max(0, now - 8) : now])
        prediction = predictor.predict(history, 10 * ahead)
    return None if prediction is None else prediction.state


def modes(count: int, seed: int = 1) -> list[dict[str, Word]]:
    """Return modes in no order, of which mode 3 is the most frequent, beside a counter."""
    draw = random.Random(seed)
    return [{"mode": draw.choices((0, 3, 7, 9), (2, 4, 2, 2))[0], "n": 4096 * k} for k in range(count)]


def test_the_most_frequent_value_is_predicted_however_far_ahead() -> None:
    states = modes(200)
    newest = states[-1]["n"]
    assert [after(states, ahead) for ahead in (1, 7, 1000)] == [{"mode": 3, "n": newest}] * 3


def test_silent_until_a_value_has_come_back() -> None:
    states: list[dict[str, Word]] = [{"mode": mode} for mode in (5, 1, 2, 1)]
    assert after(states[:3]) is None
    assert after(states) == {"mode": 1}


def test_values_that_never_come_back_are_left_alone() -> None:
    assert after([{"n": 3 * k} for k in range(100)]) is None


def test_values_that_never_come_back_displace_no_value_that_does() -> None:
    draw = random.Random(2)
    states: list[dict[str, Word]] = [{"x": 5 if k % 2 else draw.getrandbits(64)} for k in range(500)]
    assert after(states, values=2) == {"x": 5}


def test_a_program_in_another_phase_is_followed() -> None:
    states: list[dict[str, Word]] = [{"mode": k % 5 == 0, "other": k} for k in range(3000)]
    states += [{"mode": k % 5 != 0, "other": k} for k in range(1500)]
    assert after(states)["mode"] is True


def test_values_are_counted_by_type_and_bits() -> None:
    states: list[dict[str, Word]] = [{"x": value} for value in (1.0, -0.0, 0.0, 0.0, 1.0, 0.0, -0.0)]
    assert str(after(states)["x"]) == "0.0"
    mixed: list[dict[str, Word]] = [{"x": value} for value in (1, True, 1, 1, 2, True)]
    assert after(mixed) == {"x": True}, "the most frequent value has another type than the word has now"


def test_only_so_many_words_are_counted() -> None:
    states: list[dict[str, Word]] = [{"a": k % 3 == 0, "b": k % 3 == 0} for k in range(10)]
    assert after(states, words=1) == {"a": False, "b": True}
