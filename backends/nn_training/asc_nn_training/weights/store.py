"""The store of past weights: on the device, then in pinned host memory, then on disk, each within its budget."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal, overload

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from asc.errors import AscError
from asc.records.leftovers import sweep
from asc.records.lock import exclusive
from asc.settings import Settings
from asc_nn_training.paths import AbsolutePath
from asc_nn_training.weights.weights import Values

Location = Literal["device", "host", "disk"]
_PREFIX = "asc-weights-"  # of a folder for weights on disk


class StoreConfig(Settings):
    """How many past weights are kept where, and in which precision."""

    dtype: Literal["as-is", "float32", "bfloat16", "float16"] = Field(
        "as-is", description="precision of past weights; those of the newest boundary are always exact"
    )
    device_bytes: int | None = Field(
        None, ge=0, description="bytes of past weights on the device; the rest moves to host memory; none: no bound"
    )
    host_bytes: int | None = Field(
        None, ge=0, description="bytes in pinned host memory, on an accelerator; the rest moves to disk"
    )
    folder: AbsolutePath | None = Field(None, description="folder for weights on disk; by default a temporary one")


class StoredWeights:
    """One copy of the weights in a store; its memory is freed when nothing refers to this object any more."""

    def __init__(self, store: WeightStore, values: Values) -> None:
        self.location: Location = "device"
        self.nbytes = store.size(values)
        self._store = store
        self._values: Values | None = values
        self._file: Path | None = None

    def values(self) -> Values:
        """Return the weights on the device, which the caller must not change; each call fetches them if needed."""
        return self._store.fetch(self)

    def peek(self) -> Values:
        """Return the same values at no price: for a checkpoint, which is not speculation's work."""
        return self._store.fetch(self, priced=False)


