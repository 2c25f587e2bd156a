"""Broken plugins, one fault a row: a run, a replay, study and laws name the component, without a traceback."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, new_class
from typing import Any
from unittest import SkipTest

import pytest

from asc.errors import AscError
from asc.testing.laws import PredictorLaws, RecognizerLaws, ValidatorLaws, laws_of
from tests.cli.conftest import Asc

HEAD = """
from pathlib import Path

import asc
import numpy as np
from asc import Combination, Direct, Recognition, Verdict
from asc.config.run import Component
from asc.reference.descent import Descent
from asc.study import Table
from asc.types import EngineState
from pydantic import BaseModel

class Walk(Descent):
    '''A computation.'''
    # walk

class Descents(asc.Backend):
    class Config(asc.JudgedConfig):
        recognizer: Component = Component(name="every", steps=10)
        validator: Component = Component(name="strict")
    def computation(self, plain): return Walk(60, rate=0.001, noise=0.01)
    def save(self, computation, folder, state): folder.mkdir(parents=True, exist_ok=True)
    def load(self, computation, folder): return EngineState() if folder.exists() else None
    def outcome(self, computation): return {"loss": 1.0}
"""

WHOLE = {
    "predictor": """
class Mine(asc.Predictor):
    def predict(self, history, horizon):
        if len(history.positions) < 2:
            return None
        before, now = history.positions[-2:]
        share = horizon / (now - before)
        return Combination((-share, 1 + share))
""",
    "recognizer": """
class Mine(asc.Recognizer):
    def next_boundary(self, position, computation): return position + 10
    def recognise(self, computation): return Recognition(True, "here", None)
""",
    "validator": """
class Mine(asc.Validator):
    def judge(self, computation, candidate): return Verdict(True, 3.0, "fine")
""",
    "backend": """
class Mine(Descents):
    pass
""",
    "study": """
class Mine(asc.Study):
    def run(self, folder, tell, stopped):
        (folder / "done.txt").write_text("all")
        return True
    def tables(self, folder): return [Table("one", "One", ("a",), ((1,),))]
""",
}
"""A component of each kind, before a fault is added to it."""

END = """
@asc.hookimpl
def asc_register(registry):
    registry.add("{kind}", "mine", __name__ + ":Mine", "it is broken")
    registry.add("backend", "descents", __name__ + ":Descents", "a descent")
