"""The replay of a run whose candidates are executed: its first supersteps are run again, from its settings."""

from __future__ import annotations

from collections.abc import Mapping

from asc import answers
from asc.calls import call
from asc.cli.bench.layouts import ExecutedLayout
from asc.cli.bench.replay import Replay, Stop
from asc.computation import Computation
from asc.errors import AscError, describe_error
from asc.predictor import Predictor
from asc.run.replay.evaluations import Evaluations
from asc.run.replay.profile import HORIZONS, evaluate, profile_run

_SECONDS = 4.0  # for the profile, and then for each predictor, at most
_SUPERSTEP_S = 0.005  # shorter than in a long run, so that a short one has enough of them
_FAR = 1000  # steps; a predictor that divides this distance into links is a chain


class ExecutedReplay(Replay):
    """Compares predictions with the states that the run reaches."""

    beside = "all"
    layout = ExecutedLayout()

    def evaluate(
        self, predictors: Mapping[str, Predictor], evaluations: Mapping[str, Evaluations], stop: Stop
    ) -> dict[str, int]:
        """Profile the run, and ask each predictor along the profile."""
        computation, seconds = self._computation, self._seconds or _SECONDS
        profile = profile_run(computation, seconds, _SUPERSTEP_S, stopped=stop)
        count = len(profile.reads)
        if not stop():
            self._require_reach(profile.reach, f"supersteps, half of the {count} that were run again")
        depth, horizons = self._run.config.history.max_snapshots, self._ahead(HORIZONS)
        for name, predictor in predictors.items():
            evaluate(
                computation,
                profile,
                evaluations[name],
                predictor,
                horizons,
                depth=depth,
                stopped=Stop(seconds, stop),
            )
        return {"superstep": profile.superstep, "supersteps": count}

    def headline(self, facts: Mapping[str, int], seconds: float) -> str:
        """Say what was replayed."""
        return (
            f"{self._run.folder.name}: {facts['supersteps']} supersteps of {facts['superstep']:,} steps run again, "
            f"in {seconds:.1f} s"
        )

    def require(self, name: str, predictor: Predictor) -> None:
        """Raise AscError where a predictor cannot be asked along this run."""
        super().require(name, predictor)
        if predictor.in_place:
            raise AscError(
                f"The predictor {name} updates in place rather than looking ahead, which skips no steps of this run: "
                "replay it on a run whose candidates are judged, such as a training."
            )

    def usable(self, name: str, predictor: Predictor) -> bool:
        """Whether a predictor that nobody has named is worth asking."""
        return suits(name, predictor, self._computation)


def suits(name: str, predictor: Predictor, computation: Computation) -> bool:
    """Whether a predictor can predict states of a computation that workers execute.

    A chain can, but takes long, and gains only where each of its links is judged. Raises AscError where the predictor
    does not say what its links are.
    """
    if predictor.in_place or not predictor.needs <= computation.provides:
        return False
    try:
        return len(answers.links(call(f'the predictor "{name}"', predictor.links, _FAR), _FAR)) == 1
    except Exception as error:
        raise AscError(f'The predictor "{name}" is left out: {describe_error(error)}.') from error
