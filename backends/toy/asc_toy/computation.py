"""The toy computation: a Python step function over the words of a state."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from asc.computation import Executable
from asc.errors import AscError, NonDeterministicStepError, StepError
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition
from asc.words import Word, bits, combine, same
from asc_toy.ambient import ImpureError, Watch, isolated, observed
from asc_toy.content import SharedError, content, duplicate, leaves, overlaps, same_array, with_leaves
from asc_toy.digest import state_digest
from asc_toy.program import Program, Step, require_nothing
from asc_toy.running import RunningState
from asc_toy.state import Array, State, check, copied
from asc_toy.tracking.apart import Apart
from asc_toy.tracking.borrowed import borrowed
from asc_toy.tracking.contents import Contents
from asc_toy.tracking.effect import Effect, Layout, is_scalar, weight
from asc_toy.tracking.memory import flat, is_by_element
from asc_toy.tracking.outside import outside
from asc_toy.tracking.replica import Task
from asc_toy.tracking.superstep import run_tracked
from asc_toy.workers.worker import Parcel, run_task

_WORD_BYTES = 64  # approximate bytes of a word in a dictionary
_SECONDS_A_BYTE = {"dispatch": (1e-9, 1e-8), "start": (1e-9, 1e-9), "track": (2e-9, 3e-8)}
"""Of arrays, and of containers: to copy them, and for a recording, to look for what is read and written as well."""
_ATTEMPTS = 3  # supersteps in a row that could not be recorded, before the main thread records no more
_COPY_EVERY = 500  # a state is copied at most once in so many times as long as that takes
_KEPT_BYTES = 2**16  # a state up to this size is copied before each stretch, for the error of a step that raises
_AS_IT_IS = "Without speculation, it runs as it is: --no-speculation, or a plain loop."


class SavedState(NamedTuple):
    """The state in a full snapshot: copies of the words, but for constants, which are taken from the program."""

    words: dict[str, Any]
    constants: frozenset[str]
    ended: bool | None  # None: the condition was not asked yet


class ToyComputation(Executable):
    """A program, executed exactly: a leap applies where everything that its steps read has the same bits.

    The main thread runs the step function on a plain object. Workers track what it reads and writes, and the main
    thread tracks only supersteps that are recorded for the cache.
    """

    provides = frozenset({"words"})

    def __init__(self, program: Program, round_trip_s: float = 4e-5) -> None:
        check(program.state)
        self.program, self._step = program, program.paced
        self._round_trip_s = round_trip_s
        self._running = RunningState(copied(program.state))
        self._contents = Contents(program.state)
        self._position = 0
        self._ended: bool | None = None  # whether the program's own condition holds; None: not asked yet
        self._step_s = 0.0  # recent seconds a step
        self._read: set[str] = set()  # words that some superstep has read
        self._unrecordable = 0  # supersteps in a row that could not be recorded
        self._borrowed: dict[str, str] = {}  # words whose given values the code finds beside the state too, and where
        self._is_small = weight(self._words) <= _KEPT_BYTES
        self._kept: Snapshot | None = None  # a copy of a state before the present one
        self._kept_at, self._copy_s = -math.inf, 0.0  # when it was made, and the seconds that it took
        self.hindrance = ""
        self.remarks: list[str] = []
        # What is known about the present state; plain steps may change anything.
        self._fresh: set[str] = set()  # constants that have just been compared
        self._digests: dict[str, bytes] = {}  # of containers
        self._apart = Apart(self._contents)
        self._same_surroundings = False

    @property
    def _state(self) -> State:
        return self._running.state

    @property
    def _words(self) -> dict[str, Any]:
        return self._state.__dict__  # which a step may replace

    def position(self) -> int:
        """Steps executed or leapt over so far."""
        return self._position

    def total(self) -> int | None:
        """The number of steps of the program; None where only its own condition ends it."""
        return self.program.steps

    def finished(self) -> bool:
        """Whether all steps are done, or the program's own condition holds."""
        if self._ended is None:
            try:
                self._ended = self.program.until is not None and bool(self.program.until(self._state))
            except Exception as error:
                raise self._step_error("condition", error, self._position, self.result()) from error
        return self._ended or self._position == self.program.steps

    def begin(self) -> None:
        """Take the first step under observation. Raises NonDeterministicStepError where it is no function of the state.

        A run that is resumed begins at its checkpoint.
        """
        self.hindrance = self._surroundings.hindrance
        self._borrowed = borrowed(self.program.state, outside(self._surroundings))
        if self.finished():
            return
        found: list[str] = []

        def step(state: State) -> None:
            found.append(observed(lambda: require_nothing(self._step(state), self.program.step), self._surroundings))

        self._advance_plain(1, step)
        if found[0]:
            raise self._impure(found[0])
        self._require_same_surroundings()
        self._require_own()

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Run the step function up to `max_steps` times; with `record`, track it and return the transition."""
        steps = max_steps if self.program.steps is None else min(max_steps, self.program.steps - self._position)
        if self.finished():
            return Advanced(0)
        before = self._position
        recorded = self._advance_tracked(steps) if record and not self.hindrance else None
        if recorded is None:
            self._advance_plain(steps)
        self._require_own()
        return Advanced(self._position - before, recorded=recorded)

    def observe(self) -> Snapshot:
        """Take the words, which are all that predictors see."""
        words = self._predictable()
        return Snapshot(self._position, 0, words, _WORD_BYTES * len(words))

    def snapshot(self) -> Snapshot:
        """Take all words."""
        constants = frozenset(name for name in self._words if self._is_constant(name))
        memo = {id(self._words[name]): self.program.state[name] for name in constants}
        words = {name: None if name in constants else duplicate(value, memo) for name, value in self._words.items()}
        return Snapshot(self._position, 0, SavedState(words, constants, self._ended), weight(words))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a full snapshot."""
        saved: SavedState = snapshot.state
        pristine = self.program.state
        memo = {id(pristine[name]): self._words[name] for name in saved.constants if self._is_constant(name)}
        words = {
            name: duplicate(pristine[name] if name in saved.constants else value, memo)
            for name, value in saved.words.items()
        }
        self._words.clear()
        self._words.update(words)
        self._position, self._ended = snapshot.position, saved.ended
        self._forget_present()

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
            if not all(is_scalar(value) for value in predicted.values()):
                return None
            words.update(predicted)
        if not self._can_be_sent():
            return None
        nbytes = _WORD_BYTES * len(words) + self.nbytes("dispatch")
        return Candidate(newest.position, plan.horizon, words, nbytes, plan.predictor)

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Return a picklable call that runs on from the candidate in a worker, in parts of so many steps."""
        words: dict[str, Word] = {}
        values: dict[str, Any] = {}
        layouts: dict[str, Layout] = {}
        predicted: Mapping[str, Word] = candidate.state
        for name, value in self._words.items():
            if is_scalar(value):
                word = predicted.get(name, value)
                if not self._contents.is_given(name, word):  # each worker has it
                    words[name] = word
            elif not self._is_sent(name):  # each worker has it, or what will do
                if is_by_element(value) and name not in self._contents.constant:
                    layouts[name] = Layout.of(value)
            elif is_by_element(value):
                values[name] = value.copy(order="K")
            else:
                changes = {path: predicted[name + path] for path in leaves(value) or () if name + path in predicted}
                values[name] = with_leaves(value, changes) if changes else duplicate(value)
        task = Task(
            candidate.start + candidate.horizon,
            tuple(lengths),
            tuple(self._words),
            words,
            values,
            layouts,
            frozenset(self._contents.pristine) - self._contents.constant,
        )
        return partial(run_task, self.parcel.key, task, seconds)

    @cached_property
    def _surroundings(self) -> Watch:
        """What the program can read or change beside its state, as it is when this is first asked for."""
        program = self.program
        functions = [program.step] if program.until is None else [program.step, program.until]
        return Watch(functions, self._words.values())

    @cached_property
    def parcel(self) -> Parcel:
        """The program as its workers get it."""
        return Parcel(self.program, self._surroundings)

    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate has the present bits of every word that some superstep has read."""
        predicted: Mapping[str, Word] = candidate.state
        return all(
            name in predicted and same(predicted[name], value)
            for name, value in self._words.items()
            if name in self._read and is_scalar(value)
        )

    def agrees(self, transition: Transition) -> bool:
        """Whether all that the transition read has the same bits now, and it ends within the run."""
        return not self.disagreement(transition)

    def disagreement(self, transition: Transition) -> str:
        """Return the name of what the transition read and is different now; empty where it agrees."""
        return next(self._differences(transition), "")

    def apply(self, transition: Transition) -> None:
        """Leap: write what the steps wrote, and add what they accumulated."""
        effect: Effect = transition.effect
        self._changed(effect.apply(self._words))
        self._position += transition.steps
        self._ended = effect.ended
        self._require_own()

    def key(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        """Return the bits of the named words."""
        return tuple(self._bits(name) for name in names)

    def price(self, work: str) -> float:
        """Return the price in plain steps of what must be known before it can be timed.

        That is one task there and back, the start of workers, and a recording.
        """
        if not self._step_s or work not in _SECONDS_A_BYTE:
            return 0.0
        pairs = zip(self._handled(work), _SECONDS_A_BYTE[work], strict=True)
        seconds = sum(nbytes * each for nbytes, each in pairs) + (self._round_trip_s if work == "dispatch" else 0.0)
        return seconds / self._step_s

    def nbytes(self, work: str) -> int:
        """Return the bytes that are copied for one task ("dispatch"), or bit by bit once workers start ("start")."""
        return sum(self._handled(work))

    def digest(self) -> str:
        """SHA-256 of position and words in canonical bytes."""
        return state_digest(self._position, self._words)

    def is_end_of(self, leap: Transition, before: Snapshot) -> bool:
        """Whether the leap leads from a full snapshot to the present state; it is taken on the snapshot's words."""
        effect: Effect = leap.effect
        saved: SavedState = before.state
        pristine, written = self.program.state, {*effect.elements, *effect.element_increments}
        words = {
            name: value if name not in saved.constants else duplicate(first) if name in written else first
            for name, value in saved.words.items()
            for first in [pristine.get(name)]
        }
        effect.apply(words)
        return (
            effect.ended == bool(self._ended)
            and tuple(words) == tuple(self._words)
            and all(self._has_bits(name, value) for name, value in words.items())
        )

    def result(self) -> dict[str, Any]:
        """Return the state's own values, by name."""
        return dict(self._words)

    def words(self) -> Mapping[str, Any]:
        """Return the present words."""
        return self._words

    def load(self, position: int, words: Mapping[str, Any]) -> None:
        """Go to a checkpoint's state. Raises AscError where the checkpoint belongs to another program."""
        if position < 0 or (self.program.steps is not None and position > self.program.steps):
            raise AscError(
                f"The checkpoint belongs to another program than {self.program.name!r} with {self.program.steps} "
                "steps. Start the run anew, without --resume."
            )
        self._words.clear()
        self._words.update(words)
        self._position, self._ended = position, None
        self._kept, self._kept_at = None, -math.inf
        self._forget_present()

    def _advance_plain(self, steps: int, step: Step | None = None) -> None:
        until, done, ended = self.program.until, 0, False
        step = step or self._step
        self._keep()
        self._forget_present()
        began = time.perf_counter()
        try:
            try:
                state = self._running.start(steps * self._step_s or math.inf)
                if not self._position and steps:
                    require_nothing(step(state), self.program.step)
                    done, ended = 1, until is not None and bool(until(state))
                if until is None:
                    for done in range(done, steps):  # noqa: B007, B020 -- the error message reads it
                        step(state)
                    done = steps
                else:
                    while done < steps and not ended:
                        step(state)
                        done += 1
                        ended = bool(until(state))
            finally:
                self._running.stop()
        except Exception as error:
            position = self._position = self._position + done
            if isinstance(error, AscError):
                raise
            raise self._step_error("step function", error, position, self._state_before(position)) from error
        self._position += done
        self._ended = ended
        if step is self._step:  # observation takes time
            self._note_pace(done, time.perf_counter() - began)

    def _advance_tracked(self, steps: int) -> Transition | None:
        """Run `steps` tracked; None where that is not possible, and the state is as before."""
        if self._unrecordable >= _ATTEMPTS or not self._can_be_sent():
            return None
        contents = self._contents
        try:
            superstep, transition = run_tracked(
                self.program, self._words, contents, self._is_constant, self._surroundings, self._position, steps
            )
        except BaseException as error:
            for name in contents.discarded:
                self._words[name] = duplicate(contents.pristine[name])
                self._apart.forget()
            contents.discarded.clear()
            if isinstance(error, ImpureError) and error.changed:
                raise self._impure(str(error)) from error
            if not isinstance(error, Exception | ImpureError):
                raise
            # Where the step itself is at fault, the plain steps that follow raise as well.
            self._unrecordable += 1
            if self._unrecordable == _ATTEMPTS:
                self.remarks.append(f"The main thread records no supersteps: {error}")
            return None
        superstep.close()
        effect: Effect = transition.effect
        self._changed(effect.apply(self._words, elements=False) | superstep.violated)
        self._position += transition.steps
        self._ended = effect.ended
        self._read.update(transition.causal, effect.relied_on())
        self._unrecordable = 0
        return transition

    def _differences(self, transition: Transition) -> Iterator[str]:
        """Yield what the transition read that is different now, such as a word's name; only the first is meant."""
        effect: Effect = transition.effect
        self._read.update(transition.causal, effect.relied_on())
        for name, value in transition.causal.items():
            present = self._bits(name)
            if present is not value and present != value:
                yield name
        words, steps = self._words, self.program.steps
        if effect.names is not None and effect.names != tuple(words):
            yield "the names of the words"
        if self.finished() or (steps is not None and self._position + transition.steps > steps):
            yield "the end of the run"
        if not effect.fits(words):
            yield "an array's layout, or its room for a sum"
        for name, elements in effect.reads.items():
            if not elements.agree(flat(words[name])):
                yield name
        for name in effect.constants:
            if not self._is_constant(name):
                yield name
        if not effect.is_intact():
            yield "a value that a worker could not send"
        if not self._can_be_sent():
            yield "words that share a part"
        self._require_same_surroundings()

    def _bits(self, name: str) -> Hashable:
        """Return what `Transition.causal` has for the present value of a word; None where there is no such word."""
        if name not in self._words:
            return None
        value = self._words[name]
        if is_scalar(value):
            return self._contents.bits(name, value)
        if name not in self._digests:
            try:
                self._digests[name] = content(value)
            except TypeError:
                return ("unknown", id(value))
        return ("content", self._digests[name])

    def _has_bits(self, name: str, value: Any) -> bool:
        """Whether a word has the bits of a value."""
        present = self._words[name]
        if is_scalar(value):
            return is_scalar(present) and bits(present) == bits(value)
        if name in self._contents.pristine and value is self._contents.pristine[name]:
            return self._is_constant(name)
        if is_by_element(value):
            return Layout.of(value).fits(present) and same_array(value, present)
        return self._bits(name) == ("content", content(value))

    def _predictable(self) -> dict[str, Word]:
        """Return the scalar words, and the leaves of small containers that change, by name and path."""
        words: dict[str, Word] = {}
        for name, value in self._words.items():
            if is_scalar(value):
                words[name] = value
            elif name not in self._contents.constant and not isinstance(value, np.ndarray):
                words |= {name + path: leaf for path, leaf in (leaves(value) or {}).items()}
        return words

    def _is_sent(self, name: str) -> bool:
        """Whether a task takes an array or a container along."""
        contents = self._contents
        can_be_left = name in contents.pristine or is_by_element(self._words[name])
        return name not in contents.constant and (name in self._read or not can_be_left)

    def _handled(self, work: str) -> tuple[int, int]:
        """Return the bytes of the arrays, and of the containers, that a piece of work has to do with.

        A worker that is a copy of this process shares its memory until one of the two writes to it. Steps write to
        arrays that change, and to all that a container holds, since they count references there.
        """
        arrays = containers = 0
        for name, value in self._words.items():
            if is_scalar(value) or (work == "dispatch" and not self._is_sent(name)):
                continue
            nbytes = self._contents.nbytes(name, value, self._position)
            if not is_by_element(value):
                containers += nbytes
            elif work != "start" or not self._is_constant(name):
                arrays += nbytes
        return arrays, containers

    def _is_constant(self, name: str) -> bool:
        """Whether a word still has the contents that it had at the start; compared once after plain steps."""
        if name in self._fresh:
            return True
        if name in self._contents.constant:
            if self._is_pristine(name):
                self._fresh.add(name)
                return True
            self._contents.changed((name,))
        return False

    def _is_pristine(self, name: str) -> bool:
        if isinstance(self._contents.pristine[name], np.ndarray):
            return name in self._words and self._contents.is_pristine(name, self._words[name])
        return self._bits(name) == ("content", self._contents.digest(name))

    def _can_be_sent(self) -> bool:
        """Whether words can be copied one by one: no two share a part, and none holds what cannot be compared."""
        if not self.hindrance and not self._apart.known:
            try:
                self._digests |= self._apart.require(self._words, outside(self._surroundings), self._state)
                if type(self._state) is not State:
                    self.hindrance = f"The step has changed the class of the state to {type(self._state).__name__}."
            except (SharedError, TypeError) as error:
                self.hindrance = str(error)
        return not self.hindrance

    def _require_same_surroundings(self) -> None:
        """Raise NonDeterministicStepError where what the step reaches beside the state has changed."""
        if not self._same_surroundings:
            if change := self._surroundings.change():
                raise self._impure(change)
            self._same_surroundings = True

    def _require_own(self) -> None:
        """Refuse a change of a word that the code also finds beside the state, where it would not see the change.

        And at the end, refuse what threads that ran steps may have changed for the steps of the main thread.
        """
        parcel: Parcel | None = vars(self).get("parcel")  # made for the workers
        if parcel is not None and parcel.is_used_here and self.finished():
            self._same_surroundings = False
            self._require_same_surroundings()
        for name, place in self._borrowed.items():
            if not self._is_constant(name):
                raise AscError(
                    f"The step changes the state word {name!r}, and also finds its given value as {place}. A run works "
                    "on a copy of the given state, so the change does not show there. Give the state a copy, as in "
                    "copy.deepcopy(value), or let the step find the value in the state alone."
                )

    def _impure(self, what: str) -> NonDeterministicStepError:
        return NonDeterministicStepError(
            f"The step function of {self.program.name!r} is no function of its state. Up to position {self._position}, "
            f"{what.rstrip('.')}. {_AS_IT_IS}"
        )

    def _changed(self, names: set[str]) -> None:
        """Note that these arrays and containers may have other contents now."""
        self._contents.changed(names)
        self._fresh -= names
        for name in names:
            self._digests.pop(name, None)
        if names:
            self._apart.changed(names)

    def _forget_present(self) -> None:
        """Forget what is known about the present state, since anything may have changed."""
        self._fresh.clear()
        self._digests.clear()
        self._apart.forget()
        self._same_surroundings = False

    def _keep(self) -> None:
        """Copy the state now and then, for the error of a step that raises: that takes a small share of the time."""
        now = time.perf_counter()
        if self._is_small and now - self._kept_at >= _COPY_EVERY * self._copy_s:
            self._kept = self._copy()
            self._kept_at = time.perf_counter()
            self._copy_s = self._kept_at - now

    def _copy(self) -> Snapshot | None:
        """Return a snapshot for the error of a step that raises; None, from now on, once the state has grown large.

        None as well where one word is a view of another one's array: copies have memory of their own.
        """
        views = (isinstance(value, np.ndarray) and value.base is not None for value in self._words.values())
        if any(views) and overlaps(self._words):
            return None
        try:
            copy = self.snapshot()
        except TypeError:  # a word holds what cannot be copied
            self._is_small = False
            return None
        self._is_small = copy.nbytes <= _KEPT_BYTES
        return copy

    def _step_error(self, what: str, error: Exception, position: int, state: dict[str, Any] | None) -> StepError:
        return StepError(
            f"The {what} of {self.program.name!r} raised {type(error).__name__} at position "
            f"{position}{self._of_total()}: {error}",
            position=position,
            state=state,
        )

    def _state_before(self, position: int) -> dict[str, Any] | None:
        """Take the steps since the copy again; return the state before the step that raised, None where that fails."""
        kept = self._kept
        if kept is None or kept.position > position:
            return None
        steps = position - kept.position
        self.restore(kept)
        until = self.program.until
        try:
            with isolated(self._surroundings):
                for _ in range(steps):
                    self._step(self._state)
                    if until is not None:
                        until(self._state)
        except (Exception, ImpureError):  # noqa: BLE001 -- the error of the step itself is what matters
            self.restore(kept)
            return None
        self._position += steps
        return self.result()

    def _of_total(self) -> str:
        return "" if self.program.steps is None else f" of {self.program.steps}"

    def _note_pace(self, steps: int, seconds: float) -> None:
        if steps:
            self._step_s = seconds / steps if not self._step_s else 0.9 * self._step_s + 0.1 * seconds / steps
