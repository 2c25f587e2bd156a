"""The texts of a run of `asc`: continued by the live weights, kept in the run's folder, shown on TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asc.errors import AscError, describe_error
from asc.records.texts import TEXTS, add_texts, begin_texts
from asc_nn_training.data.tokenizer import Tokenizer
from asc_nn_training.generation.checkpoints import CheckpointTexts
from asc_nn_training.generation.prompt_file import read_prompts
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.texts import TextCache
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.board import Board
from asc_nn_training.training.training import Training

CACHE = "text-cache.jsonl"
"""The file in a run's folder with the newest text of each prompt, the drafts of the next texts."""


class RunTexts:
    """Texts of the prompts in a file, every `every` steps and at the end, on the first of several ranks.

    Before `begin` nothing is read or generated. Generation is in the seconds of the run, as evaluations are, and its
    own seconds are told separately. With `--compare`, the plain run makes its texts at the same steps, with drafts as
    well: what is compared is the training. A resumed run keeps the prompts that it began with.
    """

    def __init__(
        self, path: Path, sampling: Sampling, every: int, tokenizer: Tokenizer, training: Training, board: Board | None
    ) -> None:
        self._path, self._sampling, self._every, self._tokenizer = path, sampling, every, tokenizer
        self._training, self._board = training, board
        self._ranks = Ranks()
        self._state: Mapping[str, Any] | None = None  # of the checkpoint that the run resumes from
        self._where: Callable[[], Path | None] = lambda: None
        self._folder: Path | None = None  # of the newest texts
        self._texts: CheckpointTexts | None = None
        self._counted = 0  # steps whose learning rates have been added up
        self._remark: Callable[[str], None] = lambda _sentence: None

    def begin(self, where: Callable[[], Path | None], ranks: Ranks, remark: Callable[[str], None]) -> None:
        """Read the prompts, and begin or continue the files in the run's folder, of which `where` says where it is.

        Raises AscError for prompts and models that do not fit.
        """
        self._where, self._ranks, self._remark, self._counted = where, ranks, remark, self._training.position
        with ranks.failing_together("The preparation of texts"):
            prompts, state = self._prompts() if ranks.first else {}, self._state
            texts = CheckpointTexts(
                [*prompts.values()],
                self._tokenizer.of_transformers(),
                every=self._every,
                sampling=self._sampling,
            )
            if state is not None:
                self._counted = state["counted"]
                texts.load_state_dict(state)
            if ranks.first:
                names = [f"The prompt in line {number} of {self._path}" for number in prompts]
                self._begin(texts, where(), names)
        self._texts = texts

    def _begin(self, texts: CheckpointTexts, folder: Path | None, names: Sequence[str]) -> None:
        self._folder = folder
        if folder is not None:
            texts.generation.cache = self._cache(folder)
        texts.require(self._training.model, names)
        if folder is not None:
            begin_texts(folder, texts.prompts, self._sampling.model_dump(mode="json"), texts.position)

    def after(self, position: int, *, ended: bool, clock: Callable[[], float]) -> None:
        """Generate texts if they are due at this position, where the training may have ended."""
        texts = self._texts
        if texts is None:
            return
        texts.moved += sum(map(self._training.rate, range(self._counted, position)))
        self._counted = position
        if not texts.due(position, ended=ended):
            return
        if self._ranks.first:
            self._generate(texts, position, clock)
        texts.position = position
        self._ranks.any(False)  # the others wait here, however long it takes

    def figures(self) -> dict[str, Any] | None:
        """Return what the summary has of the texts; None before any."""
        return None if self._texts is None or not self._texts.generation.counts.texts else self._texts.figures()

    def state_dict(self) -> Mapping[str, Any] | None:
        """Return what a checkpoint holds of the texts."""
        return self._state if self._texts is None else self._texts.state_dict() | {"counted": self._counted}

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Continue from what `state_dict` returned, once the texts begin."""
        self._state = state

    def _prompts(self) -> dict[int, str]:
        """Return the prompts by their lines; of a resumed run, those that it began with, by their numbers."""
        if self._state is None:
            return read_prompts(self._path)
        known = dict(enumerate(self._state["prompts"], 1))
        try:
            changed = [*read_prompts(self._path).values()] != [*known.values()]
        except AscError:
            return known  # the file is not needed any more
        if changed:
            self._remark(
                f"{self._path} has other prompts now than when this run began. The run keeps those that it began with; "
                "for the others, begin a new run."
            )
        return known

    def _cache(self, folder: Path) -> TextCache:
        try:
            return TextCache(folder / CACHE)
        except AscError as error:
            self._remark(f"The next texts have no drafts from before: {error}")
            return TextCache()

    def _generate(self, texts: CheckpointTexts, position: int, clock: Callable[[], float]) -> None:
        folder = self._where()
        if folder != self._folder:  # it was renamed, with the cache in it, or removed
            texts.generation.cache = TextCache() if folder is None else self._cache(folder)
            self._folder = folder
        entry = texts.generate(self._training.model, position, clock)
        for remark in texts.remarks:
            self._remark(remark)
        if entry is None:
            return
        if self._board is not None:
            self._board.texts(position, texts.prompts, entry.texts)
            rates = ("acceptance_rate", "mean_accepted_length", "passes_saved")
            known = {f"texts__{name}": entry.counts[name] for name in rates if entry.counts[name] is not None}
            self._board.measured(position, **known)
        if folder is None:
            return
        try:
            add_texts(folder, entry)
        except OSError as error:
            self._remark(f"The texts of step {position} are not in {folder / TEXTS}: {describe_error(error)}.")
