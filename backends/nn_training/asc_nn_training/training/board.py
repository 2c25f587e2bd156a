"""The curves of a training, for TensorBoard."""

from __future__ import annotations

from pathlib import Path

from asc.errors import AscError


class Board:
    """Writes losses, learning rate and leaps to a folder of event files."""

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
