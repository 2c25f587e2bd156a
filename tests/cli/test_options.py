"""Options come from the settings, and the layers of a configuration from defaults to `--set` in the promised order."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import rich_click as click
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

from asc.cli.options import build_config, options_for
from asc.config.run import Component, JudgedConfig
from asc.errors import AscError
from asc.plugins import load
from asc.settings import Positional, Settings


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Deep(Settings):
    """A table that a backend brings."""

    size: int = Field(3, ge=1, description="how large")
    name: str = Field("pond", description="not the name of a component")


class Config(JudgedConfig):
    """A backend's settings, one of each sort."""

    recognizer: Component = Field(Component(name="recurring", **{"distance": 8}), description="where to stop")
    predictors: tuple[Component, ...] = Field(
        (Component(name="linear"), Component(name="polynomial", **{"degree": 3})), description="what guesses"
    )
    steps: int = Field(10, ge=1, le=1000, description="how many")
    rate: float | None = Field(None, gt=0, lt=1, description="how fast")
    free: float = Field(0.5, description="anything")
    mode: Literal["plain", "fancy"] = Field("plain", description="which way")
    level: Literal[1, 2, "all"] = Field(1, description="how far")
    colour: Colour = Field(Colour.RED, description="which colour")
    fast: bool = Field(True, description="hurry")
    sure: bool | None = Field(None, description="perhaps")
    out: Path | None = Field(None, description="where to")
    helpers: int | Literal["auto"] = Field("auto", description="how many helpers")
    mixed: str | float = Field("x", description="text or number")
    tags: tuple[str, ...] = Field(("a", "b"), description="labels")
    numbers: list[int] = Field([1], description="some numbers")
    title: str = Field("untitled", description="a text")
    deep: Deep = Field(Deep(size=5), description="a table")
    maybe: Deep | None = Field(None, description="perhaps a table")
    table: dict[str, int] = Field({"a": 1}, description="free")


class Studious(Settings):
    """The settings of a study, which may be lists that its own validator reads."""

    as_: Literal["paper", "code"] = Field("paper", description="whose rules")
    is_: bool = Field(True, description="a keyword, too")
    seeds: tuple[int, ...] = Field((42,), description="which seeds")
    pairs: tuple[tuple[int, int], ...] = Field(((1, 2),), description="no option")
    pair: tuple[int, int] = Field((1, 2), description="none either")
    deep: Deep = Field(Deep(), description="a table")

    @field_validator("seeds", mode="before")
    @classmethod
    def _ranges(cls, given: Any) -> Any:
        bounds = [str(part).partition("-") for part in given]
        return [seed for low, _, high in bounds for seed in range(int(low), int(high or low) + 1)]


class Needy(JudgedConfig):
    """Must be told something."""

    program: str = Field(description="what to run")


class Given(BaseModel):
    """Is given texts."""

    steps: int = 1
    arguments: Annotated[tuple[str, ...], Positional()] = ()


def typed(*arguments: str, config_class: type[BaseModel] = Config) -> dict[str, Any]:
    """Return what a command gets when these arguments are typed."""
    seen: dict[str, Any] = {}

    def command(**values: Any) -> None:
        seen.update(values)

    options: list[click.Parameter] = [*options_for(config_class)]
    click.RichCommand(name="run", params=options, callback=command).main(list(arguments), standalone_mode=False)
    return seen


def built(*arguments: str) -> Config:
    return build_config(Config, typed(*arguments), None, ())


def with_sets(*sets: str, **flags: Any) -> Config:
    return build_config(Config, flags, None, sets)


def complaint(*sets: str, **flags: Any) -> str:
    with pytest.raises(AscError) as caught:
        with_sets(*sets, **flags)
    return str(caught.value)


def test_nothing_typed_is_nothing_given() -> None:
    assert set(typed().values()) == {None}
    assert built() == Config()


