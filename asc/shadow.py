"""What a shadow run would have gained, had it taken the leaps that its validator accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asc.ledger import Ledger
from asc.types import Boundary

_COUNTED = ("unknown", "gained", "skipped", "until", "spared", "spent")


class Shadow:
    """Counts the leaps of a shadow run as if they had been taken, where a validator found what they are worth.

    A leap skips its steps, and with them the boundaries up to its end, since a judged leap is followed by steps: what
    these boundaries cost does not count, nor do their leaps. What would have followed a leap is not known. After a leap
    predictors have few snapshots, so a run without `--shadow` may have fewer candidates, above all from predictors that
    look far back. What a leap is worth that was executed depends on when a worker is done, and so is not known.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.unknown = 0  # leaps whose worth is not known
        self.gained = 0.0  # plain steps
        self.skipped = 0
        self.until = -1  # position at which the newest leap ends
        self.spared = 0.0  # what boundaries cost that leaps skip, in plain steps
        self.spent = 0.0  # what the ledger had spent at the newest boundary

    def note(self, boundary: Boundary) -> None:
        """Take a boundary into account, once its work is booked."""
        spent, self.spent = self._ledger.spent - self.spent, self._ledger.spent
        if boundary.position <= self.until:
            self.spared += spent
            return
        for leap in boundary.leaps:
            if leap.gain_steps is None:
                self.unknown += 1
            else:
                self.gained += leap.gain_steps
                self.skipped += leap.steps
                self.until = boundary.position + leap.steps

    def speedup(self) -> float | None:
        """Return the ledger's speed-up, had the leaps been taken; None where that is not known."""
        ledger = self._ledger
        plain = ledger.plain - self.skipped
        paid = plain + ledger.spent - self.spared + ledger.started
        return None if self.unknown or paid <= 0 else (plain + self.gained) / paid

    def state_dict(self) -> dict[str, Any]:
        """Return what has been counted."""
        return {name: getattr(self, name) for name in _COUNTED}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        for name in _COUNTED:
            setattr(self, name, state[name])
