"""Every command on a page is one that can be typed: `asc` takes its options and settings, and programs exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import rich_click as click

pytest.importorskip("asc_toy")
pytest.importorskip("asc_nn_training")

from asc.cli import advise, run, study
from asc.cli.components import ComponentGroup
from asc.cli.main import cli
from asc.cli.session import CommandSession, plugin_files
from asc.errors import AscError

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "examples/README.md")),
    *(ROOT / "docs").glob("*.md"),
]
TEXT = re.sub(r" \\\n\s*", " ", "\n".join(page.read_text(encoding="utf-8") for page in PAGES))  # commands in one line
PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b|…|\bsweep\b")  # such as NAME; `sweep` is a backend that a tutorial makes


def found(pattern: str) -> list[str]:
    """Return the commands that match, each once, without those that have a placeholder."""
    texts = dict.fromkeys(text.split("|")[0].strip() for text in re.findall(pattern, TEXT, re.MULTILINE))
    return [text for text in texts if not PLACEHOLDER.search(text)]


TYPED = found(r"^(?:    |\$ )(asc .*?)(?: +#.*)?$")
MENTIONED = found(r"`(asc [^`]+)`")


@pytest.fixture(autouse=True)
def only_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that would run something read their settings instead."""

    def read_settings(session: CommandSession, name: str, config_from: Any, **_: Any) -> None:
        config_from()

    for group in (advise.advise_command, run.run_command, study.study_command):
        monkeypatch.setattr(group, "_chosen", read_settings)


def parse(words: Sequence[str]) -> None:
    """Parse a command as `asc` does, and validate its settings. Raises what a user would see as an error."""
    session = CommandSession(plugin_files(words))
    command: Any = cli
    context, rest = click.Context(cli, info_name="asc", obj=session), [word for word in words if word != "--help"]
    while isinstance(command, click.Group) and rest:
        group = command
        name, command, rest = command.resolve_command(context, rest)
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name, parent=context, obj=session)
            continue
        context = command.make_context(name, list(rest), parent=context)
        if isinstance(group, ComponentGroup) and not context.params.get("resume"):  # else the run has the settings
            command.invoke(context)


@pytest.mark.parametrize("text", TYPED)
def test_a_command_can_be_typed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT if "examples/" in text else ROOT / "examples")
    parse(shlex.split(text)[1:])


@pytest.mark.parametrize("text", MENTIONED)
def test_a_command_in_a_sentence_can_be_typed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the beginning of one, such as `asc new predictor`."""
    monkeypatch.chdir(ROOT)
    with suppress(click.MissingParameter):
        parse(shlex.split(text)[1:])


@pytest.mark.parametrize(
    "text",
    ["run toy --validator strict", "run toy --set scheduler.horizons=[5]", "report --colour", "study momentum --at x"],
)
def test_a_wrong_command_is_found(text: str) -> None:
    with pytest.raises((click.ClickException, AscError)):
        parse(shlex.split(text))


def test_programs_exist() -> None:
    programs = set(re.findall(r"python ((?:examples|benchmarks)/\w+\.py)", TEXT))
    assert len(programs) > 8
    assert [program for program in programs if not (ROOT / program).is_file()] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^    |^\$ |`)make ([a-z-]+)", TEXT, re.MULTILINE))
    assert len(targets) > 8
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_there_are_commands() -> None:
    assert len(TYPED) > 30
    assert len(MENTIONED) > 20