def test_tables_have_no_option() -> None:
    assert {option.name for option in options_for(Config)} == set(Config.model_fields) - {
        "cache",
        "history",
        "scheduler",
        "deep",
        "maybe",
        "table",
    }


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--steps", "3"], "steps", 3),
        (["--rate", ".25"], "rate", 0.25),
        (["--mode", "fancy"], "mode", "fancy"),
        (["--level", "2"], "level", 2),
        (["--level", "all"], "level", "all"),
        (["--colour", "blue"], "colour", Colour.BLUE),
        (["--no-fast"], "fast", False),
        (["--fast"], "fast", True),
        (["--sure"], "sure", True),
        (["--no-sure"], "sure", False),
        (["--out", "a/b"], "out", Path("a/b")),
        (["--helpers", "4"], "helpers", 4),
        (["--helpers", "auto"], "helpers", "auto"),
        (["--mixed", "2"], "mixed", 2.0),
        (["--mixed", "true"], "mixed", "true"),
        (["--title", "5"], "title", "5"),
        (["--tags", "c"], "tags", ("c",)),
        (["--tags", "c, d", "--tags", "e"], "tags", ("c", "d", "e")),
        (["--tags", ""], "tags", ()),
        (["--numbers", "4,5"], "numbers", [4, 5]),
        (["--checkpoint-seconds", "5"], "checkpoint_seconds", 5.0),
        (["--recognizer", "every"], "recognizer", Component(name="every")),
        (["--predictors", "mean,affine"], "predictors", (Component(name="mean"), Component(name="affine"))),
        (
            ["--predictors", "mean", "--predictors", "affine"],
            "predictors",
            (Component(name="mean"), Component(name="affine")),
        ),
    ],
)
def test_what_is_typed_arrives(arguments: list[str], field: str, value: Any) -> None:
    config = built(*arguments)
    assert getattr(config, field) == value
    assert type(getattr(config, field)) is type(value)
    assert config == Config.model_validate(Config().model_dump() | {field: value})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--steps", "0"], "0 is not in the range 1<=x<=1000"),
        (["--steps", "many"], "'many' is not a valid integer"),
        (["--rate", "1"], "not in the range 0.0<x<1.0"),
        (["--free", "much"], "'much' is not a valid float"),
        (["--mode", "odd"], "'odd' is not one of 'plain', 'fancy'"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_typed(arguments: list[str], said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        typed(*arguments)
    assert said.replace(".0", "") in caught.value.format_message().replace(".0", "")


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (['{"name": "ensemble", "members": ["linear", "affine"]}'], [{"members": ["linear", "affine"]}]),
        ([' [{"name": "mean", "window": 2}, "affine"]'], [{"window": 2}, {}]),
        (["mean, affine", '{"name": "polynomial", "degree": 2}'], [{}, {}, {"degree": 2}]),
        (["polynomial"], [{"degree": 3}]),
    ],
)
def test_components_may_be_typed_in_json_with_their_settings(
    arguments: list[str], settings: list[dict[str, Any]]
) -> None:
    found = built(*(word for argument in arguments for word in ("--predictors", argument))).predictors
    assert [component.settings for component in found] == settings


def test_components_in_broken_json_are_told_how_they_are_typed() -> None:
    with pytest.raises(click.UsageError) as caught:
        typed("--predictors", '{"name": "ensemble", "members": [linear]}')
    told = caught.value.format_message()
    assert "--predictors" in told
    assert "[linear]} is not JSON" in told
    assert """such as '{"name": "ensemble", "members": ["linear", "affine"]}'.""" in told


def test_a_mixture_is_judged_by_validation() -> None:
    with pytest.raises(AscError) as caught:
        built("--helpers", "atuo")
    assert str(caught.value) == (
        'The setting "helpers" was given "atuo"; expected a whole number or "auto"; did you mean "auto"?'
    )


def test_the_help_shows_description_type_and_default() -> None:
    needy = [option for option in options_for(Needy) if option.name == "program"]
    options: list[click.Parameter] = [*options_for(Config), *needy]
    text = CliRunner().invoke(click.RichCommand(name="run", params=options), ["--help"], terminal_width=200).output
    flat = " ".join(text.replace("│", " ").split())
    for part in (
        "--steps INTEGER RANGE [1<=x<=1000] how many [default: 10]",
        "--mode [plain|fancy] which way [default: plain]",
        "--fast/--no-fast hurry [default: fast]",
        "--helpers INTEGER|auto how many helpers [default: auto]",
        "--level [1|2|all] how far [default: 1]",
        "--colour [red|blue] which colour [default: red]",
        "--tags TEXT,... labels [default: a, b]",
        "--predictors NAME,... what guesses [default: linear, polynomial]",
        "--recognizer NAME where to stop [default: recurring]",
        "--program TEXT what to run (required)",
    ):
        assert part in flat


