"""The replay of a run whose candidates are judged: at the positions that the run kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from asc.cli.bench.layouts import JudgedLayout
from asc.cli.bench.replay import Replay, Stop
from asc.cli.resume import command_line
from asc.errors import AscError
from asc.predictor import Predictor
from asc.run.replay.evaluations import Evaluations
from asc.run.replay.positions import KeptPosition, kept_positions, nbytes
from asc.run.replay.revisit import Revisit

_FLAGS = ("--shadow", "--no-speculation", "--compare", "--keep-trajectory")
_WITH_VALUE = ("--compare", "--keep-trajectory")


class JudgedReplay(Replay):
    """Has the candidates of predictors judged, one after the other, which takes long."""

    beside = "own"
    layout = JudgedLayout()

    def evaluate(
        self, predictors: Mapping[str, Predictor], evaluations: Mapping[str, Evaluations], stop: Stop
    ) -> dict[str, int]:
        """Go through the kept positions, and ask every predictor at each."""
        folder, config, total = self._run.folder, self._run.config, self._computation.total()
        kept = kept_positions(folder)
        if not kept:
            raise AscError(self._nothing_kept())
        if total is not None:
            self._require_reach(total - kept[0].position, "steps from the first kept position to the run's end")
        create = self._session.plugins.registry.create
        revisit = Revisit(
            self._run.backend,
            self._computation,
            predictors,
            partial(create, "validator", config.validator.name, config.validator.settings),
            self._ahead(config.scheduler.horizons or _distances(kept)),
            config.history,
            config.validator.name,
        )
        with self._session.messages.status("") as status:
            revisit.run(kept, Stop(self._seconds, stop), lambda here: status.update(f"position {here.position:,}"))
        revisit.fill(evaluations)
        return {"positions": revisit.visited, "kept": len(kept), "bytes": nbytes(folder)}

    def headline(self, facts: Mapping[str, int], seconds: float) -> str:
        """Say what was replayed."""
        return (
            f"{self._run.folder.name}: {facts['positions']} of {facts['kept']} kept positions "
            f"({facts['bytes'] / 1e6:.3g} MB), in {seconds:.1f} s"
        )

    def _nothing_kept(self) -> str:
        record = self._run.record
        command = [str(word) for word in record.get("command") or ()]
        if command[:1] != ["run"] or "--resume" in command:
            command = ["run", str(record.get("backend"))]
        again = command_line((), *_without_flags(command), "--shadow", "--keep-trajectory", "20")
        return (
            f"The run {self._run.folder.name} kept none of its positions, and only training reaches them again. Run it "
            f"once more, with nothing applied and 20 positions kept: {again}"
        )


def _without_flags(command: Sequence[str]) -> Iterator[str]:
    """Yield a run's command without what contradicts `--shadow --keep-trajectory 20`."""
    dropped = False
    for word in command:
        name, equals, _ = word.partition("=")
        value = dropped and word.isdigit()
        dropped = not equals and name in _WITH_VALUE
        if not value and name not in _FLAGS:
            yield word


def _distances(kept: Sequence[KeptPosition]) -> tuple[int, ...]:
    """Return horizons for a run without any: one, two and four times the distance of its kept positions."""
    distance = kept[1].position - kept[0].position if len(kept) > 1 else 1
    return (distance, 2 * distance, 4 * distance)
