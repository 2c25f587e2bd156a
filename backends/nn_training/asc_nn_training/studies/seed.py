"""One seed of `asc study leap-verify`: a training, and what could have been predicted at each of its snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asc.computation import Stateful
from asc.errors import AscError
from asc.ledger import Ledger
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed, ThresholdsConfig
from asc.study import Tell
from asc.trajectory import Trajectory
from asc.types import Memory
from asc_nn_training.backend import NetworkBackend, Session
from asc_nn_training.studies.cascades import cascades
from asc_nn_training.studies.forms import Form
from asc_nn_training.studies.journal import CHECKPOINTS, JOURNAL, Journal
from asc_nn_training.studies.recipe import JUDGING, REPORTING
from asc_nn_training.studies.results import labels
from asc_nn_training.studies.sweep import Sweep
from asc_nn_training.studies.walk import StoppedError, Walk
from asc_nn_training.training.device import out_of_memory

_MOVES = ("fetched", "spilled")
DEPTH = 3  # snapshots that the predictors look back on


class SeedConfig(NamedTuple):
    """What is done along the way."""

    forms: Mapping[str, Form]
    horizons: tuple[int, ...]
    every: int  # steps between snapshots
    thresholds: ThresholdsConfig  # by which a snapshot is stable when it is taken
    cascade_every: int  # of these, cascades are tried from each n-th; 0: from none
    checkpoint_seconds: float


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
        self._each, self._joined = (
            Similarity(Similarity.Config(every=config.every, probes=probes, thresholds=Fixed.Config()))
            for probes in ("each", "joined")
        )
        self._reached = 0  # the last position where all was done
        self._before = dict.fromkeys(_MOVES, 0)
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
        """Go on to the end; return whether it was reached. Raises AscError where memory runs out."""
        if any(record["kind"] == "end" for record in self.journal):
            return True
        memory = self._walk.go_on()
        if memory is not None:
            self._recall(memory)
        here = self.session.position()
        self.journal.require(self._places(), here)
        self.journal.keep(lambda record: record["position"] <= here)
        done = {record["position"] for record in self.journal}
        try:
            for position in self._places():
                if position >= here and position not in done:
                    self._to(position)
        except StoppedError:
            return False
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise AscError(
                f"There was too little memory at step {self.session.position()} ({error}). Go on with --resume and a "
                "--device-bytes that past weights may take, or where more is free."
            ) from error
        self._end()
        return True

    def _places(self) -> list[int]:
        """Every position with something to do: snapshots, and where their candidates would have led."""
        total, every = self.session.total(), self.config.every
        snapshots = range(every, total + 1, every)
        ahead = {s + horizon for s in snapshots for horizon in self.config.horizons if s + horizon <= total}
        return sorted({*snapshots, *ahead, total})

    def _to(self, position: int) -> None:
        since, saving_s = self._ledger.clock(), self._walk.saving_s
        self._walk.to(position)
        self._ledger.progress(position - self._reached, since + self._walk.saving_s - saving_s)
        if position % self.config.every == 0:
            self.journal.add(self._snapshot())
        else:
            loss, report = (
                float(self._sweep.score(self.session, None, "reading", look).mean()) for look in (JUDGING, REPORTING)
            )
            self.journal.add({"kind": "reading", "position": position, "loss": loss, "report": report})
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
        found: dict[str, Any] = {"kind": "snapshot", "each": each.score, "joined": joined.score}
        found |= self._sweep.at(session, history, self._walk.check)
        regimes = labels([*self._snapshots(), found], self.config.thresholds)
        every, found["label"] = self.config.cascade_every, regimes[-1]
        if found["label"] == "stable" and every and (regimes.count("stable") - 1) % every == 0:
            self._told(position, "cascades")
            since = ledger.clock()
            found["cascades"] = cascades(session, history, self._walk.check)
            price = sum(session.cost(work) for work in ("predict", "validate"))
            ledger.charge("cascade", since, price + sum(each.get("steps", 0) for each in found["cascades"]))
        return found

    def _snapshots(self) -> list[dict[str, Any]]:
        return [record for record in self.journal if record["kind"] == "snapshot"]

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

    def _told(self, position: int, doing: str) -> None:
        self._tell(self._part, position, self.session.total(), doing)

    def _state(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {"reached": self._reached, "moved": self._moved()}

    def _memory(self) -> Memory:
        """What a checkpoint holds beside the training: all of it as of before a sweep that is not over."""
        return Memory(self._kept, self._trajectory.snapshots())

    def _recall(self, memory: Memory) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(memory.state[name])
        self._reached = memory.state["reached"]
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
