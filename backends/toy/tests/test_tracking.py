"""What a superstep is found to have read, and what it is found to have changed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tracked import Step, Tracked, effect_of, track

from asc.words import bits
from asc_toy.ambient import Watch
from asc_toy.content import content
from asc_toy.program import Program
from asc_toy.tracking.effect import Held, is_scalar
from asc_toy.tracking.superstep import run_tracked

SECOND_OF_ITS_WIDTH = next(np.dtype(char) for char in "ilq" if np.dtype(np.dtype(char).str).char != char).type
"""Of two C types of one width, numpy's pickles know only one."""


class TestWords:
    @pytest.mark.parametrize("value", [0, -(10**50), True, 1.5, math.nan, b"", "ä", np.float32(2), np.str_("x")])
    def test_immutable_scalars_are_words(self, value: Any) -> None:
        assert is_scalar(value)

    @pytest.mark.parametrize("value", [None, (), 1j, [1], np.zeros(1), np.void(b"abc"), SECOND_OF_ITS_WIDTH(1)])
    def test_anything_else_is_compared_by_content(self, value: Any) -> None:
        """A record is one of these: it is a view of its array."""
        assert not is_scalar(value)

    def test_reads_are_those_before_a_write(self) -> None:
        def step(state: Any) -> None:
            state.y = state.x
            state.z = state.y + 1
            state.y = 3

        found = track(step, x=5, y=0, z=0, unused=1)
        assert found.causal == {"x": 5}
        assert effect_of(found).words == {"y": 3, "z": 6}

    def test_word_that_keeps_its_value_is_not_changed(self) -> None:
        def step(state: Any) -> None:
            state.x = state.x
            state.y = state.x

        found = track(step, x=5, y=0)
        assert effect_of(found).words == {"y": 5}

    @pytest.mark.parametrize("value", [True, 1, -0.0, math.nan, "", b"", np.float32(0)])
    def test_causal_value_has_type_and_bits(self, value: Any) -> None:
        found = track(lambda state: setattr(state, "y", state.x), x=value, y=0)
        assert found.causal == {"x": bits(value)}
        for other in (False, 0, 0.0, -math.nan, "0", b"0", np.float64(0)):
            assert found.causal["x"] != bits(other)

    def test_reads_of_later_steps_count_unless_written_in_earlier_ones(self) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n == 3:
                state.y = state.x

        assert set(track(step, n=0, x=1, y=0, steps=2).causal) == {"n"}
        assert set(track(step, n=0, x=1, y=0, steps=3).causal) == {"n", "x"}

    def test_branch_not_taken_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.y = state.a if state.which else state.b

        assert set(track(step, which=True, a=1, b=2, y=0).causal) == {"which", "a"}

    @pytest.mark.parametrize("ask", [lambda s: hasattr(s, "extra"), lambda s: getattr(s, "extra", 0)])
    def test_absence_is_read_too(self, ask: Step) -> None:
        assert track(ask, x=1).causal == {"extra": None}

        def later(state: Any) -> None:
            ask(state)
            state.extra = 1

        assert track(later, steps=2).causal == {"extra": None}

    def test_absence_that_the_step_has_made_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.extra = 1
            del state.extra
            state.y = hasattr(state, "extra")

        found = track(step, y=0)
        assert found.causal == {}
        assert effect_of(found).deleted == ("extra",)

    def test_word_that_a_step_makes_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.fresh = 1
            state.y = state.fresh

        found = track(step, y=0)
        assert found.causal == {}
        assert effect_of(found).words == {"fresh": 1, "y": 1}

    def test_all_names_are_read_by_vars(self) -> None:
        found = track(lambda state: setattr(state, "y", len(vars(state))), y=0, x=1)
        assert found.causal == {"y": 0, "x": 1}
        assert effect_of(found).names == ("y", "x")
        assert effect_of(track(lambda state: setattr(state, "y", state.x), y=0, x=1)).names is None


