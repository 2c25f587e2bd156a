"""One seed of `asc study leap-verify`: a training, and what could have been predicted at each of its snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asc.computation import Stateful
from asc.ledger import Ledger
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed
from asc.study import Tell
from asc.trajectory import Trajectory
from asc.types import Attempt, Memory, Outcome, Plan
from asc_nn_training.backend import NetworkBackend, Session
from asc_nn_training.studies.cascades import cascades
from asc_nn_training.studies.forms import Form
from asc_nn_training.studies.journal import Journal
from asc_nn_training.studies.recipe import JUDGING
from asc_nn_training.studies.sweep import Sweep
from asc_nn_training.studies.walk import StoppedError, Walk

JOURNAL, CHECKPOINTS = "journal.jsonl", "checkpoints"
_MOVES = ("fetched", "spilled")
DEPTH = 3  # snapshots that the predictors look back on


class SeedConfig:
    """What is done along the way."""

    def __init__(
        self,
        forms: Mapping[str, Form],
        horizons: Sequence[int],
        every: int,
        thresholds: Any,
        cascade_every: int,
        checkpoint_seconds: float,
    ) -> None:
        self.forms, self.horizons, self.every, self.thresholds = forms, tuple(horizons), every, thresholds
        self.cascade_every, self.checkpoint_seconds = cascade_every, checkpoint_seconds


class Seed:
    """Trains from snapshot to snapshot, sweeps at each, and reads the true loss wherever a candidate would have led.

    Everything goes to the journal: regimes are labelled and tables made from that alone. The training itself never
    learns of it, so its end is that of a plain run, bit for bit.
    """

    def __init__(
        self,
        backend: NetworkBackend,
        config: SeedConfig,
        folder: Path,
        part: str,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        self.config, self.journal = config, Journal(folder / JOURNAL)
        self._part, self._tell, self._backend = part, tell, backend
        self._ledger = Ledger(exact=False)
        self._sweep = Sweep(config.forms, config.horizons, self._ledger)
        self._each = Similarity(Similarity.Config(every=config.every, thresholds=config.thresholds))
        self._joined = Similarity(Similarity.Config(every=config.every, probes="joined", thresholds=Fixed.Config()))
        self._reached = 0  # the last position where all was done
        self._before = dict.fromkeys(_MOVES, 0)
        self._stable = 0  # snapshots so far that were stable when they were taken
        self._trajectory = Trajectory(backend.config.history)
        self._walk = Walk(
            backend,
            folder / CHECKPOINTS,
            every_s=config.checkpoint_seconds,
            stopped=stopped,
            remember=self._memory,
            tell=lambda position: self._told(position, "training"),
        )
        self._kept = self._state()

    @property
    def session(self) -> Session:
        """The training."""
        return self._walk.session

    def run(self) -> bool:
        """Go on to the end; return whether it was reached."""
        if any(record["kind"] == "end" for record in self.journal):
            return True
        memory = self._walk.go_on()
        if memory is not None:
            self._recall(memory)
        here = self.session.position()
        self.journal.keep(lambda record: record["position"] <= here)
        done = {record["position"] for record in self.journal}
        try:
            for position in self._places():
                if position >= here and position not in done:
                    self._to(position)
        except StoppedError:
            return False
        self._end()
        return True

    def _places(self) -> list[int]:
        """Every position with something to do: snapshots, and where their candidates would have led."""
        total, every = self.session.total(), self.config.every
        snapshots = range(every, total + 1, every)
        ahead = {s + horizon for s in snapshots for horizon in self.config.horizons if s + horizon <= total}
        return sorted({*snapshots, *ahead, total})

    def _to(self, position: int) -> None:
        since = self._ledger.clock()
        self._walk.to(position)
        self._ledger.progress(position - self._reached, since)
        if position % self.config.every == 0:
            self.journal.add(self._snapshot())
        else:
            loss = float(self.session.score(None, JUDGING).mean())
            self._charge("reading", "validate")
            self.journal.add({"kind": "reading", "position": position, "loss": loss})
        self._reached = position
        self._kept = self._state()

    def _snapshot(self) -> dict[str, Any]:
        session, ledger, position = self.session, self._ledger, self.session.position()
        self._told(position, "sweeping")
        since = ledger.clock()
        self._trajectory.append(session.observe())
        since = ledger.charge("observe", since, session.cost("observe"))
        probed = Probed(session)
        each, joined = (part.recognise(probed) for part in (self._each, self._joined))  # type: ignore[arg-type]
        ledger.charge("recognise", since, session.cost("recognise"))
        history = self._trajectory.snapshots()
        swept = self._sweep.at(session, history, self._walk.check)
        for candidate in swept["candidates"]:
            if candidate["form"] == "linear":
                outcome = Outcome.ACCEPTED if "paired" in candidate["accepted"] else Outcome.REJECTED
                self._each.learn(Attempt(Plan("linear", candidate["horizon"]), outcome))
        found = {"kind": "snapshot", "each": each.score, "joined": joined.score, "label": each.label, **swept}
        if each.label == "stable":
            every = self.config.cascade_every
            if every and self._stable % every == 0:
                self._told(position, "cascades")
                since = ledger.clock()
                found["cascades"] = cascades(session, history, self._walk.check)
                ledger.charge("cascade", since, sum(session.cost(work) for work in ("predict", "validate")))
            self._stable += 1
        return found

    def _end(self) -> None:
        outcome = self._backend.outcome(self.session)
        self.journal.add(
            {
                "kind": "end",
                "position": self.session.position(),
                "outcome": dict(outcome),
                "digest": self.session.digest(),
                "ledger": self._ledger.accounts(),
                "store": self._moved(),
                "parameters": self.session.weights.numel,
            }
        )
        self._walk.clear()
        self._told(self.session.position(), "done")

    def _moved(self) -> dict[str, int]:
        """How often past weights were moved away from the device, and fetched, over all stretches of this seed."""
        store = self.session.store
        return {name: self._before[name] + getattr(store, name) for name in _MOVES}

    def _charge(self, kind: str, work: str) -> None:
        self._ledger.book(kind, 0.0, self.session.cost(work))

    def _told(self, position: int, doing: str) -> None:
        self._tell(self._part, position, self.session.total(), doing)

    def _state(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {"stable": self._stable, "reached": self._reached, "moved": self._moved()}

    def _memory(self) -> Memory:
        """What a checkpoint holds beside the training: all of it as of before a sweep that is not over."""
        return Memory(self._kept, self._trajectory.snapshots())

    def _recall(self, memory: Memory) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(memory.state[name])
        self._stable, self._reached = memory.state["stable"], memory.state["reached"]
        self._before = dict(memory.state["moved"])
        self._trajectory.restore(memory.history, 0)
        self._kept = self._state()

    def _parts(self) -> dict[str, Stateful]:
        adaptive = self._sweep.criteria["adaptive"]
        assert isinstance(adaptive, Stateful)
        return {"each": self._each, "joined": self._joined, "adaptive": adaptive, "ledger": self._ledger}


class Probed:
    """One fingerprint, taken once, for whoever compares it."""

    provides = frozenset({"fingerprint"})

    def __init__(self, session: Session) -> None:
        self._position, self._total = session.position(), session.total()
        self._rows = session.read("fingerprint", ())

    def position(self) -> int:
        """Where it was taken."""
        return self._position

    def total(self) -> int:
        """Steps of the whole training."""
        return self._total

    def read(self, need: str, snapshots: Sequence[Any]) -> Any:
        """Return it, (probes, d)."""
        return self._rows
