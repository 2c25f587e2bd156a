"""The registry: names, lazy loading, creation, and a sentence for everything that goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from asc.config.run import ExecutedConfig
from asc.errors import AscError
from asc.plugins.entry import Source
from asc.plugins.offers import Offer, offers
from asc.plugins.registry import Registry
from asc.predictor import History, Predictor
from asc.settings import Create, Settings
from asc.types import Prediction

HERE = __name__
AN_INSTANCE = 3
IN_A_FILE = "If it is in a file of yours, add: --plugin FILE.py"


class Doubling(Predictor):
    """Doubles."""

    class Config(Settings):
        """How often."""

        times: int = Field(1, ge=1, le=9, description="how often")

    config: Config

    def predict(self, history: History, horizon: int) -> Prediction | None:
        return None


class Bare:
    """Extends nothing and has no settings."""

    def predict(self, history: History, horizon: int) -> Prediction | None:
        return None


class Fragile(Doubling):
    """Raises when it is made."""

    def __init__(self, config: Doubling.Config | None = None) -> None:
        raise OSError("no\nweights.")


class Explained(Doubling):
    """Raises a sentence when it is made."""

    def __init__(self, config: Doubling.Config | None = None) -> None:
        raise AscError("Nothing to double here.")


class Several(Doubling):
    """Made of others."""

    class Config(Settings):
        """Which others."""

        parts: tuple[str, ...] = Field(("doubling", "doubling"), description="by name")
        times: int | None = Field(None, description="what the parts are made with")

    def __init__(self, config: Any, parts: list[Any]) -> None:
        super().__init__(config)
        self.parts = parts

    @classmethod
    def compose(cls, config: Any, create: Create) -> Several:
        settings: Mapping[str, Any] = {} if config.times is None else {"times": config.times}
        return cls(config, [create(name, settings) if settings else create(name) for name in config.parts])


class NoModel(Doubling):
    """Its settings are no pydantic model."""

    class Config:
        """Nothing."""


class Needy(Doubling):
    """Gets attributes of the wrong type when it is made."""

    def __init__(self, config: Doubling.Config | None = None) -> None:
        super().__init__(config)
        self.needs = ["words"]  # type: ignore[assignment]


def a_function(config: Any) -> Doubling:
    return Doubling(config)


class Zoo:
    """A backend, as far as the registry is concerned."""

    class Config(ExecutedConfig):
        """One setting."""

        animals: int = Field(1, ge=1, description="how many")

    def __init__(self, config: Config) -> None:
        self.config = config

    def computation(self, plain: bool) -> None: ...

    def save(self, computation: Any, folder: Path, state: Any) -> None: ...

    def load(self, computation: Any, folder: Path) -> None: ...

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        return {}


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
            ("bare", "Bare"),
            ("needy", "Needy"),
            ("no-class", "Missing"),
            ("instance", "AN_INSTANCE"),
            ("function", "a_function"),
        ):
            registry.add("predictor", name, f"{HERE}:{cls}", f"{cls} it is")
        registry.add("predictor", "gone", "no_such_module_here:A", "cannot be imported")
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
    registry.add("backend", "zoo", f"{HERE}:Zoo", "first of all kinds")
    entries = registry.entries()
    assert [(e.kind, e.name) for e in entries] == sorted((e.kind, e.name) for e in entries)
    assert entries[0].source.label == "the running program"
    assert registry.names("backend") == ("zoo",)
    entry = registry.get("predictor", "doubling")
    assert (entry.summary, entry.source.label, entry.source.plugin) == ("Doubling it is", "asc-own 1.5", "own")
    assert registry.find("doubling") == (entry,)


@pytest.mark.parametrize("name", ["", "Linear", "last value", "-a", "a-", "a--b", "1a", "a.b", "é", "a_-b"])
def test_a_malformed_name_is_refused(registry: Registry, name: str) -> None:
    assert complaint(registry.add, "predictor", name, "a:B", "x") == (
        f'"{name}" cannot name a predictor; a name is made of lower-case words of letters and digits, '
        'joined by hyphens or underscores, such as "last-value".'
    )


@pytest.mark.parametrize("name", ["a", "last-value", "nn_training", "rule-30", "x2_y-z"])
def test_a_well_formed_name_is_taken(registry: Registry, name: str) -> None:
    registry.add("backend", name, "a:B", "x")
    assert name in registry.names("backend")


def test_an_unknown_kind_is_refused(registry: Registry) -> None:
    expected = 'There is no kind of component "preditor"; did you mean "predictor"? '
    expected += "Kinds: backend, predictor, recognizer, validator, study."
    assert complaint(registry.add, "preditor", "a", "a:B", "x") == expected
    assert complaint(registry.get, "preditor", "a") == expected


@pytest.mark.parametrize("path", ["a.B", "a:", ":B", "a:B:C", "a b:C", ""])
def test_a_malformed_path_is_refused(registry: Registry, path: str) -> None:
    ending = f'was given as {path!r}; expected a dotted path in quotes, such as "package.module:Class".'
    assert complaint(registry.add, "predictor", "a", path, "x") == f'The class of the predictor "a" {ending}'


def test_a_class_in_place_of_its_path_is_told_how_it_is_written(registry: Registry) -> None:
    wrong: Any = Doubling
    said = complaint(registry.add, "predictor", "a", wrong, "x")
    assert said.endswith('expected a dotted path in quotes, such as f"{__name__}:Doubling".')


@pytest.mark.parametrize("summary", ["", "  ", "two\nlines"])
def test_a_summary_is_one_line(registry: Registry, summary: str) -> None:
    assert complaint(registry.add, "predictor", "a", "a:B", summary) == (
        f'The summary of the predictor "a" was given as {summary!r}; expected one line of text.'
    )


def test_a_taken_name_stays_with_the_first(registry: Registry) -> None:
    with registry.announcing(Source("own", "asc-other", "2")):
        text = complaint(registry.add, "predictor", "doubling", "a:B", "x")
    assert text == (
        'The predictor "doubling" of asc-other 2 is refused: asc-own 1.5 has a predictor of this name already. '
        "Uninstall or rename one of them."
    )
    assert registry.get("predictor", "doubling").load() is Doubling
    registry.add("validator", "doubling", "a:B", "another kind may use the name")


def test_an_announcement_that_raises_leaves_nothing(registry: Registry) -> None:
    def announce() -> None:
        with registry.announcing(Source("late", "asc-late")):
            registry.add("predictor", "late", "a:B", "x")
            raise KeyError("late")

    before = registry.entries()
    with pytest.raises(KeyError):
        announce()
    assert registry.entries() == before
    registry.add("backend", "own", "a:B", "x")
    assert registry.get("backend", "own").source.label == "the running program"


def test_an_unknown_name_gets_the_nearest_and_what_is_installed(registry: Registry) -> None:
    installed = f"Installed: {', '.join(registry.names('predictor'))}. "
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


EXTRAS = [
    "numpy>=1.26",
    'asc-mine; extra == "mine"',
    "Asc_Nets>=0.2 ; python_version > '3' and extra == 'nets'",
    'asc-two-words<2,>=1; extra == "two-words"',
    'pytest>=8; extra == "testing"',
    'asc-core[testing]; extra == "dev"',
    'asc-mine; extra == "all"',
]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the core have these extras, whatever it has really."""
    monkeypatch.setattr("importlib.metadata.requires", {"asc-core": EXTRAS}.__getitem__)


