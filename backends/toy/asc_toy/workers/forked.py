"""Worker processes that are copies of this very process, by fork.

They have the program, the user's modules and all ambient state by construction, and only what changes is pickled. No
thread stands between the main thread and its workers: `submit` writes to a worker at once, and a future reads from it
when it is asked. A thread would wait for the interpreter for milliseconds while the main thread computes.

A worker process may have several threads, for steps that wait: a thousand processes would need too much memory, and a
thousand threads of one process would wait for its one interpreter.
"""

from __future__ import annotations

import gc
import math
import os
import pickle
import random
import select
import signal
import sys
import threading
import time
import warnings
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar

from asc.processes import deaf_children
from asc.speculators.pool import Polled
from asc_toy.workers import travel
from asc_toy.workers.process import serve_only
from asc_toy.workers.serving import MakeThreads, serve
from asc_toy.workers.threads import Threads
from asc_toy.workers.wire import Message, Wire

T = TypeVar("T")

_LONG_S = 1e6  # a wait without a limit; longer than any run

_HARMLESS = ("rich.live", "tqdm._monitor")
"""Modules of threads that redraw a display now and then. A worker displays nothing, so it never waits for a lock that
such a thread held when the process was copied."""


def forks_safely() -> bool:
    """Whether a copy of this process can run steps: no other thread may hold a lock, or be about to change something.

    The threads of asc itself (`asc-…`) hold locks only of what a worker never uses.
    """
    if sys.platform in ("win32", "darwin"):  # on macOS, system libraries fail in a copy
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    harmless = {
        thread.ident
        for thread in threading.enumerate()
        if thread.name.startswith("asc-") or type(thread).__module__ in _HARMLESS
    }
    return not sys._current_frames().keys() - harmless - {threading.get_ident()}


