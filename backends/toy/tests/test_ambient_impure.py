"""Clocks, chance, files and output: named in a first step, stopped in a tracked superstep."""

from __future__ import annotations

import cProfile
import io
import json
import pickle
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from asc_toy.ambient import ImpureError, Watch, isolated, observed

Load = Callable[..., ModuleType]
state = partial(SimpleNamespace, n=0, x=1.5)

# Source of a step that does one such thing in its line 2, after the imports in line 1; what it does as a phrase, and
# whether that is refused in a first step.
CASES = {
    "a clock": ("import time", "s.x = time.time()", "calls time.time", True),
    "a clock by a name of its own": (
        "from time import perf_counter as now",
        "s.x = now()",
        "calls time.perf_counter",
        True,
    ),
    "a clock in a table": (
        "import time; ask = {'t': time.monotonic_ns}",
        "s.x = ask['t']()",
        "calls time.monotonic_ns",
        True,
    ),
    "the local time": ("import time", "s.x = time.strftime('%H')", "calls time.strftime", True),
    "the date": ("import datetime", "s.x = datetime.date.today()", "calls date.today", True),
    "the date and time": ("from datetime import datetime", "s.x = datetime.now()", "calls datetime.now", True),
    "a clock of a library": ("import timeit", "s.x = timeit.Timer('1').timeit(1)", "calls timeit.Timer.timeit", False),
    "the operating system's chance": ("import os", "s.x = os.urandom(2)", "calls os.urandom", True),
    "a random identifier": ("import uuid", "s.x = uuid.uuid4()", "calls uuid.uuid4", True),
    "a secret": ("import secrets", "s.x = secrets.token_hex(2)", "calls secrets.token_hex", True),
    "a generator without a seed": ("import random", "s.x = random.Random().random()", "calls random.Random", True),
    "numpy's generator without a seed": (
        "import numpy as np",
        "s.x = np.random.default_rng().random()",
        "calls random.SystemRandom.getrandbits",
        True,
    ),
    "a file": ("import os", "open(os.devnull).close()", "opens a file", True),
    "a file by its path": ("import pathlib", "pathlib.Path('/dev/null').read_text()", "opens a file", True),
    "a file for an array": ("import numpy as np", "np.fromfile('/dev/null')", "calls numpy.fromfile", True),
    "a folder": ("import os", "s.x = len(os.listdir('/'))", "calls os.listdir", True),
    "the size of a file": ("import os", "s.x = os.path.getsize('/dev/null')", "calls os.stat", True),
    "a process": ("import subprocess", "subprocess.run(['true'])", "starts a process", True),
    "the network": (
        "import socket",
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one: one.sendto(b'', ('127.0.0.1', 9))",
        "uses the network",
        True,
    ),
    "input": ("", "s.x = input()", "asks for input", True),
    "a thread": ("import threading", "threading.Thread(target=len, args=('',)).start()", "starts a thread", False),
    "output": ("", "print(s.n, end='')", "prints", False),
    "output of a stream": ("import sys", "sys.stdout.write('')", "prints", False),
    "output of a stream with a name of its own": ("from sys import stderr", "stderr.write('')", "prints", False),
    "a warning": ("import warnings", "warnings.warn('odd')", "warns", False),
    "a message": ("import logging", "logging.getLogger('x').critical('no')", "logs a message", False),
}
"""By kind: imports, a line, the phrase, and whether it is refused in a first step."""

HARMLESS = {
    "a pause": ("import time", "time.sleep(0)"),
    "a given time": ("import time", "s.x = time.gmtime(0).tm_year + len(time.strftime('%H', time.gmtime(0)))"),
    "a given date": ("import datetime", "s.x = datetime.datetime(2020, 1, 1) + datetime.timedelta(1)"),
    "a generator with a seed": ("import random", "s.x = random.Random(3).random()"),
    "a late import": ("", "import colorsys, wave; s.x = colorsys.rgb_to_hsv(0.1, 0.2, 0.3)"),
    "a large number of calls": ("import math", "s.x = sum(math.sqrt(i) for i in range(10))"),
    "a warning where all are ignored": (
        "import warnings",
        "\n    with warnings.catch_warnings():\n        warnings.simplefilter('ignore'); warnings.warn('odd')",
    ),
    "text in memory": ("import io", "out = io.StringIO(); out.write('x'); s.x = out.getvalue()"),
    "an exception that is caught": ("", "\n    try: s.missing\n    except AttributeError: s.x = 2"),
}


