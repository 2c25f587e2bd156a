"""Wrong settings: each is a sentence with its path, what was given, what was expected, and the nearest name."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, field_validator, model_validator

from asc.config.fields import Setting, settings, show, words
from asc.config.run import Component
from asc.config.validate import validate
from asc.errors import AscError
from asc.settings import Settings


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Settings):
    """A nested table."""

    size: int = Field(3, ge=1, description="how large")
    label: str = Field("x", description="what it is called")


class Square(Settings):
    """One shape."""

    shape: Literal["square"] = "square"
    side: float = Field(1.0, gt=0, description="its length")
    turned: bool = Field(False, description="by half a right angle")


class Circle(Settings):
    """Another shape."""

    shape: Literal["circle"] = "circle"
    radius: float = Field(2.0, gt=0, description="its length")
    turned: bool = Field(False, description="by half a right angle")


class Everything(Settings):
    """One field of each sort."""

    count: int = Field(1, ge=0, le=10, description="how many")
    ratio: float | None = Field(None, gt=0, lt=1, description="a share")
    flag: bool = Field(True, description="on or off")
    mode: Literal["plain", "fancy"] = Field("plain", description="which way")
    colour: Colour = Field(Colour.RED, description="which colour")
    workers: int | Literal["auto"] = Field("auto", description="how many helpers")
    where: Path | None = Field(None, description="a folder")
    names: tuple[str, ...] = Field((), max_length=2, description="some names")
    numbers: list[Annotated[int, Field(ge=5)]] = Field([], description="some numbers")
    part: Component = Field(Component(name="linear"), description="a component")
    parts: tuple[Component, ...] = Field((Component(name="mean", **{"window": 3}),), description="components")
    inner: Inner = Field(Inner(size=4), description="a table")
    maybe: Inner | None = Field(None, description="perhaps a table")
    shape: Annotated[Square | Circle, Field(discriminator="shape")] = Field(Circle(), description="a shape")
    either: Inner | Square = Field(Inner(), description="this or that")
    table: dict[str, int] = Field({}, description="free")

    @field_validator("count")
    @classmethod
    def _not_seven(cls, count: int) -> int:
        if count == 7:
            raise ValueError("seven is taken.")
        return count

    @model_validator(mode="after")
    def _together(self) -> Everything:
        if self.count > 5 and not self.flag:
            raise ValueError("more than five need the flag")
        return self


class Needy(Settings):
    """Must be given something."""

    program: str = Field(description="what to run")
    limit: int = Field(gt=0, description="how long")


def problem(given: dict[str, Any], model: type[Settings] = Everything) -> str:
    with pytest.raises(AscError) as caught:
        validate(model, given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": "abc"}, '"count" was given "abc"; expected a whole number, at least 0, at most 10.'),
        ({"count": 2.5}, '"count" was given 2.5; expected a whole number, at least 0, at most 10.'),
        ({"count": None}, '"count" was given null; expected a whole number, at least 0, at most 10.'),
        ({"count": 11}, '"count" was given 11; expected a whole number, at least 0, at most 10.'),
        ({"count": 7}, '"count" was given 7; seven is taken.'),
        ({"ratio": 1}, '"ratio" was given 1; expected a number, greater than 0, less than 1, or null for none.'),
        (
            {"shape": {"shape": "circle", "radius": float("inf")}},
            '"shape.radius" was given Infinity; expected a number, greater than 0, and finite.',
        ),
        (
            {"ratio": float("nan")},
            '"ratio" was given NaN; expected a number, greater than 0, less than 1, or null for none, and finite.',
        ),
        ({"flag": "perhaps"}, '"flag" was given "perhaps"; expected true or false.'),
        ({"mode": "fance"}, '"mode" was given "fance"; expected one of plain, fancy; did you mean "fancy"?'),
        ({"mode": 3}, '"mode" was given 3; expected one of plain, fancy.'),
        ({"colour": "bleu"}, '"colour" was given "bleu"; expected one of red, blue; did you mean "blue"?'),
        ({"workers": "atuo"}, '"workers" was given "atuo"; expected a whole number or "auto"; did you mean "auto"?'),
        ({"where": 3}, '"where" was given 3; expected a path, or null for none.'),
        ({"names": "a"}, '"names" was given "a"; expected a list, each text, at most 2 long.'),
        ({"names": ["a", "b", "c"]}, '"names" was given ["a", "b", "c"]; expected a list, each text, at most 2 long.'),
        ({"names": ["a", 3]}, '"names.1" was given 3; expected text. In double quotes it is text.'),
        ({"numbers": [6, 4]}, '"numbers.1" was given 4; expected a whole number, at least 5.'),
        ({"part": 3}, '"part" was given 3; expected the name of a component.'),
        ({"part": {"degree": 3}}, None),
        ({"parts": "linear"}, '"parts" was given "linear"; expected a list, each the name of a component.'),
        ({"inner": 3}, '"inner" was given 3; expected a table of settings.'),
        ({"inner": {"size": 0}}, '"inner.size" was given 0; expected a whole number, at least 1.'),
        ({"maybe": {"size": 0}}, '"maybe.size" was given 0; expected a whole number, at least 1.'),
        ({"maybe": 3}, '"maybe" was given 3; expected a table of settings, or null for none.'),
        ({"shape": {"shape": "square", "side": 0}}, '"shape.side" was given 0; expected a number, greater than 0.'),
        (
            {"shape": {"shape": "oval"}},
            '"shape" was given {"shape": "oval"}; expected "shape" to be one of square, circle.',
        ),
        ({"shape": {"side": 1}}, '"shape" was given {"side": 1}; expected "shape" to be one of square, circle.'),
        ({"table": {"a": "b"}}, '"table.a" was given "b"; expected a whole number.'),
        ({"table": 3}, '"table" was given 3; expected a table.'),
    ],
)
def test_a_wrong_value_is_told(given: dict[str, Any], said: str | None) -> None:
    expected = 'The setting "part.name" must be given; expected text.' if said is None else f"The setting {said}"
    assert problem(given) == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cuont": 1}, '"cuont"; did you mean "count"?'),
        ({"inner": {"sise": 1}}, '"inner.sise"; did you mean "inner.size"?'),
        ({"maybe": {"sise": 1}}, '"maybe.sise"; did you mean "maybe.size"?'),
        ({"shape": {"shape": "square", "sid": 1}}, '"shape.sid"; did you mean "shape.side"?'),
        ({"shape": {"shape": "circle", "sides": 1}}, '"shape.sides"; there are shape, radius, turned.'),
        ({"size": 1}, '"size"; did you mean "inner.size"?'),
        ({"xyzzy": 1}, f'"xyzzy"; there are {", ".join(Everything.model_fields)}.'),
    ],
)
def test_an_unknown_setting_is_told_with_the_nearest(given: dict[str, Any], said: str) -> None:
    assert problem(given) == f"There is no setting {said}"


def test_a_value_that_fits_no_member_of_a_union_is_told_once_a_setting() -> None:
    lines = problem({"either": {"size": 0, "side": 1}, "workers": []}).splitlines()
    assert 'The setting "workers" was given []; expected a whole number or "auto".' in lines
    assert 'The setting "either.size" was given 0; expected a whole number, at least 1.' in lines
    assert len({line.split('"')[1] for line in lines}) == len(lines)


def test_settings_that_do_not_go_together_are_told() -> None:
    assert problem({"count": 6, "flag": False}) == "The settings do not fit together: more than five need the flag."


def test_what_must_be_given_is_told() -> None:
    assert problem({}, Needy) == (
        'The setting "program" must be given; expected text.\n'
        'The setting "limit" must be given; expected a whole number, greater than 0.'
    )


class Bare(Settings):
    """Nothing to set."""


def test_a_component_without_settings_has_none_to_name() -> None:
    with pytest.raises(AscError) as caught:
        validate(Bare, {"a": 1}, owner=' of the predictor "bare"', remedy="Type: asc explain bare")
    assert str(caught.value) == (
        'There is no setting "a" of the predictor "bare"; it has none.\nType: asc explain bare'
    )


def test_a_long_value_is_cut() -> None:
    text = problem({"count": "a" * 1000})
    assert len(text) < 200
    assert '"aaaa' in text


def test_a_value_that_json_lacks_is_repeated_all_the_same() -> None:
    assert problem({"count": 3j}) == (
        'The setting "count" was given 3j; expected a whole number, at least 0, at most 10.'
    )


def test_right_settings_pass() -> None:
    assert validate(Everything, {"inner": {"size": 9}, "workers": 3}).inner.size == 9


def test_the_table_of_settings_has_every_setting_by_its_path() -> None:
    rows = {row.path: row for row in settings(Everything)}
    assert rows["count"] == Setting("count", "a whole number, at least 0, at most 10", "1", "how many")
    assert rows["ratio"].default == "null"
    assert rows["inner.size"] == Setting("inner.size", "a whole number, at least 1", "4", "how large")
    assert "inner" not in rows
    assert rows["maybe"].type == "a table of settings, or null for none"
    assert rows["maybe.size"].default == "3"
    assert rows["parts"].default == '[{"name": "mean", "window": 3}]'
    assert rows["shape"] == Setting("shape", "one of square, circle, with settings", "circle", "a shape")
    assert rows["shape.side"].description == "its length (where shape.shape is square)"
    assert rows["shape.turned"].description.endswith("(where shape.shape is square or circle)")
    assert rows["colour"].default == "red"
    assert [row.default for row in settings(Needy)] == ["required", "required"]


class Tree(Settings):
    """Holds itself."""

    depth: int = Field(0, description="how deep")
    below: Tree | None = Field(None, description="the next")
    width: int = Field(default_factory=lambda data: data["depth"], description="as the depth")


def test_a_table_within_itself_ends() -> None:
    assert [(row.path, row.default) for row in settings(Tree)] == [
        ("depth", "0"),
        ("below", "null"),
        ("width", "derived from other settings"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        ((), "none"),
        (True, "true"),
        (0.5, "0.5"),
        ("a", "a"),
        (["a", 1], "a, 1"),
        (Colour.RED, "red"),
        (Path("a/b"), "a/b"),
        (Component(name="linear"), "linear"),
    ],
)
def test_a_value_is_shown_as_it_would_be_typed(value: object, text: str) -> None:
    assert show(value) == text


def test_an_unusual_type_is_named() -> None:
    assert words(complex) == "complex"
    assert words(None) == "nothing"
