"""Names of words in tracked supersteps: new ones, deleted ones, absent ones, their order, and `vars(state)`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from ways import by_worker, computation, ends_alike, is_leapt_over, is_run_plainly

from asc_toy.state import State


def test_new_words_come_in_the_order_of_the_plain_loop() -> None:
    def step(state: Any) -> None:
        if state.n % 2:
            state.late = state.n
        state.other = state.n
        state.late = 1
        state.n += 1

    is_leapt_over(step, n=0)


def test_words_may_have_names_that_no_initial_state_may_give_them() -> None:
    def step(state: Any) -> None:
        state._hidden = state.n
        state._superstep = state._hidden + 1
        state._asc = 1
        state.read = state.delete = state.undo = 4
        setattr(state, "not a name", state.n)
        vars(state)[5] = state.n
        state.n += 1

    is_leapt_over(step, n=0)


def test_word_may_have_the_name_of_a_method() -> None:
    def step(state: Any) -> None:
        state.add("n", 1)
        if state.n > 2:
            state.maximum = state.n
            state.order = vars(state)["maximum"] + state.maximum

    is_leapt_over(step, n=0)


class TestDeleted:
    def test_word_that_is_deleted_and_made_again_comes_last(self) -> None:
        def step(state: Any) -> None:
            x = state.x
            del state.x
            state.late = state.n
            state.x = x + 1
            state.n += 1

        is_leapt_over(step, n=0, x=4, y=1)

    def test_word_comes_and_goes(self) -> None:
        def step(state: Any) -> None:
            if state.n % 2:
                del state.x
            else:
                state.x = state.n
            state.n += 1

        is_leapt_over(step, n=0, x=4, y=1)

    def test_word_that_was_deleted_is_missing(self) -> None:
        def step(state: Any) -> None:
            if state.n == 2:
                del state.x
            state.y = getattr(state, "x", "gone")
            state.z = hasattr(state, "x")
            state.n += 1

        is_leapt_over(step, n=0, x=4)

    def test_deletion_of_what_is_not_there_raises_what_it_raises_plainly(self) -> None:
        def step(state: Any) -> None:
            for name in ("x", "missing", "add"):
                try:
                    delattr(state, name)
                except AttributeError as error:
                    state.said = str(error)
                    state.mine = error.obj is state
            state.n += 1

        is_leapt_over(step, n=0, x=4)

    def test_deleted_arrays_and_containers(self) -> None:
        def step(state: Any) -> None:
            if state.n == 1:
                del state.a
            if state.n == 2:
                del state.items
            if state.n == 4:
                state.items = [state.n]
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(3), items=[1])

    def test_word_set_and_deleted_at_once_is_deleted_wherever_it_was(self) -> None:
        """Nothing reads the word, so the superstep may be leapt over where the word exists and where it does not."""

        def step(state: Any) -> None:
            state.n += 1
            state.x = 5
            del state.x

        (entry,) = by_worker(computation(step, {"n": 0}))
        assert not isinstance(entry, BaseException)
        for values in ({"n": 0}, {"n": 0, "x": 1}, {"n": 0, "x": [1]}, {"x": np.zeros(2), "n": 0}):
            found = computation(step, values)
            assert found.agrees(entry)
            found.apply(entry)
            assert found.result() == {"n": 1}

    def test_increment_of_a_word_that_is_deleted_afterwards(self) -> None:
        def step(state: Any) -> None:
            state.add("total", 1)
            if state.n == 3:
                del state.total
                state.total = 0
            state.n += 1

        is_leapt_over(step, n=0, total=5)


class TestAbsent:
    @pytest.mark.parametrize(
        "ask", [lambda s: hasattr(s, "extra"), lambda s: getattr(s, "extra", 0), lambda s: "extra" in vars(s)]
    )
    def test_absence_is_relied_on(self, ask: Any) -> None:
        def step(state: Any) -> None:
            state.y = ask(state)

        (entry,) = by_worker(computation(step, {"y": 0}))
        assert not isinstance(entry, BaseException)
        assert computation(step, {"y": 0}).agrees(entry)
        assert not computation(step, {"y": 0, "extra": 1}).agrees(entry)
        assert not computation(step, {"y": 0, "extra": None}).agrees(entry)

    def test_missing_word_raises_what_it_raises_plainly(self) -> None:
        def step(state: Any) -> None:
            try:
                state.missing  # noqa: B018
            except AttributeError as error:
                state.said = (str(error), error.name, error.obj is state)
            try:
                state.add("missing", 1)
            except AttributeError as error:
                state.added = (str(error), error.name)
            state.n += 1

        is_leapt_over(step, n=0)


class TestVars:
    def test_all_words_and_their_order_are_read(self) -> None:
        def step(state: Any) -> None:
            state.total += sum(value for name, value in vars(state).items() if name[0] == "w")
            state.w1 += 1
            if state.total > 20:
                state.w9 = 5
            state.names = tuple(vars(state))

        is_leapt_over(step, n=0, total=0, w1=1, w2=2)

    def test_other_names_or_another_order_do_not_agree(self) -> None:
        def step(state: Any) -> None:
            state.n = len(vars(state))

        (entry,) = by_worker(computation(step, {"n": 0, "x": 1, "y": 2}))
        assert not isinstance(entry, BaseException)
        assert computation(step, {"n": 0, "x": 1, "y": 2}).agrees(entry)
        for values in (
            {"n": 0, "y": 2, "x": 1},
            {"n": 0, "x": 1},
            {"n": 0, "x": 1, "y": 2, "z": 3},
            {"n": 0, "x": 1, "y": 3},
        ):
            assert computation(step, values).disagreement(entry) in ("the names of the words", "y")

    def test_words_are_set_and_removed_by_it(self) -> None:
        def step(state: Any) -> None:
            words = vars(state)
            x = words.pop("x")
            words["late"] = words["n"] * 2
            words.update(n=state.n + 1, x=x + 1)
            words.setdefault("more", [])
            state.__dict__ |= {"x": x + 2, "most": x}
            words["a"][0] += 1
            if state.n == 4:
                del words["late"], state.more
            state.order = ",".join(words)

        is_leapt_over(step, n=0, x=4, y=1, a=np.zeros(2, int), order="")

    def test_words_move_to_the_end(self) -> None:
        def step(state: Any) -> None:
            words = vars(state)
            first = next(iter(words))
            words[first] = words.pop(first)
            state.n += 1

        is_leapt_over(step, n=0, a=np.zeros(2), items=[1], x=2)

    def test_all_words_are_dropped(self) -> None:
        def step(state: Any) -> None:
            n = state.n
            vars(state).clear()
            state.m = 1
            state.n = n + 1

        is_leapt_over(step, n=0, a=np.zeros(2), items=[1], x=2)

    def test_words_that_were_set_before_it_keep_their_places(self) -> None:
        def step(state: Any) -> None:
            state.late = 1
            state.y = 3
            del state.x
            state.x = 2
            state.order = ",".join(state.__dict__)
            state.n += 1

        is_leapt_over(step, n=0, x=1, y=2, order="")

    def test_it_in_a_word_is_run_plainly(self) -> None:
        def step(state: Any) -> None:
            state.everything = vars(state)
            state.n += 1

        is_run_plainly(step, "share a dict", n=0)

    def test_other_dictionary_is_run_plainly(self) -> None:
        def step(state: Any) -> None:
            state.__dict__ = {**vars(state), "k": state.n & 3}
            state.n += 1

        is_run_plainly(step, "The step replaces the state's dictionary.", n=0, x=4)

    def test_other_dictionary_is_run_plainly_though_the_step_catches_everything(self) -> None:
        def step(state: Any) -> None:
            try:
                state.__dict__ = {**vars(state), "k": state.n & 3}
            except Exception:  # noqa: BLE001
                state.k = "caught"
            state.n += 1

        is_run_plainly(step, "The step replaces the state's dictionary.", n=0, x=4)


class TestStateItself:
    def test_it_answers_as_a_plain_object(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            other = state
            state.same = state == other and state is not None and bool(state) and hash(state) == hash(other)
            state.called = (type(state).__name__, type(state).__module__, state.__class__.__qualname__)
            state.listed = [name for name in dir(state) if name in ("add", "called", "late", "n", "same")]

        is_leapt_over(step, n=0)

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
    def test_copies_are_plain_objects(self, copied: Any) -> None:
        def step(state: Any) -> None:
            other = copied(state)
            other.n += 5
            other.a[0] += 1
            other.items.append(other.n)
            state.k = (other.n, len(vars(other)), state.items[-1:])
            state.n += 1

        is_leapt_over(step, n=0, a=np.zeros(2, int), items=[1], k=0)

    def test_it_in_a_word_is_run_plainly(self) -> None:
        def step(state: Any) -> None:
            state.me = state
            state.n += 1

        is_run_plainly(step, "State", n=0)

    def test_its_method_in_a_word_is_run_plainly(self) -> None:
        def step(state: Any) -> None:
            state.f = state.add
            state.n += 1

        is_run_plainly(step, "a method of an object", n=0)

    def test_other_class_is_run_plainly(self) -> None:
        class Other(State):
            pass

        def step(state: Any) -> None:
            state.__class__ = Other
            state.n += 1

        found = computation(step, {"n": 0})
        assert found.advance(1, record=True).recorded is None
        assert found.advance(1, record=True).recorded is None
        assert found.result() == {"n": 2}
        assert found.hindrance == "The step has changed the class of the state to Other."


def test_words_that_change_their_kind() -> None:
    def step(state: Any) -> None:
        state.n += 1
        state.best = [None, [1], np.zeros(2), 7, "x", {}, 1.5][state.n % 7]

    assert ends_alike(step, n=0, best=None) > 0
    is_leapt_over(step, n=0, best=3)