def to_install(name: str) -> str:
    return (
        f"To install \"{name}\", type: pip install 'asc-core[{name}]', or in a checkout: pip install -e backends/{name}"
    )


@pytest.mark.usefixtures("offered")
def test_an_extra_that_is_called_as_its_distribution_offers_a_backend() -> None:
    assert offers() == [
        Offer("mine", "asc-mine"),
        Offer("nets", "asc-nets"),
        Offer("two_words", "asc-two-words"),
    ]


def test_a_core_that_was_never_installed_offers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc.plugins.offers.CORE", "asc-core-that-nobody-has")
    assert offers() == []


def test_the_core_offers_each_backend_of_the_checkout() -> None:
    root = Path(__file__).parents[2]
    folders = {path.parent for path in root.glob("backends/*/pyproject.toml")}
    assert {f'name = "{offer.distribution}"' for offer in offers()} == {
        line for folder in folders for line in (folder / "pyproject.toml").read_text().splitlines() if "name = " in line
    }
    assert {root / offer.sentence.rpartition(" ")[2] for offer in offers()} == folders


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("name", "guess", "meant"),
    [
        ("mine", "", "mine"),
        ("minne", ' Did you mean "mine"?', "mine"),
        ("two_words", "", "two_words"),
        ("two-words", ' Did you mean "two_words"?', "two_words"),
    ],
)
def test_a_backend_of_an_extra_gets_the_command_that_installs_it(
    registry: Registry, name: str, guess: str, meant: str
) -> None:
    assert complaint(registry.get, "backend", name) == (
        f'There is no backend "{name}".{guess} {to_install(meant)}\nNo backend is installed.'
    )


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize("kind", ["predictor", "study"])
def test_an_extra_offers_no_component_of_another_kind(registry: Registry, kind: str) -> None:
    assert not complaint(registry.get, kind, "mine").startswith(f'There is no {kind} "mine". To install')


