"""`asc plugins` and `asc explain`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import rich_click as click
from click.testing import CliRunner
from pydantic import Field

from asc.backend import Backend
from asc.cli.explain import explain_command
from asc.cli.plugins import plugins_command, rows
from asc.computation import Computation
from asc.config.run import ExecutedConfig
from asc.errors import AscError
from asc.plugins import Plugins, load
from asc.plugins.entry import Source
from asc.plugins.loader import PluginStatus
from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.study import Study, Table, Tell
from asc.types import Candidate, EngineState, Verdict
from asc.validator import Validator
from asc.views.console import TextConsole


class Session(NamedTuple):
    plugins: Plugins
    console: TextConsole


DOC = """Does [nothing].

    It goes on
    over two lines.

    - a list
    - stays
    """


class Sample(Predictor):
    __doc__ = DOC

    class Config(Settings):
        """One setting."""

        level: int = Field(2, ge=0, description="how deep, as in [0]")

    def predict(self, history: History, horizon: int) -> None:
        return None


class SampleBackend(Backend[Any]):
    __doc__ = DOC

    class Config(ExecutedConfig):
        """One setting more."""

        level: int = Field(2, ge=0, description="how deep, as in [0]")

    def computation(self, plain: bool) -> Any: ...

    def save(self, computation: Any, folder: Path, state: EngineState) -> None: ...

    def load(self, computation: Any, folder: Path) -> EngineState | None: ...

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        return {}


class Many(Study):
    class Config(Settings):
        """One setting."""

        level: int = Field(2, ge=0, description="how deep")

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        return True

    def tables(self, folder: Path) -> Sequence[Table]:
        return ()


class Plain(Validator):
    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        return Verdict(accepted=True, gain_steps=0.0, reason="")


@pytest.fixture
def plugins() -> Plugins:
    plugins = load(environ={"ASC_LOAD_PLUGINS": ""})
    plugins.registry.absent.clear()  # whatever this machine has installed
    with plugins.registry.announcing(Source("own", "asc-own", "2.5")):
        for kind, name, cls in (
            ("predictor", "sample", "Sample"),
            ("backend", "sample", "SampleBackend"),
            ("validator", "plain", "Plain"),
            ("study", "many", "Many"),
        ):
            plugins.registry.add(kind, name, f"{__name__}:{cls}", "a [sample] of mine")
        plugins.registry.add("predictor", "gone", "no_such_module:A", "not there")
    plugins.statuses.append(PluginStatus("bad", "plugin", "asc-bad", "0.1", "failed", "It is [bad]."))
    return plugins


def printed(
    plugins: Plugins, command: click.Command, *arguments: str, width: int = 120, encoding: str = "utf-8"
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    session = Session(plugins, TextConsole(file=stream, width=width))
    result = CliRunner().invoke(command, arguments, obj=session)
    if result.exception is not None:
        raise result.exception
    assert result.output == ""
    return raw.getvalue().decode(encoding)


def test_the_list_has_an_object_for_each_component_and_each_failure(plugins: Plugins) -> None:
    found: list[dict[str, Any]] = json.loads(printed(plugins, plugins_command, "--json", width=20))
    assert found == rows(plugins)
    assert {tuple(row) for row in found} == {("name", "kind", "distribution", "version", "status", "error")}
    assert len(found) == len(plugins.registry.entries()) + 1
    sample = {"distribution": "asc-own", "version": "2.5", "status": "ok", "error": None}
    assert {"name": "sample", "kind": "predictor", **sample} in found
    assert {"name": "sample", "kind": "backend", **sample} in found
    assert found[-1] == {
        "name": "bad",
        "kind": "plugin",
        "distribution": "asc-bad",
        "version": "0.1",
        "status": "failed",
        "error": "It is [bad].",
    }
    linear = next(row for row in found if row["name"] == "linear")
    assert (linear["kind"], linear["distribution"]) == ("predictor", "asc-core")


def test_the_table_has_a_line_for_each(plugins: Plugins) -> None:
    lines = [" ".join(line.split()) for line in printed(plugins, plugins_command).splitlines()]
    assert "name kind from" in lines
    assert "sample predictor asc-own 2.5 a [sample] of mine" in lines
    assert "bad plugin, failed asc-bad 0.1 It is [bad]." in lines
    assert len(lines) == len(plugins.registry.entries()) + 2


def test_listing_imports_nothing_of_what_it_lists(plugins: Plugins) -> None:
    assert "gone" in printed(plugins, plugins_command)


def test_a_component_is_explained_in_every_kind_that_has_its_name(plugins: Plugins) -> None:
    text = printed(plugins, explain_command, "sample")
    first, second = text.split("\n\nsample  ")
    assert first.splitlines()[0] == f"sample  backend of asc-own 2.5, in {__name__}"
    assert second.splitlines()[0] == f"predictor of asc-own 2.5, in {__name__}"
    for part in (first, second):
        assert "Does [nothing].\n\nIt goes on over two lines.\n\n- a list\n- stays\n" in part
        flat = [" ".join(line.split()) for line in part.splitlines()]
        assert "setting type default description" in flat
        assert "level a whole number, at least 0 2 how deep, as in [0]" in flat
    assert "Choose it with asc run sample." in first
    assert "Choose it with --predictors sample." in second
    assert "Change its settings with --set predictors.0.level=VALUE." in second


def test_a_study_is_listed_and_explained_as_any_other(plugins: Plugins) -> None:
    assert "many study asc-own 2.5" in " ".join(printed(plugins, plugins_command).split())
    text = printed(plugins, explain_command, "many")
    assert "Choose it with asc study many." in text
    assert "Change its settings with --set level=VALUE." in text


def test_one_without_docstring_and_settings_is_explained_by_its_summary(plugins: Plugins) -> None:
    text = printed(plugins, explain_command, "plain")
    assert text.endswith("\n\na [sample] of mine\n\nChoose it with --validator plain.\nIt has no settings.\n")


@pytest.mark.parametrize("name", [entry.name for entry in load(environ={"ASC_LOAD_PLUGINS": ""}).registry.entries()])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_built_in_component_is_explained_on_any_terminal(plugins: Plugins, name: str, encoding: str) -> None:
    text = printed(plugins, explain_command, name, width=80, encoding=encoding)
    assert text.startswith(f"{name}  ")
    assert "Choose it with " in text


def test_a_component_of_a_single_file_is_explained_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    announce = 'registry.add("predictor", "mine", "mine:Mine", "of my own")'
    file.write_text(
        "import asc\n\nclass Mine:\n    def predict(self, history, horizon):\n        return None\n\n"
        f"@asc.hookimpl\ndef asc_register(registry):\n    {announce}\n"
    )
    text = printed(load([file], {"ASC_LOAD_PLUGINS": ""}), explain_command, "mine", width=400)
    assert text.startswith(f"mine  predictor of file mine.py, in {file}\n\nof my own\n")


class Listing(Plain):
    """Has lists."""

    class Config(Settings):
        """Lists."""

        depth: int = Field(2, description="no list")
        names: tuple[str, ...] = Field(("a", "b", "c"), description="a list")
        counts: list[int] | None = Field(None, description="another")


class Other(Plain):
    """Has a list without a default to show."""

    class Config(Settings):
        """A list."""

        counts: list[int] | None = Field(None, description="numbers")


def test_a_setting_that_is_a_list_is_explained_by_an_example(plugins: Plugins) -> None:
    for name in ("listing", "other"):
        plugins.registry.add("validator", name, f"{__name__}:{name.capitalize()}", "lists")
    assert """A list is typed as JSON: --set validator.names='["a","b"]'\n""" in printed(
        plugins, explain_command, "listing"
    )
    assert "--set validator.counts='[1,2]'\n" in printed(plugins, explain_command, "other")
    assert "JSON" not in printed(plugins, explain_command, "sample")


class Deep(Sample):
    """Looks back on as many snapshots as its settings say."""

    class Config(Settings):
        """Defaults of every sort."""

        window: int = Field(7, description="snapshots")
        bound: int | None = Field(None, description="none by default")
        how: str = Field("none", description="a text")
        spans: tuple[int, ...] = Field((2, 3), description="a list")
        parts: tuple[str, ...] = Field((), description="an empty one")

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({"words", "rate"})

    @property
    def depth(self) -> int:  # type: ignore[override]
        return int(self.config.window)


def test_needs_and_depth_are_those_of_the_component_with_its_default_settings(plugins: Plugins) -> None:
    plugins.registry.add("predictor", "deep", f"{__name__}:Deep", "looks far back")
    text = printed(plugins, explain_command, "deep")
    assert "It needs rate, words of the computation.\nIt looks back on 7 snapshots.\n" in text


def test_what_cannot_be_made_of_its_default_settings_is_explained_all_the_same(plugins: Plugins) -> None:
    plugins.registry.add("predictor", "needy", f"{__name__}:Needy", "needs a setting")
    text = " ".join(printed(plugins, explain_command, "needy").split())
    why = 'The setting "level" of the predictor "needy" must be given'
    assert f"It cannot be made with its default settings: {why}" in text


class Needy(Sample):
    """Has no defaults."""

    class Config(Settings):
        """One setting."""

        level: int = Field(description="how deep")


def test_a_default_is_shown_as_set_takes_it(plugins: Plugins) -> None:
    plugins.registry.add("predictor", "deep", f"{__name__}:Deep", "looks far back")
    lines = [line.split() for line in printed(plugins, explain_command, "deep", width=200).splitlines()]
    rows = {line[0]: " ".join(line) for line in lines if line}
    assert " null none by default" in rows["bound"]
    assert " none a text" in rows["how"]
    assert " [2, 3] a list" in rows["spans"]
    assert " [] an empty one" in rows["parts"]


def test_a_validator_says_what_it_needs(plugins: Plugins) -> None:
    assert "It needs losses of the computation.\n" in printed(plugins, explain_command, "strict")


def test_an_unknown_name_is_told(plugins: Plugins) -> None:
    with pytest.raises(AscError) as caught:
        printed(plugins, explain_command, "smaple")
    assert str(caught.value) == (
        'There is no component "smaple"; did you mean "sample"? If it is in a file of yours, add: '
        "--plugin FILE.py\nTo list them, type: asc plugins"
    )


def test_one_that_cannot_be_imported_is_told(plugins: Plugins) -> None:
    with pytest.raises(AscError, match='announces the predictor "gone", but "no_such_module:A" cannot be loaded'):
        printed(plugins, explain_command, "gone")


class Misspelt(Plain):
    """Means to keep what it has learnt."""

    def state_dictt(self) -> dict[str, Any]:
        return {}


def test_one_that_does_not_fit_its_kind_is_told(plugins: Plugins) -> None:
    plugins.registry.add("validator", "misspelt", f"{__name__}:Misspelt", "never kept")
    with pytest.raises(AscError, match='The validator "misspelt" of the running program has state_dictt, which'):
        printed(plugins, explain_command, "misspelt")


@pytest.mark.parametrize(("command", "arguments"), [(plugins_command, []), (explain_command, ["linear"])])
def test_a_plugin_file_is_accepted_since_it_was_loaded_already(
    plugins: Plugins, command: click.Command, arguments: list[str]
) -> None:
    plain = printed(plugins, command, *arguments)
    assert printed(plugins, command, "--plugin", "mine.py", *arguments, "--plugin=yours.py") == plain
