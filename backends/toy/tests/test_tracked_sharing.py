"""Rebinding, swapping, aliases, views, and parts that two words share: as in the user's own loop, in every way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ways import by_worker, computation, ends_alike, is_leapt_over, is_run_plainly, own_loop

SHARED_LIST: list[Any] = []
SHARED_ARRAY = np.zeros(4)
VIEW_OF_IT = SHARED_ARRAY[1:]


class TestArraysByName:
    def test_swap(self) -> None:
        def step(state: Any) -> None:
            state.a, state.b = state.b, state.a
            state.a[state.n % 3] += 1
            state.n += 1

        assert ends_alike(step, n=0, a=np.arange(3), b=np.zeros(3, int)) > 40

    def test_swap_of_arrays_that_never_change(self) -> None:
        def step(state: Any) -> None:
            state.a, state.b = state.b, state.a
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(3), b=np.arange(4.0))

    def test_swap_of_arrays_that_are_compared_whole(self) -> None:
        def step(state: Any) -> None:
            if state.n % 3 == 2:
                state.a, state.b = state.b, state.a
            state.n += 1

        ends_alike(step, n=0, a=np.arange(12.0)[::2], b=np.arange(4.0))
        ends_alike(step, n=0, a=np.zeros(2, "i4,f4"), b=np.ma.masked_array([1, 2]))

    def test_rotation_of_three(self) -> None:
        def step(state: Any) -> None:
            state.a, state.b, state.c = state.b, state.c, state.a
            state.a[0] += state.n
            state.n += 1

        assert ends_alike(step, n=0, a=np.arange(3), b=np.arange(3) + 10, c=np.arange(3) * 5) > 20

    def test_chain_of_rebinding(self) -> None:
        def step(state: Any) -> None:
            old = state.a
            state.a = state.b
            state.b = state.c
            state.c = old + 1
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(3), b=np.arange(3) + 10, c=np.arange(4.0))

    def test_old_array_is_used_on_while_its_name_gets_a_new_one(self) -> None:
        def step(state: Any) -> None:
            old = state.c
            state.c = old * 2 + 1
            old[0] = 77
            state.last = float(old.sum()) + float(state.c[0])
            state.n += 1

        is_leapt_over(step, n=0, c=np.arange(3.0), last=0.0)

    def test_old_array_moves_to_another_word(self) -> None:
        def step(state: Any) -> None:
            old = state.a
            state.a = None
            old[0] += 1
            state.b = old
            state.a = np.zeros(2)
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(6.0), b=np.arange(3.0))

    def test_double_buffer_written_by_out(self) -> None:
        def step(state: Any) -> None:
            state.b = np.add(state.a, 1, out=state.b)
            state.a, state.b = state.b, state.a
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(6).reshape(2, 3), b=np.zeros((2, 3), int))

    def test_in_place_operators_keep_the_array_and_others_make_a_new_one(self) -> None:
        def step(state: Any) -> None:
            first = state.a
            state.a += 1
            state.same = state.a is first
            state.a = state.a + 1
            state.other = state.a is first
            first[0] = 99
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(3))

    def test_array_that_numpy_hands_back_is_the_word_s_own(self) -> None:
        def step(state: Any) -> None:
            state.a = np.asarray(state.a)
            state.a = np.add(state.a, 1, out=state.a)
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(6).reshape(2, 3))

    @pytest.mark.parametrize(
        "view",
        [
            lambda a: a[::-1],
            lambda a: a.T,
            lambda a: a.reshape(-1),
            lambda a: a[len(a) > 1 :],
            lambda a: a.view(np.uint64),
            lambda a: np.asarray(a)[...],
        ],
        ids=["reversed", "transposed", "flat", "rest", "dtype", "all"],
    )
    def test_word_becomes_a_view_of_its_own_array(self, view: Any) -> None:
        """Nothing else holds the memory, so the word has it for itself."""

        def step(state: Any) -> None:
            state.a = view(state.a)
            state.a[0] += 1
            state.n += 1

        (entry,) = by_worker(computation(step, {"n": 0, "a": np.arange(16).reshape(4, 4)}))
        assert not isinstance(entry, BaseException)
        ends_alike(step, n=0, a=np.arange(16).reshape(4, 4))


class TestAliases:
    """Two words that hold one object at the end of a superstep: a leap could only give each of them its own."""

    def test_of_an_array(self) -> None:
        def step(state: Any) -> None:
            state.b = state.a
            state.b[0] += 1
            state.n += 1

        is_run_plainly(step, "The state words 'a' and 'b' share a numpy.ndarray", n=0, a=np.arange(3), b=None)

    def test_of_a_new_array(self) -> None:
        def step(state: Any) -> None:
            state.a = state.b = np.zeros(3)
            state.b[0] += state.n
            state.n += 1

        is_run_plainly(step, "The state words 'a' and 'b' share a numpy.ndarray", n=0, a=None, b=None)

    def test_of_a_list(self) -> None:
        def step(state: Any) -> None:
            state.b = state.a
            state.b.append(1)
            state.n += 1

        is_run_plainly(step, "The state words 'a' and 'b' share a list", n=0, a=[1], b=None)

    def test_of_a_new_list(self) -> None:
        def step(state: Any) -> None:
            state.a = [state.n]
            state.b = {"a": state.a}
            state.n += 1

        is_run_plainly(step, "share a list", n=0, a=None, b=None)

    def test_that_end_before_the_superstep_does_are_none(self) -> None:
        def step(state: Any) -> None:
            state.b = state.a
            state.b[0] += 1
            state.b = 5
            state.items, state.more = state.more, state.items
            state.more = list(state.more)
            state.n += 1

        assert ends_alike(step, n=0, a=np.arange(3), b=None, items=[1], more=[2]) > 20

    def test_from_the_start_are_kept_and_never_leapt_over(self) -> None:
        both = [1]

        def step(state: Any) -> None:
            state.a.append(state.n)
            state.n = len(state.b)

        is_run_plainly(step, "The state words 'a' and 'b' share a list", n=0, a=both, b=both)
        found = computation(step, {"n": 0, "a": both, "b": both})
        found.advance(2)
        assert found.result()["a"] is found.result()["b"]

    def test_from_the_start_of_an_array(self) -> None:
        both = np.zeros(2)

        def step(state: Any) -> None:
            state.a[0] += 1
            state.n = float(state.b[0])

        is_run_plainly(step, "The state words 'a' and 'b' share a numpy.ndarray", n=0, a=both, b=both)

    def test_made_by_plain_steps_end_the_speculation(self) -> None:
        def step(state: Any) -> None:
            if state.n == 1:
                state.b = state.a
            state.b.append(state.n)
            state.n += 1

        found = computation(step, {"n": 0, "a": [], "b": []})
        found.advance(1)
        entry = by_worker(found)[0]
        found.advance(2)
        assert not isinstance(entry, BaseException) or "share a list" in str(entry)
        assert found.advance(1, record=True).recorded is None
        assert found.hindrance == (
            "The state words 'a' and 'b' share a list: what a step changes in one of them changes in the other. Keep "
            "it in one word."
        )
        assert found.result() == own_loop(step, {"n": 0, "a": [], "b": []}, 4)


class TestViews:
    @pytest.mark.parametrize("keep", [lambda a: a[1:], lambda a: [a[1:]], lambda a: {"x": (1, a.T)}, lambda a: a.flat])
    def test_of_a_word_in_another_word(self, keep: Any) -> None:
        def step(state: Any) -> None:
            state.v = keep(state.a)
            state.a[2] += 1
            state.n += 1

        is_run_plainly(step, "", n=0, a=np.arange(3), v=None)

    @pytest.mark.parametrize(
        ("whole", "part"),
        [
            (np.arange(16).reshape(4, 4)[::2], lambda s: s.whole[1]),
            (np.zeros(3, [("x", int), ("y", float)]), lambda s: s.whole["x"]),
            (np.zeros(3, [("x", int), ("y", float)]), lambda s: s.whole[1]),
            (np.ma.masked_array([1, 2, 3]), lambda s: s.whole.data),
            (np.arange(4).reshape(2, 2).view(np.matrix), lambda s: s.whole.A),
            ([np.arange(4), 3], lambda s: s.whole[0][1:]),
            ([np.arange(4), 3], lambda s: s.whole[0]),
            (bytearray(b"hello"), lambda s: np.frombuffer(s.whole, np.uint8)),
        ],
        ids=["strided", "field", "record", "masked", "matrix", "view in list", "in list", "bytearray"],
    )
    def test_of_what_is_compared_whole(self, whole: Any, part: Any) -> None:
        """Made at one step, and written through at a later one."""

        def step(state: Any) -> None:
            if state.n == 2:
                state.part = part(state)
            if state.n == 4:
                first = state.whole[0]
                state.whole[0] = 9 if np.ndim(first) == 0 and not isinstance(first, np.void) else first
                if np.ndim(first):
                    first[...] = 9
            state.n += 1

        ends_alike(step, n=0, whole=whole, part=0)

    def test_stay_what_they_are_within_a_superstep(self) -> None:
        def step(state: Any) -> None:
            view = state.a[1:]
            row = state.m[state.n % 2]
            state.a[1] += 1
            view[0] *= 2
            row += view[0]
            state.x = int(view[0]) + int(state.a[2]) + int(row.sum())
            state.n += 1

        assert ends_alike(step, n=0, a=np.arange(3), m=np.zeros((2, 2), int), x=0) > 20

    def test_container_of_equal_contents_may_hold_a_view_afterwards(self) -> None:
        def step(state: Any) -> None:
            if state.n == 2:
                state.frames[0] = state.grid[:]
            if state.n == 4:
                state.grid[0] = 1
            state.n += 1

        ends_alike(step, n=0, frames=[np.zeros(2)], grid=np.zeros(2))

    def test_container_of_equal_contents_may_hold_another_word_s_array_afterwards(self) -> None:
        def step(state: Any) -> None:
            state.a = state.pool.pop()
            state.pool.append(state.b)
            state.b = state.a + 1
            state.n += 1

        ends_alike(step, n=0, a=np.arange(3), b=np.arange(3), pool=[np.arange(3)])


class TestContainers:
    def test_swap(self) -> None:
        def step(state: Any) -> None:
            state.a, state.b = state.b, state.a
            state.a.append(state.n)
            state.n += 1

        assert ends_alike(step, n=0, a=[1, 2], b=[3]) > 20

    def test_swap_at_some_steps(self) -> None:
        def step(state: Any) -> None:
            if state.n % 3 == 2:
                state.a, state.b = state.b, state.a
            state.n = state.n + 1

        ends_alike(step, n=0, a=[0, 0], b=[7, 2, 5, 1])

    def test_list_moves_to_another_word(self) -> None:
        def step(state: Any) -> None:
            if state.n == 3:
                state.a = state.b
                state.b = []
            if state.n == 5:
                state.a.append(1)
                state.b.append(2)
            state.n += 1

        ends_alike(step, n=0, a=[1], b=[2])

    def test_part_of_one_word_in_another(self) -> None:
        def step(state: Any) -> None:
            if state.n == 2:
                state.links["x"] = state.items
            if state.n == 4:
                state.items.append(1)
            state.n += 1

        ends_alike(step, n=0, items=[1], links={})

    def test_part_that_a_method_returns(self) -> None:
        def step(state: Any) -> None:
            if state.n == 2:
                state.items = state.table.setdefault("k", [])
            if state.n == 3:
                state.items.append(1)
            if state.n == 4:
                state.items = [4]
            state.n += 1

        ends_alike(step, n=0, items=[1], table={})

    def test_array_of_a_word_in_a_new_list(self) -> None:
        def step(state: Any) -> None:
            state.kept = [state.a]
            state.n += 1

        is_run_plainly(step, "a numpy.ndarray", n=0, a=np.arange(3), kept=None)

    @pytest.mark.parametrize("wrap", [lambda a: [a], lambda a: (a, 1), lambda a: {"a": a}])
    def test_array_of_a_word_in_a_container_at_one_step(self, wrap: Any) -> None:
        def step(state: Any) -> None:
            if state.n == 3:
                state.kept = wrap(state.a)
            if state.n == 5:
                state.a[0] = 7
            state.n += 1

        ends_alike(step, n=0, a=np.arange(3), kept=None)

    def test_list_of_the_arrays_that_a_word_has_held(self) -> None:
        def step(state: Any) -> None:
            state.kept.append(state.a)
            state.a = state.a + 1
            state.n += 1

        ends_alike(step, n=0, a=np.arange(3), kept=[])

    def test_array_taken_out_of_a_list(self) -> None:
        def step(state: Any) -> None:
            if state.n == 3:
                state.a = state.kept.pop()
            if state.n == 5:
                state.a[0] = 7
            state.n += 1

        is_leapt_over(step, n=0, a=np.arange(3), kept=[np.arange(3)])

    def test_array_seen_in_a_list(self) -> None:
        def step(state: Any) -> None:
            if state.n == 3:
                state.a = state.kept[0]
            if state.n == 5:
                state.a[0] = 7
            state.n += 1

        ends_alike(step, n=0, a=np.arange(3), kept=[np.arange(3)])

    @pytest.mark.parametrize("whole", [True, False])
    def test_part_of_a_container_that_got_equal_parts(self, whole: bool) -> None:
        """Its contents are those of the start, and its parts are others."""

        def step(state: Any) -> None:
            if state.n == 2:
                if whole:
                    state.table = [list(row) for row in state.table]
                else:
                    state.table[0] = list(state.table[0])
                state.row = state.table[0]
            if state.n == 4:
                state.row.append(1)
            state.k = len(state.table[0])
            state.a[state.n % 2] += 1
            state.n += 1

        ends_alike(step, n=0, table=[[1], [2]], row=None, a=np.zeros(2), k=0)
        found = computation(step, {"n": 0, "table": [[1], [2]], "row": None, "a": np.zeros(2), "k": 0})
        assert found.advance(1, record=True).recorded is not None
        found.advance(2)
        assert found.advance(1, record=True).recorded is None
        assert found.hindrance.startswith("The state words 'table' and 'row' share a list")

    def test_inner_sharing_of_one_word_is_kept(self) -> None:
        def step(state: Any) -> None:
            state.pair[0].append(state.n)
            state.k = len(state.pair[1])
            state.n += 1

        inner: list[int] = []
        is_leapt_over(step, n=0, pair=[inner, inner], k=0)

    def test_word_that_holds_itself(self) -> None:
        def step(state: Any) -> None:
            state.ring[0].append(state.n)
            state.k = len(state.ring)
            state.n += 1

        ring: list[Any] = []
        ring.append(ring)
        is_leapt_over(step, n=0, ring=ring, k=0)


class TestOutside:
    """What the code finds by a name is no part of the state alone."""

    def test_global_list_in_a_word(self) -> None:
        def step(state: Any) -> None:
            state.items = SHARED_LIST
            state.n += 1

        is_run_plainly(step, "`SHARED_LIST`, a global of ", n=0, items=None)

    def test_part_of_a_closure_in_a_word(self) -> None:
        table = {"x": [1]}

        def step(state: Any) -> None:
            state.found = table["x"]
            state.n += 1

        is_run_plainly(step, "`table`, a variable of the function around `step`", n=0, found=None)

    @pytest.mark.parametrize("part", [lambda: SHARED_ARRAY, lambda: SHARED_ARRAY[2:], lambda: [VIEW_OF_IT]])
    def test_global_array_in_a_word(self, part: Any) -> None:
        def step(state: Any) -> None:
            state.a = part()
            state.n += 1

        is_run_plainly(step, "a global of ", n=0, a=None)

    def test_reading_global_arrays_that_share_memory_is_fine(self) -> None:
        def step(state: Any) -> None:
            state.a = state.a + SHARED_ARRAY[1:] + VIEW_OF_IT
            state.n += 1 + len(SHARED_LIST)

        is_leapt_over(step, n=0, a=np.arange(3.0))

    def test_copy_of_a_global_is_the_word_s_own(self) -> None:
        def step(state: Any) -> None:
            state.items = [*SHARED_LIST, state.n]
            state.a = SHARED_ARRAY + state.n
            state.n += 1

        is_leapt_over(step, n=0, items=None, a=None)

    def test_word_that_plain_steps_have_made_a_global_ends_the_speculation(self) -> None:
        kept: list[int] = []

        def step(state: Any) -> None:
            if state.n == 0:
                state.items = kept
            state.n += 1

        found = computation(step, {"n": 0, "items": None})
        found.advance(1)
        assert found.advance(1, record=True).recorded is None
        assert found.hindrance.startswith(
            "The state word 'items' and `kept`, a variable of the function around `step` share a list"
        )
        assert found.result()["items"] is kept
