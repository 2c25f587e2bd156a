"""The toy computation: a walk by a Python step function over words and arrays."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import cloudpickle
import numpy as np

from asc.errors import AscError, StepError
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition
from asc.words import Word, bits, canonical, combine, same
from asc_toy.program import Program
from asc_toy.state import Array, PlainState, is_word, plain_state, split, with_arrays
from asc_toy.tracking import ArrayStore, Effect, apply_effect, require_words, run_tracked
from asc_toy.worker import Parcel, run_task

_SMALL = 64 * 1024  # bytes of a pickled program that may travel with every task
_WORD_BYTES = 64  # roughly what a word takes in a dictionary


class Frame(NamedTuple):
    """A full snapshot's state."""

    words: dict[str, Word]
    arrays: dict[str, Array]
    written: frozenset[str]  # arrays whose contents may not be the program's initial ones


class ToyComputation:
    """Exact: every leap is confirmed by what was really read, so the end is bit-identical to the plain run.

    The main thread runs the step function on a plain state; tracking happens in workers, and here only for supersteps
    that are to be remembered.
    """

    exact = True
    provides = frozenset({"words"})

    def __init__(self, program: Program, round_trip_s: float = 4e-5, *, plain: bool = False) -> None:
        self.program = program
        self._round_trip_s = round_trip_s
        words, arrays = split(program.state)
        self._store = ArrayStore(arrays)
        for name in arrays if plain else ():
            self._store.mark_written(name)  # nothing in between
        self._state: PlainState = with_arrays(PlainState, arrays)(words, self._store.handles)
        self._words: dict[str, Any] = self._state.__dict__
        self._position = 0
        self._step_s = 0.0  # recent seconds a step
        self._read_arrays: set[str] = set()  # arrays that some superstep has both found written and read
        self._read_words: set[str] = set()
        self._digests: dict[str, str] = {}  # of the arrays; those that nothing has written are not taken again
        self.remarks: list[str] = []
        self._parcel: Parcel | None = None

    def position(self) -> int:
        """Steps executed or leapt over so far."""
        return self._position

    def total(self) -> int:
        """The program's number of steps."""
        return self.program.steps

    def finished(self) -> bool:
        """Whether all steps are done."""
        return self._position >= self.program.steps

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Run the step function up to `max_steps` times; with `record`, tracked, and say what was read and written."""
        steps = min(max_steps, self.program.steps - self._position)
        if record:
            return Advanced(steps, learnt=self._advance_tracked(steps))
        self._advance_plain(steps)
        return Advanced(steps)

    def observe(self) -> Snapshot:
        """Take the words; predictors see nothing else."""
        return Snapshot(self._position, 0, dict(self._words), _WORD_BYTES * len(self._words))

    def snapshot(self) -> Snapshot:
        """Take words and arrays."""
        arrays = {name: array.copy() for name, array in self._store.buffers.items()}
        nbytes = _WORD_BYTES * len(self._words) + sum(array.nbytes for array in arrays.values())
        return Snapshot(self._position, 0, Frame(dict(self._words), arrays, frozenset(self._store.written)), nbytes)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a full snapshot."""
        frame: Frame = snapshot.state
        self._words.clear()
        self._words.update(frame.words)
        for name in frame.written:
            self._store.mark_written(name)
        for name in self._store.written:  # the others are as they were
            self._store.buffers[name][...] = frame.arrays[name]
        self._position = snapshot.position

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Give the words of each snapshot."""
        if need != "words":
            raise AscError(f"The toy backend provides 'words', not {need!r}.")
        return [snapshot.state for snapshot in snapshots]

    def gram(self, snapshots: Sequence[Snapshot]) -> Array:
        """Inner products of differences of the numeric words to the newest snapshot."""
        rows = [
            [float(value) for value in snapshot.state.values() if type(value) in (int, float)] for snapshot in snapshots
        ]
        differences = np.array(rows[:-1], float) - np.array(rows[-1], float)
        return np.asarray(differences @ differences.T)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make words of a prediction; a word that it does not settle keeps its newest value."""
        newest = history[-1]
        words: dict[str, Word] = dict(newest.state)
        if isinstance(prediction, Combination):
            past = prediction.of(history)
            for name, value in words.items():
                values = [snapshot.state.get(name, value) for snapshot in past]
                if any(other is not value for other in values):
                    guess = combine(prediction.coefficients, values)
                    words[name] = value if guess is None else guess
        else:
            known = {name: value for name, value in prediction.state.items() if name in words}
            if not all(is_word(value) for value in known.values()):
                return None
            words.update(known)
        return Candidate(newest.position, plan.horizon, words, _WORD_BYTES * len(words), plan.predictor)

    def task(self, candidate: Candidate, steps: int, seconds: float | None) -> Callable[[], Transition | None]:
        """Return a picklable call that runs `steps` from the candidate in a worker."""
        key, pickle = self.parcel()
        patch = {name: self._store.buffers[name].copy() for name in self._read_arrays}
        parcel = Parcel(key, pickle if len(pickle) <= _SMALL else None)
        start = candidate.start + candidate.horizon
        written = frozenset(self._store.written)
        return partial(
            run_task, parcel, start, steps, words=candidate.state, patch=patch, written=written, seconds=seconds
        )

    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate has the present bits of every word that a superstep was found to read."""
        guessed: Mapping[str, Word] = candidate.state
        return all(
            name in guessed and same(guessed[name], value)
            for name, value in self._words.items()
            if name in self._read_words
        )

    def parcel(self) -> tuple[str, bytes]:
        """Return the program as workers get it: SHA-256 and pickle of step function and arrays as they were."""
        if self._parcel is None or self._parcel.pickle is None:
            _, arrays = split(self.program.state)
            pickle = cloudpickle.dumps((self.program.step, arrays))
            self._parcel = Parcel(hashlib.sha256(pickle).hexdigest(), pickle)
        return self._parcel.key, self._parcel.pickle or b""

    def agrees(self, transition: Transition) -> bool:
        """Whether everything that the transition read has the same bits now, and there is room for its steps."""
        words, effect = self._words, transition.effect
        self._read_words.update(transition.causal)
        for name, value in transition.causal.items():
            present = words.get(name)  # None: there is none, as `causal` has it
            if present is not value and (present is None or bits(present) != value):
                return False
        return self._position + transition.steps <= self.program.steps and self._arrays_agree(effect)

    def apply(self, transition: Transition) -> None:
        """Leap: write what the superstep wrote, add what it accumulated."""
        apply_effect(transition.effect, self._words, self._store)
        self._position += transition.steps

    def key(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        """Return the named words' bits."""
        words = self._words
        return tuple(bits(words[name]) if name in words else None for name in names)

    def cost(self, work: str) -> float:
        """Price in plain steps of a task there and back; an exact backend's other work is timed by the ledger."""
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
        """Take a checkpoint's state; every array whose contents differ counts as written.

        Raises AscError where the checkpoint is not of this program.
        """
        buffers = self._store.buffers
        shapes, found = ({n: (a.dtype, a.shape) for n, a in there.items()} for there in (buffers, arrays))
        if shapes != found or not 0 <= position <= self.program.steps or any(name in buffers for name in words):
            raise AscError(
                f"The checkpoint is of another program than {self.program.name!r} with {self.program.steps} steps. "
                "Start the run anew, without --resume."
            )
        written = {name for name, array in arrays.items() if array.tobytes() != buffers[name].tobytes()}
        self.restore(Snapshot(position, 0, Frame(dict(words), dict(arrays), frozenset(written)), 0))

    def _advance_plain(self, steps: int) -> None:
        step, state, done = self.program.step, self._state, 0
        began = time.perf_counter()
        try:
            for done in range(steps):  # noqa: B007 -- read where the step raises
                step(state)
            require_words(self._words)
        except Exception as error:
            for name in [name for name, value in self._words.items() if not is_word(value)]:
                del self._words[name]  # it can be neither shown nor saved
            raise StepError(
                f"The step function of {self.program.name!r} raised {type(error).__name__} at position "
                f"{self._position + done} of {self.program.steps}: {error}{_hint(error)}"
            ) from error
        self._position += steps
        self._price(steps, time.perf_counter() - began)

    def _advance_tracked(self, steps: int) -> Transition | None:
        try:
            learnt = run_tracked(self.program.step, self._words, self._store, self._position, steps, keep=True)
        except Exception as error:  # noqa: BLE001 -- taken again plainly, it raises the same with its position
            self._advance_plain(steps)
            if not self.remarks:
                self.remarks.append(
                    f"The step function runs plainly but not tracked, so nothing it does can be leapt over: {error}. "
                    "Write to arrays by item assignment or in place, not by numpy functions that write, such as out=."
                )
            return None
        effect: Effect = learnt.effect
        apply_effect(effect, self._words, self._store)
        self._read_arrays.update(effect.reads)
        self._read_words.update(learnt.causal)
        self._position += steps
        return learnt

    def _arrays_agree(self, effect: Effect) -> bool:
        store = self._store
        self._read_arrays.update(effect.reads)
        same_cells = store.written.isdisjoint(effect.stamps) and all(
            cells.agree(store.buffers[name].reshape(-1)) for name, cells in effect.reads.items()
        )
        return same_cells and effect.fits(self._words, store.buffers)

    def _price(self, steps: int, seconds: float) -> None:
        if steps:
            self._step_s = seconds / steps if not self._step_s else 0.9 * self._step_s + 0.1 * seconds / steps