@pytest.mark.usefixtures("offered")
def test_an_extra_that_brings_no_backend_is_not_offered(registry: Registry) -> None:
    assert complaint(registry.get, "backend", "testing") == (
        f'There is no backend "testing". No backend is installed. {IN_A_FILE}'
    )


@pytest.mark.usefixtures("offered")
def test_an_unknown_study_is_said_to_come_with_backends(registry: Registry) -> None:
    registry.add("backend", "mine", f"{HERE}:Zoo", "it is here")
    registry.absent["nets"] = (Source("nets", "asc-nets", "0.1"), "It needs a GPU.")
    assert complaint(registry.get, "study", "many").splitlines() == [
        'There is no study "many". Plugins installed but not loaded: nets. No study is installed. Studies come with '
        f"backends; installed: mine. {to_install('two_words')}",
        IN_A_FILE,
    ]
    registry.add("study", "much", "a:B", "x")
    assert 'Did you mean "much"?' in complaint(registry.get, "study", "mush")
    assert "Installed: much. Studies come with backends; installed: mine. " in complaint(registry.get, "study", "many")
    assert "Studies come with backends; none is installed. " in complaint(Registry().get, "study", "many")


@pytest.mark.usefixtures("offered")
def test_a_backend_that_failed_to_load_is_not_to_be_installed_again(registry: Registry) -> None:
    registry.absent["mine"] = (Source("mine", "asc-mine", "0.1"), "It needs loky.")
    assert (
        complaint(registry.get, "backend", "mine")
        == 'There is no backend "mine". It needs loky. No backend is installed.'
    )
    assert complaint(registry.get, "backend", "other").startswith(
        'There is no backend "other". Plugins installed but not loaded: mine.'
    )
    assert complaint(registry.find, "mine") == (
        'There is no component "mine". It needs loky. To list them, type: asc plugins'
    )


def test_a_reason_that_ends_in_a_command_ends_its_line(registry: Registry) -> None:
    registry.absent["mine"] = (Source("mine", "asc-mine", "0.1"), "It is too old, type: pip install --upgrade asc-mine")
    assert complaint(registry.get, "backend", "mine").splitlines() == [
        'There is no backend "mine". It is too old, type: pip install --upgrade asc-mine',
        "No backend is installed.",
    ]
    assert complaint(registry.find, "mine").splitlines()[1] == "To list them, type: asc plugins"


