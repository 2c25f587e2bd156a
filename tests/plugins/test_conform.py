"""A class is checked against the base of its kind before a run depends on it, and every problem is a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial, partialmethod
from pathlib import Path
from types import new_class
from typing import Any

import pytest

from asc.backend import Backend
from asc.cli.advise import advise_command
from asc.cli.components import ComponentGroup, _settings_options
from asc.cli.run import run_command
from asc.cli.study import study_command
from asc.config.run import ExecutedConfig, JudgedConfig, RunConfig
from asc.errors import AscError
from asc.plugins import load
from asc.plugins.conform import BASES, conform, require_attributes
from asc.plugins.registry import KINDS
from asc.predictor import Predictor
from asc.recognizer import Recognizer
from asc.settings import Settings
from asc.study import Study
from asc.types import Recognition
from asc.validator import Validator

TITLE = 'The predictor "mine" of file mine.py'


def made(base: type[Any] = Predictor, **names: Any) -> type[Any]:
    """Make a class with these names in it; a predictor's is whole without any."""
    whole: dict[str, Any] = {"predict": lambda self, history, horizon: None} if base is Predictor else {}
    return new_class("Mine", (base,), exec_body=lambda body: body.update(whole | names))


def plain(**names: Any) -> type[Any]:
    """Make a class with these names in it that extends nothing."""
    return type("Mine", (), names)


def problem(factory: type[Any], kind: str = "predictor") -> str:
    with pytest.raises(AscError) as caught:
        conform(kind, factory, TITLE)
    return str(caught.value).removeprefix(f"{TITLE} ")


def test_each_kind_has_a_base() -> None:
    assert tuple(BASES) == tuple(sorted(BASES, key=KINDS.index))
    assert set(BASES) == set(KINDS)


def test_a_class_that_extends_the_base_is_returned_itself() -> None:
    factory = made()
    assert conform("predictor", factory, TITLE) is factory


@pytest.mark.parametrize("entry", load(environ={"ASC_LOAD_PLUGINS": ""}).registry.entries(), ids=lambda e: e.name)
def test_every_component_of_the_core_extends_its_base(entry: Any) -> None:
    assert entry.load().__mro__[1] is not object
    assert issubclass(entry.load(), BASES[entry.kind])
    assert entry.load().__module__.startswith(f"asc.{entry.kind}s.")


class Alone:
    """Extends nothing."""

    def predict(self, history: Any, horizon: int) -> None:
        return None


def test_a_plain_class_becomes_one_of_its_kind_under_its_own_name() -> None:
    component = conform("predictor", Alone)
    assert component.__mro__[1:3] == (Alone, Predictor)
    assert (component.__name__, component.__qualname__) == ("Alone", "Alone")
    assert (component.__module__, component.__doc__) == (__name__, "Extends nothing.")
    assert conform("predictor", Alone, "again") is component
    assert component(component.Config()).config == Predictor.Config()
    assert component().state_dict() == {}
    assert component.compose(component.Config(), pytest.fail).depth == 2


def test_without_a_title_the_class_is_named() -> None:
    with pytest.raises(AscError, match=r"^The validator Alone of .*test_conform has no method judge\("):
        conform("validator", Alone)


def test_a_class_that_cannot_be_combined_with_the_base_is_told_to_extend_it() -> None:
    class Meta(type):
        """A metaclass of its own."""

    text = problem(Meta("Mine", (), {"predict": lambda self, history, horizon: None}))
    assert text.startswith("cannot be combined with Predictor of asc.predictor: TypeError: metaclass conflict")
    assert text.endswith("Let it extend that class: class Mine(Predictor).")


@pytest.mark.parametrize("make", [plain, partial(made, predict=Predictor.predict)])
def test_a_missing_method_is_described(make: Any) -> None:
    assert problem(make()) == (
        "has no method predict(history, horizon); expected a method that does this: Predict the state `horizon` steps "
        "after the newest snapshot; None where there is nothing to say."
    )


def test_a_missing_method_that_is_misspelt_is_to_be_renamed() -> None:
    assert problem(plain(predcit=lambda self, history, horizon: None)) == (
        "has no method predict(history, horizon), but has predcit: rename predcit to predict."
    )


def test_every_missing_method_is_named_on_a_line_of_its_own() -> None:
    lines = problem(plain(Config=type("Config", (ExecutedConfig,), {}), lode=lambda self: None), "backend").splitlines()
    assert lines[0].startswith("has no method computation(plain); expected a method that does this: Make the ")
    assert [line.removeprefix(TITLE).partition("(")[0] for line in lines[1:]] == [
        f" has no method {name}" for name in ("load", "outcome", "save")
    ]
    assert lines[1].endswith("but has lode: rename lode to load.")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("setle", "settle"), ("link", "links"), ("need", "needs"), ("depths", "depth"), ("inplace", "in_place")],
)
def test_a_name_that_is_almost_one_of_the_base_is_named(name: str, meant: str) -> None:
    names: dict[str, Any] = {name: None}
    assert problem(made(**names)) == (
        f'has {name}, which nothing uses; did you mean "{meant}"? Rename it, to {meant} or to something else.'
    )


