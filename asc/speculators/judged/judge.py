"""Asks the validator, which is foreign code: what goes wrong in it is no verdict, and never ends a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asc import answers
from asc.calls import call
from asc.computation import Computation
from asc.errors import what_it_did
from asc.types import Candidate, Decision, Fault, Outcome, Verdict
from asc.validator import Validator

_PATIENCE = 3  # boundaries in a row without a verdict, before speculation is switched off


class Judge:
    """A validator by its name, and whether it still judges."""

    def __init__(self, validator: Validator, name: str) -> None:
        self.validator = validator
        self._name, self._title = name, f'The validator "{name}"'
        self._failed = 0  # boundaries in a row where candidates were to be judged, and none was
        self._did = ""  # what the validator did instead, the last time
        self._warned = False

    @property
    def fault(self) -> str:
        """Why no candidate is judged any more; empty while candidates are."""
        off = self._failed >= _PATIENCE
        return f"speculation was switched off after the validator {self._name} {self._did}" if off else ""

    def verdict(self, computation: Computation, candidate: Candidate) -> Verdict | str:
        """Return the verdict, or what the validator did instead of giving one, as the end of a sentence."""
        try:
            return answers.verdict(call(self._title, self.validator.judge, computation, candidate))
        except Exception as error:  # noqa: BLE001 -- a validator is foreign code, and must never end the run
            self._did = what_it_did(error)
        return self._did

    def settle(self, decisions: Sequence[Decision]) -> list[Fault]:
        """Take the decisions of a boundary into account; return what the user must know about the validator."""
        outcomes = {decision.outcome for decision in decisions}
        if outcomes & {Outcome.ACCEPTED, Outcome.REJECTED}:
            self._failed = 0
        elif Outcome.UNJUDGED in outcomes:
            self._failed += 1
        if Outcome.UNJUDGED not in outcomes:
            return []
        if self._failed == _PATIENCE:
            why = f"it {self._did}, at {_PATIENCE} boundaries in a row, and nothing can be judged without it"
            return [Fault("validator", self._name, why, switched_off=True)]
        faults = [] if self._warned else [Fault("validator", self._name, self._did, switched_off=False)]
        self._warned = True
        return faults

    def state_dict(self) -> dict[str, Any]:
        """Return what the validator has learnt, and how it has failed."""
        learnt = answers.learnt(self._title, self.validator)
        return {"validator": learnt, "failed": self._failed, "did": self._did}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.validator.load_state_dict(state["validator"])
        self._failed, self._did = state["failed"], state["did"]
