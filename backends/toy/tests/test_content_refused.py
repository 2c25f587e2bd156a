"""What cannot be compared and copied is named, with its place."""

from __future__ import annotations

import functools
import itertools
import random
import re
import threading
import types
import weakref
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from asc_toy.content import SharedError, content, duplicate, encode, unsupported


@dataclass
class Holder:
    part: Any


@dataclass(slots=True)
class Slotted:
    part: Any


@dataclass(frozen=True, eq=False)
class Token:
    number: int


class Finalised:
    def __del__(self) -> None:
        pass


class Single:
    def __new__(cls) -> Single:
        return ONLY


ONLY: Any = object.__new__(Single)


class Words(dict[str, int]):
    pass


class Shuffler(random.Random):
    pass


class Row(NamedTuple):
    part: Any


class Keeper:
    def method(self) -> None:
        pass


def closure(value: int) -> Any:
    return lambda: value


def with_default(value: Any = 1) -> Any:
    return lambda other=value: other


def local_class() -> type:
    class Local:
        pass

    return Local


def no_generator() -> Any:
    yield


async def no_coroutine() -> None:
    pass


REFUSED = {
    "generator": (no_generator, "a running generator"),
    "iterator": (lambda: iter([1]), "an iterator"),
    "counter": (itertools.count, "an iterator"),
    "lock": (threading.Lock, "a _thread.lock"),
    "module": (lambda: types, "a module"),
    "method": (lambda: Keeper().method, "a method of an object"),
    "partial": (lambda: functools.partial(len, []), "a functools.partial"),
    "closure": (lambda: closure(1), "the function `.*closure.<locals>.<lambda>`, which holds values of its own"),
    "default": (with_default, "the function `.*<lambda>`, which holds values of its own"),
    "local class": (local_class, "`.*local_class.<locals>.Local`, which is not at the top of a module"),
    "bare object": (object, r"a bare `object\(\)`"),
    "memoryview": (lambda: memoryview(b"a"), "a memoryview"),
    "exception": (lambda: ValueError("x"), "an exception"),
    "weak reference": (lambda: weakref.ref(Keeper()), "a weakref.ReferenceType"),
    "finaliser": (Finalised, "a .*Finalised, whose class has a `__del__`"),
    "own construction": (lambda: ONLY, "a .*Single, whose class has a `__new__`"),
    "subclass of a dict": (Words, "a .*Words, which extends dict"),
    "subclass of an int": (type("Count", (int,), {}), "a .*Count, which extends int"),
    "subclass of a generator": (lambda: Shuffler(1), "a .*Shuffler, which extends _random.Random"),
    "view of a dict": ({}.keys, "a dict_keys"),
    "long floats": (lambda: np.zeros(2, np.longdouble), "numbers of dtype float128"),
    "records of objects": (lambda: np.zeros(2, [("a", object)]), "a structured array with objects in it"),
    "object as a key": (lambda: {Keeper(): 1}, "a .*Keeper as a key"),
    "frozen dataclass with the hash of its identity": (lambda: {Token(1): 1}, "a .*Token as a key"),
    "object in a set": (lambda: {Keeper()}, "a .*Keeper as a key"),
    "object in a key": (lambda: {(1, Keeper()): 1}, "a .*Keeper as a key"),
}
each_refused = pytest.mark.parametrize(("make", "phrase"), REFUSED.values(), ids=REFUSED.keys())


@each_refused
def test_it_is_named_by_a_phrase(make: Any, phrase: str) -> None:
    assert re.fullmatch(phrase, unsupported(make()))


@each_refused
def test_it_cannot_be_compared_copied_or_saved(make: Any, phrase: str) -> None:
    value = [make()]
    sentence = f"The value holds {phrase}, at .*. Such a value cannot be compared and copied."
    for use in (content, duplicate, encode):
        with pytest.raises(TypeError, match=sentence):
            use(value)


def test_a_coroutine_is_refused() -> None:
    running = no_coroutine()
    assert unsupported(running) == "a coroutine"
    running.close()


def test_an_open_file_is_named_with_its_place(tmp_path: Any) -> None:
    with open(tmp_path / "log", "w") as log:
        assert unsupported({"log": [log]}) == "an open file, at ['log'][0]"


PLACES = {
    "[1]": lambda part: [0, part],
    "[0][1]": lambda part: [(0, part)],
    "['a']": lambda part: {"b": 0, "a": part},
    "[(1, 2)]": lambda part: {(1, 2): part},
    ".part": Holder,
    ".part.part": lambda part: Slotted(Row(part)),
    "[0].x": lambda part: [types.SimpleNamespace(a=1, x=part)],
    "[1, 2]": lambda part: np.array([[0, 0, 0], [0, 0, part]], object),
    "[2, 0]": lambda part: np.array([[0, 0, part], [0, 0, 0]], object).T,
}


@pytest.mark.parametrize(("place", "wrap"), PLACES.items(), ids=PLACES.keys())
def test_the_place_is_what_one_would_type(place: str, wrap: Any) -> None:
    assert unsupported(wrap(object())) == f"a bare `object()`, at {place}"


def test_a_long_place_is_shortened() -> None:
    chain: Any = object()
    for _ in range(5_000):
        chain = Holder(chain)
    assert unsupported(chain) == "a bare `object()`, at .part.part.part … .part.part.part"


def test_the_name_of_the_word_is_in_the_sentence() -> None:
    with pytest.raises(TypeError, match=r"The state word 'log' holds a bare `object\(\)`\. Such a value cannot be"):
        content(object(), None, "log")


def test_two_classes_of_one_name_in_one_value_are_refused() -> None:
    assert unsupported(local_class()()) == ""
    both = [local_class()(), local_class()()]
    assert "and an instance of another class of this name, at [1]" in unsupported(both)


def test_a_part_that_two_words_share_is_named() -> None:
    shared, owners = [1], {}
    content({"x": shared}, owners, "a")
    content([2], owners, "b")
    with pytest.raises(
        SharedError, match="The state words 'a' and 'c' share a list: what a step changes in one of them"
    ):
        content((shared,), owners, "c")


def test_a_generator_and_its_bits_in_two_words_are_shared() -> None:
    generator, owners = np.random.default_rng(1), {}
    content(generator, owners, "a")
    with pytest.raises(SharedError, match=r"share a numpy.*PCG64"):
        content(np.random.Generator(generator.bit_generator), owners, "b")
