"""The laws of tracked execution, on random programs over words and arrays.

A program is a list of small pieces of a step function. Whatever a piece reads goes into a running checksum, and what
a piece writes is made of that checksum, so a read that tracking misses shows in the end.
"""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Callable, Mapping
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from asc.errors import StepError
from asc.types import Candidate, Transition
from asc.words import bits, canonical
from asc_toy.ambient import Watch
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.state import State, plain_state
from asc_toy.tracking.contents import Contents
from asc_toy.tracking.superstep import run_tracked

STEPS = 12  # of a program; supersteps are shorter

Reader = Callable[[Any, int], object]
Writer = Callable[[Any, int, int], None]


class Bare(NamedTuple):
    """A state outside any computation."""

    words: dict[str, Any]
    arrays: dict[str, np.ndarray]


# u, p and q: int64, 1-D; v: float64, 1-D; m: uint8, 3 x 4; w: int64, 2 x 3; o: bool, 1-D; z: 0-d; e: empty.
READS: dict[str, Reader] = {
    "i": lambda s, k: s.i,
    "j": lambda s, k: s.j,
    "f": lambda s, k: s.f,
    "b": lambda s, k: s.b,
    "y": lambda s, k: s.y,
    "t": lambda s, k: s.t,
    "g": lambda s, k: s.g,
    "hasattr": lambda s, k: hasattr(s, "extra"),
    "getattr": lambda s, k: getattr(s, "extra", "none"),
    "u[k]": lambda s, k: s.u[k % 5],
    "u[-k]": lambda s, k: s.u[-1 - k % 5],
    "u[np.int64]": lambda s, k: s.u[np.int64(k % 5)],
    "u[i]": lambda s, k: s.u[int(s.i) % 5],
    "u[:k]": lambda s, k: s.u[: k % 6],
    "u[::-2]": lambda s, k: s.u[::-2],
    "u[[…]]": lambda s, k: s.u[[k % 5, 0, k % 5]],
    "u[mask]": lambda s, k: s.u[s.u > k],
    "u[o]": lambda s, k: s.u[s.o],
    "u[p]": lambda s, k: s.u[s.p],
    "v[k]": lambda s, k: s.v[k % 4],
    "v[None]": lambda s, k: s.v[None, k % 4 :],
    "m[k]": lambda s, k: s.m[k % 3],
    "m[k,k]": lambda s, k: s.m[k % 3, -1 - k % 4],
    "m[:,k]": lambda s, k: s.m[:, k % 4],
    "m[…,1:3]": lambda s, k: s.m[..., 1:3],
    "m[[…],[…]]": lambda s, k: s.m[[0, k % 3], [k % 4, 1]],
    "row[k]": lambda s, k: s.m[k % 3][k % 4],
    "z": lambda s, k: s.z[()],
    "z[…]": lambda s, k: s.z[...],
    "int(z)": lambda s, k: int(s.z),
    "index(z)": lambda s, k: list(range(9))[s.z % 9],
    "e.sum": lambda s, k: s.e.sum(),
    "len": lambda s, k: (len(s.u), s.m.shape, s.v.dtype.str),
    "np.sum": lambda s, k: np.sum(s.w),
    "sum": lambda s, k: s.w.sum(axis=k % 2),
    "dot": lambda s, k: s.w @ s.p[:3],
    "matmul": lambda s, k: s.u @ s.p,
    "ufunc": lambda s, k: np.add(s.u, s.p) * k - s.u,
    "reduce": lambda s, k: np.maximum.reduce(s.u),
    "compare": lambda s, k: (s.u == s.p) | (s.o),
    "tolist": lambda s, k: s.m.tolist(),
    "iterate": lambda s, k: [value + 1 for value in s.u],
    "rows": lambda s, k: [row.sum() for row in s.m],
    "first": lambda s, k: next(iter(s.v)),
    "islice": lambda s, k: list(islice(s.u, k % 5)),
    "in": lambda s, k: (k in s.u, k in s.w),
    "bool": lambda s, k: bool(s.z),
    "any": lambda s, k: bool(s.o.any()) and not s.o.all(),
    "float": lambda s, k: float(s.z),
    "str": lambda s, k: f"{s.u} {s.w!r} {s.z:5}",
    "bytes": lambda s, k: bytes(s.p) + s.w.tobytes(),
    "copy": lambda s, k: copy.copy(s.w) + copy.deepcopy(s.w),
    "array": lambda s, k: np.array(s.u, dtype=float),
    "asarray": lambda s, k: np.asarray(s.m).T,
    "concatenate": lambda s, k: np.concatenate([s.u, s.p[:k]]),
    "where": lambda s, k: np.where(s.o, s.u, s.p),
    "sort": lambda s, k: np.sort(s.u),
    "argmax": lambda s, k: s.v.argmax(),
    "isinstance": lambda s, k: isinstance(s.u, np.ndarray),
    "T": lambda s, k: s.w.T[k % 3],
    "reshape": lambda s, k: s.w.reshape(-1)[k % 6],
    "astype": lambda s, k: s.w.astype(np.float64),
    "flat": lambda s, k: list(s.m.flat)[k % 12],
    "bad index": lambda s, k: s.u[99] if k > 2 else s.m[0, 0, 0],
}

