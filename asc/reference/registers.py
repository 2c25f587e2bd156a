"""A register machine: an executable computation at its smallest, for tests, and to read before writing a backend."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asc.computation import Executable
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition
from asc.words import WORD_TYPES, Word, bits, canonical, combine, weight

Step = Callable[[Mapping[str, Word]], Mapping[str, Word]]
"""A pure function: it reads words and returns those that change; for words that are summed, what to add."""


class Effect(NamedTuple):
    """What a superstep did: the words that it wrote, and what it added to summed words."""

    written: Mapping[str, Word]
    added: Mapping[str, int]

    def results(self, words: Mapping[str, Word]) -> Iterator[tuple[str, Word]]:
        """Yield the words that change, and their values after the superstep."""
        yield from self.written.items()
        for name, value in self.added.items():
            yield name, self.written.get(name, words[name]) + value  # type: ignore[operator]


class Recording(Mapping[str, Word]):
    """State words (named values) as one superstep sees them.

    It keeps what the superstep reads before it writes, and never changes the words beneath.
    """

    def __init__(self, words: Mapping[str, Word], sums: Collection[str]) -> None:
        self._words, self._sums = words, sums
        self.causal: dict[str, Hashable] = {}
        self.written: dict[str, Word] = {}
        self.added: dict[str, int] = {}

    def __getitem__(self, name: str) -> Word:
        if name in self.written:
            return self.written[name]
        value = self._words[name]
        self.causal[name] = bits(value)
        return value + self.added[name] if name in self.added else value  # type: ignore[operator]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def take(self, update: Mapping[str, Word]) -> None:
        """Take over what a step returned."""
        for name, value in update.items():
            if name in self._sums:
                self.added[name] = self.added.get(name, 0) + require_integer(name, value)
            else:
                self.written[name] = value


class Registers(Executable):
    """A machine of named words, advanced by a pure function, that workers can execute.

    Words named in `sums` accumulate: what a step returns for them is added, and a leap adds the sum of its steps. So a
    running total that no step reads does not make a state unpredictable. Such words are integers, whose sums do not
    depend on the order. `dispatch` is the price of a task in plain steps.
    """

    provides = frozenset({"words"})

    def __init__(
        self, step: Step, words: Mapping[str, Word], steps: int, sums: Collection[str] = (), dispatch: float = 1.0
    ) -> None:
        for name in sums:
            require_integer(name, words[name])
        self._step, self._steps, self._sums, self._dispatch = step, steps, frozenset(sums), dispatch
        self._words = dict(words)
        self._read: set[str] = set()  # words that some superstep is known to have read
        self._position = 0

    @property
    def words(self) -> Mapping[str, Word]:
        """The present words."""
        return self._words

    def position(self) -> int:
        """Steps executed or leapt over so far."""
        return self._position

    def total(self) -> int:
        """How many steps there are."""
        return self._steps

    def finished(self) -> bool:
        """Whether all steps are done."""
        return self._position >= self._steps

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Take steps; with `record`, also report what they read and wrote."""
        steps = min(max_steps, self._steps - self._position)
        if record:
            recorded = run_superstep(self._step, self._sums, self._words, self._position, steps=steps)
            self.apply(recorded)
            self._read.update(recorded.causal)
            return Advanced(steps, recorded=recorded)
        for _ in range(steps):
            for name, value in self._step(self._words).items():
                self._set(name, self._words[name] + require_integer(name, value) if name in self._sums else value)  # type: ignore[operator]
            self._position += 1
        return Advanced(steps)

    def observe(self) -> Snapshot:
        """Take the words, which are the whole state."""
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """Take the words."""
        return Snapshot(self._position, 0, dict(self._words), weight(self._words.values()))

    def restore(self, snapshot: Snapshot) -> None:
        """Put the words back."""
        self._position, self._words = snapshot.position, dict(snapshot.state)

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Return the words of each snapshot."""
        if need != "words":
            raise LookupError(f"a register machine provides words, not {need}")
        return [snapshot.state for snapshot in snapshots]

    def gram(self, snapshots: Sequence[Snapshot]) -> NDArray[np.float64]:
        """Inner products over the words that are finite int or float in all snapshots."""
        names = [name for name in sorted(self._words) if all(_finite(snapshot.state[name]) for snapshot in snapshots)]
        rows = np.array([[float(snapshot.state[name]) for name in names] for snapshot in snapshots], dtype=np.float64)
        differences: NDArray[np.float64] = rows[:-1] - rows[-1]
        return np.asarray(differences @ differences.T)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make words of a prediction; a word for which it gives no value keeps its newest one."""
        newest = history[-1]
        words = dict(newest.state)
        if isinstance(prediction, Combination):
            for name, present in newest.state.items():
                value = combine(prediction.coefficients, [snapshot.state[name] for snapshot in prediction.of(history)])
                words[name] = present if value is None else value
        else:
            given = {name: value for name, value in prediction.state.items() if name in words}
            if not all(isinstance(value, WORD_TYPES) for value in given.values()):
                return None
            words.update(given)
        return Candidate(newest.position, plan.horizon, words, newest.nbytes, plan.predictor)

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Return the call that runs on from the candidate, in parts; it pickles where the step does."""
        start = candidate.start + candidate.horizon
        return partial(run_parts, self._step, self._sums, candidate.state, start, lengths=lengths, seconds=seconds)

    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate is right about all words that supersteps have read; before any has, about all words."""
        return all(bits(self._words[name]) == bits(candidate.state[name]) for name in self._read or self._words)

    def agrees(self, transition: Transition) -> bool:
        """Whether all words that were read have the same bits now, and the steps are left."""
        self._read.update(transition.causal)
        fits = self._position + transition.steps <= self._steps
        return fits and all(bits(self._words[name]) == value for name, value in transition.causal.items())

    def disagreement(self, transition: Transition) -> str:
        """Return the first word that was read with other bits than it has now."""
        causal = transition.causal.items()
        return next((name for name, value in causal if bits(self._words[name]) != value), "")

    def apply(self, transition: Transition) -> None:
        """Leap."""
        effect: Effect = transition.effect
        for name, value in list(effect.results(self._words)):
            self._set(name, value)
        self._position += transition.steps

    def key(self, names: tuple[str, ...]) -> tuple[Hashable, ...]:
        """Return the words' bits."""
        return tuple(bits(self._words[name]) for name in names)

    def price(self, work: str) -> float:
        """Return the price of a task; all other work is timed."""
        return self._dispatch if work == "dispatch" else 0.0

    def digest(self) -> str:
        """SHA-256 of position and words."""
        sha = hashlib.sha256(str(self._position).encode())
        for name in sorted(self._words):
            value = canonical(self._words[name])
            sha.update(f"\n{name} {len(value)} ".encode() + value)
        return sha.hexdigest()

    def _set(self, name: str, value: Word) -> None:
        if name not in self._words:
            raise KeyError(f"the step wrote {name}, which the machine did not start with")
        self._words[name] = value


