"""Where past weights are kept: on the device, then in pinned host memory, then on disk, within a budget for each."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, overload

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from asc.errors import AscError
from asc.settings import Settings
from asc_nn_training.weights.weights import Values

Place = Literal["device", "host", "disk"]


class StoreConfig(Settings):
    """How much of the past is kept where, and how precisely."""

    dtype: Literal["as-is", "float32", "bfloat16", "float16"] = Field(
        "as-is", description="precision of past weights; those of the newest boundary are always exact"
    )
    device_bytes: int | None = Field(
        None, ge=0, description="bytes of past weights on the device; what is over goes to host memory; none: no bound"
    )
    host_bytes: int | None = Field(
        None, ge=0, description="bytes in pinned host memory, on an accelerator; what is over goes to disk"
    )
    folder: Path | None = Field(None, description="where to write what goes to disk; by default a temporary folder")


class Kept:
    """Weights in the store, wherever they lie; let go of when nobody holds this any more."""

    def __init__(self, store: WeightStore, values: Values) -> None:
        self.place: Place = "device"
        self.nbytes = _size(values)
        self._store = store
        self._values: Values | None = values
        self._file: Path | None = None

    def values(self) -> Values:
        """Return the weights on the device, not to be changed; fetched anew each time where they lie elsewhere."""
        return self._store.fetch(self)

    def peek(self) -> Values:
        """Return the same for somebody who saves them: at no price, since saving is not speculation's."""
        return self._store.fetch(self, priced=False)


class WeightStore:
    """Keeps weights as they were, for those who predict from them, roll back to them or leap to them.

    Nothing is moved before a budget asks for it, and neither the newest nor what is rolled back to is ever moved. What
    was moved is fetched for as long as it is needed and stays where it is. Nothing is ever lost: the last place has no
    bound, and where it fails the weights stay where they are, which `fault` then tells of.
    """

    Config = StoreConfig

    def __init__(self, device: torch.device | str, config: StoreConfig | None = None) -> None:
        self.config, self._device = config or StoreConfig(), torch.device(device)
        self._held: dict[int, weakref.ref[Kept]] = {}  # oldest first
        self._number = 0
        self._folder: Path | None = None
        self.pending = 0  # bytes moved that nobody has priced yet
        self.pinned: Kept | None = None  # what is rolled back to: never moved
        self.fault = ""
        self.spilled = self.fetched = 0  # times

    def keep(self, values: Values) -> Kept:
        """Take over weights that lie on the device."""
        kept = Kept(self, values)
        self._number += 1
        number, held = self._number, self._held

        def forget(_: weakref.ref[Kept]) -> None:
            held.pop(number, None)

        held[number] = weakref.ref(kept, forget)
        self._make_room(kept)
        return kept

    def round(self, kept: Kept) -> None:
        """Reduce weights to the configured precision, once they are past."""
        if self.config.dtype == "as-is" or kept._values is None:
            return
        dtype = getattr(torch, self.config.dtype)
        if all(value.dtype == dtype for value in kept._values):
            return
        kept._values = [value.to(dtype) for value in kept._values]
        self.pending += kept.nbytes
        kept.nbytes = _size(kept._values)

    def fetch(self, kept: Kept, priced: bool = True) -> Values:
        """Return the weights on the device. Raises AscError where their file is gone."""
        if kept.place == "device" and kept._values is not None:
            return kept._values
        if priced:
            self.fetched += 1
            self.pending += 2 * kept.nbytes
        if kept._values is not None:
            return [value.to(self._device, non_blocking=True) for value in kept._values]
        assert kept._file is not None
        try:
            tensors = load_file(kept._file, device=str(self._device))
        except (OSError, SafetensorError) as error:
            raise AscError(
                f"Past weights that were moved to {kept._file} cannot be read ({error}). Resume from the last "
                "checkpoint, with a folder that stays (--set cache.folder=...) or more room on the device."
            ) from error
        return [tensors[name] for name in sorted(tensors)]

    def moved(self) -> int:
        """Return the bytes that were read or written since this was last asked, beside those of `keep` itself."""
        moved, self.pending = self.pending, 0
        return moved

    def stats(self) -> dict[str, int]:
        """Return bytes in each place, and how often weights were moved away and fetched."""
        held: dict[str, int] = {"device": 0, "host": 0, "disk": 0}
        for kept in self._present():
            held[kept.place] += kept.nbytes
        return {f"{place}_bytes": count for place, count in held.items()} | {
            "spilled": self.spilled,
            "fetched": self.fetched,
        }

    def _present(self) -> Iterator[Kept]:
        """Everything that somebody still holds, oldest first."""
        return (kept for reference in list(self._held.values()) if (kept := reference()) is not None)

    def _make_room(self, newest: Kept) -> None:
        bounds: tuple[tuple[Place, int | None], ...] = (
            ("device", self.config.device_bytes),
            ("host", self.config.host_bytes),
        )
        for place, bound in bounds:
            if bound is None:
                continue
            there = [kept for kept in self._present() if kept.place == place]
            excess = sum(kept.nbytes for kept in there) - bound
            for kept in there:
                if excess <= 0:
                    break
                if kept not in (newest, self.pinned) and self._spill(kept):
                    excess -= kept.nbytes

    def _spill(self, kept: Kept) -> bool:
        """Move weights one place down; on a CPU, whose memory is the device's, that is the disk at once."""
        assert kept._values is not None
        if kept.place == "device" and self._device.type != "cpu":
            pinned = self._device.type == "cuda"
            host = [torch.empty(v.shape, dtype=v.dtype, pin_memory=pinned) for v in kept._values]
            for target, value in zip(host, kept._values, strict=True):
                target.copy_(value, non_blocking=pinned)
            if pinned:
                torch.cuda.synchronize(self._device)
            kept._values, kept.place = host, "host"
        else:
            try:
                kept._file = self._write(kept)
            except (OSError, SafetensorError) as error:
                self.fault = (
                    f"Past weights could not be moved to disk ({error}), so they stay where they are: make room, or "
                    "name another folder with --set cache.folder=..."
                )
                return False
            kept._values, kept.place = None, "disk"
        self.spilled += 1
        self.pending += 2 * kept.nbytes
        return True

    def _write(self, kept: Kept) -> Path:
        assert kept._values is not None
        if self._folder is None:
            if self.config.folder is not None:
                self.config.folder.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="asc-weights-", dir=self.config.folder))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._number += 1
        path = self._folder / f"{self._number:08d}.safetensors"
        try:
            save_file({f"{i:06d}": value.contiguous() for i, value in enumerate(kept._values)}, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        weakref.finalize(kept, path.unlink, missing_ok=True)
        return path


class Stored(Sequence[Values]):
    """Weights of several snapshots, each fetched when it is asked for."""

    def __init__(self, kept: Sequence[Kept]) -> None:
        self.kept = tuple(kept)

    def __len__(self) -> int:
        return len(self.kept)

    @overload
    def __getitem__(self, index: int) -> Values: ...
    @overload
    def __getitem__(self, index: slice) -> list[Values]: ...
    def __getitem__(self, index: int | slice) -> Values | list[Values]:
        """Return one snapshot's weights, or those of several."""
        if isinstance(index, slice):
            return [each.values() for each in self.kept[index]]
        return self.kept[index].values()


def _size(values: Sequence[Tensor]) -> int:
    return sum(value.numel() * value.element_size() for value in values)