LAYERS = st.lists(st.one_of(st.none(), st.integers(1, 1000)), min_size=4, max_size=4)


@given(steps=LAYERS, sizes=LAYERS)
def test_the_highest_layer_wins(tmp_path_factory: pytest.TempPathFactory, steps: Any, sizes: Any) -> None:
    """In this order: base, file, flags (scalars only), `--set`."""
    base: dict[str, Any] = {}
    file: dict[str, Any] = {}
    sets: list[str] = []
    for layer, position in ((base, 0), (file, 1)):
        layer.update({} if steps[position] is None else {"steps": steps[position]})
        layer.update({} if sizes[position] is None else {"deep": {"size": sizes[position]}})
    sets += [] if steps[3] is None else [f"steps={steps[3]}"]
    sets += [] if sizes[3] is None else [f"deep.size={sizes[3]}"]
    path = tmp_path_factory.getbasetemp() / "layers.json"
    path.write_text(json.dumps(file))
    config = build_config(Config, {"steps": steps[2], "title": None}, path, sets, base)
    assert config.steps == next((value for value in reversed(steps) if value is not None), 10)
    assert config.deep.size == next((value for value in (sizes[3], sizes[1], sizes[0]) if value is not None), 5)
    assert config.deep.name == "pond"
    assert config.title == "untitled"


COMPONENTS = st.builds(
    lambda name, settings: Component(name=name, **settings),
    st.sampled_from(["linear", "polynomial", "recurring", "every"]),
    st.dictionaries(st.sampled_from(["degree", "distance", "window"]), st.integers(0, 9)),
)


@given(recognizer=COMPONENTS, predictors=st.lists(COMPONENTS, max_size=4), size=st.integers(1, 9))
def test_a_complete_configuration_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, recognizer: Component, predictors: list[Component], size: int
) -> None:
    config = Config(recognizer=recognizer, predictors=tuple(predictors), deep=Deep(size=size), colour=Colour.BLUE)
    path = tmp_path_factory.getbasetemp() / "complete.json"
    path.write_text(config.model_dump_json())
    assert build_config(Config, {}, path, ()) == config
    assert build_config(Config, {}, None, (), config.model_dump()) == config


class Connected(Config):
    """Has an address as well."""

    given_again = frozenset({"address"})
    address: str | None = None


def test_an_address_in_a_record_is_given_again_before_it_is_used(tmp_path: Path) -> None:
    recorded = {"steps": 7, "address": "tcp://there; rm x"}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"backend": "b", "config": recorded}))
    refusal = r"has address tcp://there; rm x, and asc connects to no .* add: --set 'address=tcp://there; rm x'  To use"
    for file, base in ((path, None), (None, recorded)):
        with pytest.raises(AscError, match=refusal):
            build_config(Connected, {"address": None}, file, (), base, "b")
        for flags, sets, expected in (
            ({"address": "a"}, [], "a"),
            ({}, ["address=b"], "b"),
            ({}, ["address=null"], None),
        ):
            config = build_config(Connected, flags, file, sets, base, "b")
            assert (config.steps, config.address) == (7, expected)
    assert build_config(Connected, {}, None, (), {"address": None}).address is None
    path.write_text(json.dumps(recorded))  # a file of the user's own
    assert build_config(Connected, {}, path, ()).address == "tcp://there; rm x"


def test_all_addresses_are_given_again() -> None:
    pytest.importorskip("asc_toy")
    pytest.importorskip("asc_nn_training")
    pytest.importorskip("asc_riscv")
    registry, found = load().registry, 0
    for entry in (*registry.entries("backend"), *registry.entries("study")):
        config = entry.load_config()
        addresses = {name for name, field in config.model_fields.items() if "address of" in (field.description or "")}
        assert issubclass(config, Settings)
        assert addresses <= config.given_again
        found += len(addresses)
    assert found == 3


def test_toml_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('steps = 7\npredictors = ["mean"]\n[recognizer]\ndistance = 9\n[deep]\nsize = 8\n')
    config = build_config(Config, {}, path, ())
    assert (config.steps, config.deep.size) == (7, 8)
    assert config.recognizer == Component(name="recurring", **{"distance": 9})
    assert config.predictors == (Component(name="mean"),)