"""

NAMES = "expected a set of strings"
RECOGNITION = "in recognise; expected asc.Recognition(speculate, label, score)"
VERDICT = "expected asc.Verdict(accepted, gain_steps, reason)"
LINKS = "in links; expected whole numbers of steps, ascending"

DECLARED = [
    ("predictor", "needs = ['words']", f"has needs = ['words']; {NAMES}: write frozenset({{\"words\"}})"),
    ("predictor", "needs = [{'words'}]", f"has needs = [{{'words'}}]; {NAMES}: write frozenset({{\"words\"}})"),
    ("predictor", "needs = None", f"has needs = None; {NAMES}"),
    ("predictor", "depth = True", "has depth = True; expected a whole number, at least 1"),
    ("predictor", "depth = 2.5", "has depth = 2.5; expected a whole number, at least 1"),
    ("predictor", "in_place = 'no'", "has in_place = 'no'; expected True or False"),
    (
        "predictor",
        "@property\ndef needs(self): raise ValueError('n')",
        "has no needs: asked for it, it raised ValueError",
    ),
    (
        "predictor",
        "class Config(asc.Settings):\n    name: str = 'x'",
        'has a setting "name", a name that asc uses itself',
    ),
    ("recognizer", "needs = ('words',)", NAMES),
    ("recognizer", "class Config(dict): pass", "has a Config that is no pydantic model"),
    ("validator", "remarks = 'a text'", "has remarks = 'a text'; expected a list of sentences"),
    ("validator", "remarks = [3]", "has remarks = [3]; expected a list of sentences"),
    ("validator", "needs = ['losses']", NAMES),
]
"""What is refused before anything runs: kind, fault, and what is said."""

ANSWERED = [
    ("predictor", "def predict(self, history, horizon): return True", "answered True in predict; expected asc.Comb"),
    ("predictor", "def predict(self, history, horizon): return Combination(('a', 'b'))", "expected a tuple of numbers"),
    ("predictor", "def predict(self, history, horizon): return Combination(None)", "expected a tuple of numbers"),
    ("predictor", "def links(self, horizon): return None", f"answered None {LINKS}"),
    ("predictor", "def links(self, horizon): return ()", f"answered () {LINKS}"),
    ("predictor", "def links(self, horizon): return (horizon, 1)", LINKS),
    ("recognizer", "def recognise(self, computation): return True", f"answered True {RECOGNITION}"),
    ("recognizer", "def recognise(self, computation): return Recognition('yes', 'x', None)", RECOGNITION),
    ("recognizer", "def recognise(self, computation): return Recognition(True, ['x'], None)", RECOGNITION),
    ("recognizer", "def recognise(self, computation): return Recognition(True, 'x', 'no')", RECOGNITION),
    ("recognizer", "def recognise(self, computation): return Recognition(np.zeros(2), 'x', None)", RECOGNITION),
    ("recognizer", "def next_boundary(self, position, computation): return None", "answered None in next_boundary"),
    ("recognizer", "def next_boundary(self, position, computation): return True", "answered True in next_boundary"),
    ("validator", "def judge(self, computation, candidate): return True", f"answered True; {VERDICT}"),
    ("validator", "def judge(self, computation, candidate): return Verdict('yes', 1.0, 'x')", VERDICT),
    ("validator", "def judge(self, computation, candidate): return Verdict(True, 'x', 'x')", VERDICT),
    ("validator", "def judge(self, computation, candidate): return Verdict(True, 1.0, None)", "with a reason in text"),
    ("validator", "def judge(self, computation, candidate): return Verdict(True, 1.0, 'x', 'no')", VERDICT),
    ("validator", "def judge(self, computation, candidate): return Verdict(np.zeros(2), 1.0, 'x')", VERDICT),
]
"""What the core receives: the component is switched off, and the run ends as without it."""

UNSAVED = [
    ("predictor", "def state_dict(self): return None", "cannot be saved: it answered None in state_dict"),
    ("predictor", "def state_dict(self): raise ValueError('no')", "cannot be saved: ValueError: no (p.py, line"),
    ("recognizer", "def state_dict(self): return [1]", "cannot be saved: it answered [1] in state_dict"),
    ("validator", "def state_dict(self): raise ValueError('no')", "cannot be saved: ValueError: no (p.py, line"),
]
"""States that no checkpoint can hold: an error, or a warning that the checkpoint could not be written."""

BACKENDS = [
    ("save = None", "has save of type NoneType; expected a method save(computation, folder, state)"),
    ("outcome = None", "has outcome of type NoneType; expected a method outcome(computation)"),
    ("class Config(asc.Settings): pass", "has no settings of a run; expected a class Config inside it that extends"),
    ("class Config(asc.JudgedConfig):\n    out: int = 3", 'has a setting "out", a name that asc uses itself'),
    ("def __init__(self, config): pass", "has no config; expected its settings: write self.config = config"),
    ("def __init__(self, config): raise ValueError('w')", "could not be made from its settings: ValueError: w (p.py"),
    ("group = None", "answered None in group; expected an asc.group.Group"),
    ("def computation(self, plain): return {'n': 3}", "answered {'n': 3} in computation; expected an asc.Computation"),
    ("def computation(self, plain): raise ValueError('w')", "raised ValueError: w (p.py, line"),
    ("def computation(self, plain): return open('/nothing/there')", "raised FileNotFoundError: [Errno 2]"),
    ("def cache(self, computation): return {}", "answered {} in cache; expected an asc.cache.Cache"),
    ("def pool(self, computation): return 4", "answered 4 in pool; expected an asc.Pool or None"),
    ("def outcome(self, computation): return None", "answered None in outcome; expected a dictionary"),
    ("def outcome(self, computation): return {'a': np.float32(1), 'b': object(), 'c': float('nan')}", ""),
    ("def figures(self, computation): return {'curves': 3}", "answered 3 in figures; expected curves by name"),
    ("def figures(self, computation): return {'curves': {'x': [1]}}", "a curve of points [position, seconds, value]"),
    ("def figures(self, computation): return {'seconds': 'many'}", "since the summary has these itself"),
]

COMPUTATIONS = [
    ("provides = ['losses']", f"has provides = ['losses']; {NAMES}"),
    ("remarks = 'a text'", "has remarks = 'a text'; expected a list of sentences"),
    ("def position(self): return None", "answered None in position; expected a whole number"),
    ("def total(self): return 'many'", "answered 'many' in total; expected a whole number"),
    ("def advance(self, max_steps, record=False): return 3", "answered 3 in advance; expected asc.types.Advanced"),
    ("def advance(self, max_steps, record=False): raise KeyError('boom')", "raised KeyError: 'boom' (p.py, line"),
    ("def observe(self): return None", "answered None in observe; expected asc.Snapshot"),
    ("def materialise(self, prediction, history, plan): return 3", "answered 3 in materialise; expected asc.Candidate"),
    ("def agrees(self, transition): raise ValueError('g')", "raised ValueError: g (p.py, line"),
    ("def measures(self): raise ValueError('m')", "are not known: ValueError: m (p.py, line"),
    ("def measures(self): return 3", "are not known: it answered 3 in measures; expected numbers by name"),
]

STUDIES = [
    ("tables = None", "has tables of type NoneType; expected a method tables(folder)"),
    ("free = ['seeds']", f"has free = ['seeds']; {NAMES}"),
    ("class Config(dict): pass", "has a Config that is no pydantic model"),
    ("class Config(asc.Settings):\n    out: int = 3", 'has a setting "out", a name that asc uses itself'),
    (
        "class Config(BaseModel):\n    model_config = {'arbitrary_types_allowed': True}\n    x: object = object()",
        "cannot be written into a record",
    ),
    ("def run(self, folder, tell, stopped): return None", "answered None in run; expected True where all is done"),
    ("def run(self, folder, tell, stopped): raise ValueError('x')", "raised ValueError: x (p.py, line"),
    ("def run(self, folder, tell, stopped): return tell(1)", "raised TypeError: "),
    ("def tables(self, folder): return None", "answered None in tables; expected a list of asc.study.Table"),
    ("def tables(self, folder): raise ValueError('x')", "raised ValueError: x (p.py, line"),
    ("def tables(self, folder): return [{'a': 1}]", "answered {'a': 1} in tables; expected a list of asc.study.Table"),
    ("def tables(self, folder): return [Table('one', 'One', ('a', 'b'), ((1,),))]", "expected 2 cells, as many as"),
    ("def tables(self, folder): return [Table(1, 'One', ('a',), ((1,),))]", "expected name and title in text"),
    ("def tables(self, folder): return [Table('one', 'One', ('a',), ((object(),),))]", "expected a text, a number or"),
    ("def data(self, folder): return [3]", "answered [3] in data; expected a dictionary"),
    ("def data(self, folder): raise ValueError('x')", "raised ValueError: x (p.py, line"),
    (
        "def pictures(self, folder, target): return None",
        "the study answered None in pictures; expected a list of paths",
    ),
    ("def pictures(self, folder, target): raise ValueError('x')", "the study raised ValueError: x (p.py, line"),
]

CHOSEN = {"predictor": "--predictors", "recognizer": "--recognizer", "validator": "--validator"}
LAWS: dict[str, Any] = {"predictor": PredictorLaws, "recognizer": RecognizerLaws, "validator": ValidatorLaws}


def indented(lines: str) -> str:
    return "".join(f"    {line}\n" for line in lines.splitlines())


def plugin(kind: str, fault: str = "", walk: str = "") -> str:
    return HEAD.replace("    # walk\n", indented(walk)) + WHOLE[kind] + indented(fault) + END.format(kind=kind)


@pytest.fixture
def broken(asc: Asc, tmp_path: Path) -> Callable[..., str]:
    """Write a plugin, and type a command; what it prints, on one line, after checks that hold for all."""

    def type_it(source: str, *words: str) -> str:
        (tmp_path / "p.py").write_text(source)
        found = asc(*words, "--plugin", "p.py", COLUMNS="400")
        said = " ".join([*found.stderr.split(), *found.stdout.split()])
        assert found.returncode in (0, 1), said
        assert "Traceback" not in said
        assert "_asc_plugin_" not in said
        if words[0] == "run":
            listed = json.loads(asc("runs", "--json").stdout or "[]") if (tmp_path / "runs").exists() else []
            assert all(run["state"] == ("failed" if found.returncode else "finished") for run in listed)
        return said

    return type_it


@pytest.mark.parametrize(("kind", "fault", "said"), [*DECLARED, *ANSWERED, *UNSAVED])
def test_a_run_names_the_component(broken: Callable[..., str], kind: str, fault: str, said: str) -> None:
    text = broken(plugin(kind, fault), "run", "descents", CHOSEN[kind], "mine", "--quiet", "--json")
    assert said in text
    assert f'The {kind} "mine"' in text or f"The {kind} 'mine'" in text


@pytest.mark.parametrize(
    ("fault", "said"), [row[1:] for row in [*DECLARED, *ANSWERED, *UNSAVED] if row[0] == "predictor"]
)
def test_a_replay_names_the_predictor(broken: Callable[..., str], fault: str, said: str) -> None:
    broken(plugin("predictor"), "run", "descents", "--quiet", "--shadow", "--keep-trajectory", "3")
    text = broken(plugin("predictor", fault), "bench-predictor", "mine", "--on", "latest", "--beside", "none")
    assert said in text
    assert "mine" in text


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Import a plugin as a test of its author does."""

    def from_source(source: str) -> ModuleType:
        (tmp_path / "p.py").write_text(source)
        spec = importlib.util.spec_from_file_location("broken_plugin", tmp_path / "p.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules["broken_plugin"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield from_source
    sys.modules.pop("broken_plugin", None)


@pytest.mark.parametrize(("kind", "fault", "said"), [*DECLARED, *ANSWERED, *UNSAVED])
def test_the_laws_fail_with_a_sentence(
    load: Callable[[str], ModuleType], tmp_path: Path, kind: str, fault: str, said: str
) -> None:
    module = load(plugin(kind, fault))
    names = {kind: lambda self: module.Mine(module.Mine.Config())}
    laws = new_class("TestMine", (LAWS[kind],), exec_body=lambda body: body.update(names))
    failures = []
    for name in sorted(laws_of(laws)):
        law = getattr(laws(), name)
        given = {"record_property": lambda *_: None, "tmp_path": tmp_path}
        try:
            law(**{key: given[key] for key in inspect.signature(law).parameters})
        except SkipTest:
            pass
        except (AssertionError, AscError) as error:  # anything else would be shown as a traceback
            failures.append(str(error))
    assert any(said.partition(";")[0].removesuffix(" (p.py, line") in failure for failure in failures) or (
        kind == "validator" and any("it gives" in failure for failure in failures)
    ), failures


@pytest.mark.parametrize(("fault", "said"), BACKENDS)
@pytest.mark.parametrize("how", [(), ("--no-speculation",)], ids=["speculative", "plain"])
def test_a_run_names_the_backend(broken: Callable[..., str], fault: str, said: str, how: tuple[str, ...]) -> None:
    text = broken(plugin("backend", fault), "run", "mine", "--quiet", "--json", *how)
    if "pool" not in fault or not how:  # a plain run has no workers
        assert said in text
    assert not text.startswith("error: ") or text.startswith('error: The backend "mine" of file p.py ')


@pytest.mark.parametrize(("walk", "said"), COMPUTATIONS)
def test_a_run_names_the_backend_of_a_broken_computation(
    broken: Callable[..., str], tmp_path: Path, walk: str, said: str
) -> None:
    text = broken(plugin("backend", walk=walk), "run", "mine", "--validator", "adaptive", "--quiet", "--json")
    assert said in text
    assert 'backend "mine"' in text
    kept = list(tmp_path.glob("runs/*/traceback.txt"))
    assert bool(kept) is ("raised" in said)
    assert all(f"The traceback is in {path.relative_to(tmp_path)}" in text for path in kept)
    assert all("Traceback (most recent call last)" in path.read_text() for path in kept)


@pytest.mark.parametrize(("fault", "said"), STUDIES)
def test_a_study_is_named_and_recorded_as_failed(
    broken: Callable[..., str], tmp_path: Path, fault: str, said: str
) -> None:
    text = broken(plugin("study", fault), "study", "mine", "--quiet")
    assert said in text
    record = tmp_path / "studies" / "mine" / "study.json"
    failed = text.startswith('error: The study "mine" of file p.py ')
    assert failed or text.startswith(("warning: Not all pictures", "error: The settings cannot be written"))
    if record.exists():
        assert json.loads(record.read_text())["state"] == ("failed" if failed else "finished")


@pytest.mark.parametrize(
    "fault", ["def computation(self, plain): raise ValueError('w')", "def computation(self, plain): return 3"]
)
def test_a_profile_names_the_backend(broken: Callable[..., str], fault: str) -> None:
    source = plugin("backend", f"class Config(asc.ExecutedConfig): pass\n{fault}")
    assert broken(source, "advise", "mine").startswith('error: The backend "mine" of file p.py ')
