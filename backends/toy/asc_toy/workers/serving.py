"""What a worker process does that is a copy of the main process: it takes calls, and answers them."""

from __future__ import annotations

import pickle
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NoReturn

from asc.errors import describe_error
from asc_toy.workers import travel
from asc_toy.workers.threads import Threads
from asc_toy.workers.wire import Message, Wire

MakeThreads = Callable[[], Threads]


def serve(key: str, wire: Wire, make: MakeThreads | None) -> NoReturn:
    """Answer calls one by one in this thread, or at the same time in the threads that `make` starts."""
    if make is None:
        while True:
            for number, data in wire.receive():
                wire.send((Message(number, _answer(key, data)),))
    threads, answers = make(), _Answers(wire)
    while True:
        for number, data in wire.receive():
            threads.submit(_answer, key, data).add_done_callback(partial(answers.add, number))


class _Answers:
    """Sends the answers of threads, together where several are there at once."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._lock = wire, threading.Lock()
        self._ready: deque[Message] = deque()

    def add(self, number: int, ended: Future[bytes]) -> None:
        """Send an answer, unless another thread is about to look for answers to send."""
        self._ready.append(Message(number, ended.result()))
        while self._ready and self._lock.acquire(blocking=False):
            try:
                self._wire.send([self._ready.popleft() for _ in range(len(self._ready))])
            finally:
                self._lock.release()


def _answer(key: str, data: bytes) -> bytes:
    """Run a call, and return the pickle of its result, or of what it raised."""
    try:
        call, args, kwargs = pickle.loads(data)
        return travel.dumps((True, call(*args, **kwargs)), key)
    except BaseException as error:  # noqa: BLE001 -- a step may raise anything, and its worker serves on
        try:
            answer = travel.dumps((False, error), key)
            pickle.loads(answer)  # not every exception can be made again from its pickle
        except Exception:  # noqa: BLE001 -- whatever pickling raises
            return travel.dumps((False, RuntimeError(describe_error(error))), key)
        return answer
