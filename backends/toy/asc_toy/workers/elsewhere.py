"""A program in a process that is no copy of this one: sent as a pickle, given this process's settings, and compared.

Before its first task, each worker compares its ambient state with that of the main process, thing by thing. Where
anything differs, there are no workers.
"""

from __future__ import annotations

import functools
import io
import pickle
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import cloudpickle

from asc.errors import describe_error
from asc.speculators.pool import NoWorkersError
from asc_toy.ambient import Watch, apply, settings
from asc_toy.program import Program
from asc_toy.tracking.replica import Replica
from asc_toy.workers import travel
from asc_toy.workers.arithmetic import arithmetic
from asc_toy.workers.worker import Parcel, know

_COPIES = (
    "Workers that are copies of this process have everything: choose the executor processes, on Linux, in the main "
    "thread of a program that has no other threads"
)


class Shipment(NamedTuple):
    """What another process needs to run a program as this process would."""

    key: str
    path: list[str]  # where modules are imported from
    settings: bytes  # pickle of the ambient state that can be set
    torch_threads: int | None  # None where torch is not imported
    program: bytes  # pickles of the program and of the classes that it sends by value
    fingerprint: Mapping[str, bytes]  # digests of the ambient state, by names for people


def pack(parcel: Parcel) -> Shipment:
    """Pickle a program. Raises NoWorkersError where it holds what has no pickle, such as a lock or an open file."""
    file, classes = io.BytesIO(), list[type]()
    try:
        with _by_value(sys.modules.get("__mp_main__")):
            packer = _Packer(file, classes)
            packer.dump(parcel.program)
            packer.dump(classes)
    except Exception as error:
        raise NoWorkersError(
            f"the step function cannot be sent to another process ({describe_error(error)}). {_COPIES}"
        ) from error
    travel.share(parcel.key, dict(enumerate(classes)))
    kept = cloudpickle.dumps(settings(parcel.watch.reach.names))
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    here = {**parcel.watch.fingerprint(), **arithmetic()}
    return Shipment(parcel.key, sys.path, kept, threads, file.getvalue(), here)


class Delivered:
    """A program that has come to this process. It is unpacked at its first task, so that errors reach that task."""

    def __init__(self, shipment: Shipment) -> None:
        sys.path += [folder for folder in shipment.path if folder not in sys.path]
        self._shipment, self._lock = shipment, threading.Lock()
        self._program: Program | None = None

    def program(self) -> Program:
        """Unpack the program, once."""
        shipment = self._shipment
        with self._lock:
            if self._program is None:
                apply(pickle.loads(shipment.settings))  # modules may use them while they are imported
                file = io.BytesIO(shipment.program)
                try:
                    unpickler = pickle.Unpickler(file)
                    program, classes = unpickler.load(), unpickler.load()
                except Exception as error:
                    raise NoWorkersError(
                        f"the workers cannot load the step function ({describe_error(error)})"
                    ) from error
                travel.share(shipment.key, dict(enumerate(classes)))
                self._program = program
            return self._program

    def replica(self) -> Replica:
        """Make a replica for this thread, after comparing its ambient state with the main process's."""
        program, shipment = self.program(), self._shipment
        apply(pickle.loads(shipment.settings))  # some of it belongs to a thread
        torch = sys.modules.get("torch")
        if torch and shipment.torch_threads:
            torch.set_num_threads(shipment.torch_threads)  # with another number, sums have other bits
        functions = [program.step] if program.until is None else [program.step, program.until]
        watch = Watch(functions, program.state.values())
        here = {**watch.fingerprint(), **arithmetic()}
        for name, digest in shipment.fingerprint.items():
            if here.get(name) != digest:
                raise NoWorkersError(f"the workers differ from this process in {name}. {_COPIES}")
        return Replica(program, watch)


_delivered: dict[str, Delivered] = {}  # by key


def receive(shipment: Shipment) -> None:
    """Make a program known to this process."""
    delivered = _delivered[shipment.key] = Delivered(shipment)
    know(shipment.key, delivered)


def dismiss(shipment: Shipment) -> None:
    """Undo `receive`."""
    _delivered.pop(shipment.key, None)
    travel.forget(shipment.key)


def seal(key: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> bytes:
    """Pickle a call for `run_sealed`."""
    return travel.dumps((call, args, kwargs), key)


def run_sealed(key: str, data: bytes) -> Sealed:
    """Run a call in this process; what comes back is the result itself."""
    _delivered[key].program()  # its classes are needed to unpickle the call
    call, args, kwargs = pickle.loads(data)
    return Sealed(travel.dumps(call(*args, **kwargs), key))


class Sealed:
    """A result whose own pickle is unpickled together with it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> Any:
        return pickle.loads, (self._data,)


class _Packer(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle ships no types
    """Pickles functions and classes of the main module by value, and keeps those classes."""

    def __init__(self, file: io.BytesIO, classes: list[type]) -> None:
        super().__init__(file)
        self._classes = classes

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, functools._lru_cache_wrapper) and _is_local(value):
            return _cached, (value.__wrapped__, value.cache_parameters())
        reduced = super().reducer_override(value)
        if (
            isinstance(value, type) and isinstance(reduced, tuple) and len(reduced) == 6
        ):  # it goes by value, and would lose its full name
            self._classes.append(value)
            *made, state, lists, mappings, setter = reduced
            return *made, (setter, state, value.__qualname__), lists, mappings, _set_class
        return reduced


def _is_local(function: Any) -> bool:
    """Whether no other process can import a function: it belongs to a main module, or to another function."""
    return function.__module__ in ("__main__", "__mp_main__") or "<locals>" in function.__qualname__


def _set_class(made: type, given: tuple[Callable[[type, Any], object], Any, str]) -> None:
    setter, state, name = given
    setter(made, state)
    made.__qualname__ = name


def _cached(function: Callable[..., Any], parameters: Mapping[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


@contextmanager
def _by_value(module: ModuleType | None) -> Iterator[None]:
    """Pickle a module's functions by value: no worker can import the main module of a process of multiprocessing."""
    if module is None or module.__name__ in cloudpickle.list_registry_pickle_by_value():
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)
