"""One ensemble of `asc study collapse`: members in step, what lies between their weights, and how they become one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from asc.errors import AscError
from asc.types import EngineState, Recognition
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.recognizers.activation_cosine import ActivationCosine
from asc_nn_training.studies.candidates import gate_loss
from asc_nn_training.studies.collapse_plan import CollapsePlan, Inspection
from asc_nn_training.studies.journal import CHECKPOINTS, JOURNAL, Journal
from asc_nn_training.studies.lines import losses_between, mean
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError
from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.weights.combine import combine

Make = Callable[..., ResumableTraining]
"""Makes a `ResumableTraining` from a backend, a folder, and what not all trainings have in common."""
ONE, AVERAGE = "to one", "to average"
_MOMENTS = ("exp_avg", "exp_avg_sq")


class Member:
    """One training of an ensemble, and the recognizer that watches it.

    A new member begins from the checkpoint in `start`, if that is given. A checkpoint holds the recognizer as it was
    before an inspection that is not in the journal yet, because such an inspection is repeated.
    """

    def __init__(
        self,
        backend: NetworkBackend,
        folder: Path,
        start: Path | None,
        plan: CollapsePlan,
        make: Make,
        report: Callable[[int], object],
    ) -> None:
        self.backend = backend
        self.recognizer = ActivationCosine(ActivationCosine.Config(every=plan.every, thresholds=plan.thresholds))
        self.settle()
        self.training = make(backend, folder, report=report, state=lambda: EngineState({"recognizer": self._settled}))
        found = self.training.resume()
        if found is not None:
            self.recognizer.load_state_dict(found.state["recognizer"])
            self.settle()
        elif start is not None:
            backend.load(self.computation, start)

    @property
    def computation(self) -> NetworkComputation:
        """The training."""
        return self.training.computation

    def recognise(self) -> Recognition:
        """Name the regime of the present position."""
        return self.recognizer.recognise(self.computation)

    def settle(self) -> None:
        """Let later checkpoints hold the recognizer as it is now."""
        self._settled = self.recognizer.state_dict()

    def take_price(self, work: str) -> float:
        """Return the price of one kind of work since the last call, in plain steps."""
        return self.computation.take_price(work)


class TrainingEnsemble:
    """Trainings of one recipe that share their first steps, and then differ in the order of their data.

    With `together` = 0 they differ in their random weights as well. `backends` has one backend for each member. The
    journal gets a record for each inspection, and one for the end of every arm. The members always train to the end.
    What follows a collapse is trained after them, from checkpoints that are written at the collapse.
    """

    def __init__(
        self,
        backends: Sequence[NetworkBackend],
        together: int,
        plan: CollapsePlan,
        folder: Path,
        make: Make,
        tell: Callable[[float, str], object],
    ) -> None:
        self.journal = Journal(folder / JOURNAL)
        self._backends, self._together, self._plan, self._folder = backends, together, plan, folder / CHECKPOINTS
        self._make, self._tell = make, tell

    def run(self) -> None:
        """Do what is left to do. Raises StoppedError if it is stopped, and AscError if the journal has a gap."""
        if not self._known("end"):
            if not self._known("average"):
                self._train_members()
            inspection = self._plan.collapse(inspections(self.journal))
            if inspection is not None:
                for kind, number in ((ONE, inspection["best"]), (AVERAGE, 0)):
                    if not self._known(kind):
                        self._go_on(kind, self._backends[number])
            self.journal.add({"kind": "end", "position": self._plan.steps})
        shutil.rmtree(self._folder, ignore_errors=True)

    def _train_members(self) -> None:
        members = self._members()
        positions = self._plan.positions(self._together)
        here = max(member.computation.position() for member in members)
        self.journal.require(position for position in positions if position < here)
        try:
            self._in_step(members, positions)
        except StoppedError:
            for member in members:
                with suppress(StoppedError):  # after it has written a checkpoint
                    member.training.check()
            raise
        self._end(members)

    def _members(self) -> list[Member]:
        start = self._start() if self._together else None
        at = dict.fromkeys(range(len(self._backends)), self._together)

        def report(number: int, position: int) -> None:
            at[number] = position
            self._tell(sum(at.values()) / len(at), "members")

        made = []
        for number, backend in enumerate(self._backends):
            folder = self._folder / f"member-{number + 1}"
            made.append(Member(backend, folder, start, self._plan, self._make, partial(report, number)))
        return made

    def _start(self) -> Path:
        """Train the steps that all members share, and return the folder of the checkpoint at their end."""
        folder = self._folder / "start"
        training = self._make(self._backends[0], folder, report=lambda position: self._tell(position, "start"))
        training.resume()
        if training.computation.position() < self._together:
            training.train_to(self._together)
            training.save()
        return folder

    def _in_step(self, members: Sequence[Member], positions: Sequence[int]) -> None:
        known = {each["position"] for each in inspections(self.journal)}
        for position in (self._together, *positions):
            for member in members:
                member.training.train_to(position)
            here = [member for member in members if member.computation.position() == position]
            if position in known or position == self._together:
                for member in here:  # of a resumed study, some may be further
                    member.recognise()
            else:
                self._inspect(members)
            for member in here:
                member.settle()

    def _inspect(self, members: Sequence[Member]) -> None:
        """Add a record of all members at one position; if the ensemble collapses there, write what goes on."""
        self._tell(members[0].computation.position(), "inspecting")
        _taken(members, "recognise", "validate")  # what the starting point cost is nobody's inspection
        computations = [member.computation for member in members]
        found = [member.recognise() for member in members]
        prices = {"regimes": _taken(members, "recognise")}
        gate = [gate_loss(computation) for computation in computations]
        prices["gate"] = _taken(members, "validate")
        lines = []
        for one, other in combinations(members, 2):
            one.training.check()
            lines.append(losses_between(one.computation, other.computation, self._plan.points))
        prices["lines"] = _taken(members, "validate")
        best = gate.index(min(gate))
        inspection = {
            "kind": "inspection",
            "position": computations[0].position(),
            "regimes": [each.label for each in found],
            "similarity": [each.score for each in found],
            "gate": gate,
            "best": best,
            "lines": lines,
            "average": gate_loss(computations[0], mean(computations)),
            "prices": prices,
        }
        before = inspections(self.journal)
        if self._plan.collapse(before) is None and self._plan.collapse([inspection]) is not None:
            self._branch(members, best)
        self.journal.add(inspection)

    def _branch(self, members: Sequence[Member], best: int) -> None:
        """Write checkpoints of the best member, and of the mean of all weights and moments."""
        chosen, first = members[best], members[0]
        chosen.backend.save(chosen.computation, self._folder / _slug(ONE), EngineState())
        moments = [_moments(member.computation) for member in members]
        with first.computation.excursion():
            mean([member.computation for member in members]).put(first.computation.weights)
            for terms in zip(*moments, strict=True):
                combine([1 / len(terms)] * len(terms), terms, terms[0], held=0)
            first.computation.changed()
            first.backend.save(first.computation, self._folder / _slug(AVERAGE), EngineState())

    def _end(self, members: Sequence[Member]) -> None:
        """Add the losses of all members, and of their mean, at the end of the training."""
        self._tell(self._plan.steps, "losses at the end")
        for number, member in enumerate(members):
            if not any(record["member"] == number for record in self._known("member")):
                outcome, digest = member.backend.outcome(member.computation), member.computation.digest()
                self._add("member", outcome, member=number, digest=digest)
        first = members[0].computation
        with first.excursion():
            mean([member.computation for member in members]).put(first.weights)
            first.changed()
            loop, data = first.training, first.data
            outcome = {"dev_loss": loop.evaluate(data.dev), "test_loss": loop.evaluate(data.test)}
        self._add("average", outcome)

    def _go_on(self, kind: str, backend: NetworkBackend) -> None:
        folder = self._folder / _slug(kind)
        if not any(folder.glob("step-*")):
            raise AscError(
                f"{folder} has no checkpoint of the collapse. Restore it, or delete the folder "
                f"{self._folder.parent} to repeat this ensemble."
            )
        found, _ = train_to_end(backend, folder, self._make, lambda done: self._tell(done, f"collapse {kind}"))
        self._add(kind, found)

    def _add(self, kind: str, outcome: Mapping[str, Any] | None, **about: int | str) -> None:
        found = None if outcome is None else dict(outcome)
        self.journal.add({"kind": kind, "position": self._plan.steps, **about, "outcome": found})

    def _known(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.journal if record["kind"] == kind]


def inspections(journal: Journal) -> list[Inspection]:
    """Return the inspections in an ensemble's journal."""
    return [record for record in journal if record["kind"] == "inspection"]


def train_to_end(
    backend: NetworkBackend, folder: Path, make: Make, report: Callable[[int], object]
) -> tuple[Mapping[str, Any] | None, float]:
    """Train from the checkpoint in a folder, or from the start, to the end; return the losses there, and the rate.

    Instead of losses there is None if the training diverged.
    """
    training = make(backend, folder, report=report)
    training.resume()
    loop = training.computation.training
    try:
        training.train_to(loop.total)
    except NonFiniteError:
        return None, loop.schedule.lr
    return backend.outcome(training.computation), loop.schedule.lr


def _slug(kind: str) -> str:
    return kind.replace(" ", "-")


def _taken(members: Sequence[Member], *works: str) -> float:
    return sum(member.take_price(work) for member in members for work in works)


def _moments(computation: NetworkComputation) -> Iterator[list[torch.Tensor]]:
    """Yield AdamW's first moments, then its second, each as one list of tensors."""
    optimizer = computation.training.optimizer
    states = [optimizer.state[p] for group in optimizer.param_groups for p in group["params"]]
    for name in _MOMENTS:
        yield [state[name] for state in states]