WRITES: dict[str, Writer] = {
    "i =": lambda s, k, x: setattr(s, "i", x),
    "i = j": lambda s, k, x: setattr(s, "i", s.j),
    "i += 1": lambda s, k, x: setattr(s, "i", s.i + 1),
    "j =": lambda s, k, x: setattr(s, "j", x % 7),
    "f =": lambda s, k, x: setattr(s, "f", x / 4),
    "f = nan": lambda s, k, x: setattr(s, "f", math.nan),
    "f += v": lambda s, k, x: setattr(s, "f", s.f + float(s.v[k % 4])),
    "b =": lambda s, k, x: setattr(s, "b", x > 0),
    "y =": lambda s, k, x: setattr(s, "y", bytes([x % 256])),
    "t =": lambda s, k, x: setattr(s, "t", str(x)),
    "g =": lambda s, k, x: setattr(s, "g", np.float32(x)),
    "g = v": lambda s, k, x: setattr(s, "g", s.v[k % 4]),
    "extra =": lambda s, k, x: setattr(s, "extra", x),
    "extra = extra": lambda s, k, x: setattr(s, "extra", getattr(s, "extra", 0)),
    "add i": lambda s, k, x: s.add("i", x),
    "add i k": lambda s, k, x: s.add("i", k),
    "max i": lambda s, k, x: s.maximum("i", x),
    "min i": lambda s, k, x: s.minimum("i", k),
    "and j": lambda s, k, x: s.bit_and("j", x),
    "or j": lambda s, k, x: s.bit_or("j", x),
    "xor j": lambda s, k, x: s.bit_xor("j", k),
    "add j": lambda s, k, x: s.add("j", x),
    "add f": lambda s, k, x: s.add("f", x),
    "add b": lambda s, k, x: s.add("b", k),
    "add g": lambda s, k, x: s.add("g", k),
    "u[k] =": lambda s, k, x: s.u.__setitem__(k % 5, x),
    "u[-k] =": lambda s, k, x: s.u.__setitem__(-1 - k % 5, x),
    "u[1:k] =": lambda s, k, x: s.u.__setitem__(slice(1, k % 6), x),
    "u[[…]] =": lambda s, k, x: s.u.__setitem__([k % 5, 0, k % 5], [x, 1, 2]),
    "u[mask] =": lambda s, k, x: s.u.__setitem__(s.u > k, x),
    "u[u] =": lambda s, k, x: s.u.__setitem__(s.u % 5, x),
    "u[p] =": lambda s, k, x: s.u.__setitem__(s.p % 5, x),
    "p[p] =": lambda s, k, x: s.p.__setitem__(s.p, (x + k) % 5),
    "p[p view] =": lambda s, k, x: s.p.__setitem__(s.p[1:3], x % 5),
    "o[o] =": lambda s, k, x: s.o.__setitem__(s.o, False),
    "o[k] =": lambda s, k, x: s.o.__setitem__(k % 5, x % 2 == 0),
    "u[k] += ": lambda s, k, x: s.u.__setitem__(k % 5, s.u[k % 5] + x),
    "v[k] =": lambda s, k, x: s.v.__setitem__(k % 4, x / 8),
    "v[k] = -0.0": lambda s, k, x: s.v.__setitem__(k % 4, -0.0),
    "m[k] =": lambda s, k, x: s.m.__setitem__(k % 3, x % 256),
    "m[k,k] =": lambda s, k, x: s.m.__setitem__((k % 3, k % 4), x % 256),
    "m[:,k] = m": lambda s, k, x: s.m.__setitem__((slice(None), k % 4), s.m[:, 0]),
    "m[1:] = m[:-1]": lambda s, k, x: s.m.__setitem__(slice(1, None), s.m[:-1]),
    "z =": lambda s, k, x: s.z.__setitem__((), x % 9),
    "e =": lambda s, k, x: s.e.__setitem__(..., x),
    "u whole": lambda s, k, x: setattr(s, "u", np.full(5, x)),
    "u = p": lambda s, k, x: setattr(s, "u", s.p),
    "u = q": lambda s, k, x: setattr(s, "u", s.q),
    "q = u": lambda s, k, x: setattr(s, "q", s.u),
    "q = sort u": lambda s, k, x: setattr(s, "q", np.sort(s.u)),
    "u = u[::-1]": lambda s, k, x: setattr(s, "u", s.u[::-1]),
    "w[…] = ": lambda s, k, x: s.w.__setitem__(..., s.w + x),
    "fail": lambda s, k, x: s.u[77] if k == 6 else None,
}