def test_a_bare_name_keeps_the_settings_below_and_another_drops_them() -> None:
    assert with_sets(recognizer="recurring").recognizer.settings == {"distance": 8}
    assert with_sets(recognizer="every").recognizer.settings == {}
    assert with_sets(predictors=["polynomial", "mean"]).predictors[0].settings == {"degree": 3}
    assert with_sets(predictors=[{"name": "polynomial"}]).predictors[0].settings == {}
    assert with_sets("recognizer=recurring").recognizer.settings == {"distance": 8}
    assert with_sets("recognizer.name=recurring").recognizer.settings == {"distance": 8}
    assert with_sets("recognizer.name=every").recognizer.settings == {}
    assert with_sets("predictors.1.name=mean").predictors[1] == Component(name="mean")
    assert with_sets("predictors.1=mean").predictors[1] == Component(name="mean")
    assert with_sets("predictors.1=polynomial").predictors[1].settings == {"degree": 3}
    two = [{"name": "mean", "window": 1}, {"name": "mean", "window": 2}]
    mean = build_config(Config, {"predictors": ["mean"]}, None, (), {"predictors": two}).predictors
    assert mean == (Component(name="mean"),), "which of two was meant is anybody's guess"


def test_one_of_two_equal_names_can_be_changed_alone() -> None:
    config = with_sets("predictors.0.degree=1", predictors=["polynomial", "polynomial"])
    assert [part.settings["degree"] for part in config.predictors] == [1, 3]


def test_set_reaches_everything() -> None:
    config = with_sets(
        "cache.max_entries=5",
        "recognizer.distance=100",
        "predictors.1.degree=4",
        "predictors.0.weights=[1, 2]",
        'title="7"',
        "mode=fancy",
        "deep.name=lake",
        "maybe.size=2",
        "table.b=2",
        "numbers.0=9",
        "tags.1=z",
        "rate=null",
        "mixed=a=b",
        rate=0.5,
    )
    assert config.cache.max_entries == 5
    assert config.cache.max_bytes == JudgedConfig().cache.max_bytes
    assert config.recognizer == Component(name="recurring", **{"distance": 100})
    assert config.predictors[1].settings == {"degree": 4}
    assert config.predictors[0].settings == {"weights": [1, 2]}
    assert (config.title, config.mode, config.rate, config.mixed) == ("7", "fancy", None, "a=b")
    assert config.deep == Deep(size=5, name="lake")
    assert config.maybe == Deep(size=2)
    assert config.table == {"a": 1, "b": 2}
    assert (config.numbers, config.tags) == ([9], ("a", "z"))


def test_set_takes_whole_lists_and_tables() -> None:
    assert with_sets("predictors=mean, affine").predictors == (Component(name="mean"), Component(name="affine"))
    assert with_sets('predictors=[{"name": "mean", "window": 2}]').predictors[0].settings == {"window": 2}
    assert with_sets('recognizer={"name": "every", "steps": 5}').recognizer == Component(name="every", **{"steps": 5})
    assert with_sets('deep={"size": 6}').deep == Deep(size=6)
    assert with_sets("numbers=[]").numbers == []


def test_the_last_of_equal_sets_wins() -> None:
    assert with_sets("steps=3", "steps=4", "deep.size=1", "deep.size=2").model_dump()["deep"]["size"] == 2
    assert with_sets("steps=3", "steps=4").steps == 4


def test_nothing_that_was_handed_in_is_changed() -> None:
    base = {"recognizer": {"name": "every", "steps": 1}, "predictors": [{"name": "mean"}]}
    before = json.dumps(base)
    build_config(Config, {}, None, ["recognizer.steps=2", "predictors.0.window=3"], base)
    assert json.dumps(base) == before
    assert Config().recognizer.settings == {"distance": 8}