def _finite(value: Word) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def require_integer(name: str, value: Word) -> int:
    """Return the value. Raises TypeError where it is no int, so that sums could depend on their order."""
    if type(value) is not int:
        raise TypeError(f"{name} is summed in any order, so it starts as int and int is added, not {value!r}")
    return value


def run_superstep(
    step: Step,
    sums: Collection[str],
    words: Mapping[str, Word],
    start: int,
    *,
    steps: int,
    deadline: float = math.inf,
) -> Transition:
    """Run `steps` from these words, which stay as they are. Raises TimeoutError at this time of the monotonic clock."""
    recording = Recording(words, sums)
    for _ in range(steps):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{steps} steps did not end in time")
        recording.take(step(recording))
    effect = Effect(recording.written, recording.added)
    held = (*recording.causal.values(), *effect.written.values(), *effect.added.values())
    return Transition(start, steps, effect, weight(held), "", recording.causal)


def run_parts(
    step: Step,
    sums: Collection[str],
    words: Mapping[str, Word],
    start: int,
    *,
    lengths: Sequence[int],
    seconds: float | None = None,
) -> Iterator[Transition]:
    """Run supersteps one after the other, each from where the one before has ended. The words stay as they are.

    Raises TimeoutError after so many seconds in all.
    """
    words, deadline = dict(words), math.inf if seconds is None else time.monotonic() + seconds
    for steps in lengths:
        transition = run_superstep(step, sums, words, start, steps=steps, deadline=deadline)
        yield transition
        words.update(list(transition.effect.results(words)))
        start += steps