def _in_place_whole(s: Any, k: int, x: int) -> None:
    s.u += x


def _in_place_part(s: Any, k: int, x: int) -> None:
    s.u[1:4] += x


def _in_place_array(s: Any, k: int, x: int) -> None:
    s.u -= s.p


def _in_place_row(s: Any, k: int, x: int) -> None:
    s.w[k % 2] *= 3


def _in_place_column(s: Any, k: int, x: int) -> None:
    s.w[:, k % 3] ^= x


def _in_place_mask(s: Any, k: int, x: int) -> None:
    s.u[s.u > k] //= 2


def _in_place_float(s: Any, k: int, x: int) -> None:
    s.v /= 3


def _in_place_view(s: Any, k: int, x: int) -> None:
    row = s.m[k % 3]
    row[1:3] |= x % 256
    row[0] = row[3]


def _handle(s: Any, k: int, x: int) -> None:
    handle = s.u
    handle[k % 5] = x
    s.i = int(handle[k % 5]) + int(handle[0])
    handle += 1


def _rows(s: Any, k: int, x: int) -> None:
    for row in s.w:
        row.__iadd__(x)
        row[0] = 5


def _transposed(s: Any, k: int, x: int) -> None:
    s.w.T[k % 3] = x
    s.w.reshape(-1)[k % 6] += 1


def _out(s: Any, k: int, x: int) -> None:
    found = np.zeros(5, np.int64)
    np.multiply(s.u, 2, out=found)
    found += s.p
    s.q[:] = found


def _live_view(s: Any, k: int, x: int) -> None:
    view = s.u[1:4]
    s.u[2] = x
    s.j = int(view[1]) + int(view[0])


def _assigned_then_written(s: Any, k: int, x: int) -> None:
    s.q = s.u
    s.u[0] = x
    s.q[1] = s.q[0]


def _caught(s: Any, k: int, x: int) -> None:
    try:
        s.u[1:3] = [1, 2, 3]  # does not fit
    except ValueError:
        s.u[3] = x


def _adder(operation: str, array: str, at: Callable[[int], Any], operand: Callable[[int, int], int]) -> Writer:
    return lambda s, k, x: getattr(s, operation)(array, operand(k, x), at=at(k))