@pytest.mark.parametrize("text", ["steps", "=3", "a..b=3", ".a=3", "a.=3", ""])
def test_a_malformed_set_is_told(text: str) -> None:
    assert complaint(text) == (
        f'--set was given "{text}"; expected a dotted path, an equals sign and a value, '
        "such as --set cache.max_entries=1000."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("predictors.2.degree=3", 'the list "predictors" holds 2, counted from 0, and has no "2".'),
        ("predictors.first.degree=3", 'the list "predictors" holds 2, counted from 0, and has no "first".'),
        ("predictors.-1=mean", 'the list "predictors" holds 2, counted from 0, and has no "-1".'),
        ("scheduler.horizons.0=3", 'the list "scheduler.horizons" is empty, and has no "0".'),
        ("deep.size.x=3", '"deep.size" is 5, which has no settings inside.'),
        ("deep.name.x=3", '"deep.name" is "pond", which has no settings inside.'),
    ],
)
def test_a_path_that_leads_nowhere_is_told(text: str, said: str) -> None:
    assert complaint(text) == f'--set was given "{text}", but {said}'


def test_all_that_is_wrong_is_told_at_once_as_it_would_be_typed() -> None:
    assert complaint("cach.max_bytes=1", "cache.max_entrys=1", "deep.size=0", "title=7", steps=0).splitlines() == [
        'There is no setting "cache.max_entrys"; did you mean "cache.max_entries"?',
        'The setting "steps" was given 0; expected a whole number, at least 1, at most 1000.',
        'The setting "title" was given 7; expected text. In double quotes it is text.',
        'The setting "deep.size" was given 0; expected a whole number, at least 1.',
        'There is no setting "cach"; did you mean "cache"?',
    ]


def test_a_field_that_may_not_have_the_name_of_a_keyword_has_its_option_all_the_same() -> None:
    flags = typed("--as", "code", "--no-is", config_class=Studious)
    assert (flags["as_"], flags["is_"]) == ("code", False)
    assert build_config(Studious, flags, None, ()).as_ == "code"


def test_a_list_of_numbers_may_be_typed_as_a_field_reads_it() -> None:
    flags = typed("--seeds", "42-44,50", config_class=Studious)
    assert flags["seeds"] == ["42-44", "50"]
    assert build_config(Studious, flags, None, ()).seeds == (42, 43, 44, 50)


def test_a_positional_list_is_what_follows_the_options() -> None:
    flags = typed("--steps", "3", "10", "a,b", "--", "-v", config_class=Given)
    assert build_config(Given, flags, None, ()).arguments == ("10", "a,b", "-v")
    assert build_config(Given, typed(config_class=Given), None, ('arguments=["1"]',)).arguments == ("1",)


def test_lists_of_lists_have_no_option() -> None:
    assert {option.name for option in options_for(Studious)} == {"as_", "is_", "seeds"}


def test_a_required_setting_is_told() -> None:
    with pytest.raises(AscError) as caught:
        build_config(Needy, typed(config_class=Needy), None, ())
    assert str(caught.value) == 'The setting "program" must be given; expected text.'
    assert build_config(Needy, typed("--program", "collatz", config_class=Needy), None, ()).program == "collatz"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", b"", "is of no known kind; expected a name that ends in .json or .toml."),
        (
            "a.json",
            b'{\n  "a": 1,\n  b\n}',
            "is not JSON: Expecting property name enclosed in double quotes, in line 3, column 3.",
        ),
        ("a.json", b"", "is not JSON: Expecting value, in line 1, column 1."),
        ("a.toml", b"a = 1\nb = = 2\n", "is not TOML: Invalid value (at line 2, column 5)."),
        ("a.toml", b"a = 1\na = 2\n", "is not TOML: Cannot overwrite a value (at line 2, column 6)."),
        ("a.json", b"[1]", 'holds a list; expected a table of settings, such as {"checkpoint_seconds": 60}.'),
        ("a.json", b"3", 'holds a single value; expected a table of settings, such as {"checkpoint_seconds": 60}.'),
        ("a.json", b"\xff\xfe", "is not text in UTF-8; save it in that encoding."),
        ("a.json", None, "does not exist; expected the path of a JSON or TOML file."),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AscError) as caught:
        build_config(Config, {}, path, ())
    assert str(caught.value) == f'The configuration file "{path}" {said}'


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.mkdir()
    with pytest.raises(AscError) as caught:
        build_config(Config, {}, path, ())
    assert str(caught.value).startswith(f'The configuration file "{path}" cannot be read: ')