class TestArrays:
    def test_constant_array_counts_as_a_whole(self) -> None:
        effect = effect_of(track(lambda state: setattr(state, "y", int(state.a[1])), a=np.arange(3), y=0))
        assert effect.constants == {"a"}
        assert effect.reads == {}

    def test_changing_array_is_tracked_by_element(self) -> None:
        def step(state: Any) -> None:
            state.y = int(state.a[1])
            state.a[2] = 5

        effect = effect_of(track(step, changing=("a",), a=np.arange(3), y=0))
        assert effect.constants == frozenset()
        assert effect.reads["a"].where == slice(1, 2)
        assert effect.elements["a"].where == slice(2, 3)

    def test_array_that_is_only_asked_for_its_shape_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.y = len(state.a) + state.a.size

        effect = effect_of(track(step, changing=("a",), a=np.arange(3), y=0))
        assert "a" not in effect.reads
        assert set(effect.layouts) == {"a"}

    def test_element_written_before_it_is_read_is_not_read(self) -> None:
        def step(state: Any) -> None:
            state.a[1] = 7
            state.y = int(state.a[1]) + int(state.a[1:2].sum())

        effect = effect_of(track(step, changing=("a",), a=np.arange(3), y=0))
        assert "a" not in effect.reads
        assert effect.words == {"y": 14}

    def test_row_of_a_product_is_all_that_is_read_and_written(self) -> None:
        def step(state: Any) -> None:
            state.c[state.row] = state.a[state.row] @ state.b
            state.row += 1

        values = {"a": np.eye(3, dtype=int), "b": np.arange(9).reshape(3, 3), "c": np.zeros((3, 3), int), "row": 1}
        found = track(step, changing=("c",), **values)
        effect = effect_of(found)
        assert set(found.causal) == {"row"}
        assert effect.constants == {"a", "b"}
        assert "c" not in effect.reads
        assert effect.elements["c"].where == slice(3, 6)

    def test_local_handle_is_the_array(self) -> None:
        def step(state: Any) -> None:
            a = state.a
            a[0] = 1
            state.y = int(a[0]) + int(a[1])
            a += 1
            state.z = int(state.a[0])

        for changing in ((), ("a",)):
            effect = effect_of(track(step, changing=changing, a=np.arange(3), y=0, z=0))
            assert effect.words == {"y": 2, "z": 2}
            assert effect.elements["a"].values.tolist() == [2, 2, 3]

    def test_array_in_another_word_is_known_by_its_name(self) -> None:
        def step(state: Any) -> None:
            state.a, state.b = state.b, state.a

        effect = effect_of(track(step, changing=("a",), a=np.arange(3), b=np.zeros(2)))
        assert effect.words == {"a": Held("b"), "b": Held("a")}
        assert set(effect.layouts) == {"a", "b"}
        assert effect.elements == effect.reads == {}

    def test_constant_that_a_superstep_changes_is_changing_from_then_on(self) -> None:
        def step(state: Any) -> None:
            state.y = int(state.a[0])
            state.a[0] = state.y + 1

        tracked = Tracked(a=np.zeros(2, int), y=0)
        superstep, first = run_tracked(
            Program("test", step, {}, None),
            tracked.values,
            tracked.contents,
            tracked.contents.constant.__contains__,
            Watch([step]),
            0,
            2,
        )
        assert superstep.violated == {"a"}
        assert first.effect.constants == {"a"}
        assert first.effect.elements["a"].where == slice(0, 1)
        tracked.contents.changed(first.effect.apply(tracked.values, elements=False) | superstep.violated)
        superstep.close()
        assert tracked.values["a"].tolist() == [2, 0]
        assert tracked.contents.constant == set()
        second = tracked.run(step)
        assert second.effect.constants == frozenset()
        assert second.effect.reads["a"].values.tolist() == [2]


class TestContainers:
    def test_constant_is_relied_on_by_name(self) -> None:
        found = track(lambda state: setattr(state, "y", len(state.items)), items=[1, 2], y=0)
        assert found.causal == {}
        assert effect_of(found).constants == {"items"}
        assert effect_of(found).words == {"y": 2}

    def test_changing_one_is_relied_on_by_its_content(self) -> None:
        found = track(lambda state: setattr(state, "y", len(state.items)), changing=("items",), items=[1, 2], y=0)
        assert found.causal == {"items": ("content", content([1, 2]))}
        assert effect_of(found).constants == frozenset()
        assert effect_of(found).words == {"y": 2}

    @pytest.mark.parametrize("changing", [(), ("items",)])
    def test_one_that_has_changed_is_written(self, changing: tuple[str, ...]) -> None:
        found = track(lambda state: state.items[0].append(3), changing=changing, items=[[1], 2])
        assert effect_of(found).words == {"items": [[1, 3], 2]}
        assert effect_of(found).digests == {"items": content([[1, 3], 2])}

    def test_change_that_is_taken_back_is_none(self) -> None:
        def step(state: Any) -> None:
            state.items.append(state.items.pop())

        for changing in ((), ("items",)):
            assert effect_of(track(step, changing=changing, items=[1, 2])).words == {}

    def test_one_that_was_replaced_unread_is_not_read(self) -> None:
        found = track(lambda state: setattr(state, "items", [4]), changing=("items",), items=[1])
        assert found.causal == {}
        assert effect_of(found).constants == frozenset()
        assert effect_of(found).words == {"items": [4]}

    def test_what_arrives_otherwise_than_it_was_left_is_not_intact(self) -> None:
        effect = effect_of(track(lambda state: setattr(state, "items", [4]), items=[1]))
        effect.words["items"].append(5)
        assert not effect.is_intact()
        effect.words["items"].pop()
        assert effect.is_intact()


class TestUntil:
    def test_superstep_ends_where_the_condition_holds(self) -> None:
        def step(state: Any) -> None:
            state.n += 1

        found = Tracked(n=0, most=3).run(step, 10, lambda state: state.n == state.most)
        assert (found.steps, effect_of(found).ended) == (3, True)
        assert found.causal == {"n": 0, "most": 3}
        assert not effect_of(Tracked(n=0, most=3).run(step, 2, lambda state: state.n == state.most)).ended


def test_size_of_an_effect_grows_with_what_it_holds() -> None:
    small = track(lambda state: state.add("x", 1), x=1)
    large = track(lambda state: state.a.__setitem__(slice(0, 900), 1), changing=("a",), x=1, a=np.zeros(1000))
    listed = track(lambda state: setattr(state, "x", list(range(1000))), x=1)
    assert 0 < small.nbytes < 200
    assert large.nbytes >= 7200
    assert listed.nbytes >= 8000