def shares(workers: int, threads: int) -> list[int]:
    """Return the threads of each process, where all processes have so many workers, and each so many at most."""
    processes = -(-workers // threads)
    return [workers // processes + (number < workers % processes) for number in range(processes)]


class _Call(Future[T]):
    """A future that takes answers from the workers when it is asked; callbacks are not called before that."""

    def __init__(self, take: Callable[[float], None]) -> None:
        super().__init__()
        self._take = take

    def done(self) -> bool:
        """Whether the call has ended, or was cancelled."""
        if not super().done():
            self._take(0.0)
        return super().done()

    def result(self, timeout: float | None = None) -> T:
        """Wait for the call, and return its result."""
        self._wait(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the call, and return what it has raised."""
        self._wait(timeout)
        return super().exception(0)

    def _wait(self, timeout: float | None) -> None:
        end = time.monotonic() + (_LONG_S if timeout is None else timeout)
        while not super().done() and (left := end - time.monotonic()) > 0:
            self._take(left)


class _Worker:
    """A worker process, as the main process sees it."""

    def __init__(self, pid: int, wire: Wire, threads: int) -> None:
        self.pid, self.wire, self.threads = pid, wire, threads
        self.calls: dict[int, _Call[Any]] = {}  # that it runs, by number


class Forked(Polled):
    """Runs calls in copies of this process, all made at once by the thread that makes the executor.

    A shutdown kills them at once: a worker may be stuck in an endless step. The death of one breaks the executor. Any
    thread may shut it down; apart from that, one thread at a time uses it.

    Each process has as many threads, and runs as many calls at once; `names` are those of the code, by which threads
    find the settings that each of them has of its own. `workers` counts the threads of all processes.
    """

    def __init__(self, workers: int, key: str, threads: int = 1, names: Collection[str] = ()) -> None:
        self._key, self._lock = key, threading.Lock()
        self._numbers = count()
        self._waiting: deque[tuple[_Call[Any], bytes]] = deque()
        self._refusal: Exception | None = None  # why no call is taken any more
        self._workers: list[_Worker] = []
        travel.share(key, _all_classes())
        try:
            for size in shares(workers, threads):
                make = None if threads == 1 else partial(Threads, size, names)
                self._workers.append(_fork(key, size, make, [worker.wire for worker in self._workers]))
        except BaseException:
            self.shutdown()
            raise
        turns = range(max((worker.threads for worker in self._workers), default=0))
        self._idle = [worker for turn in turns for worker in self._workers if turn < worker.threads]
        self._by_handle = {worker.wire.fileno(): worker for worker in self._workers}
        self._readable = select.poll()
        for handle in self._by_handle:
            self._readable.register(handle, select.POLLIN)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Send a call to a worker that is idle, or keep it until one is."""
        call: _Call[T] = _Call(self.poll)
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            try:
                self._waiting.append((call, travel.dumps((fn, args, kwargs), self._key)))
            except Exception as error:  # noqa: BLE001 -- whatever pickling raises
                call.set_exception(error)
            self._feed()
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Kill the workers, and lose the calls that they run and those that wait, whatever is asked for."""
        self._lose(RuntimeError("the workers were let go"))
        while self._workers:
            worker = self._workers.pop()
            with suppress(ChildProcessError):  # a program that waits for any child of its own has taken it
                os.waitpid(worker.pid, 0)
            worker.wire.close()
        travel.forget(self._key)

    def _feed(self) -> None:
        """Give calls that wait to idle workers; the lock is held."""
        messages: defaultdict[_Worker, list[Message]] = defaultdict(list)
        while self._idle and self._waiting:
            call, data = self._waiting.popleft()
            if call.set_running_or_notify_cancel():
                worker, number = self._idle.pop(), next(self._numbers)
                worker.calls[number] = call
                messages[worker].append(Message(number, data))
        for worker, together in messages.items():
            with suppress(OSError):  # the worker has died, which shows when its answer is taken
                try:
                    worker.wire.send(together)
                except TimeoutError:
                    os.kill(worker.pid, signal.SIGKILL)

    def poll(self, seconds: float) -> None:
        """Take the answers that are there. Where there is none, wait for one, at most so many seconds."""
        try:
            for handle, _ in self._readable.poll(math.ceil(1000 * seconds)):
                worker = self._by_handle[handle]
                answers = worker.wire.receive()
                with self._lock:
                    ended = [(worker.calls.pop(number, None), data) for number, data in answers]
                    self._idle += [worker] * len(ended)
                    self._feed()
                for call, data in ended:
                    if call is not None:  # None: it was lost meanwhile
                        _settle(call, data)
        except TimeoutError:
            self._lose(BrokenExecutor("a worker process is stuck"))
        except OSError:
            self._lose(BrokenExecutor("a worker process has ended, by itself or by a signal"))

    def _lose(self, error: Exception) -> None:
        """Kill all workers, and end all calls in an error, once."""
        with self._lock:
            if self._refusal is not None:
                return
            self._refusal = error
            lost = [call for worker in self._workers for call in worker.calls.values()]
            lost += [call for call, _ in self._waiting if call.set_running_or_notify_cancel()]
            for worker in self._workers:
                worker.calls.clear()
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGKILL)
            self._waiting.clear()
        for call in lost:
            call.set_exception(error)


def _settle(future: Future[Any], data: bytes) -> None:
    try:
        returned, value = pickle.loads(data)
    except Exception as error:  # noqa: BLE001 -- whatever unpickling raises
        future.set_exception(error)
        return
    if returned:
        future.set_result(value)
    else:
        future.set_exception(value)


def _fork(key: str, threads: int, make: MakeThreads | None, others: Sequence[Wire]) -> _Worker:
    """Make one copy of this process, which serves calls until its end; `others` are the wires to earlier copies."""
    ours, theirs = Wire.pair()
    main, chance = os.getpid(), random.getstate()
    try:
        with deaf_children(signal.valid_signals()):
            child = _copied()
            if not child:
                _leave_signals()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if child:
        theirs.close()
        return _Worker(child, ours, threads)
    try:
        for wire in (*others, ours):
            wire.close()
        random.setstate(chance)  # Python seeds it anew in every copy
        gc.freeze()  # what the main process has lost is the main process's to end
        sys.settrace(None)
        sys.setprofile(None)
        serve_only(main)
        serve(key, theirs, make)
    finally:
        os._exit(1)  # at once: no buffer is written twice, and nothing of the main process is ended here


def _copied() -> int:
    """Fork without the warning of Python 3.12 and later of any second thread: numpy's own threads bear a fork.

    The filter is set by hand, since the functions of `warnings` make Python forget which warnings it has shown.
    """
    warnings.filters.insert(0, ("ignore", None, DeprecationWarning, None, 0))  # type: ignore[attr-defined]
    try:
        return os.fork()
    finally:
        del warnings.filters[0]  # type: ignore[attr-defined]


def _leave_signals() -> None:
    """Drop the main process's handlers of signals; ignore Ctrl-C."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _all_classes() -> dict[int, type]:
    """Return all classes of this process, by address, which is the same in a copy."""
    found: dict[int, type] = {}
    unseen: list[type] = [object]
    while unseen:
        kinds: list[type] = type.__subclasses__(unseen.pop())
        for kind in kinds:
            if id(kind) not in found:
                found[id(kind)] = kind
                unseen.append(kind)
    return found