@pytest.mark.usefixtures("offered")
def test_a_name_of_no_kind_gets_the_nearest_of_all_kinds(registry: Registry) -> None:
    assert complaint(registry.find, "dubling") == (
        f'There is no component "dubling"; did you mean "doubling"? {IN_A_FILE}\nTo list them, type: asc plugins'
    )
    assert complaint(registry.find, "netz") == (
        f'There is no component "netz"; did you mean "nets"? {to_install("nets")}\nTo list them, type: asc plugins'
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
        f'{title} "gone", but "no_such_module_here:A" cannot be loaded: ModuleNotFoundError'
    )
    assert complaint(registry.create, "predictor", "no-class").startswith(
        f'{title} "no-class", but "{HERE}:Missing" cannot be loaded: AttributeError: '
    )


@pytest.mark.parametrize(
    ("name", "path", "kind"), [("instance", "AN_INSTANCE", "int"), ("function", "a_function", "function")]
)
def test_what_is_no_class_is_refused(registry: Registry, name: str, path: str, kind: str) -> None:
    assert complaint(registry.create, "predictor", name) == (
        f'The plugin "own" of asc-own 1.5 announces the predictor "{name}", but "{HERE}:{path}" is of type {kind}; '
        "expected a class."
    )


def test_a_class_that_does_not_fit_its_kind_is_refused(registry: Registry) -> None:
    assert complaint(registry.create, "predictor", "no-model") == (
        'The predictor "no-model" of asc-own 1.5 has a Config that is no pydantic model; '
        "expected a subclass of asc.Settings."
    )
    assert complaint(registry.create, "predictor", "needy") == (
        "The predictor \"needy\" of asc-own 1.5 has needs = ['words']; expected a set of strings: "
        'write frozenset({"words"}).'
    )


def test_a_plain_class_gets_the_base_of_its_kind_and_its_settings(registry: Registry) -> None:
    made = registry.create("predictor", "bare")
    assert isinstance(made, Bare)
    assert isinstance(made, Predictor)
    assert type(made) is registry.get("predictor", "bare").load()
    assert registry.config_class("predictor", "bare") is Predictor.Config
    assert (made.config, made.depth, made.links(3)) == (Predictor.Config(), 2, (3,))


def test_a_backend_is_made_as_any_other_component(registry: Registry) -> None:
    registry.add("backend", "zoo", f"{HERE}:Zoo", "animals")
    assert registry.create("backend", "zoo", {"animals": 3}).config == Zoo.Config(animals=3)
    config = Zoo.Config(animals=4)
    assert registry.create("backend", "zoo", config).config is config
    assert '"animals" of the backend "zoo" was given 0' in complaint(registry.create, "backend", "zoo", {"animals": 0})


def test_a_component_that_fails_to_start_names_plugin_and_exception(registry: Registry) -> None:
    line = Fragile.__init__.__code__.co_firstlineno + 1
    assert complaint(registry.create, "predictor", "fragile") == (
        'The predictor "fragile" of asc-own 1.5 could not be made from its settings: '
        f"OSError: no weights (test_registry.py, line {line})."
    )
    assert complaint(registry.create, "predictor", "explained") == "Nothing to double here."


def test_wrong_settings_are_sentences(registry: Registry) -> None:
    assert complaint(registry.create, "predictor", "doubling", {"times": 0, "tims": 1}) == (
        'The setting "times" of the predictor "doubling" was given 0; expected a whole number, at least 1, at most 9.\n'
        'There is no setting "tims" of the predictor "doubling"; did you mean "times"?\n'
        "Type: asc explain doubling"
    )


def test_a_composite_gets_the_means_to_create_its_parts(registry: Registry) -> None:
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
    registry.add("predictor", "endless", f"{HERE}:Endless", "x")
    text = complaint(registry.create, "predictor", "endless")
    assert text.startswith('The predictor "endless" is made of more than 8 layers, so it probably contains itself: ')
    assert text.endswith("endless > endless.")


def test_the_core_names_no_backend_and_no_study() -> None:
    root = Path(__file__).parents[2] / "asc"
    named = re.compile(r"asc_toy|asc-toy|nn_training|asc_nn_training|asc-nn-training|leap-verify|\btoy\b")
    files = [path for path in root.rglob("*") if path.suffix in {".py", ".tmpl"}]
    assert {str(path) for path in files if named.search(path.read_text(encoding="utf-8"))} == set()
