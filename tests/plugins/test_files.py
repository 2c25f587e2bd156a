"""Plugins of a single file: no packaging, and every mistake is a sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from asc.errors import AscError
from asc.plugins import Plugins, load
from asc.plugins.files import load_file
from asc.processes import Processes

MINE = """
    import asc

    class Mine:
        '''Predicts nothing.'''

        class Config(asc.Settings):
            '''One setting.'''
            level: int = 3

        def predict(self, history, horizon):
            return None

    @asc.hookimpl
    def asc_register(registry):
        registry.add("predictor", "mine", {path}, "predicts nothing")
"""


def load_files(*paths: Path) -> Plugins:
    return load(paths, {"ASC_LOAD_PLUGINS": ""})


def complaint(*paths: Path) -> str:
    before = {name for name in sys.modules if name.startswith("_asc_plugin_")}
    with pytest.raises(AscError) as caught:
        load_files(*paths)
    assert "\n" not in str(caught.value)
    assert len({name for name in sys.modules if name.startswith("_asc_plugin_")} - before) <= len(paths)
    return str(caught.value)


def test_a_class_of_a_file_is_named_as_its_author_knows_it(write: Any) -> None:
    said = complaint(write("halfway.py", MINE.format(path="Mine")))
    assert "<class 'halfway.Mine'>" in said
    assert said.count('such as f"{__name__}:Mine"') == 1


@pytest.mark.parametrize("path", ['"my_predictor:Mine"', '__name__ + ":Mine"'])
def test_a_file_announces_its_own_classes_under_its_own_name(write: Any, path: str) -> None:
    file = write("my_predictor.py", MINE.format(path=path))
    plugins = load_files(file)
    predictor = plugins.registry.create("predictor", "mine", {"level": 5})
    assert predictor.config.level == 5
    assert plugins.registry.get("predictor", "mine").source.label == "file my_predictor.py"
    assert "my_predictor" not in sys.modules
    assert plugins.statuses[-1] == (str(file), "plugin", "file my_predictor.py", "", "ok", None)


def test_a_renamed_file_is_told_how_its_paths_begin(write: Any) -> None:
    file = write("renamed.py", MINE.format(path='"my_predictor:Mine"'))
    with pytest.raises(AscError) as caught:
        load_files(file).registry.create("predictor", "mine")
    assert str(caught.value) == (
        f'The plugin file "{file}" announces the predictor "mine", but "my_predictor:Mine" cannot be loaded: '
        "ModuleNotFoundError: No module named 'my_predictor'. The file is renamed.py, so paths to its own classes "
        'begin with "renamed:", or with __name__ + ":".'
    )
    missing = write("missing.py", MINE.format(path='"missing:Nobody"'))
    with pytest.raises(AscError, match=r"has no attribute 'Nobody'\.$"):
        load_files(missing).registry.create("predictor", "mine")


def test_a_file_given_twice_is_loaded_once(write: Any) -> None:
    file = write("my_predictor.py", MINE.format(path='"my_predictor:Mine"'))
    plugins = load_files(file, file.parent / "." / file.name)
    assert [status.status for status in plugins.statuses] == ["ok", "ok"]


def test_two_files_of_one_name_stay_apart(write: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    source = MINE.format(path='"my_predictor:Mine"')
    one = write("my_predictor.py", source)
    two = write("other/my_predictor.py", source.replace('"mine"', '"yours"'))
    registry = load_files(one, two).registry
    assert registry.get("predictor", "mine").load() is not registry.get("predictor", "yours").load()


def test_two_files_that_announce_one_name_are_refused(write: Any) -> None:
    one = write("one.py", MINE.format(path='"one:Mine"'))
    two = write("two.py", MINE.format(path='"two:Mine"'))
    assert complaint(one, two) == (
        'The predictor "mine" of file two.py is refused: file one.py has a predictor of this name already. '
        "Uninstall or rename one of them."
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.py"
    assert complaint(path) == f'The plugin file "{path}" does not exist; expected the path of a Python file.'


def test_a_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "folder.py"
    path.mkdir()
    assert complaint(path) == f'The plugin file "{path}" is a folder; expected the path of a Python file.'


def test_a_file_that_is_no_python_is_told(tmp_path: Path) -> None:
    path = tmp_path / "plugin.toml"
    assert complaint(path) == (
        f'"{path}" cannot be loaded as a plugin; expected a Python file, such as --plugin my_plugin.py.'
    )


def test_a_syntax_error_is_told_with_its_line(write: Any) -> None:
    path = write("broken.py", "x = 1\ny = = 2\n")
    assert complaint(path) == f'The plugin file "{path}" has a syntax error in line 2: invalid syntax.'


def test_a_syntax_error_elsewhere_is_not_blamed_on_a_line_of_this_file(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("broken_elsewhere.py", "y = = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write("mine.py", "import broken_elsewhere\n")
    text = complaint(path)
    assert text.startswith(f'The plugin file "{path}" cannot be loaded: it raised SyntaxError: invalid syntax')
    assert "broken_elsewhere.py" in text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit", "SystemExit"),
        ("raise ValueError('bad.')", "ValueError: bad"),
    ],
)
def test_a_file_that_raises_is_told_and_forgotten(write: Any, source: str, said: str) -> None:
    before = set(sys.modules)
    path = write("raises.py", source)
    assert complaint(path) == f'The plugin file "{path}" cannot be loaded: it raised {said} (raises.py, line 1).'
    assert not {name for name in set(sys.modules) - before if name.startswith("_asc_plugin_")}


def test_an_interrupt_is_passed_on(write: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        load_files(write("slow.py", "raise KeyboardInterrupt"))


def test_a_file_without_hooks_is_told(write: Any) -> None:
    path = write("idle.py", "def asc_register(registry): pass\n")
    assert complaint(path) == (
        f'The plugin file "{path}" implements no hook; expected a function marked with @asc.hookimpl, with one of '
        "these names: asc_boundary, asc_demo_pages, asc_progress, asc_register, asc_run_finished, asc_run_started."
    )


def test_a_misspelt_hook_in_a_file_is_told(write: Any) -> None:
    path = write("typo.py", "import asc\n@asc.hookimpl\ndef asc_registre(registry): pass\n")
    assert f'The plugin file "{path}" implements "asc_registre", which is no hook; did you mean "asc_register"?' in (
        complaint(path)
    )


@pytest.mark.parametrize("path", ['"wrong_path:Q"', '__name__ + ":Q"'])
def test_a_path_that_leads_nowhere_is_shown_as_its_author_knows_it(write: Any, path: str) -> None:
    file = write("wrong_path.py", MINE.format(path=path))
    with pytest.raises(AscError) as caught:
        load_files(file).registry.create("predictor", "mine")
    assert str(caught.value) == (
        f'The plugin file "{file}" announces the predictor "mine", but "wrong_path:Q" cannot be loaded: '
        "AttributeError: module 'wrong_path' has no attribute 'Q'."
    )


def test_a_file_whose_name_is_no_module_can_be_loaded(write: Any) -> None:
    file = write("my-own plugin.py", MINE.format(path='__name__ + ":Mine"'))
    assert load_files(file).registry.create("predictor", "mine").config.level == 3


def test_its_functions_can_be_sent_to_a_process_that_starts_afresh(write: Any) -> None:
    """Such a process cannot import the file by its private name, so it loads the file as this one has."""
    source = """
        import asc

        STARTED = []

        def begin():
            STARTED.append(42)

        def answer():
            return STARTED

        @asc.hookimpl
        def asc_register(registry):
            pass
    """
    module, _ = load_file(write("sent.py", source))
    with Processes(1, module.begin) as processes:
        assert processes.submit(module.answer).result(timeout=250) == [42]
