"""Snapshots of the toy computation, and what predictors see."""

from __future__ import annotations

from typing import Any

import pytest
from fuzzing.differences import difference
from mixed import counting, made, mixed, program, recorded, simple
from ways import computation, own_loop

from asc.errors import AscError
from asc_toy.own_loop import run_plain


class TestSnapshots:
    def test_goes_back_bit_for_bit(self) -> None:
        found = made()
        found.advance(7)
        snapshot, before, names = found.snapshot(), found.digest(), list(found.words())
        found.advance(20)
        found.restore(snapshot)
        assert (found.position(), found.digest(), list(found.words())) == (7, before, names)
        assert "late" not in found.words()
        assert not difference(own_loop(mixed, program().state, 7), found.result())
        found.advance(60)
        assert found.digest() == run_plain(program())[1]

    def test_does_not_change_with_the_state(self) -> None:
        found = made()
        found.advance(7)
        snapshot, before = found.snapshot(), found.digest()
        for record in (True, False):
            found.advance(20, record)
            found.restore(snapshot)
            assert found.digest() == before

    def test_goes_into_another_computation_of_the_program(self) -> None:
        """What has changed there counts as changing here."""
        one, other = made(), made()
        entry = recorded(other, 3)
        one.advance(11)
        fresh = made()
        fresh.restore(one.snapshot())
        assert fresh.digest() == one.digest()
        assert not fresh.agrees(entry)
        first = fresh.snapshot()
        later = recorded(fresh, 2)
        third = made()
        third.restore(first)
        assert third.agrees(later)
        third.apply(later)
        assert third.digest() == fresh.digest()

    def test_a_condition_that_was_not_asked_is_asked_later(self) -> None:
        found = computation(counting, {"n": 0, "total": 0}, until=lambda state: state.n == 0)
        found.restore(found.snapshot())
        assert found.finished()

    @pytest.mark.parametrize("steps", [0, 1, 2, 3])
    def test_aliases_stay_aliases(self, steps: int) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n == 2:
                state.c = state.a
            if state.n == 3:
                state.b = [5]

        both = [1, [2]]
        found = computation(step, {"n": 0, "a": both, "b": both, "c": None})
        found.advance(steps)
        snapshot, expected = found.snapshot(), own_loop(step, {"n": 0, "a": both, "b": both, "c": None}, steps)
        for more in (0, 1, 2):
            found.advance(more)
            found.restore(snapshot)
            assert not difference(expected, found.result())

    def test_observed_words_do_not_change_any_more(self) -> None:
        found = made()
        observed = found.observe()
        found.advance(3)
        assert found.read("words", [observed, found.observe()])[0]["n"] == 0
        assert observed.nbytes > 0

    def test_numbers_in_small_containers_that_change_are_observed_too(self) -> None:
        found = made()
        assert set(found.observe().state) == {"n", "total", "ratio", "label"}
        recorded(found, 3)
        assert (found.observe().state["pos[0]"], found.observe().state["pos[1]"]) == (2, 1)
        assert found.observe().state["log[0][1]"] == "even"
        assert "names['even']" not in found.observe().state

    def test_only_words_can_be_read(self) -> None:
        with pytest.raises(AscError, match='The toy backend provides "words", and was asked for "optimizer"'):
            made().read("optimizer", [])

    def test_gram_matrix_is_of_differences_to_the_newest(self) -> None:
        found = simple()
        snapshots = []
        for _ in range(3):
            snapshots.append(found.observe())
            found.advance(1)
        # (n, total): (0, 0), (1, 1), (2, 3)
        assert found.gram(snapshots).tolist() == [[13.0, 8.0], [8.0, 5.0]]
