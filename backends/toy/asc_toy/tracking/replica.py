"""A program's replica: runs supersteps from candidates, tracked, in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

from asc.types import Transition
from asc.words import Word
from asc_toy.ambient import Watch
from asc_toy.content import duplicate
from asc_toy.program import Program
from asc_toy.tracking.contents import Contents
from asc_toy.tracking.effect import Effect, Layout
from asc_toy.tracking.superstep import run_tracked


class Task(NamedTuple):
    """What a worker needs to know of a state: `Replica.run` completes it."""

    start: int  # position of the candidate
    lengths: tuple[int, ...]  # steps of each part: the parts follow each other
    names: tuple[str, ...]  # of all words, in their order
    words: Mapping[str, Word]  # the scalar words, as predicted, but for long ones with the value of the start
    values: Mapping[str, Any]  # changing arrays and containers that some superstep has read
    layouts: Mapping[str, Layout]  # of changing arrays that none has read
    changing: frozenset[str]  # arrays and containers that no longer have the contents of the start


class Replica:
    """The program with values of its own.

    A constant is copied from the program's initial state when it is first used. The contents of a changing array that
    no superstep has read so far are not sent. Where the superstep reads it after all, what it read will not agree on
    arrival: that costs a hit and never exactness.
    """

    def __init__(self, program: Program, watch: Watch) -> None:
        self._program, self.watch = program, watch
        self._contents = Contents(program.state)
        self._values: dict[str, Any] = {}  # constants, and arrays of the right layout for those that were not sent

    def run(self, task: Task) -> Iterator[Transition]:
        """Run the task's parts; yield what each of them read and wrote. Raises what the step raises."""
        contents, start = self._contents, task.start
        contents.constant = set(contents.pristine) - task.changing
        base = _Base(task.names, lambda name: self._value(name, task))
        for steps in task.lengths:
            try:
                superstep, transition = run_tracked(
                    self._program, base, contents, contents.constant.__contains__, self.watch, start, steps
                )
            except BaseException:
                self.forget()
                raise
            effect: Effect = transition.effect
            superstep.close()
            changed = effect.apply(base, elements=False) | superstep.violated
            for name in changed - task.layouts.keys():
                self._values.pop(name, None)
            contents.changed(changed)
            yield transition
            start += transition.steps
            if effect.ended:
                break

    def forget(self) -> None:
        """Drop all values: an interrupted superstep may have left anything in them."""
        self._values.clear()
        self._contents.discarded.clear()

    def _value(self, name: str, task: Task) -> Any:
        if name in task.words:
            return task.words[name]
        if name in task.values:
            return task.values[name]
        layout = task.layouts.get(name)
        if layout is not None:
            if not layout.fits(self._values.get(name)):
                self._values[name] = layout.empty()
        elif name in self._contents.long:
            return self._contents.long[name]
        elif name not in self._values:
            self._values[name] = duplicate(self._contents.pristine[name])
        return self._values[name]


class _Base(MutableMapping[str, Any]):
    """The words of a task; arrays and containers are made when they are first asked for."""

    def __init__(self, names: tuple[str, ...], make: Callable[[str], Any]) -> None:
        self._names, self._make = dict.fromkeys(names), make
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._names[name] = None
        self._made[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        self._made.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