class WeightStore:
    """Keeps copies of the weights for predictions, rollbacks and leaps.

    The store moves weights only if a budget requires it. It never moves the newest copy, nor the `pinned` one. Moved
    weights are fetched for as long as they are needed, and stay where they are. Nothing is lost: the disk has no bound,
    and if it fails, the weights stay where they are and `fault` has a sentence about it.
    """

    Config = StoreConfig

    def __init__(self, device: torch.device | str, config: StoreConfig | None = None) -> None:
        self.config, self.device = config or StoreConfig(), torch.device(device)
        self._all: dict[int, weakref.ref[StoredWeights]] = {}  # oldest first
        self._number = 0
        self._folder: Path | None = None
        self.padding = 0  # elements that the largest part of sharded weights has more than this rank's
        self.pending = 0  # bytes that were moved and are not paid for yet
        self.pinned: StoredWeights | None = None  # the copy for rollbacks
        self.fault = ""
        self.spilled = self.fetched = 0  # times

    def size(self, values: Sequence[Tensor]) -> int:
        """Return the bytes of weights; of sharded ones those of the largest part, so that all ranks decide alike."""
        own = sum(value.numel() * value.element_size() for value in values)
        return own + self.padding * values[0].element_size()

    def keep(self, values: Values) -> StoredWeights:
        """Take over weights that are on the device."""
        stored = StoredWeights(self, values)
        self._number += 1
        number, everything = self._number, self._all

        def forget(_: weakref.ref[StoredWeights]) -> None:
            everything.pop(number, None)

        everything[number] = weakref.ref(stored, forget)
        self._make_room(stored)
        return stored

    def take_over(self, values: Values) -> StoredWeights:
        """Take over weights from a checkpoint, which may have been read onto another device; moving does not count."""
        with self._uncounted():
            return self.keep([value.to(self.device) for value in values])

    def put_back(self, stored: StoredWeights) -> None:
        """Move weights from a checkpoint to where they were then, if a budget requires it; moving does not count."""
        if stored.location == "device" and self.config.device_bytes is not None:
            with self._uncounted():
                self._spill(stored)

    def round(self, stored: StoredWeights) -> None:
        """Reduce weights to the configured precision, once they are past."""
        if self.config.dtype == "as-is" or stored._values is None:
            return
        dtype = getattr(torch, self.config.dtype)
        if all(value.dtype == dtype for value in stored._values):
            return
        stored._values = [value.to(dtype) for value in stored._values]
        self.pending += stored.nbytes
        stored.nbytes = self.size(stored._values)

    def fetch(self, stored: StoredWeights, priced: bool = True) -> Values:
        """Return the weights on the device. Raises AscError if their file is gone."""
        if stored.location == "device" and stored._values is not None:
            return stored._values
        if priced:
            self.fetched += 1
            self.pending += 2 * stored.nbytes
        if stored._values is not None:
            return [value.to(self.device, non_blocking=True) for value in stored._values]
        assert stored._file is not None
        try:
            tensors = load_file(stored._file, device=str(self.device))
        except (OSError, SafetensorError) as error:
            raise AscError(
                f"Past weights were moved to {stored._file}, which cannot be read ({error}). Resume from the last "
                "checkpoint with a folder that stays (--set cache.folder=...), or with more room on the device "
                "(--set cache.device_bytes=...)."
            ) from error
        return [tensors[name] for name in sorted(tensors)]

    def take_pending(self) -> int:
        """Return the bytes that were read or written since the last call, apart from `keep` itself."""
        pending, self.pending = self.pending, 0
        return pending

    def stats(self) -> dict[str, int]:
        """Return the bytes in each location, and how often weights were moved away and fetched."""
        held: dict[str, int] = {"device": 0, "host": 0, "disk": 0}
        for stored in self._present():
            held[stored.location] += stored.nbytes
        return {f"{location}_bytes": count for location, count in held.items()} | {
            "spilled": self.spilled,
            "fetched": self.fetched,
        }

    @contextmanager
    def _uncounted(self) -> Iterator[None]:
        pending, spilled = self.pending, self.spilled
        yield
        self.pending, self.spilled = pending, spilled

    def _present(self) -> Iterator[StoredWeights]:
        """Everything that is still in use, oldest first."""
        return (stored for reference in list(self._all.values()) if (stored := reference()) is not None)

    def _make_room(self, newest: StoredWeights) -> None:
        bounds: tuple[tuple[Location, int | None], ...] = (
            ("device", self.config.device_bytes),
            ("host", self.config.host_bytes),
        )
        for location, bound in bounds:
            if bound is None:
                continue
            there = [stored for stored in self._present() if stored.location == location]
            excess = sum(stored.nbytes for stored in there) - bound
            for stored in there:
                if excess <= 0:
                    break
                if stored not in (newest, self.pinned) and self._spill(stored):
                    excess -= stored.nbytes

    def _spill(self, stored: StoredWeights) -> bool:
        """Move weights to the next location: on a CPU, where device and host memory are one, that is the disk."""
        assert stored._values is not None
        if stored.location == "device" and self.device.type != "cpu":
            pinned = self.device.type == "cuda"
            host = [torch.empty(v.shape, dtype=v.dtype, pin_memory=pinned) for v in stored._values]
            for target, value in zip(host, stored._values, strict=True):
                target.copy_(value, non_blocking=pinned)
            if pinned:
                torch.cuda.synchronize(self.device)
            stored._values, stored.location = host, "host"
        else:
            try:
                stored._file = self._write(stored)
            except (OSError, SafetensorError) as error:
                self.fault = (
                    f"Past weights could not be moved to disk ({error}), so they stay in memory: free some disk space, "
                    "or name another folder with --set cache.folder=..."
                )
                return False
            stored._values, stored.location = None, "disk"
        self.spilled += 1
        self.pending += 2 * stored.nbytes
        return True

    def _write(self, stored: StoredWeights) -> Path:
        assert stored._values is not None
        if self._folder is None:
            if self.config.folder is not None:
                self.config.folder.mkdir(parents=True, exist_ok=True)
            self._folder = self._new_folder()
        self._number += 1
        path = self._folder / f"{self._number:08d}.safetensors"
        try:
            save_file({f"{i:06d}": value.contiguous() for i, value in enumerate(stored._values)}, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        weakref.finalize(stored, path.unlink, missing_ok=True)
        return path

    def _new_folder(self) -> Path:
        """Make a folder that is removed with this object, or by a later one if this process is killed."""
        sweep(Path(self.config.folder or tempfile.gettempdir()), _PREFIX)
        folder = Path(tempfile.mkdtemp(f".{os.getpid()}.tmp", _PREFIX, self.config.folder))
        locked = ExitStack()
        with suppress(AscError):  # the folder is locked so that others see that it is in use
            locked.enter_context(exclusive(folder))
        weakref.finalize(self, _discard, folder, locked)
        return folder


def _discard(folder: Path, locked: ExitStack) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    locked.close()


class LazyWeights(Sequence[Values]):
    """Several weights of a store as one sequence; each is fetched when it is indexed.

    With `copied`, each is a copy, which its reader may change.
    """

    def __init__(self, stored: Sequence[StoredWeights], *, copied: bool = False) -> None:
        self._stored, self._copied = tuple(stored), copied

    def __len__(self) -> int:
        return len(self._stored)

    @overload
    def __getitem__(self, index: int) -> Values: ...
    @overload
    def __getitem__(self, index: slice) -> list[Values]: ...
    def __getitem__(self, index: int | slice) -> Values | list[Values]:
        """Return one element's weights, or those of several."""
        if isinstance(index, slice):
            return [self._read(each) for each in self._stored[index]]
        return self._read(self._stored[index])

    def _read(self, stored: StoredWeights) -> Values:
        values = stored.values()
        fetched = stored.location != "device"  # each reader has a copy of its own
        return [value.clone() for value in values] if self._copied and not fetched else values
