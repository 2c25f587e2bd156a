"""The registry: names, lazy loading, creation, and a sentence for everything that goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from asc.errors import AscError
from asc.plugins import Composite, Registry, Source
from asc.plugins.registry import INSTALLABLE, install
from asc.settings import Settings

HERE = __name__
AN_INSTANCE = 3
IN_A_FILE = "If it is in a file of yours, add: --plugin FILE.py"


class Doubling:
    """Doubles."""

    class Config(Settings):
        """How often."""

        times: int = Field(1, ge=1, le=9, description="how often")

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()


class Fragile(Doubling):
    """Raises when it is made."""

    def __init__(self, config: Doubling.Config | None = None) -> None:
        raise OSError("no\nweights.")


class Explained(Doubling):
    """Raises a sentence when it is made."""

    def __init__(self, config: Doubling.Config | None = None) -> None:
        raise AscError("Nothing to double here.")


class Several:
    """Made of others."""

    class Config(Settings):
        """Which others."""

        parts: tuple[str, ...] = Field(("doubling", "doubling"), description="by name")
        times: int | None = Field(None, description="what the parts are told")

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    @classmethod
    def compose(cls, config: Config, create: Callable[..., Any]) -> Several:
        settings: Mapping[str, Any] = {} if config.times is None else {"times": config.times}
        return cls([create(name, settings) if settings else create(name) for name in config.parts])


class NoModel:
    """Its settings are no pydantic model."""

    class Config:
        """Nothing."""


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    with registry.announcing(Source("own", "asc-own", "1.5")):
        for name, cls in (
            ("doubling", "Doubling"),
            ("fragile", "Fragile"),
            ("explained", "Explained"),
            ("several", "Several"),
            ("no-model", "NoModel"),
        ):
            registry.add("predictor", name, f"{HERE}:{cls}", f"{HERE}:{cls}.Config", f"{cls} it is")
        registry.add("predictor", "gone", "no_such_module_here:A", "no_such_module_here:A.Config", "cannot be imported")
        registry.add("predictor", "no-class", f"{HERE}:Missing", f"{HERE}:Missing.Config", "has no class")
        registry.add("predictor", "instance", f"{HERE}:AN_INSTANCE", f"{HERE}:AN_INSTANCE.Config", "is an instance")
    return registry


def complaint(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(AscError) as caught:
        call(*arguments)
    return str(caught.value)


def test_creation_validates_settings_and_fills_in_defaults(registry: Registry) -> None:
    assert registry.create("predictor", "doubling").config.times == 1
    assert registry.create("predictor", "doubling", {"times": 4}).config.times == 4
    assert registry.config_class("predictor", "doubling") is Doubling.Config
    assert registry.configure("predictor", "doubling", {"times": 2}) == Doubling.Config(times=2)


def test_entries_are_sorted_and_know_their_origin(registry: Registry) -> None:
    registry.add("backend", "zoo", f"{HERE}:Doubling", f"{HERE}:Doubling.Config", "first of all kinds")
    entries = registry.entries()
    assert [(e.kind, e.name) for e in entries] == sorted((e.kind, e.name) for e in entries)
    assert entries[0].source.label == "the running program"
    assert registry.names("backend") == ("zoo",)
    entry = registry.get("predictor", "doubling")
    assert (entry.summary, entry.source.label, entry.source.plugin) == ("Doubling it is", "asc-own 1.5", "own")
    assert registry.find("doubling") == (entry,)


@pytest.mark.parametrize("name", ["", "Linear", "last value", "-a", "a-", "a--b", "1a", "a.b", "é", "a_-b"])
def test_a_malformed_name_is_refused(registry: Registry, name: str) -> None:
    assert complaint(registry.add, "predictor", name, "a:B", "a:B.C", "x") == (
        f'"{name}" cannot name a predictor; a name is made of lower-case words of letters and digits, '
        'joined by hyphens or underscores, such as "last-value".'
    )


@pytest.mark.parametrize("name", ["a", "last-value", "nn_training", "rule-30", "x2_y-z"])
def test_a_well_formed_name_is_taken(registry: Registry, name: str) -> None:
    registry.add("backend", name, "a:B", "a:B.C", "x")
    assert name in registry.names("backend")


def test_an_unknown_kind_is_refused(registry: Registry) -> None:
    expected = 'There is no kind of component "preditor"; did you mean "predictor"? '
    expected += "Kinds: backend, predictor, recognizer, validator, study."
    assert complaint(registry.add, "preditor", "a", "a:B", "a:B.C", "x") == expected
    assert complaint(registry.get, "preditor", "a") == expected


@pytest.mark.parametrize("path", ["a.B", "a:", ":B", "a:B:C", "a b:C", "", Doubling])
def test_a_malformed_path_is_refused(registry: Registry, path: Any) -> None:
    ending = f'was given as {path!r}; expected a dotted path in quotes, such as "package.module:Class".'
    assert complaint(registry.add, "predictor", "a", path, "a:B.C", "x") == f'The class of the predictor "a" {ending}'
    assert complaint(registry.add, "predictor", "a", "a:B", path, "x") == f'The settings of the predictor "a" {ending}'


@pytest.mark.parametrize("summary", ["", "  ", "two\nlines"])
def test_a_summary_is_one_line(registry: Registry, summary: str) -> None:
    assert complaint(registry.add, "predictor", "a", "a:B", "a:B.C", summary) == (
        f'The summary of the predictor "a" was given as {summary!r}; expected one line of text.'
    )


def test_a_taken_name_stays_with_the_first(registry: Registry) -> None:
    with registry.announcing(Source("own", "asc-other", "2")):
        text = complaint(registry.add, "predictor", "doubling", "a:B", "a:B.C", "x")
    assert text == (
        'The predictor "doubling" of asc-other 2 is refused: asc-own 1.5 has a predictor of this name already. '
        "Uninstall or rename one of them."
    )
    assert registry.get("predictor", "doubling").load() is Doubling
    registry.add("validator", "doubling", "a:B", "a:B.C", "another kind may use the name")


def test_an_announcement_that_raises_leaves_nothing(registry: Registry) -> None:
    def announce() -> None:
        with registry.announcing(Source("late", "asc-late")):
            registry.add("predictor", "late", "a:B", "a:B.C", "x")
            raise KeyError("late")

    before = registry.entries()
    with pytest.raises(KeyError):
        announce()
    assert registry.entries() == before
    registry.add("backend", "own", "a:B", "a:B.C", "x")
    assert registry.get("backend", "own").source.label == "the running program"


def test_an_unknown_name_gets_the_nearest_and_what_is_installed(registry: Registry) -> None:
    installed = "Installed: doubling, explained, fragile, gone, instance, no-class, no-model, several. "
    installed += IN_A_FILE
    assert complaint(registry.get, "predictor", "dubling") == (
        f'There is no predictor "dubling". Did you mean "doubling"? {installed}'
    )
    assert complaint(registry.get, "predictor", "NO_MODEL") == (
        f'There is no predictor "NO_MODEL". Did you mean "no-model"? {installed}'
    )
    assert complaint(registry.get, "predictor", "xyzzy") == f'There is no predictor "xyzzy". {installed}'
    assert complaint(registry.get, "validator", "doubling") == (
        f'There is no validator "doubling". There is a predictor "doubling". No validator is installed. {IN_A_FILE}'
    )


@pytest.mark.parametrize(
    ("name", "guess", "command"),
    [
        ("toy", "", 'To install "toy", type in a checkout of asc: pip install -e backends/toy'),
        ("tooy", ' Did you mean "toy"?', 'To install "toy", type in a checkout of asc: pip install -e backends/toy'),
        ("nn_training", "", 'To install "nn_training", type in a checkout of asc: pip install -e backends/nn_training'),
        (
            "nn-training",
            ' Did you mean "nn_training"?',
            'To install "nn_training", type in a checkout of asc: pip install -e backends/nn_training',
        ),
    ],
)
def test_a_well_known_backend_gets_the_command_that_installs_it(
    registry: Registry, name: str, guess: str, command: str
) -> None:
    assert complaint(registry.get, "backend", name) == (
        f'There is no backend "{name}".{guess} {command}\nNo backend is installed.'
    )


def test_a_well_known_study_gets_the_command_that_installs_it(registry: Registry) -> None:
    install = 'To install "leap-verify", type in a checkout of asc: pip install -e backends/nn_training'
    assert complaint(registry.get, "study", "leap_verfy") == (
        f'There is no study "leap_verfy". Did you mean "leap-verify"? {install}\nNo study is installed.'
    )
    assert install in complaint(registry.find, "leap-verify")


def test_a_well_known_backend_that_failed_to_load_is_not_to_be_installed_again(registry: Registry) -> None:
    registry.absent["toy"] = (Source("toy", "asc-toy", "0.1"), "It needs loky.")
    assert (
        complaint(registry.get, "backend", "toy")
        == 'There is no backend "toy". It needs loky. No backend is installed.'
    )
    assert complaint(registry.get, "backend", "other").startswith(
        'There is no backend "other". Plugins installed but not loaded: toy.'
    )
    assert complaint(registry.find, "toy") == (
        'There is no component "toy". It needs loky. To list them, type: asc plugins'
    )


def test_a_reason_that_ends_in_a_command_ends_its_line(registry: Registry) -> None:
    registry.absent["toy"] = (Source("toy", "asc-toy", "0.1"), "It is too old, type: pip install --upgrade asc-toy")
    assert complaint(registry.get, "backend", "toy").splitlines() == [
        'There is no backend "toy". It is too old, type: pip install --upgrade asc-toy',
        "No backend is installed.",
    ]
    assert complaint(registry.find, "toy").splitlines()[1] == "To list them, type: asc plugins"


def test_every_distribution_that_is_offered_has_a_folder_in_the_checkout() -> None:
    root = Path(__file__).parents[2]
    for distribution in INSTALLABLE.values():
        command, _, folder = install(distribution).rpartition(" ")
        assert command == "pip install -e"
        assert f'name = "{distribution}"' in (root / folder / "pyproject.toml").read_text()


def test_a_name_of_no_kind_gets_the_nearest_of_all_kinds(registry: Registry) -> None:
    assert complaint(registry.find, "dubling") == (
        f'There is no component "dubling"; did you mean "doubling"? {IN_A_FILE}\nTo list them, type: asc plugins'
    )
    assert complaint(registry.find, "toi") == (
        'There is no component "toi"; did you mean "toy"? To install "toy", type in a checkout of asc: '
        "pip install -e backends/toy\nTo list them, type: asc plugins"
    )
    assert complaint(registry.find, "xyzzy") == (
        f'There is no component "xyzzy". {IN_A_FILE}\nTo list them, type: asc plugins'
    )


def test_a_component_that_fails_to_import_names_plugin_and_exception(registry: Registry) -> None:
    title = 'The plugin "own" of asc-own 1.5 announces the predictor'
    assert complaint(registry.create, "predictor", "gone") == (
        f'{title} "gone", but "no_such_module_here:A" cannot be loaded: '
        "ModuleNotFoundError: No module named 'no_such_module_here'."
    )
    assert complaint(registry.config_class, "predictor", "gone").startswith(
        f'{title} "gone", but "no_such_module_here:A.Config" cannot be loaded: ModuleNotFoundError'
    )
    assert complaint(registry.create, "predictor", "no-class").startswith(
        f'{title} "no-class", but "{HERE}:Missing" cannot be loaded: AttributeError: '
    )
    assert complaint(registry.create, "predictor", "instance") == (
        f'{title} "instance", but "{HERE}:AN_INSTANCE" is an int; expected a class.'
    )
    assert complaint(registry.create, "predictor", "no-model") == (
        f'The plugin "own" of asc-own 1.5 announces "{HERE}:NoModel.Config" as the settings of the predictor '
        '"no-model"; expected a pydantic model, such as a subclass of asc.Settings.'
    )


def test_a_component_that_fails_to_start_names_plugin_and_exception(registry: Registry) -> None:
    assert complaint(registry.create, "predictor", "fragile") == (
        'The predictor "fragile" of asc-own 1.5 could not be made from its settings: OSError: no weights.'
    )
    assert complaint(registry.create, "predictor", "explained") == "Nothing to double here."


def test_wrong_settings_are_sentences(registry: Registry) -> None:
    assert complaint(registry.create, "predictor", "doubling", {"times": 0, "tims": 1}) == (
        'The setting "times" of the predictor "doubling" was given 0; expected a whole number, at least 1, at most 9.\n'
        'There is no setting "tims" of the predictor "doubling"; did you mean "times"?\n'
        "Type: asc explain doubling"
    )


def test_a_composite_gets_the_means_to_create_its_parts(registry: Registry) -> None:
    assert isinstance(Several, Composite)
    assert not isinstance(Doubling, Composite)
    several = registry.create("predictor", "several")
    assert [type(part) for part in several.parts] == [Doubling, Doubling]
    nested = registry.create("predictor", "several", {"parts": ["several", "doubling"]})
    assert [type(part) for part in nested.parts] == [Several, Doubling]
    assert registry.create("predictor", "several", {"times": 7}).parts[0].config.times == 7
    assert 'no predictor "dubling"' in complaint(registry.create, "predictor", "several", {"parts": ["dubling"]})


class Endless(Several):
    """Contains itself."""

    class Config(Several.Config):
        """Itself."""

        parts: tuple[str, ...] = Field(("endless",), description="itself")


def test_a_composite_that_contains_itself_is_told(registry: Registry) -> None:
    registry.add("predictor", "endless", f"{HERE}:Endless", f"{HERE}:Endless.Config", "x")
    text = complaint(registry.create, "predictor", "endless")
    assert text.startswith('The predictor "endless" is made of more than 8 layers, so it probably contains itself: ')
    assert text.endswith("endless > endless.")
