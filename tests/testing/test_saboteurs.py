"""Each law catches what is named for it, for the reason that it names, and lets pass what that was made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from mutants import UNDER_LAWS, Spoilt
from mutants.computations import ExactUnderLaws

from asc.allocator import Allocator
from asc.computation import Computation, Predictor
from asc.engine import Engine
from asc.reference.programs import machine
from asc.testing.assembly import assemble
from asc.testing.laws import Laws, laws_of

WITHOUT: Mapping[tuple[str, str], str] = {
    ("exact computation", "test_loss_is_bounded"): "the ledger bounds it whatever a computation says; see below",
}
"""Laws that no component breaks, and why."""

SABOTEURS = [
    pytest.param(kind, law, spoilt, id=f"{kind}-{law}-{spoilt.make.__name__}")
    for kind, (_, table) in UNDER_LAWS.items()
    for law, spoilts in table.items()
    for spoilt in spoilts
]
SPOILT = {spoilt.make for _, table in UNDER_LAWS.values() for spoilts in table.values() for spoilt in spoilts}
SOUND = {
    (kind, law, next(base for base in spoilt.make.__mro__ if base not in SPOILT))
    for kind, (_, table) in UNDER_LAWS.items()
    for law, spoilts in table.items()
    for spoilt in spoilts
    if isinstance(spoilt.make, type)
}


def call(laws: Laws, law: str, folder: Path) -> None:
    """Call a law as pytest would."""
    fixtures: dict[str, Any] = {"tmp_path": folder, "record_property": lambda name, value: None}
    test = getattr(laws, law)
    test(**{name: fixtures[name] for name in inspect.signature(test).parameters})


@pytest.mark.parametrize(("kind", "law", "spoilt"), SABOTEURS)
def test_the_law_named_for_it_catches_a_saboteur(kind: str, law: str, spoilt: Spoilt, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=spoilt.sentence):
        call(UNDER_LAWS[kind].laws(spoilt.make), law, tmp_path)


@pytest.mark.parametrize(
    ("kind", "law", "make"),
    [pytest.param(*one, id=f"{one[0]}-{one[1]}-{one[2].__name__}") for one in sorted(SOUND, key=str)],
)
def test_the_law_lets_pass_what_a_saboteur_is_made_of(
    kind: str, law: str, make: Callable[..., Any], tmp_path: Path
) -> None:
    call(UNDER_LAWS[kind].laws(make), law, tmp_path)


@pytest.mark.parametrize("kind", UNDER_LAWS)
def test_every_law_has_a_saboteur(kind: str) -> None:
    laws: Any = UNDER_LAWS[kind].laws
    without = {law for other, law in WITHOUT if other == kind}
    assert set(UNDER_LAWS[kind].table) == laws_of(laws) - without


@pytest.mark.parametrize("make", sorted(SPOILT, key=str), ids=str)
def test_every_saboteur_says_what_is_wrong_with_it(make: type) -> None:
    said = make.__doc__ or ""
    assert said.endswith(".")
    assert "\n" not in said


class Generous(ExactUnderLaws):
    """With an engine that permits speculation to lose five times what the run takes."""

    def engine(self, computation: Computation, predictors: Mapping[str, Predictor], *_: Any, clock: Any) -> Engine:
        return assemble(computation, predictors, clock=clock, allocator=Allocator.Config(overdraft=5.0))


def test_the_bound_on_losses_is_seen_to_be_broken() -> None:
    with pytest.raises(AssertionError, match="speculation has lost"):
        Generous(lambda *arguments: machine("digest", 4000)).test_loss_is_bounded()
