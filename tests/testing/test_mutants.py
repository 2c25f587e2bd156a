"""Each law catches its mutants, for the reason that the table gives, and passes the sound classes behind them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mutants import UNDER_LAWS, Mutant
from mutants.computations import ExactUnderLaws

from asc.computation import Computation
from asc.engine import Engine
from asc.predictor import Predictor
from asc.reference.programs import machine
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.testing.assembly import assemble
from asc.testing.laws import Laws, laws_of

WITHOUT: Mapping[tuple[str, str], str] = {
    ("executable computation", "test_loss_is_bounded"): "the ledger bounds it, whatever a computation does; see below",
}
"""Laws that no component breaks, and why."""

ALL = [(kind, law, one) for kind, (_, table) in UNDER_LAWS.items() for law, mutants in table.items() for one in mutants]
MUTANTS = [pytest.param(kind, law, one, id=f"{kind}-{law}-{one.fault}") for kind, law, one in ALL]
WRONG = {one.make for _, _, one in ALL}
SOUND = {
    (kind, law, next(base for base in one.make.__mro__ if base not in WRONG))
    for kind, law, one in ALL
    if isinstance(one.make, type)
}


def call(laws: Laws, law: str, folder: Path) -> None:
    """Call a law as pytest would."""
    fixtures: dict[str, Any] = {"tmp_path": folder, "record_property": lambda name, value: None}
    test = getattr(laws, law)
    test(**{name: fixtures[name] for name in inspect.signature(test).parameters})


@pytest.mark.parametrize(("kind", "law", "mutant"), MUTANTS)
def test_a_law_catches_its_mutants(kind: str, law: str, mutant: Mutant, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=mutant.sentence):
        call(UNDER_LAWS[kind].laws(mutant.make), law, tmp_path)


@pytest.mark.parametrize(
    ("kind", "law", "make"),
    [pytest.param(*one, id=f"{one[0]}-{one[1]}-{one[2].__name__}") for one in sorted(SOUND, key=str)],
)
def test_a_law_passes_what_its_mutants_are_made_of(
    kind: str, law: str, make: Callable[..., Any], tmp_path: Path
) -> None:
    call(UNDER_LAWS[kind].laws(make), law, tmp_path)


@pytest.mark.parametrize("kind", UNDER_LAWS)
def test_every_law_has_a_mutant(kind: str) -> None:
    laws: Any = UNDER_LAWS[kind].laws
    without = {law for other, law in WITHOUT if other == kind}
    assert set(UNDER_LAWS[kind].table) == laws_of(laws) - without


class Generous(ExactUnderLaws):
    """With an engine that permits speculation to lose five times what the run takes."""

    def engine(self, computation: Computation, predictors: Mapping[str, Predictor], *_: Any, clock: Any) -> Engine:
        return assemble(computation, predictors, clock=clock, scheduler=ExecutedScheduler.Config(overdraft=5.0))


def test_the_bound_on_losses_is_seen_to_be_broken() -> None:
    with pytest.raises(AssertionError, match="speculation has lost"):
        Generous(lambda *arguments: machine("digest", 4000)).test_loss_is_bounded()
