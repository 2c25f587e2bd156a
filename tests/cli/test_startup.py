"""What starting `asc` imports, and that the list of commands describes them."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import rich_click as click

import asc.cli
from asc.cli.lazy import CommandTable, Lazy
from asc.cli.main import COMMANDS, cli

HEAVY = ("numpy", "torch", "pydantic")

SHOW = """
import sys
try:
    from asc.cli import main
    main(sys.argv[1:])
finally:
    print("\\nIMPORTED", *sorted(sys.modules))
"""


PLUGIN = """
import asc, mine

@asc.hookimpl
def asc_register(registry):
    print(mine.NAME)
"""


def imported(*arguments: str) -> set[str]:
    found = subprocess.run([sys.executable, "-c", SHOW, *arguments], capture_output=True, text=True, check=True)
    return set(found.stdout.rpartition("IMPORTED")[2].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("plugins",), ("plugins", "--json")])
def test_nothing_heavy_is_imported_to_say_what_there_is(arguments: tuple[str, ...]) -> None:
    modules = imported(*arguments)
    assert "asc.cli.main" in modules
    assert modules.isdisjoint(HEAVY)


def test_the_package_can_be_run_as_the_command() -> None:
    found = subprocess.run([sys.executable, "-m", "asc", "--version"], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("asc, version ")


def test_files_of_the_current_folder_do_not_replace_python_s_own(tmp_path: Path) -> None:
    """A plugin may still import what lies there."""
    for name in ("signal", "queue", "pickle", "logging"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('wrong ' + __name__)")
    (tmp_path / "mine.py").write_text("NAME = 'mine'")
    (tmp_path / "p.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "asc", "plugins", "--plugin", "p.py"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.startswith("mine\n")


def test_ctrl_c_while_python_ends_comes_too_late_to_count() -> None:
    """What is registered first is called last, when the exit code has long been decided."""
    late = "import atexit, signal; atexit.register(lambda: print(signal.getsignal(signal.SIGINT).name))"
    command = f"{late}; from asc.cli import main; main(['--version'])"
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "SIG_IGN"


def test_help_loads_no_plugin() -> None:
    assert "asc.plugins" not in imported("--help")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_itself_says(name: str) -> None:
    command = COMMANDS[name].load()
    assert isinstance(command, click.Command)
    first = (command.short_help or command.help or "").strip().split("\n\n")[0].replace("\n", " ")
    assert COMMANDS[name].line == first
    assert command.name == name


def test_every_command_is_in_the_list() -> None:
    """A command in a file of this package has its line in the table in main.py."""
    listed = {id(known.load()) for known in COMMANDS.values()}
    for module in pkgutil.iter_modules(asc.cli.__path__):
        for name, found in vars(importlib.import_module(f"asc.cli.{module.name}")).items():
            if isinstance(found, click.Command) and not isinstance(found, CommandTable):
                assert id(found) in listed, f"{module.name}.{name} is in no line of COMMANDS"


def test_a_command_that_is_called_is_the_real_one() -> None:
    with click.Context(cli) as context:
        name, command, rest = cli.resolve_command(context, ["runs", "--json"])
    assert (name, rest) == ("runs", ["--json"])
    assert command is COMMANDS["runs"].load()


def test_an_unknown_command_is_refused_as_any_other() -> None:
    group = CommandTable({"known": Lazy("no.such.module:command", "Never imported.")}, name="group")
    with click.Context(group) as context:
        assert group.list_commands(context) == ["known"]
        with pytest.raises(click.UsageError, match="No such command 'unkown'"):
            group.resolve_command(context, ["unkown"])


def test_a_list_of_components_loads_none_of_them() -> None:
    modules = imported("run", "--help")
    assert "asc.plugins" in modules
    assert modules.isdisjoint({"torch", "asc_toy.backend", "asc_nn_training.backend"})


@pytest.mark.parametrize("before", [True, False])
def test_garbage_is_collected_afterwards_as_it_was_before(before: bool) -> None:
    code = f"import gc; {'' if before else 'gc.disable();'} import asc.cli; print(gc.isenabled())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(before)
