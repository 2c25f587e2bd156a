"""Packages to start from: files with placeholders, one folder for each kind and one for what every package has."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import NamedTuple

TEMPLATES = Path(__file__).parent
EVERY = "every"
SUFFIX = ".tmpl"


class Kind(NamedTuple):
    """What differs between the packages of two kinds beside their code."""

    summary: str  # the line that `asc plugins` shows
    run: str  # a command that uses it
    serves: str  # which backends may stand for BACKEND in that command; empty where it names none
    trouble: str  # what to look at where it does not do what it should
    component: str = ""  # the kind of component that it is, where that is not the name of the template
    measured: bool = True  # whether its laws show what a call takes
    lawful: bool = True  # whether there are laws of its kind


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "predictor": Kind(
            "continues at the last rate and levels off",
            "asc run BACKEND --predictors $name --compare",
            "BACKEND is any backend.",
            "A run takes no leaps: `asc advise BACKEND` shows how often the predictions of each predictor come true.",
        ),
        "recognizer": Kind(
            "stops at every n-th step and rests after a rejection",
            "asc run BACKEND --recognizer $name --compare",
            "BACKEND is any backend.",
            "A run is slow or takes no leaps: boundaries may be too close for speculation to pay, so set them "
            "apart: `--set recognizer.steps=2000`. `asc report latest` shows what was done at each.",
        ),
        "validator": Kind(
            "accepts a held-out loss that is lower by a share",
            "asc run BACKEND --validator $name",
            "BACKEND is one whose candidates are judged: `asc run BACKEND --help` lists `--validator`.",
            "Nothing is accepted, or too much: `asc report latest` shows each candidate and the reason of its verdict.",
        ),
        "backend": Kind(
            "lengths of Collatz sequences, summed: exact, executed by workers",
            "asc run $name --compare",
            "",
            "A run ends in another state than the plain run: a step depends on more than the state (a clock, chance, a "
            "global), a sum is no integer, or `agrees` compares too little.",
            measured=False,
        ),
        "judged-backend": Kind(
            "a model of a few weights, fitted by noisy steps: judged by a validator",
            "asc run $name",
            "",
            "A resumed run ends in another state: something that the steps depend on is not in `snapshot`. Nothing is "
            "accepted: `asc report latest` shows each candidate and the reason of its verdict.",
            component="backend",
            measured=False,
        ),
        "study": Kind(
            "the loss at the end of a descent, by learning rate",
            "asc study $name",
            "",
            "A study that was resumed has other tables: a part depends on something beside its settings, or is written "
            "in place rather than as a whole.",
            measured=False,
            lawful=False,
        ),
    }
)
"""The kinds that there are templates for."""


_LAWS = """\
The laws that every $kind must keep come with asc, and `tests/test_$module.py` subclasses them. A test that fails names
the law and says what to do. One mistake may break many laws: `pytest -x` stops at the first. A law that cannot hold is
dropped with its reason, `dropped = {"test_...": "why."}`. Put tests of what only your $kind promises beside the
laws."""
_TESTS = """\
`tests/test_$module.py` stops the $kind after each of its parts, resumes it, and compares the tables with those of a
$kind that was never stopped. Keep that test, and put tests of what only your $kind promises beside it."""


class Names(NamedTuple):
    """The names of everything in a package, which follow from the name of the component."""

    name: str  # my-trend
    module: str  # my_trend
    package: str  # asc_my_trend
    distribution: str  # asc-my-trend
    class_name: str  # MyTrendPredictor


def component(template: str) -> str:
    """Return the kind of component that a template makes."""
    return KINDS[template].component or template


def names(kind: str, name: str) -> Names:
    """Return the names that follow from a component's, of a kind such as "backend"."""
    module = name.replace("-", "_")
    words = f"{module.removesuffix(kind)}_{kind}".split("_")  # the kind stands at the end once
    class_name = "".join(word.capitalize() for word in words)
    return Names(name, module, f"asc_{module}", f"asc-{module.replace('_', '-')}", class_name)


def try_it(template: str, name: str) -> str:
    """Return a command that uses the component."""
    return Template(KINDS[template].run).substitute(name=name)


def render(template: str, name: str, core: str) -> dict[str, str]:
    """Return the text of each file by its path in the package. `core` is what is required of asc-core."""
    about, kind = KINDS[template], component(template)
    called = names(kind, name)
    words = {
        **called._asdict(),
        "kind": kind,
        "core": core,
        "summary": about.summary,
        "try_it": try_it(template, name),
        "serves": f"\n\n{about.serves} `asc plugins` lists those that are installed." if about.serves else "",
        "tests": Template(_LAWS if about.lawful else _TESTS).substitute(kind=kind, module=called.module),
        "costs": "\nA table at the end shows what a call takes in time and memory." if about.measured else "",
        "trouble": about.trouble,
    }
    files = {}
    for folder in (TEMPLATES / EVERY, TEMPLATES / template):
        for file in sorted(folder.rglob(f"*{SUFFIX}")):
            path = file.relative_to(folder).as_posix().removesuffix(SUFFIX)
            files[Template(path).substitute(words)] = Template(file.read_text(encoding="utf-8")).substitute(words)
    return files


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write files into a new folder. Raises OSError, also where the folder exists; then no file is left behind."""
    folder.mkdir()
    try:
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