def test_a_name_that_is_almost_that_of_an_inherited_class_is_named() -> None:
    class Parent(Predictor):
        def predict(self, history: Any, horizon: int) -> None:
            return None

        def state_dct(self) -> dict[str, Any]:
            return {}

    class Child(Parent):
        """Inherits the mistake."""

    assert problem(Child).startswith('has state_dct, which nothing uses; did you mean "state_dict"?')


@pytest.mark.parametrize(
    "names",
    [
        {"settle": lambda self, accepted: None, "settles": 3},  # what it is almost like is there
        {"predicts": lambda self: None},
        {"fit": None, "linear": None, "settings": None, "_setle": None, "coefficients": None, "length": None},
    ],
)
def test_ordinary_names_of_its_own_are_no_mistake(names: dict[str, Any]) -> None:
    conform("predictor", made(**names))


def without(self: Any, history: Any) -> None: ...


def more(self: Any, history: Any, horizon: int, and_more: int) -> None: ...


def nothing() -> None: ...


def optional(self: Any, history: Any, k: int, and_more: int = 3) -> None: ...


def anything(*values: Any) -> None: ...


@pytest.mark.parametrize(
    ("predict", "call"),
    [
        (without, "predict(history)"),
        (more, "predict(history, horizon, and_more)"),
        (nothing, "predict()"),
        (staticmethod(more), "predict(self, history, horizon, and_more)"),
    ],
)
def test_a_method_that_cannot_take_the_arguments_is_told_which(predict: Any, call: str) -> None:
    assert problem(made(predict=predict)) == (
        f"has the method {call}; expected predict(history, horizon): give it these parameters."
    )


@pytest.mark.parametrize(
    "predict",
    [
        *(optional, anything, classmethod(optional), staticmethod(without)),
        *(partialmethod(more, and_more=1), partial(anything), print),
    ],
)
def test_a_method_may_take_more_or_other_names(predict: Any) -> None:
    conform("predictor", made(predict=predict))


@pytest.mark.parametrize(("value", "kind"), [(None, "NoneType"), (property(lambda self: 3), "property"), (3, "int")])
def test_a_method_that_is_none_is_told(value: Any, kind: str) -> None:
    assert problem(made(links=value)) == f"has links of type {kind}; expected a method links(horizon)."


def test_a_class_method_stays_one() -> None:
    assert problem(made(compose=classmethod(lambda cls, config: None))) == (
        "has the method compose(config); expected compose(config, create): give it these parameters."
    )


def test_an_argument_that_is_passed_by_name_must_have_this_name() -> None:
    class Mine(Backend[Any]):
        class Config(ExecutedConfig):
            """No further settings."""

        def computation(self, without_speculation: bool) -> Any: ...  # type: ignore[override]

        def save(self, computation: Any, folder: Path, state: Any) -> None: ...

        def load(self, computation: Any, folder: Path) -> None: ...

        def outcome(self, computation: Any) -> Mapping[str, Any]:
            return {}

    assert problem(Mine, "backend") == (
        "has the method computation(without_speculation); expected computation(plain): give it these parameters."
    )


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ("words", " = 'words'; expected a set of strings: write frozenset({\"words\"})."),
        (["words", "gram"], " = ['words', 'gram']; expected a set of strings: write frozenset({\"words\", \"gram\"})."),
        (None, ' = None; expected a set of strings: write frozenset({"words"}).'),
        ({3}, ' = {3}; expected a set of strings: write frozenset({"words"}).'),
    ],
)
def test_needs_are_a_set_of_strings(needs: Any, told: str) -> None:
    assert problem(made(needs=needs)) == f"has needs{told}"
    component = made()()
    component.needs = needs
    with pytest.raises(AscError) as caught:
        require_attributes(Predictor, component, TITLE)
    assert str(caught.value) == f"{TITLE} has needs{told}"


def test_the_needs_of_a_validator_are_a_set_as_well() -> None:
    class Mine(Validator):
        needs = "losses"  # type: ignore[assignment]

        def judge(self, computation: Any, candidate: Any) -> Any: ...

    with pytest.raises(AscError) as caught:
        conform("validator", Mine, TITLE)
    assert str(caught.value) == (
        f"{TITLE} has needs = 'losses'; expected a set of strings: write frozenset({{\"losses\"}})."
    )


@pytest.mark.parametrize("needs", [{"words"}, frozenset(), property(lambda self: {"words"})])
def test_any_set_will_do_and_a_property_is_asked_of_the_component(needs: Any) -> None:
    require_attributes(Predictor, conform("predictor", made(needs=needs))(), TITLE)


@pytest.mark.parametrize("depth", [0, 2.0, "2", None])
def test_depth_is_a_whole_number(depth: Any) -> None:
    assert problem(made(depth=depth)) == f"has depth = {depth!r}; expected a whole number, at least 1."
    with pytest.raises(AscError, match="expected a whole number, at least 1"):
        require_attributes(Predictor, made(depth=property(lambda self: depth))(), TITLE)


