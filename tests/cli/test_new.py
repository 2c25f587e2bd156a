"""`asc new`: what it writes is installed, found, tested and run; what it refuses leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from glob import glob  # as setuptools does: other than that of pathlib, its stars leave out names that begin with a dot
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from asc import scaffold
from asc.cli.new import new_command, required_core
from asc.cli.session import CommandSession
from asc.errors import AscError
from tests.cli.conftest import Asc, environment, make_environment, one_sentence

KINDS = tuple(scaffold.KINDS)

TOY = ("run", "toy", "--program", "lcg-pi", "--n", "200", "--executor", "none")
USE = {
    "predictor": (*TOY, "--predictors", "my-predictor"),
    "recognizer": (*TOY, "--recognizer", "my-recognizer"),
    "backend": ("run", "my-backend", "--steps", "300", "--workers", "0"),
    "judged-backend": ("run", "my-judged-backend", "--steps", "300"),
    "study": ("study", "my-study", "--seeds", "1", "--steps", "20", "--quiet"),
}
"""A short use of each kind; a validator is only explained, since no light backend judges candidates."""

SHOWN = {"judged-backend": "plain held_out_loss", "study": "Loss by learning rate"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str) -> None:
    """Call the command within this process."""
    new_command.main(list(arguments), standalone_mode=False, obj=CommandSession())


def refused(*arguments: str) -> str:
    with pytest.raises(AscError) as caught:
        call(*arguments)
    return str(caught.value)


def installed() -> list[str]:
    return list(CommandSession().plugins.registry.names("backend"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_compiles_and_the_next_commands_are_told(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(kind, "my-own_idea")
    folder, component = tmp_path / "asc-my-own-idea", scaffold.component(kind)
    expected = {"README.md", "pyproject.toml", "asc_my_own_idea/__init__.py", f"asc_my_own_idea/{component}.py"}
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert expected | {"asc_my_own_idea/py.typed", "tests/test_my_own_idea.py", "tests/test_asc_finds_it.py"} <= set(
        files
    )
    for name, path in files.items():
        text = path.read_text(encoding="utf-8")
        assert "$" not in text.replace("${{ matrix.python }}", "")
        if name.endswith(".py"):
            compile(text, name, "exec")
            assert f"MyOwnIdea{component.capitalize()}" in text or name.endswith("computation.py")
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert told[2:5] == ["cd asc-my-own-idea", "pip install -e '.[test]'", "pytest"]
    assert told[5].startswith("asc study " if kind == "study" else "asc run ")
    assert "my-own_idea" in told[5]
    serves = scaffold.KINDS[kind].serves
    assert told[6:] == (["", f"{serves} Installed: {', '.join(installed())}."] if serves else [])
    readme = files["README.md"].read_text(encoding="utf-8")
    assert ("A table at the end shows what a call takes" in readme) is (component not in ("backend", "study"))
    assert serves in readme
    assert ("BACKEND" in readme) is (component not in ("backend", "study"))
    assert ("The laws that every" in readme) is (kind != "study")
    assert ("pytest -x" in readme) is (kind != "study")


def test_its_workflow_runs_what_a_person_is_told_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For each version of Python that the package and asc say they support."""
    yaml = pytest.importorskip("yaml")
    call("predictor", "mine")
    told = [line.strip() for line in capsys.readouterr().out.splitlines()]
    workflow = yaml.safe_load((tmp_path / "asc-mine" / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    job = workflow["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == told[3:5]
    (given,) = (step["with"]["python-version"] for step in job["steps"] if "with" in step)
    assert given == "${{ matrix.python }}"
    about = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    supported = [text.rpartition(" ")[2] for text in about["classifiers"] if "Python :: 3." in text]
    assert job["strategy"]["matrix"]["python"] == supported


EXTRAS = ['asc-mine; extra == "mine"', 'asc-two-words; extra == "two-words"', 'pytest; extra == "testing"']


@pytest.mark.parametrize("name", ["core", "mine", "two-words", "two_words"])
def test_the_distributions_of_asc_itself_are_reserved_where_they_are_not_installed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASC_LOAD_PLUGINS", "")
    monkeypatch.setattr("asc.cli.new.version", lambda distribution: pytest.fail("it asks what is installed"))
    monkeypatch.setattr("asc.plugins.distributions.entry_points", lambda group: ())
    monkeypatch.setattr("importlib.metadata.requires", lambda _: EXTRAS)
    assert f'The name "{name}" is taken: asc-{name.replace("_", "-")}' in refused("predictor", name)


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        ("mine", "MineBackend"),
        ("my-backend", "MyBackend"),
        ("mybackend", "MyBackend"),
        ("backend", "Backend"),
        ("backend-2", "Backend2Backend"),
    ],
)
def test_a_class_is_named_after_its_kind_once(name: str, class_name: str) -> None:
    assert scaffold.names("backend", name).class_name == class_name


def computation(step: str) -> Any:
    """Return the module that a backend package has for its computation, with another step."""
    text = scaffold.render("backend", "mine", "asc-core")["asc_mine/computation.py"]
    changed = text.replace('return {"n": n + 1}, {"total": length}', step)
    assert changed != text
    module = ModuleType("asc_mine.computation")
    exec(compile(changed, "computation.py", "exec"), vars(module))
    return module


def test_a_step_is_given_the_words_that_it_says_it_reads() -> None:
    module = computation('return {"n": n + 1}, {"total": length + words["total"] % 2}')
    machine = module.Machine({"n": 1, "total": 0}, 10)
    for record in (False, True):
        with pytest.raises(KeyError, match='the step read "total", which is not in READ: name it there'):
            machine.advance(4, record=record)


def test_a_step_may_read_what_it_sums_once_it_says_so() -> None:
    module = computation('return {"n": n + 1}, {"total": length + words["total"] % 2}')
    module.READ = ("n", "total")
    plain, recorded = (module.Machine({"n": 1, "total": 0}, 10) for _ in range(2))
    plain.advance(10)
    recorded.advance(10, record=True)
    assert recorded.words == plain.words


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_passes_the_default_checks_of_ruff_and_is_formatted(kind: str, tmp_path: Path) -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed here")
    call(kind, "mine")
    for check in (["check"], ["format", "--check"]):
        found = subprocess.run(
            [ruff, *check, "--no-cache", "asc-mine"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, found.stdout


@pytest.mark.timeout(900)
def test_a_package_of_each_kind_is_installed_found_tested_and_run(tmp_path: Path) -> None:
    """All in one environment: pip takes longer than all else here."""
    pytest.importorskip("asc_toy")
    python = make_environment(tmp_path / "venv")

    def run(*command: str | Path, cwd: Path = tmp_path, warnings: str = "error") -> str:
        surroundings = environment(PYTHONWARNINGS=warnings)
        found = subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr
        return found.stdout

    folders = []
    for kind in KINDS:
        call(kind, f"my-{kind}")
        folders.append(tmp_path / f"asc-my-{kind}")
    quietly = ("install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
    every = [part for folder in folders for part in ("-e", folder)]
    run(sys.executable, "-m", "pip", "--python", python, *quietly, *every, warnings="default")
    command = (python, "-c", "from asc.cli import main; main()")
    listed = [line.split()[:3] for line in run(*command, "plugins").splitlines()]
    for kind, folder in zip(KINDS, folders, strict=True):
        component = scaffold.component(kind)
        assert [f"my-{kind}", component, f"asc-my-{kind}"] in listed
        told = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
        assert " passed" in told
        assert component in ("backend", "study") or "cost of a call" in told
        if kind == "validator":
            assert "Choose it with --validator my-validator." in run(*command, "explain", "my-validator")
        else:
            options = () if kind == "study" else ("--compare", "--quiet")
            assert SHOWN.get(kind, "identical end") in run(*command, *USE[kind], *options)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("predicter", "mine"),
            'There is no template for a "predicter"; did you mean "predictor"? '
            "Kinds: predictor, recognizer, validator, backend, judged-backend, study, as in: asc new predictor mine",
        ),
        (("cache", "mine"), 'There is no template for a "cache". Kinds: predictor, recognizer, validator, backend,'),
        *(
            (("predictor", name), f'"{name}" cannot name a predictor; a name is made of lower-case words of letters')
            for name in ("My Trend", "Trend", "2nd", "a--b", "-", "", "trénd", "../up", "a.b", "a/b", "a_", "a\nb")
        ),
        (("backend", "class"), '"class" cannot name a backend, since it is a keyword of Python; choose another'),
        (("validator", "linear"), 'The name "linear" is taken: asc-core '),
        (("validator", "last_value"), 'has a predictor "last-value"; choose another name.'),
        (("predictor", "builtin"), 'has a plugin "builtin"; choose another name.'),
        (("predictor", "core"), 'The name "core" is taken: asc-core '),
        (("predictor", "nn-training"), 'The name "nn-training" is taken: asc-nn-training'),
        (("predictor", "mine", "--into", "nowhere"), '"nowhere" does not exist; expected a folder to write into.'),
        (("predictor", "mine", "--into", "file"), '"file" is no folder; expected a folder to write into.'),
        (("predictor", "mine", "--into", "taken"), "exists already, and nothing is overwritten. Choose another name,"),
        (("predictor", "a" * 300), "could not be written (File name too long), and nothing of it was left behind."),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "asc-mine").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    assert told in refused(*arguments)
    assert sorted(tmp_path.rglob("*")) == before


def test_it_is_told_as_any_other_error(asc: Asc, tmp_path: Path) -> None:
    one_sentence(asc("new", "predictor", "Mine"), '"Mine" cannot name a predictor')
    one_sentence(asc("new", "predictor"), "Missing argument", "NAME")
    one_sentence(asc("new", "predictor", "toy"), 'The name "toy" is taken: asc-toy')
    assert list(tmp_path.iterdir()) == []


def test_a_file_or_a_dangling_link_of_that_name_is_kept(tmp_path: Path) -> None:
    (tmp_path / "asc-mine").write_text("mine")
    assert "exists already" in refused("predictor", "mine")
    assert (tmp_path / "asc-mine").read_text() == "mine"
    (tmp_path / "asc-other").symlink_to("nowhere")
    assert "exists already" in refused("predictor", "other")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write anywhere")
    assert "could not be written (Permission denied)" in refused("predictor", "mine", "--into", str(locked))


@pytest.mark.parametrize("files", range(6))
def test_a_full_disk_leaves_nothing(files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, left = Path.write_text, iter(range(files))

    def write_until_full(path: Path, *arguments: Any, **options: Any) -> int:
        if next(left, None) is None:
            with path.open("w") as file:
                file.write("half of")
            raise OSError(28, "No space left on device")
        return write(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", write_until_full)
    told = refused("predictor", "mine")
    assert told == (
        '"asc-mine" could not be written (No space left on device), and nothing of it was left behind. '
        "Free disk space, or name a folder that can be written with --into."
    )
    assert list(tmp_path.iterdir()) == []


def test_being_stopped_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        scaffold.write({"a/b.txt": "text"}, tmp_path / "asc-mine")
    assert list(tmp_path.iterdir()) == []


def test_another_parent_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "with space").mkdir()
    call("predictor", "mine", "--into", "with space")
    assert (tmp_path / "with space" / "asc-mine" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("running", "required"),
    [
        ("0.1.0", "asc-core>=0.1,<0.2"),
        ("0.12.3", "asc-core>=0.12,<0.13"),
        ("1.4.2", "asc-core>=1.4,<2"),
        ("0.2.0.dev3", "asc-core>=0.2.0.dev3,<0.3"),
        ("0.2rc1+local", "asc-core>=0.2rc1,<0.3"),
        ("0+unknown", "asc-core"),
        ("unreadable", "asc-core"),
    ],
)
def test_a_package_requires_the_version_that_it_was_made_with(running: str, required: str) -> None:
    assert required_core(running) == required


def test_templates_are_shipped_with_the_package() -> None:
    patterns = ("*/*.tmpl", "*/*/*.tmpl", "*/.github/*/*.tmpl")  # as they stand in pyproject.toml
    shipped = {path for pattern in patterns for path in map(Path, glob(str(scaffold.TEMPLATES / pattern)))}
    assert shipped == set(scaffold.TEMPLATES.rglob("*.tmpl"))
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert all(f'"scaffold/{pattern}"' in text for pattern in patterns)