WRITES |= {
    "u += x": _in_place_whole,
    "u[1:4] += x": _in_place_part,
    "u -= p": _in_place_array,
    "w[k] *= 3": _in_place_row,
    "w[:,k] ^= x": _in_place_column,
    "u[mask] //= 2": _in_place_mask,
    "v /= 3": _in_place_float,
    "row |= x": _in_place_view,
    "handle": _handle,
    "for row": _rows,
    "w.T[k] =": _transposed,
    "out=": _out,
    "live view": _live_view,
    "q = u, u[0] =": _assigned_then_written,
    "caught": _caught,
    "add u[k]": _adder("add", "u", lambda k: k % 5, lambda k, x: x),
    "add u[-k]": _adder("add", "u", lambda k: -1 - k % 5, lambda k, x: k),
    "max u[k]": _adder("maximum", "u", lambda k: k % 5, lambda k, x: x),
    "xor u[k]": _adder("bit_xor", "u", lambda k: k % 5, lambda k, x: x),
    "add m[k,k]": _adder("add", "m", lambda k: (k % 3, -1 - k % 4), lambda k, x: 8 * k),
    "add m[0,0]": _adder("add", "m", lambda k: (0, 0), lambda k, x: k),
    "or m[0,0]": _adder("bit_or", "m", lambda k: (0, 0), lambda k, x: x % 256),
    "min m[0,0] 300": _adder("minimum", "m", lambda k: (0, 0), lambda k, x: 300),
    "add z": _adder("add", "z", lambda k: (), lambda k, x: k % 3),
    "add v": _adder("add", "v", lambda k: 0, lambda k, x: k),
}


class Piece(NamedTuple):
    """Part of a step function."""

    kind: str  # "read", "write", "if", "twice"
    name: str
    k: int
    then: tuple[Piece, ...] = ()
    otherwise: tuple[Piece, ...] = ()

    def run(self, state: Any, seen: bytearray) -> None:
        """Do it."""
        match self.kind:
            case "read":
                try:
                    seen += look(READS[self.name](state, self.k))
                except IndexError as error:
                    seen += str(error).encode()
            case "write":
                WRITES[self.name](state, self.k, zlib.crc32(seen) % 61 - 20)
            case "if":
                value = look(READS[self.name](state, self.k)) if self.name != "bad index" else b""
                for piece in self.then if zlib.crc32(value) % 2 else self.otherwise:
                    piece.run(state, seen)
            case _:
                for piece in (*self.then, *self.then):
                    piece.run(state, seen)


