"""One seed of `asc study collapse`: an ensemble for each shared start, and trainings with larger batches."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from asc.study import Tell
from asc_nn_training.studies.collapse_plan import CollapsePlan
from asc_nn_training.studies.journal import CHECKPOINTS, JOURNAL, Journal
from asc_nn_training.studies.recipe import RecipeConfig, backend
from asc_nn_training.studies.results import seed_folder
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError
from asc_nn_training.studies.training_ensemble import Make, TrainingEnsemble, train_to_end

_APART = 10_000  # between the seeds of two members
RATES = AS_GIVEN, SCALED = "as given", "scaled"
"""The learning rates of data parallel: that of one member, and that times the root of the number of members."""


def ensemble_folder(folder: Path, seed: int, together: int) -> Path:
    """Return the folder of an ensemble."""
    return seed_folder(folder, seed) / f"together-{together}"


def reached_position(folder: Path, seed: int, together: Sequence[int]) -> int:
    """Return how far a seed is: the mean position of its parts, of which an ensemble is one."""
    records = Journal(seed_folder(folder, seed) / JOURNAL)
    done = [int(record["position"]) for record in records if record["kind"] != "end"]
    for each in together:
        records = Journal(ensemble_folder(folder, seed, each) / JOURNAL)
        done.append(max((int(record["position"]) for record in records), default=0))
    return sum(done) // (len(RATES) + len(together))


class CollapseSeed:
    """Runs every part of one seed; the journal of the seed has the trainings with larger batches, and its end."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        config: RecipeConfig,
        together: Sequence[int],
        plan: CollapsePlan,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        self._folder, self._seed, self._config, self._together, self._plan = folder, seed, config, together, plan
        self._home = seed_folder(folder, seed)
        self.journal = Journal(self._home / JOURNAL)
        self._tell = tell
        self._make: Make = partial(ResumableTraining, every_s=config.checkpoint_seconds, stopped=stopped)

    def run(self) -> bool:
        """Do what is left to do; return whether all is done. Raises AscError if a journal has a gap."""
        if not any(record["kind"] == "end" for record in self.journal):
            try:
                self._run_ensembles()
                self._run_data_parallel()
            except StoppedError:
                return False
            self.journal.add({"kind": "end", "position": self._plan.steps})
        shutil.rmtree(self._home / CHECKPOINTS, ignore_errors=True)
        return True

    def _run_ensembles(self) -> None:
        numbers = range(self._plan.members)
        backends = [backend(self._config, self._seed + _APART * number) for number in numbers]
        for together in self._together:
            folder = ensemble_folder(self._folder, self._seed, together)
            report = partial(self._report, f"seed {self._seed}, together {together}")
            TrainingEnsemble(backends, together, self._plan, folder, self._make, report).run()

    def _run_data_parallel(self) -> None:
        config, members = self._config, self._plan.members
        large = config.model_copy(
            update={"batch": members * config.batch, "gate_batch": config.gate_batch or config.batch}
        )
        known = {record["rates"]: record["rate"] for record in self.journal if record["kind"] == "data parallel"}
        for rates in RATES:
            if rates in known:
                continue
            if rates == SCALED:
                large = large.model_copy(update={"lr": math.sqrt(members) * known[AS_GIVEN]})
            folder = self._home / CHECKPOINTS / f"data-parallel-{rates.replace(' ', '-')}"
            report = partial(self._report, f"seed {self._seed}, data parallel", doing=f"rate {rates}")
            found, known[rates] = train_to_end(backend(large, self._seed), folder, self._make, report)
            record = {"kind": "data parallel", "rates": rates, "position": self._plan.steps, "rate": known[rates]}
            self.journal.add({**record, "outcome": found})

    def _report(self, part: str, done: float, doing: str) -> None:
        self._tell(part, done, self._plan.steps, doing)