def show(message: object, kind: type, *_: object) -> None:
    """Show a warning, which pytest would keep to itself."""
    sys.stderr.write(f"{kind.__name__}: {message}\n")


def source(setup: str, line: str) -> str:
    return f"{setup}\ndef step(s):\n    {line}\n"


def refused(step: Callable[[object], object], words: object) -> str:
    """Run one isolated step; return why it was stopped."""
    try:
        with isolated(Watch([step])):
            step(words)
    except ImpureError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:odd")
@pytest.mark.parametrize("kind", CASES)
def test_a_first_step_is_refused_where_it_is_impure_with_its_place(
    kind: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    setup, line, phrase, is_refused = CASES[kind]
    module = load(source(setup, line))
    found = observed(lambda: module.step(state()))
    if is_refused:
        assert found.startswith(f"the step {phrase} ({module.__name__}.py, line 3): ")
    else:
        assert not found


@pytest.mark.parametrize("kind", CASES)
def test_an_isolated_step_is_stopped_in_the_users_own_process(kind: str, load: Load) -> None:
    setup, line, phrase, _ = CASES[kind]
    module = load(source(setup, line))
    assert refused(module.step, state()) == f"the step {phrase} ({module.__name__}.py, line 3)"


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_harmless_step_is_never_accused(kind: str, load: Load) -> None:
    module = load(source(*HARMLESS[kind]))
    assert not observed(lambda: module.step(state()))
    assert not refused(module.step, state())


@pytest.mark.parametrize("line", ["warnings.warn('odd')", "s.x < 0 and print(); np.float64(1e308) * 10"])
def test_a_warning_that_a_tracked_superstep_was_stopped_at_is_shown_once_by_the_plain_step(
    line: str, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    step = load(source("import warnings, numpy as np", line)).step
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        assert refused(step, state())
        assert not capsys.readouterr().err
        step(state())
        step(state())
    assert capsys.readouterr().err.count("Warning: ") == 1


GUARDED = """
import importlib, json, sys
from types import SimpleNamespace
from asc_toy.ambient import ImpureError, Watch, guard_process, isolated
names = json.loads(sys.argv[1])
found = {}
watches = {kind: Watch([importlib.import_module(name).step]) for kind, name in names.items()}  # as a fork has them
guard_process()
out = sys.__stdout__
for when in ("before", "after"):
    for kind, name in names.items():
        step = sys.modules[name].step
        try:
            with isolated(watches[kind] if when == "before" else Watch([step])):
                step(SimpleNamespace(n=0, x=1.5))
        except ImpureError as error:
            found[f"{kind}, watched {when}"] = str(error)
        except BaseException as error:
            found[f"{kind}, watched {when}"] = repr(error)
import time, os, random, numpy
time.time(), os.stat("/"), os.urandom(1), random.Random(), numpy.random.default_rng(), open(os.devnull).close()
print(json.dumps(found), file=out)
"""


def test_a_guarded_process_stops_all_of_it_and_nothing_else(tmp_path: Path) -> None:
    """Also what libraries do, and whether the watch began before the guard or after it."""
    stopped = {**CASES, "its own number": ("import os", "s.x = os.getpid()", "calls os.getpid", False)}
    cases = {kind: source(setup, line) for kind, (setup, line, _, _) in stopped.items()}
    cases |= {kind: source(*lines) for kind, lines in HARMLESS.items()}
    names = {kind: f"case{number}" for number, kind in enumerate(cases)}
    for kind, text in cases.items():
        (tmp_path / f"{names[kind]}.py").write_text(text)
    (tmp_path / "guarded.py").write_text(GUARDED)
    command = [sys.executable, "-W", "ignore::ResourceWarning", "guarded.py", json.dumps(names)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = {
        f"{kind}, watched {when}": f"the step {phrase} ({names[kind]}.py, line 3)"
        for kind, (_, _, phrase, _) in stopped.items()
        for when in ("before", "after")
    }
    assert found == expected
    assert not done.stderr


def test_the_identity_of_the_process_is_asked_in_vain_only_where_it_differs(load: Load) -> None:
    module = load("import os\ndef step(s): s.pid = os.getpid()")
    assert not observed(lambda: module.step(state()))
    assert not refused(module.step, state())


def test_a_step_cannot_catch_the_error(load: Load) -> None:
    module = load(
        """
        import time
        def step(s):
            try:
                s.x = time.time()
            except Exception:
                s.x = 0
        """
    )
    assert "calls time.time" in refused(module.step, state())


@pytest.mark.parametrize(
    "ending", ["except BaseException: print(2)", "except: print(2)", "finally: print(2)", "except ValueError: print(2)"]
)
def test_a_step_that_would_go_on_after_the_error_is_not_begun(
    ending: str, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python drops a profiler that has raised, so nothing would stop the second line."""
    step = load(f"def step(s):\n    try: print(1)\n    {ending}").step
    why = "prints" if "ValueError" in ending else "does something whatever is raised"
    assert why in refused(step, state())
    assert not capsys.readouterr().out


def test_a_step_that_leaves_a_block_is_stopped(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    step = load("import contextlib\ndef step(s):\n    with contextlib.nullcontext(): print(1)").step
    assert "prints" in refused(step, state())
    assert not capsys.readouterr().out


def test_a_step_that_changes_a_global_spoils_the_process(load: Load) -> None:
    module = load("seen = []\ndef step(s): seen.append(s.n)")
    watch = Watch([module.step])
    with pytest.raises(ImpureError) as caught, isolated(watch):
        module.step(state())
    assert caught.value.changed
    assert str(caught.value) == f"the step changes `seen`, a global of `{module.__name__}`: put it into the state"
    with pytest.raises(ImpureError, match="changes `seen`"), isolated(watch):
        pytest.fail("the process is spoilt")


def test_a_step_that_raises_after_a_change_spoils_the_process_too(load: Load) -> None:
    module = load("seen = []\ndef step(s): seen.append(s.n); 1 / 0")
    with pytest.raises(ImpureError, match="changes `seen`") as caught, isolated(Watch([module.step])):
        module.step(state())
    assert caught.value.changed
    assert isinstance(caught.value.__context__, ZeroDivisionError)


def test_what_the_step_raises_comes_through(load: Load) -> None:
    module = load("def step(s): 1 / s.n")
    with pytest.raises(ZeroDivisionError), isolated(Watch([module.step])):
        module.step(state())
    with pytest.raises(ZeroDivisionError):
        observed(lambda: module.step(state()))


def test_an_impure_call_alone_spoils_nothing(load: Load) -> None:
    module = load("def step(s): print('never')")
    watch = Watch([module.step])
    with pytest.raises(ImpureError) as caught, isolated(watch):
        module.step(state())
    assert not caught.value.changed
    with isolated(watch):
        pass


def test_a_value_that_can_change_is_not_put_into_a_cache_unseen(load: Load) -> None:
    module = load("from functools import cache\n@cache\ndef table(n): return [n]\ndef step(s): s.x = table(s.n)[0]")
    watch = Watch([module.step])
    with pytest.raises(ImpureError, match="into the cache of `table`") as caught, isolated(watch):
        module.step(state())
    assert not caught.value.changed
    with isolated(watch):  # the list is watched by now
        module.step(state())


def test_the_error_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ImpureError("prints (prices.py, line 3)", changed=True)))
    assert (str(error), error.changed) == ("the step prints (prices.py, line 3)", True)


def test_an_isolated_step_in_a_thread_leaves_other_threads_alone(load: Load) -> None:
    module = load("import time\ndef step(s): s.x = time.time()")
    found = []
    ready, done = threading.Event(), threading.Event()

    def work() -> None:
        with isolated(Watch([module.step])):
            ready.set()
            done.wait(60)
        found.append(refused(module.step, state()))

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(60)
    module.step(state())  # this thread is not isolated
    done.set()
    thread.join()
    assert "calls time.time" in found[0]


def test_what_each_thread_has_of_its_own_is_not_read_in_another_thread(load: Load) -> None:
    module = load("import threading\nown = threading.local()\nown.n = 1\ndef step(s): s.x = getattr(own, 'n', 0)")
    watch = Watch([module.step])
    with isolated(watch):
        module.step(state())
    found = []

    def work() -> None:
        try:
            with isolated(watch):
                module.step(state())
        except ImpureError as error:
            found.append(str(error))
            found.append(watch.change())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [f"the step reads `own`, a global of `{module.__name__}`: each thread has its own", ""]


def test_the_packages_of_the_step_count_as_the_users_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    from asc_toy.ambient import origin

    monkeypatch.setattr(origin, "_FOLDERS", (str(tmp_path),))
    origin.is_library_file.cache_clear()
    try:
        module = load("import time\ncount = 0\ndef step(s):\n    global count\n    count += 1\n    s.x = time.time()")
        watch = Watch([module.step])
        assert observed(lambda: module.step(state()), watch).startswith("the step calls time.time")
        assert "`count`" in watch.change()
    finally:
        origin.is_library_file.cache_clear()


def test_the_profiler_of_the_user_goes_on_afterwards(load: Load) -> None:
    module = load("def step(s): s.n += abs(-1)")
    events: list[str] = []
    sys.setprofile(lambda frame, event, arg: events.append(event))
    try:
        observed(lambda: module.step(state()))
        before = len(events)
        module.step(state())
    finally:
        sys.setprofile(None)
    assert len(events) > before


def test_pythons_own_profiler_goes_on_afterwards(load: Load) -> None:
    module = load("def step(s): s.n += abs(-1)\ndef later(s): s.n += 1")
    profile = cProfile.Profile()
    with profile:
        observed(lambda: module.step(state()))
        module.later(state())
    profile.create_stats()
    assert any(name == "later" for _, _, name in profile.stats)


def test_the_place_is_that_of_the_users_code_even_in_a_method(load: Load) -> None:
    module = load(
        """
        import random
        class Dice:
            def roll(self):
                return random.randint(1, 6)
        def step(s):
            s.x = Dice().roll()
        """
    )
    kept = random_state()
    found = observed(lambda: module.step(state()))
    assert found.startswith(
        f"the step draws from the generator of `random` ({module.__name__}.py, line 5): put random."
    )
    kept()


def random_state() -> Callable[[], None]:
    import random

    return partial(random.setstate, random.getstate())


MAIN = """
import random, sys
from types import SimpleNamespace
from asc_toy.ambient import Watch, observed
counter = 0
def step(s):
    global counter
    counter += 1
def draws(s):
    s.x = random.random()
watch = Watch([step])
print(observed(lambda: step(SimpleNamespace())), watch.change(), sep="|")
print(observed(lambda: draws(SimpleNamespace())))
"""


@pytest.mark.parametrize("by", ["file", "command", "stdin"])
def test_the_main_program_is_named_as_such(by: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(MAIN))
    arguments = {"file": [str(path)], "command": ["-c", MAIN], "stdin": ["-"]}[by]
    given = MAIN if by == "stdin" else None
    done = subprocess.run(
        [sys.executable, *arguments], input=given, capture_output=True, text=True, timeout=120, check=False
    )
    place = {"file": "script.py", "command": "<string>", "stdin": "<stdin>"}[by]
    assert done.stdout.splitlines() == [
        "|the step changes `counter`, a global of the main program: put it into the state",
        f"the step draws from the generator of `random` ({place}, line 10): put random.Random(seed) into the state, "
        "and draw from it",
    ], done.stderr
