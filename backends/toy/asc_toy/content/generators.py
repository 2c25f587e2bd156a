"""Generators of random numbers: their whole state, with what `spawn` has counted."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from numpy.random import MT19937, PCG64, PCG64DXSM, SFC64, BitGenerator, Generator, Philox, RandomState, SeedSequence

from asc_toy.content.kind import Columns, Head, Kind, no_columns, no_fill, no_head


def _pack(value: Any) -> Any:
    """Return a state of numpy as a tuple."""
    if isinstance(value, dict):
        return ("dict", tuple((name, _pack(part)) for name, part in value.items()))
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.tobytes())
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    kind, *rest = value
    return {name: _unpack(part) for name, part in rest[0]} if kind == "dict" else np.frombuffer(rest[1], rest[0])


def _seeds_head(value: SeedSequence) -> Head:
    entropy: Any = value.entropy
    if not (entropy is None or isinstance(entropy, int)):
        entropy = tuple(int(part) for part in entropy)
    return entropy, tuple(value.spawn_key), value.pool_size, value.n_children_spawned


def _new_seeds(head: Head, _columns: Columns) -> SeedSequence:
    entropy, key, size, spawned = head
    return SeedSequence(entropy, spawn_key=key, pool_size=size, n_children_spawned=spawned)


def _bits_columns(value: Any) -> Columns:
    return ((value.seed_seq,),)


def _fill_bits(value: Any, head: Head, columns: Columns) -> None:
    (seeds,) = columns[0]
    if seeds is None:
        value._legacy_seeding(0)  # as RandomState does, and then there are no seeds
    else:
        value.__init__(seeds)  # numpy has no other way to set them
    value.state = _unpack(head[0])


def _bits(kind: type[BitGenerator]) -> Kind:
    make: Any = kind
    return Kind(
        kind.__name__,
        lambda value: (_pack(value.state),),
        lambda _, __: make(0),
        _bits_columns,
        _fill_bits,
        lambda *_: ".seed_seq",
    )


def _legacy_head(value: Any) -> Head:
    state = value.get_state(legacy=False)
    return state.get("has_gauss", 0), float(state.get("gauss", 0.0))


def _fill_legacy(value: Any, head: Head, columns: Columns) -> None:
    value.__init__(*columns[0])
    has_gauss, gauss = head
    value.set_state({**value.get_state(legacy=False), "has_gauss": has_gauss, "gauss": gauss})


def _new_random(head: Head, _columns: Columns) -> random.Random:
    found = random.Random(0)
    found.setstate(head)
    return found


GENERATORS: dict[type, Kind] = {
    random.Random: Kind("Random", lambda value: value.getstate(), _new_random, no_columns, no_fill),
    Generator: Kind(
        "Generator",
        no_head,
        lambda _, __: Generator(PCG64(0)),
        lambda value: ((value.bit_generator,),),
        lambda value, _, columns: value.__init__(*columns[0]),
        lambda *_: ".bit_generator",
    ),
    RandomState: Kind(
        "RandomState",
        _legacy_head,
        lambda _, __: RandomState(0),
        lambda value: ((value._bit_generator,),),
        _fill_legacy,
        lambda *_: "._bit_generator",
    ),
    SeedSequence: Kind("SeedSequence", _seeds_head, _new_seeds, no_columns, no_fill),
    **{kind: _bits(kind) for kind in (MT19937, PCG64, PCG64DXSM, Philox, SFC64)},
}