def test_further_attributes_are_of_the_type_of_the_base() -> None:
    assert problem(made(in_place=1)) == "has in_place = 1; expected True or False."
    study = made(Study, run=lambda self, folder, tell, stopped: True, tables=lambda self, folder: (), free="seeds")
    assert problem(study, "study") == "has free = 'seeds'; expected a set of strings: write frozenset({\"seeds\"})."


def test_an_attribute_that_the_base_does_not_have_is_its_own() -> None:
    recognizer = made(
        Recognizer,
        next_boundary=lambda self, position, computation: position + 1,
        recognise=lambda self, computation: Recognition(speculate=False, label="", score=None),
        depth="its own",
    )
    conform("recognizer", recognizer)


@pytest.mark.parametrize("config", [dict, None, Settings(), "Config"])
def test_settings_are_a_pydantic_model(config: Any) -> None:
    validator = made(Validator, judge=lambda self, computation, candidate: None, Config=config)
    assert problem(validator, "validator") == (
        "has a Config that is no pydantic model; expected a subclass of asc.Settings."
    )


class Whole(Backend[Any]):
    """A backend without settings."""

    def computation(self, plain: bool) -> Any: ...

    def save(self, computation: Any, folder: Path, state: Any) -> None: ...

    def load(self, computation: Any, folder: Path) -> None: ...

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        return {}


@pytest.mark.parametrize("config", [None, Settings, RunConfig, type("Config", (RunConfig,), {})])
def test_settings_of_a_backend_say_how_candidates_are_confirmed(config: Any) -> None:
    factory = Whole if config is None else made(Whole, Config=config)
    assert problem(factory, "backend") == (
        "has no settings of a run; expected a class Config inside it that extends asc.JudgedConfig or "
        "asc.ExecutedConfig."
    )


@pytest.mark.filterwarnings("ignore:Field name")  # pydantic's own, in other words
def test_a_setting_of_a_backend_does_not_take_a_name_of_the_settings_themselves() -> None:
    config = type("Config", (ExecutedConfig,), {"__annotations__": {"speculator": str}, "speculator": "fast"})
    assert problem(made(Whole, Config=config), "backend") == (
        'has a setting "speculator", a name that asc uses itself; expected another name.'
    )


@pytest.mark.parametrize("config", [JudgedConfig, ExecutedConfig, type("Config", (JudgedConfig,), {})])
def test_a_backend_with_settings_of_a_run_conforms(config: Any) -> None:
    conform("backend", made(Whole, Config=config))


@pytest.mark.parametrize("kind", ["predictor", "recognizer", "validator"])
def test_a_setting_of_what_a_run_chooses_by_name_is_not_called_name(kind: str) -> None:
    config = type("Config", (Settings,), {"__annotations__": {"name": str}, "name": "x"})
    names = {
        "predict": lambda self, history, horizon: None,
        "next_boundary": lambda self, position, computation: position + 1,
        "recognise": lambda self, computation: None,
        "judge": lambda self, computation, candidate: None,
    }
    factory = new_class("Mine", (BASES[kind],), exec_body=lambda body: body.update(names | {"Config": config}))
    assert problem(factory, kind).endswith('has a setting "name", a name that asc uses itself; expected another name.')


@pytest.mark.parametrize("remarks", ["a text", None, [3], {"a": 1}])
def test_remarks_are_sentences(remarks: Any) -> None:
    validator = made(Validator, judge=lambda self, computation, candidate: None, remarks=remarks)
    assert problem(validator, "validator") == f"has remarks = {remarks!r}; expected a list of sentences."


def test_what_is_made_is_of_its_kind() -> None:
    with pytest.raises(AscError, match=r"was made as None; expected an asc\.Predictor\.$"):
        require_attributes(Predictor, None, TITLE)


def test_an_attribute_that_raises_is_told() -> None:
    def needs(self: Any) -> Any:
        raise ValueError("not yet")

    with pytest.raises(AscError, match=r"has no needs: asked for it, it raised ValueError: not yet \(test_conform\.py"):
        require_attributes(Predictor, made(needs=property(needs))(), TITLE)


@pytest.mark.filterwarnings("ignore:Field name")  # pydantic's own, in other words
@pytest.mark.parametrize(
    ("kind", "command"), [("backend", run_command), ("backend", advise_command), ("study", study_command)]
)
def test_no_setting_can_hide_an_option_of_a_command(kind: str, command: ComponentGroup) -> None:
    options = [*command._options, *_settings_options(), *command.params]
    spelt = {flag.lstrip("-").replace("-", "_") for option in options for flag in (*option.opts, str(option.name))}
    config = type("Config", (ExecutedConfig,), {"__annotations__": dict.fromkeys(spelt, int)} | dict.fromkeys(spelt, 1))
    study = made(Study, run=lambda self, folder, tell, stopped: True, tables=lambda self, folder: (), Config=config)
    told = problem(made(Whole, Config=config) if kind == "backend" else study, kind)
    assert {line.partition('"')[2].partition('"')[0] for line in told.replace(TITLE, "").splitlines()} >= spelt
