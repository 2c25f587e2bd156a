"""The curves and texts of a training, for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asc.errors import AscError


class Board:
    """Writes losses, learning rate, leaps and texts to a folder of event files."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 -- an extra, and slow to import
        except ImportError as error:
            raise AscError(
                f"--tensorboard needs the package tensorboard, which cannot be imported ({error}). Type: "
                "pip install tensorboard"
            ) from error
        try:
            self._writer = SummaryWriter(str(folder))
        except OSError as error:
            raise AscError(
                f"--tensorboard cannot write to {folder} ({error.strerror or error}): name another folder."
            ) from error

    def measured(self, position: int, **scalars: float) -> None:
        """Write numbers at a position, such as losses in nats a token, each under its name."""
        for name, value in scalars.items():
            self._writer.add_scalar(name.replace("__", "/"), value, position)
        self._writer.flush()

    def texts(self, position: int, prompts: Sequence[str], texts: Sequence[str]) -> None:
        """Write each prompt with its text."""
        for number, (prompt, text) in enumerate(zip(prompts, texts, strict=True), 1):
            self._writer.add_text(f"texts/prompt {number}", as_markdown(prompt, text), position)
        self._writer.flush()


def as_markdown(prompt: str, text: str) -> str:
    """Return a prompt and its text as blocks of code, so that no character of them is taken for Markdown."""
    return f"{_code(prompt)}\n\n**continues:**\n\n{_code(text)}"


def _code(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
