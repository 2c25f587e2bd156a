"""The toy computation: a Python step function over state words and arrays."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from asc.computation import Executable
from asc.errors import AscError, StepError
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition
from asc.words import Word, bits, canonical, combine, same
from asc_toy.program import Program
from asc_toy.state import Array, PlainState, is_word, plain_state, split, with_arrays
from asc_toy.tracking.tracked import ArrayStore, Effect, apply_effect, require_words, run_tracked
from asc_toy.workers.worker import Parcel, run_task

_WORD_BYTES = 64  # approximate bytes of a word in a dictionary


class SavedState(NamedTuple):
    """The state in a full snapshot."""

    words: dict[str, Word]
    arrays: dict[str, Array]
    written: frozenset[str]  # arrays whose contents may differ from the program's initial ones


class ToyComputation(Executable):
    """A program, executed exactly: a leap applies where everything that its steps read has the same bits.

    The main thread runs the step function on an untracked state at full speed. Workers track what it reads and writes,
    and the main thread tracks only supersteps that are recorded for the cache.
    """

    provides = frozenset({"words"})

    def __init__(self, program: Program, round_trip_s: float = 4e-5, *, plain: bool = False) -> None:
        self.program = program
        self._round_trip_s = round_trip_s
        words, arrays = split(program.state)
        self._store = ArrayStore(arrays)
        for name in arrays if plain else ():
            self._store.mark_written(name)  # so that nothing guards it
        self._state: PlainState = with_arrays(PlainState, arrays)(words, self._store.handles)
        self._words: dict[str, Any] = self._state.__dict__
        self._position = 0
        self._step_s = 0.0  # recent seconds a step
        self._read_arrays: set[str] = set()  # arrays that some superstep has read after they had been written
        self._read_words: set[str] = set()  # words that some superstep has read
        self._digests: dict[str, str] = {}  # of the arrays; computed once for an array that nothing has written
        self.remarks: list[str] = []

    def position(self) -> int:
        """Steps executed or leapt over so far."""
        return self._position

    def total(self) -> int:
        """The number of steps of the program."""
        return self.program.steps

    def finished(self) -> bool:
        """Whether all steps are done."""
        return self._position >= self.program.steps

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Run the step function up to `max_steps` times; with `record`, track it and return the transition."""
        steps = min(max_steps, self.program.steps - self._position)
        if record:
            return Advanced(steps, recorded=self._advance_tracked(steps))
        self._advance_plain(steps)
        return Advanced(steps)

    def observe(self) -> Snapshot:
        """Take the words, which are all that predictors see."""
        return Snapshot(self._position, 0, dict(self._words), _WORD_BYTES * len(self._words))

    def snapshot(self) -> Snapshot:
        """Take words and arrays."""
        arrays = {name: array.copy() for name, array in self._store.buffers.items()}
        nbytes = _WORD_BYTES * len(self._words) + sum(array.nbytes for array in arrays.values())
        state = SavedState(dict(self._words), arrays, frozenset(self._store.written))
        return Snapshot(self._position, 0, state, nbytes)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a full snapshot."""
        saved: SavedState = snapshot.state
        self._words.clear()
        self._words.update(saved.words)
        for name in saved.written:
            self._store.mark_written(name)
        for name in self._store.written:  # the contents of all other arrays have never changed
            self._store.buffers[name][...] = saved.arrays[name]
        self._position = snapshot.position

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Return the words of each snapshot."""
        if need != "words":
            raise AscError(f'The toy backend provides "words", and was asked for "{need}".')
        return [snapshot.state for snapshot in snapshots]

    def gram(self, snapshots: Sequence[Snapshot]) -> Array:
        """Inner products of the differences of the numeric words to the newest snapshot."""
        rows = [
            [float(value) for value in snapshot.state.values() if type(value) in (int, float)] for snapshot in snapshots
        ]
        differences = np.array(rows[:-1], float) - np.array(rows[-1], float)
        return np.asarray(differences @ differences.T)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make words from a prediction; a word that it does not determine keeps its newest value."""
        newest = history[-1]
        words: dict[str, Word] = dict(newest.state)
        if isinstance(prediction, Combination):
            past = prediction.of(history)
            for name, value in words.items():
                values = [snapshot.state.get(name, value) for snapshot in past]
                if any(other is not value for other in values):
                    combined = combine(prediction.coefficients, values)
                    words[name] = value if combined is None else combined
        else:
            predicted = {name: value for name, value in prediction.state.items() if name in words}
            if not all(is_word(value) for value in predicted.values()):
                return None
            words.update(predicted)
        return Candidate(newest.position, plan.horizon, words, _WORD_BYTES * len(words), plan.predictor)

    def task(self, candidate: Candidate, steps: int, seconds: float | None) -> Callable[[], Transition | None]:
        """Return a picklable call that runs `steps` from the candidate in a worker."""
        return partial(
            run_task,
            self.parcel.for_task(),
            candidate.start + candidate.horizon,
            steps,
            words=candidate.state,
            patch={name: self._store.buffers[name].copy() for name in self._read_arrays},
            written=frozenset(self._store.written),
            seconds=seconds,
        )

    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate has the present bits of every word that some superstep has read."""
        predicted: Mapping[str, Word] = candidate.state
        return all(
            name in predicted and same(predicted[name], value)
            for name, value in self._words.items()
            if name in self._read_words
        )

    @cached_property
    def parcel(self) -> Parcel:
        """The program as workers get it, with its initial arrays."""
        return Parcel.of(self.program.step, split(self.program.state)[1])

    def agrees(self, transition: Transition) -> bool:
        """Whether all that the transition read has the same bits now, and it ends within the run."""
        words, effect = self._words, transition.effect
        self._read_words.update(transition.causal)
        for name, value in transition.causal.items():
            present = words.get(name)  # None where there is no such word, as in `causal`
            if present is not value and (present is None or bits(present) != value):
                return False
        return self._position + transition.steps <= self.program.steps and self._arrays_agree(effect)

    def apply(self, transition: Transition) -> None:
        """Leap: write what the steps wrote, and add what they accumulated."""
        apply_effect(transition.effect, self._words, self._store)
        self._position += transition.steps

    def key(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        """Return the bits of the named words."""
        words = self._words
        return tuple(bits(words[name]) if name in words else None for name in names)

    def price(self, work: str) -> float:
        """Return the price in plain steps of one task there and back; the ledger times all other work."""
        return self._round_trip_s / self._step_s if work == "dispatch" and self._step_s else 0.0

    def digest(self) -> str:
        """SHA-256 of position, words and arrays in canonical bytes."""
        for name, buffer in self._store.buffers.items():
            if name in self._store.written or name not in self._digests:
                self._digests[name] = array_digest(buffer)
        return combined_digest(self._position, self._words, self._digests)

    def result(self) -> dict[str, Any]:
        """Return words, and copies of the arrays, by name."""
        return {**self._words, **{name: array.copy() for name, array in self._store.buffers.items()}}

    def words(self) -> Mapping[str, Word]:
        """Return the present words."""
        return self._words

    def load(self, position: int, words: Mapping[str, Word], arrays: Mapping[str, Array]) -> None:
        """Go to a checkpoint's state; an array with other contents than now counts as written.

        Raises AscError where the checkpoint belongs to another program.
        """
        buffers = self._store.buffers
        own, given = ({n: (a.dtype, a.shape) for n, a in held.items()} for held in (buffers, arrays))
        if own != given or not 0 <= position <= self.program.steps or any(name in buffers for name in words):
            raise AscError(
                f"The checkpoint belongs to another program than {self.program.name!r} with {self.program.steps} "
                "steps. Start the run anew, without --resume."
            )
        written = {name for name, array in arrays.items() if array.tobytes() != buffers[name].tobytes()}
        self.restore(Snapshot(position, 0, SavedState(dict(words), dict(arrays), frozenset(written)), 0))

    def _advance_plain(self, steps: int) -> None:
        step, state, done = self.program.step, self._state, 0
        began = time.perf_counter()
        try:
            for done in range(steps):  # noqa: B007 -- the error message reads it
                step(state)
            require_words(self._words)
        except Exception as error:
            for name in [name for name, value in self._words.items() if not is_word(value)]:
                del self._words[name]  # such a value can be neither shown nor saved
            raise StepError(
                f"The step function of {self.program.name!r} raised {type(error).__name__} at position "
                f"{self._position + done} of {self.program.steps}: {error}{_hint(error)}"
            ) from error
        self._position += steps
        self._note_pace(steps, time.perf_counter() - began)

    def _advance_tracked(self, steps: int) -> Transition | None:
        try:
            found = run_tracked(self.program.step, self._words, self._store, self._position, steps, keep=True)
        except Exception as error:  # noqa: BLE001 -- where the step itself is at fault, the plain steps raise as well
            self._advance_plain(steps)
            if not self.remarks:
                self.remarks.append(
                    f"The step function runs, but it cannot be tracked, so none of its steps can be skipped: {error}. "
                    "Write to arrays by item assignment or in place, not by numpy functions that write, such as out=."
                )
            return None
        effect: Effect = found.effect
        apply_effect(effect, self._words, self._store)
        self._read_arrays.update(effect.reads)
        self._read_words.update(found.causal)
        self._position += steps
        return found

    def _arrays_agree(self, effect: Effect) -> bool:
        store = self._store
        self._read_arrays.update(effect.reads)
        agree = store.written.isdisjoint(effect.unwritten) and all(
            elements.agree(store.buffers[name].reshape(-1)) for name, elements in effect.reads.items()
        )
        return agree and effect.fits(self._words, store.buffers)

    def _note_pace(self, steps: int, seconds: float) -> None:
        if steps:
            self._step_s = seconds / steps if not self._step_s else 0.9 * self._step_s + 0.1 * seconds / steps


def _hint(error: Exception) -> str:
    if isinstance(error, ValueError) and "read-only" in str(error):
        return ". Write into an array of the state by state.a[...] = value or state.a += value, or write into a copy."
    return ""


def combined_digest(position: int, words: Mapping[str, Word], arrays: Mapping[str, str]) -> str:
    """SHA-256 of position, words and the digests of the arrays, by name; hexadecimal."""
    sha = hashlib.sha256(f"position:{position}\n".encode())
    for name in sorted([*words, *arrays]):
        data = canonical(words[name]) if name in words else arrays[name].encode()
        sha.update(f"{name} {len(data)}\n".encode() + data)
    return sha.hexdigest()


def state_digest(position: int, words: Mapping[str, Word], arrays: Mapping[str, Array]) -> str:
    """SHA-256 of position, words and arrays; hexadecimal."""
    return combined_digest(position, words, {name: array_digest(array) for name, array in arrays.items()})


def array_digest(array: Array) -> str:
    """SHA-256 of dtype, shape and elements in little-endian bytes; hexadecimal."""
    little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    sha = hashlib.sha256(f"{little.dtype.str} {little.shape}\n".encode())
    sha.update(little.reshape(-1).view(np.uint8).data if little.size else b"")
    return sha.hexdigest()


def run_plain(program: Program) -> tuple[dict[str, Any], str]:
    """Run a program in one loop, as a user without asc would; return its final state and digest."""
    words, arrays = split(program.state)
    state, step = plain_state(words, arrays), program.step
    for _ in range(program.steps):
        step(state)
    return {**state.__dict__, **arrays}, state_digest(program.steps, state.__dict__, arrays)