def _hint(error: Exception) -> str:
    if isinstance(error, ValueError) and "read-only" in str(error):
        return ". Write into an array of the state by state.a[...] = value or state.a += value, or write into a copy."
    return ""


def combined_digest(position: int, words: Mapping[str, Word], arrays: Mapping[str, str]) -> str:
    """SHA-256 over position, words, and the arrays' own digests, by name; hexadecimal."""
    sha = hashlib.sha256(f"position:{position}\n".encode())
    for name in sorted([*words, *arrays]):
        data = canonical(words[name]) if name in words else arrays[name].encode()
        sha.update(f"{name} {len(data)}\n".encode() + data)
    return sha.hexdigest()


def digest(position: int, words: Mapping[str, Word], arrays: Mapping[str, Array]) -> str:
    """SHA-256 over position, words and arrays."""
    return combined_digest(position, words, {name: array_digest(array) for name, array in arrays.items()})


def array_digest(array: Array) -> str:
    """SHA-256 over dtype, shape and elements in little-endian bytes; hexadecimal."""
    little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    sha = hashlib.sha256(f"{little.dtype.str} {little.shape}\n".encode())
    sha.update(little.reshape(-1).view(np.uint8).data if little.size else b"")
    return sha.hexdigest()


def run_plain(program: Program) -> tuple[dict[str, Any], str]:
    """Run a program on an untracked state in one loop; return its final state and digest."""
    words, arrays = split(program.state)
    state, step = plain_state(words, arrays), program.step
    for _ in range(program.steps):
        step(state)
    return {**state.__dict__, **arrays}, digest(program.steps, state.__dict__, arrays)
