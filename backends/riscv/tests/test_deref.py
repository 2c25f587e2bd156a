"""`deref` follows pointers through the memory, and leaves everything else to another predictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from asc.errors import AscError
from asc.predictor import History, Predictor
from asc.predictors.last_value import LastValue
from asc.testing import PredictorLaws, ReferenceRun
from asc.trajectory import SegmentHistory
from asc.types import Direct
from asc_riscv.backend import RiscvBackend, RiscvConfig
from asc_riscv.computation import RiscvComputation
from asc_riscv.deref import Deref
from asc_riscv.registers import names_in


def through_a_list(_: int = 0) -> RiscvComputation:
    """Return a program in its loop over a shuffled list."""
    given = {"program": "list_hash", "arguments": ["1"], "memory": 2, "profile": 2_000_000}
    computation = RiscvBackend(RiscvConfig.model_validate(given)).computation(plain=False)
    computation.advance(1)  # the profile
    return computation


class TestDeref(PredictorLaws):
    least = 1
    may_hold = 512 * 1024  # the ensemble's

    def predictor(self) -> Predictor:
        return Deref()

    def reference_runs(self) -> Sequence[ReferenceRun]:
        return [ReferenceRun("list", through_a_list, every=20, boundaries=20, long=80)]


def test_where_a_loop_over_a_shuffled_list_will_be_is_known() -> None:
    computation, snapshots = through_a_list(), []
    for _ in range(4):
        snapshots.append(computation.observe())
        effect = computation.advance(500, record=True).recorded.effect  # type: ignore[union-attr]
    snapshots.append(computation.observe())
    history = SegmentHistory(snapshots, computation, Deref.needs)
    near, far = Deref().predict_all(history, (500, 2000))
    for prediction, steps in ((near, 500), (far, 1500)):
        computation.advance(steps)
        now = computation.observe().state
        assert isinstance(prediction, Direct)
        read = [name for name in names_in(effect.registers_read) if name in now]
        assert {name: prediction.state[name] for name in read} == {name: now[name] for name in read}


class Nodes:
    """Four nodes of 16 bytes at 160, 176, …: each holds at 8 the address of the one that comes next."""

    order = (160, 208, 176, 192)

    def is_possible(self, address: int) -> bool:
        return address % 8 == 0

    def follow(self, address: int, offset: int, hops: int) -> int:
        for _ in range(hops):
            address = self.next_of(address) if offset == 8 else 0
        return address

    def hops(self, begin: int, end: int, offset: int, most: int) -> int:
        return next((hops for hops in range(1, most + 1) if self.follow(begin, offset, hops) == end), 0)

    def next_of(self, address: int) -> int:
        known = dict(zip(self.order, (*self.order[1:], 0), strict=True))
        return known.get(address, 0)


def history_of(values: Sequence[int]) -> History:
    class Known:
        positions = tuple(range(len(values)))

        def gram(self) -> Any:
            raise NotImplementedError

        def read(self, need: str) -> Any:
            return Nodes() if need == "pointers" else [{"a0": value, "a1": 7} for value in values]

    return Known()


@pytest.mark.parametrize(
    ("values", "horizon", "predicted"),
    [
        ([160, 208], 1, 176),
        ([160, 208, 176], 1, 192),
        ([160, 208], 2, 192),
        ([160, 208, 176], 2, None),
        ([160, 176], 1, None),
        ([160], 1, 160),
        ([168, 216], 1, 216),
    ],
    ids=["next", "a third", "next but one", "past the end", "two hops a step, past the end", "one snapshot", "no node"],
)
def test_a_pointer_goes_on_along_its_chain(values: list[int], horizon: int, predicted: int | None) -> None:
    found = Deref(predictor=LastValue()).predict(history_of(values), horizon)
    if isinstance(found, Direct):
        assert found.state == {"a0": predicted, "a1": 7}
    else:
        assert predicted in (None, values[-1])


def test_what_is_no_pointer_must_be_predicted_from_words() -> None:
    class Weights(LastValue):
        needs = frozenset({"weights"})

    with pytest.raises(AscError, match="deref leaves to ensemble what is no pointer, and that needs weights"):
        Deref(predictor=Weights())
