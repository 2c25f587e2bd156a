"""Objects made anew: quick to reach, and nobody can tell."""

from __future__ import annotations

import gc
import platform
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fuzzing.differences import difference
from ways import computation, own_loop

from asc_toy.content import renew
from asc_toy.content.renewal import _LONGEST

pytestmark = pytest.mark.skipif(
    platform.python_implementation() != "CPython" or sys.version_info >= (3, 13),
    reason="how CPython kept attributes before 3.13",
)


class Point:
    """A plain object."""

    def __init__(self, x: Any = 0, y: Any = 0) -> None:
        self.x, self.y = x, y


@dataclass(frozen=True)
class Frozen:
    """A dataclass that refuses assignments."""

    x: int
    held: list[Any] = field(default_factory=list)


class Slotted(Point):
    """A slot beside attributes."""

    __slots__ = ("z",)


class Shadowed(Point):
    """A property of the name of an attribute."""

    x = property(lambda _: 0)

    def __init__(self) -> None:
        vars(self)["x"] = 1


def looked_at(value: Any) -> Any:
    """Return an object whose attributes are in a dictionary."""
    assert vars(value)
    return value


def is_quick(value: Any) -> bool:
    """Whether an object keeps its attributes in itself."""
    return not any(type(held) is dict and "x" in held for held in gc.get_referents(value))


@pytest.mark.parametrize(
    ("hold", "find"),
    [
        (lambda it: it, lambda word: word),
        (lambda it: [1, it], lambda word: word[1]),
        (lambda it: {"a": 1, 5: it}, lambda word: word[5]),
        (lambda it: [[{"a": [it]}]], lambda word: word[0][0]["a"][0]),
        (lambda it: looked_at(Point(1, [looked_at(Point(it))])), lambda word: word.y[0].x),
        (lambda it: looked_at(Frozen(1, [it])), lambda word: word.held[0]),
    ],
)
def test_attributes_are_in_the_object_itself(hold: Callable[[Any], Any], find: Callable[[Any], Any]) -> None:
    words = {"n": 1, "word": hold(looked_at(Point(3, "y")))}
    assert not is_quick(find(words["word"]))
    renew(words)
    assert is_quick(find(words["word"]))
    assert list(vars(find(words["word"])).items()) == [("x", 3), ("y", "y")]


def test_a_chain_of_objects_may_be_long() -> None:
    words: dict[str, Any] = {"first": None}
    for x in range(20_000):
        words["first"] = looked_at(Point(x, words["first"]))
    renew(words)
    point, found = words["first"], []
    while point is not None:
        assert is_quick(point)
        found.append(point.x)
        point = point.y
    assert found == list(range(20_000))[::-1]
    while words["first"] is not None:  # Python ends a long chain by recursion
        words["first"] = words["first"].y


def test_an_object_that_something_else_refers_to_stays() -> None:
    kept, twice, watched, keyed = (looked_at(Point(x)) for x in range(4))
    own = vars(looked_at(held := Point(4)))
    cycle = looked_at(Point(5))
    cycle.y = cycle
    words = {"a": [kept, twice, watched], "b": {"twice": twice, "keyed": {keyed: 1}}, "c": held, "d": cycle}
    watch, ids = weakref.ref(watched), [id(value) for value in (kept, twice, watched, keyed, held, cycle)]
    del twice, watched, keyed, held, cycle
    renew(words)
    assert watch() is words["a"][2]
    assert vars(words["c"]) is own
    found = [*words["a"], *words["b"]["keyed"], words["c"], words["d"]]
    assert [id(value) for value in found] == ids
    assert words["b"]["twice"] is words["a"][1]


@pytest.mark.parametrize("make", [Slotted, Shadowed])
def test_an_object_that_could_not_be_made_in_full_stays(make: Callable[[], Any]) -> None:
    words = {"a": [make()]}
    before = id(words["a"][0])
    renew(words)
    assert id(words["a"][0]) == before


def test_an_object_with_many_attributes_and_a_long_list_stay() -> None:
    many = Point()
    vars(many).update({f"x{number}": number for number in range(40)})
    words = {"many": many, "long": [looked_at(Point()) for _ in range(_LONGEST + 1)]}
    del many
    before = id(words["many"]), list(map(id, words["long"]))
    renew(words)
    assert (id(words["many"]), list(map(id, words["long"]))) == before


@pytest.mark.parametrize("length", [1, 3, 12])
def test_steps_cannot_tell(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc_toy.running._SHARE", float("inf"))

    def step(state: Any) -> None:
        state.n += 1
        state.points.append(Point(state.n, state.points[-1]))
        state.best = max(state.points, key=lambda point: point.x % 5)
        state.best.y = state.n
        if state.n % 4 == 0:
            vars(state.points[0]).pop("y", None)
            state.points[0].late = vars(state.points[-1]).copy()
        state.same = [state.best is point for point in state.points]

    values = {"n": 0, "points": [Point(0, None)], "best": None, "same": []}
    found = computation(step, values, 12)
    while not found.finished():
        found.advance(length)
        assert difference(own_loop(step, values, found.position()), found.result()) == ""