def look(value: object) -> bytes:
    """Everything about a value, but for the classes that tracking puts in numpy's place."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    if isinstance(value, np.generic):
        return canonical(value)
    return repr(value).encode()


def step_of(pieces: tuple[Piece, ...]) -> Callable[[Any], None]:
    def step(state: Any) -> None:
        seen = bytearray()
        with np.errstate(all="ignore"):
            for piece in pieces:
                piece.run(state, seen)

    return step


ks = st.integers(-3, 6)
readers, writers = st.sampled_from(sorted(READS)), st.sampled_from(sorted(WRITES))
reads = st.tuples(st.just("read"), readers, ks).map(lambda parts: Piece(*parts))
writes = st.tuples(st.just("write"), writers, ks).map(lambda parts: Piece(*parts))
simple = st.one_of(reads, writes, writes)
some = st.lists(simple, max_size=3).map(tuple)
branches = st.tuples(st.just("if"), readers, ks, some, some).map(lambda parts: Piece(*parts))
loops = st.tuples(st.just("twice"), st.just(""), ks, some).map(lambda parts: Piece(*parts))
programs = st.lists(st.one_of(simple, simple, simple, branches, loops), min_size=1, max_size=7).map(tuple)

INTEGERS = (*range(-4, 10), 2**63, -(10**30))
FLOATS = (0.0, -0.0, 1.5, math.nan, math.inf, -3.25, 1e16)
SCALARS = (np.float32(1.5), np.float64(-0.0), np.int32(7), np.bool_(True))
WORDS: dict[str, tuple[Any, ...]] = {
    "i": INTEGERS,
    "j": INTEGERS,
    "f": FLOATS,
    "b": (False, True),
    "y": (b"", b"1"),
    "t": ("", "1"),
    "g": SCALARS,
}
OTHER_TYPES = (True, 1, 1.0, np.int64(1), -0.0)  # for the words that are numbers
ARRAYS: dict[str, tuple[str, tuple[int, ...], tuple[Any, ...]]] = {
    "u": ("i8", (5,), tuple(range(-9, 10))),
    "p": ("i8", (5,), tuple(range(5))),
    "q": ("i8", (5,), tuple(range(-9, 10))),
    "v": ("f8", (4,), (0.0, -0.0, 1.0, math.nan, -2.5)),
    "m": ("u1", (3, 4), (0, 1, 100, 250, 255)),
    "w": ("i8", (2, 3), tuple(range(-9, 10))),
    "o": ("?", (5,), (False, True)),
    "z": ("i8", (), (0, 1, 2, 3)),
    "e": ("f8", (0, 2), (0.0,)),
}


def state_from(seed: int) -> Bare:
    """Draw a state. Hypothesis would take a hundred choices for it; the program is what is worth shrinking."""
    draw = Random(seed)
    words = {name: draw.choice(values) for name, values in WORDS.items()}
    if draw.random() < 0.3:
        words["extra"] = draw.randrange(3)
    if draw.random() < 0.2:
        words[draw.choice("ijfb")] = draw.choice(OTHER_TYPES)
    arrays = {
        name: np.array([draw.choice(elements) for _ in range(math.prod(shape))], dtype).reshape(shape)
        for name, (dtype, shape, elements) in ARRAYS.items()
    }
    return Bare(words, arrays)


states = st.integers(0, 2**16).map(state_from)
changed_arrays = st.sets(st.sampled_from(sorted(ARRAYS)))


def independent(state: Bare) -> Bare:
    return Bare(dict(state.words), {name: array.copy() for name, array in state.arrays.items()})


def computation(initial: Bare, state: Bare, pieces: tuple[Piece, ...], position: int = 0) -> ToyComputation:
    """A computation of a program that starts at `initial` and has come to `state`."""
    found = ToyComputation(Program("random", step_of(pieces), {**initial.words, **initial.arrays}, STEPS))
    here = independent(state)
    found.load(position, {**here.words, **here.arrays})
    return found


def plainly(state: Bare, pieces: tuple[Piece, ...], steps: int) -> tuple[Bare, Exception | None, int]:
    """Take steps with nothing in between; the exception that ended them and how many had been taken."""
    bare, step = independent(state), step_of(pieces)
    running = plain_state({**bare.words, **bare.arrays})
    done = 0
    try:
        for done in range(steps):  # noqa: B007 -- read where the step raises
            step(running)
    except Exception as error:  # noqa: BLE001 -- a random program may raise anything
        return Bare(running.__dict__, {}), error, done
    return Bare(running.__dict__, {}), None, steps


def advance(found: ToyComputation, supersteps: list[tuple[int, bool]]) -> None:
    for steps, record in supersteps:
        found.advance(steps, record)


def exactly(values: Mapping[str, Any]) -> dict[str, bytes]:
    """What a state holds, by type and bits."""
    return {name: look(value) if isinstance(value, np.ndarray) else canonical(value) for name, value in values.items()}


def fingerprint(state: Bare) -> dict[str, bytes]:
    return exactly({**state.words, **state.arrays})


def recorded(initial: Bare, state: Bare, pieces: tuple[Piece, ...], steps: int, by_worker: bool) -> Transition | None:
    """A transition from `state`, made by the main thread or by a worker; None where the program raises."""
    origin = computation(initial, state, pieces)
    if by_worker:
        task = origin.task(Candidate(0, 0, state.words, 0, "test"), (steps,), None)
        try:
            return next(iter(task()))
        except Exception:  # noqa: BLE001 -- bad speculation
            return None
    try:
        return origin.advance(steps, record=True).recorded
    except StepError:
        return None


def mixed(initial: Bare, state: Bare, changed: set[str]) -> Bare:
    """`state`, but with the initial contents of all arrays that are not to count as written."""
    kept = {name: (state if name in changed else initial).arrays[name].copy() for name in state.arrays}
    return Bare(dict(state.words), kept)


def unread_changed(transition: Transition, state: Bare, other: Bare) -> Bare:
    """`state`, with everything that the transition claims not to have read taken from `other`."""
    effect, found = transition.effect, independent(state)
    names = set(state.words) | set(other.words)
    for name in names - set(transition.causal):
        if name in other.words and (name not in effect.increments or type(other.words[name]) is int):
            found.words[name] = other.words[name]
        elif name not in effect.increments:
            del found.words[name]
    for name, array in found.arrays.items():
        if name not in effect.constants:
            free = np.ones(array.size, bool)
            if name in effect.reads:
                free[effect.reads[name].where] = False
            array.reshape(-1)[free] = other.arrays[name].reshape(-1)[free]
    return found


laws = settings(max_examples=350, suppress_health_check=list(HealthCheck))
many = settings(laws, max_examples=6000)


def check_tracked_run_equals_plain_run(initial: Bare, state: Bare, pieces: tuple[Piece, ...], steps: int) -> None:
    expected, error, done = plainly(state, pieces, steps)
    tracked = computation(initial, state, pieces)
    if error is not None:
        with pytest.raises(StepError) as caught:
            tracked.advance(steps, record=True)
        assert type(caught.value.__cause__) is type(error)
        assert f"at position {done} of" in str(caught.value)
        return
    transition = tracked.advance(steps, record=True).recorded
    assert (tracked.position(), exactly(tracked.result())) == (steps, fingerprint(expected))
    if transition is not None:
        again = computation(initial, state, pieces)
        assert again.agrees(transition)
        again.apply(transition)
        assert (again.position(), exactly(again.result())) == (steps, fingerprint(expected))


def check_transition_holds_wherever_it_agrees(
    initial: Bare, state: Bare, other: Bare, pieces: tuple[Piece, ...], steps: int, by_worker: bool
) -> None:
    transition = recorded(initial, state, pieces, steps, by_worker)
    if transition is None:
        event("no transition")
        return
    for place in (state, unread_changed(transition, state, other), other):
        here = computation(initial, place, pieces)
        agrees = here.agrees(transition)
        event(f"agrees: {agrees}")
        if agrees:
            here.apply(transition)
            expected, error, _ = plainly(place, pieces, steps)
            assert error is None
            assert (here.position(), exactly(here.result())) == (steps, fingerprint(expected))


class TestTransparent:
    """Running tracked, and applying what was recorded, both end in the state of the plain run."""

    @laws
    @given(states, states, changed_arrays, programs, st.integers(1, 3))
    def test_tracked_run_equals_plain_run(
        self, initial: Bare, state: Bare, changed: set[str], pieces: tuple[Piece, ...], steps: int
    ) -> None:
        check_tracked_run_equals_plain_run(initial, mixed(initial, state, changed), pieces, steps)

    @pytest.mark.slow
    @many
    @given(states, states, changed_arrays, programs, st.integers(1, 3))
    def test_tracked_run_equals_plain_run_at_length(
        self, initial: Bare, state: Bare, changed: set[str], pieces: tuple[Piece, ...], steps: int
    ) -> None:
        check_tracked_run_equals_plain_run(initial, mixed(initial, state, changed), pieces, steps)

    @laws
    @given(states, programs, st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=2, max_size=4))
    def test_supersteps_of_both_kinds_may_follow_each_other(
        self, initial: Bare, pieces: tuple[Piece, ...], supersteps: list[tuple[int, bool]]
    ) -> None:
        """Arrays are written for the first time somewhere on the way, tracked or not."""
        total = sum(steps for steps, _ in supersteps)
        expected, error, _ = plainly(initial, pieces, total)
        found = computation(initial, initial, pieces)
        if error is not None:
            with pytest.raises(StepError):
                advance(found, supersteps)
            return
        advance(found, supersteps)
        assert (found.position(), exactly(found.result())) == (total, fingerprint(expected))


class TestSound:
    """A transition that agrees with a state does there exactly what the steps do."""

    @laws
    @given(states, states, states, changed_arrays, programs, st.integers(1, 3), st.booleans())
    def test_transition_holds_wherever_it_agrees(
        self,
        initial: Bare,
        state: Bare,
        other: Bare,
        changed: set[str],
        pieces: tuple[Piece, ...],
        steps: int,
        by_worker: bool,
    ) -> None:
        state = mixed(initial, state, changed)
        check_transition_holds_wherever_it_agrees(initial, state, other, pieces, steps, by_worker)

    @pytest.mark.slow
    @many
    @given(states, states, states, changed_arrays, programs, st.integers(1, 3), st.booleans())
    def test_transition_holds_wherever_it_agrees_at_length(
        self,
        initial: Bare,
        state: Bare,
        other: Bare,
        changed: set[str],
        pieces: tuple[Piece, ...],
        steps: int,
        by_worker: bool,
    ) -> None:
        state = mixed(initial, state, changed)
        check_transition_holds_wherever_it_agrees(initial, state, other, pieces, steps, by_worker)

    @laws
    @given(states, states, programs, st.integers(1, 2))
    def test_every_transition_of_a_run_holds_later_in_it(
        self, initial: Bare, state: Bare, pieces: tuple[Piece, ...], steps: int
    ) -> None:
        """What the main thread and a worker with old arrays have found is tried at every boundary that follows."""
        expected, error, _ = plainly(initial, pieces, STEPS)
        running = computation(initial, initial, pieces)
        early = running.task(Candidate(0, 0, state.words, 0, "test"), (steps,), None)
        known = []
        if error is not None:
            return
        while running.position() + steps <= STEPS:
            applied = next((entry for entry in known if running.agrees(entry)), None)
            if applied is not None:
                running.apply(applied)
            else:
                transition = running.advance(steps, record=True).recorded
                known += [] if transition is None else [transition]
            if early is not None and running.position() > 2:
                try:
                    known += early()
                except Exception:  # noqa: BLE001 -- bad speculation
                    event("worker failed")
                early = None
        running.advance(STEPS)
        assert (running.position(), exactly(running.result())) == (STEPS, fingerprint(expected))


class TestPrecise:
    """A difference in what was read may change what the steps do, so it must be noticed."""

    @laws
    @given(states, states, changed_arrays, programs, st.booleans())
    def test_difference_in_what_was_read_is_noticed(
        self, initial: Bare, state: Bare, changed: set[str], pieces: tuple[Piece, ...], by_worker: bool
    ) -> None:
        state = mixed(initial, state, changed)
        transition = recorded(initial, state, pieces, 1, by_worker)
        if transition is None:
            return
        effect = transition.effect
        for name, elements in effect.reads.items():  # a worker's array may be out of date
            state.arrays[name].reshape(-1)[elements.where] = elements.values
        for name, read in transition.causal.items():
            other = independent(state)
            other.words[name] = "something else" if read is None or other.words.get(name) != "something else" else ""
            assert bits(other.words[name]) != read
            assert not computation(initial, other, pieces).agrees(transition)
        for name, elements in effect.reads.items():
            for index in np.arange(state.arrays[name].size)[elements.where]:
                other = independent(state)
                flat = other.arrays[name].reshape(-1)
                flat[index] = flat[index] == 0
                assert not computation(initial, other, pieces).agrees(transition)
        for name in effect.constants:
            if state.arrays[name].size:
                other = independent(state)
                other.arrays[name] = initial.arrays[name].copy()
                flat = other.arrays[name].reshape(-1)
                flat[0] = flat[0] == 0
                assert not computation(initial, other, pieces).agrees(transition)


class TestUndone:
    """A tracked superstep that fails leaves the state as it was."""

    @laws
    @given(states, states, programs, st.integers(1, 3))
    def test_superstep_that_raises_leaves_no_trace(
        self, initial: Bare, state: Bare, pieces: tuple[Piece, ...], steps: int
    ) -> None:
        def failing(seen: Any) -> None:
            step_of(pieces)(seen)
            if type(seen) is not State:
                raise ValueError

        here = independent(state)
        values = {**here.words, **here.arrays}
        contents = Contents({**initial.words, **initial.arrays})
        contents.changed(name for name, array in initial.arrays.items() if look(array) != look(values[name]))
        is_constant = contents.constant.__contains__
        with pytest.raises(Exception):  # noqa: B017, PT011 -- a random program may raise anything before
            run_tracked(Program("failing", failing, {}, 99), values, contents, is_constant, Watch([failing]), 0, steps)
        for name in contents.discarded:
            values[name] = initial.arrays[name]
        assert exactly(values) == fingerprint(state)
