"""The documentation site has everything that exists, and what it describes is tested."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import rich_click as click

pytest.importorskip("asc_toy")
pytest.importorskip("asc_nn_training")

import asc
from asc import testing
from asc.cli.main import cli
from asc.config.fields import settings
from asc.plugins import Entry, load
from asc.plugins.check import HOOKS
from asc.plugins.conform import BASES
from asc.testing.laws import laws_of

ROOT = Path(__file__).parent.parent.parent
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
TESTS = [
    path
    for folder in ("tests", "backends/toy/tests", "backends/nn_training/tests", "backends/riscv/tests")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
]
COMPONENTS = load((), {"ASC_LOAD_PLUGINS": "builtin,toy,nn_training"}).registry.entries()
COMMANDS = cli.list_commands(click.Context(cli))


class Said(NamedTuple):
    """What a test file says, comments and docstrings aside."""

    imported: set[tuple[str, str]]  # module and name
    strings: set[str]
    defined: set[str]  # functions


def said(path: Path) -> Said:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    constants = [node for node in nodes if isinstance(node, ast.Constant) and node not in docstrings]
    strings = [node.value for node in constants if isinstance(node.value, str)]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return Said(
        {(node.module or "", alias.name) for node in imports for alias in node.names},
        set(strings),
        {node.name for node in nodes if isinstance(node, ast.FunctionDef)},
    )


@pytest.fixture(scope="module")
def tests() -> dict[Path, Said]:
    return {path: said(path) for path in TESTS}


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import asc_reference

        yield asc_reference
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def pages(site: Any) -> dict[str, str]:
    """Every page, by its path below docs: the written ones, and those that are generated."""
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    return written | {f"{site.GENERATED}/{name}": text for name, text in site.pages().items()}


def of(entries: tuple[Entry, ...]) -> Any:
    return pytest.mark.parametrize("entry", entries, ids=lambda entry: f"{entry.kind}-{entry.name}")


# -- what exists is on the site


def test_the_reference_is_of_all_plugins_of_the_project(site: Any) -> None:
    files = [ROOT / "pyproject.toml", *ROOT.glob("backends/*/pyproject.toml")]
    projects = [tomllib.loads(path.read_text(encoding="utf-8"))["project"] for path in files]
    announced = {name for project in projects for name in project["entry-points"]["asc"]}
    assert set(site.DISTRIBUTED.split(",")) == announced


@pytest.mark.parametrize("name", sorted(set(asc.__all__) - {"__version__", "hookimpl"}))
def test_a_public_name_of_the_core_is_described(name: str, pages: dict[str, str]) -> None:
    home = getattr(asc, name).__module__
    assert f"| `asc.{name}` | [{home}](api/{home}.md) |" in pages["generated/api.md"]
    assert f".. automodule:: {home}\n" in pages[f"generated/api/{home}.md"]


def test_bases_assembly_and_laws_are_described(pages: dict[str, str]) -> None:
    modules = {base.__module__ for base in BASES.values()} | {"asc.computation", "asc.assemble", "asc.testing"}
    assert {f"generated/api/{module}.md" for module in modules} <= set(pages)


@of(COMPONENTS)
def test_a_component_has_its_heading(entry: Entry, pages: dict[str, str]) -> None:
    assert any(f"\n({entry.kind}-{entry.name})=\n## {entry.name}\n" in page for page in pages.values())


@of(COMPONENTS)
def test_the_settings_of_a_component_are_described(entry: Entry) -> None:
    assert [setting.path for setting in settings(entry.load_config()) if not setting.description] == []


@of(COMPONENTS)
def test_a_summary_says_what_a_component_is_without_the_others_in_the_list(entry: Entry) -> None:
    other = re.search(r"\b(the same|another|above|the paper)\b", entry.summary)
    assert other is None, f"{entry.name}: {entry.summary}"
    assert [one.name for one in COMPONENTS if one.summary == entry.summary] == [entry.name]


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_has_its_heading_and_its_example(name: str, pages: dict[str, str]) -> None:
    assert f"\n## {name}\n" in pages["generated/hooks.md"]
    assert f"\ndef {name}(" in (DOCS / "snippets" / "hooks.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_page_with_its_options(name: str, pages: dict[str, str]) -> None:
    page = pages[f"generated/commands/{name}.md"]
    assert page.startswith(f"# asc {name}\n")
    assert "--help` |" in page


def test_the_examples_of_hooks_run(tmp_path: Path) -> None:
    asc = str(Path(sys.executable).with_name("asc"))
    command = [asc, "run", "toy", "--n", "2000", "--plugin", str(DOCS / "snippets" / "hooks.py"), "--quiet"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    assert found.returncode == 0, found.stderr
    assert "toy begins at position 0" in found.stdout
    assert re.search(r"^\d+ leaps in ", found.stdout, re.MULTILINE)


# -- what exists is tested


@of(COMPONENTS)
def test_a_component_is_tested(entry: Entry, tests: dict[Path, Said]) -> None:
    """Some test imports its class, or has its name, as in a configuration, or in a list of names."""
    component = entry.load()
    home = component.__module__, component.__name__
    listed = re.compile(rf"([\w-]+,)*{entry.name}(,[\w-]+)*")
    assert any(home in file.imported or any(map(listed.fullmatch, file.strings)) for file in tests.values())


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_a_hook_is_tested(name: str, tests: dict[Path, Said]) -> None:
    assert any(name in file.defined | file.strings for file in tests.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_tested(name: str, tests: dict[Path, Said]) -> None:
    """Some test has its name as an argument, or at the beginning of a command line."""
    called = re.compile(rf"(asc )?{name}( .*)?", re.DOTALL)
    assert any(called.fullmatch(text) for file in tests.values() for text in file.strings)


# -- what is written can be found


def test_every_page_is_in_a_table_of_contents(pages: dict[str, str]) -> None:
    listed = {"index"}
    for name, text in pages.items():
        for entries in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
            found = [line for line in entries.splitlines() if line and not line.startswith(":")]
            listed |= {str(Path(name).parent / entry) for entry in found}
    assert {str(Path(name).with_suffix("")) for name in pages if name != "generated/laws.md"} == listed


def test_every_law_is_on_the_page_of_the_kit(pages: dict[str, str]) -> None:
    kinds = [kind for name in testing.__all__ if isinstance(kind := getattr(testing, name), type)]
    laws = [law for kind in kinds for law in laws_of(kind)]
    assert laws
    assert [name for name in laws if f"`{name}`" not in pages["generated/laws.md"]] == []
    assert "generated/laws.md" in pages["conformance.md"]


@pytest.mark.skipif(not (EXAMPLES / "README.md").is_file(), reason="there is no list of the examples yet")
def test_every_example_is_in_the_list() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("notebooks/*.ipynb"), *EXAMPLES.glob("*/pyproject.toml")]
    assert [path for path in files if (path.parent if path.suffix == ".toml" else path).name not in listed] == []
