"""Another process gets what can be set, and is compared in everything else."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from asc_toy.ambient import HASH_SEED, Watch, apply, settings

Load = Callable[..., ModuleType]

OTHER = """
import importlib, pickle, sys
from pathlib import Path
from asc_toy.ambient import Watch, apply
kept, fingerprint, name = pickle.loads(Path(sys.argv[1]).read_bytes())
apply(kept)
step = importlib.import_module(name).step
apply(kept)
here = Watch([step]).fingerprint()
print(sorted(key for key in fingerprint if here.get(key) != fingerprint[key]))
"""


@pytest.fixture
def differing(tmp_path: Path) -> Callable[..., list[str]]:
    """Return what differs in a fresh process, by the names for people."""

    def differing(module: ModuleType, **environment: str) -> list[str]:
        watch = Watch([module.step])
        path = tmp_path / "kept"
        path.write_bytes(pickle.dumps((settings(watch.reach.names), watch.fingerprint(), module.__name__)))
        (tmp_path / "other.py").write_text(OTHER)
        done = subprocess.run(
            [sys.executable, "other.py", str(path)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: list[str] = eval(done.stdout)
        return found

    return differing


RICH = """
import collections, dataclasses, decimal, enum, functools, operator, re
import numpy as np

fee, name, big = 0.1, "é", 10**30
table = {"a": [1, (2.5, None)], 3: {4}}
words = frozenset({"if", "else", "while"})
grid = np.arange(12).reshape(3, 4).T
mixed = np.array([1, "a"], dtype=object)
word = re.compile("a+")
recent = collections.deque([1], maxlen=3)
rules = {"+": operator.add, "-": lambda x, y: x - y}
context = decimal.Context(prec=9)

class Mode(enum.Enum):
    CODE = 1

@dataclasses.dataclass
class Account:
    owner: str
    lines: list = dataclasses.field(default_factory=list)
    def pay(self, x): self.lines.append(x)

account = Account("me", [1])
account.self = account

@functools.lru_cache
def square(n): return n * n

def make(factor):
    def scaled(x, *, more=[1]): return x * factor + more[0]
    return scaled
scaled = make(3)

def step(s):
    s.x = fee + big + table["a"][0] + grid[0, 0] + len(name) + len(mixed) + square(3) + scaled(2) + recent[0]
    s.y = "if" in words, word.match("a"), rules["-"](1, 2), Mode.CODE, account.owner, context.prec
"""


def test_a_fresh_process_of_the_same_modules_does_not_differ(load: Load, differing: Callable[..., list[str]]) -> None:
    """Whatever is reached, and with another seed of hashes."""
    assert differing(load(RICH), PYTHONHASHSEED="12") == []


def test_a_global_that_was_set_at_run_time_differs(load: Load, differing: Callable[..., list[str]]) -> None:
    module = load("FEE = 1\ndef step(s): s.x = FEE")
    module.FEE = 2
    assert differing(module) == [f"`FEE`, a global of `{module.__name__}`"]


def test_a_function_that_was_replaced_at_run_time_differs(load: Load, differing: Callable[..., list[str]]) -> None:
    module = load("def fee(): return 1\ndef step(s): s.x = fee()")
    module.fee = lambda: 2
    assert differing(module) == [f"`fee`, a global of `{module.__name__}`"]


def test_a_table_made_by_chance_at_import_differs(load: Load, differing: Callable[..., list[str]]) -> None:
    module = load("import random\ntable = [random.random() for _ in range(5)]\ndef step(s): s.x = table[s.n]")
    assert differing(module) == [f"`table`, a global of `{module.__name__}`"]


def test_a_set_whose_order_may_show_needs_the_same_seed_of_hashes(
    load: Load, differing: Callable[..., list[str]]
) -> None:
    module = load("words = frozenset({'if', 'else'})\ndef step(s): s.x = list(words)")
    assert differing(module, PYTHONHASHSEED="12") == [HASH_SEED]
    assert "set PYTHONHASHSEED=0" in HASH_SEED


def test_settings_reach_a_fresh_process(load: Load, differing: Callable[..., list[str]]) -> None:
    import decimal
    import warnings

    module = load("def step(s): s.n += 1")
    limit = sys.getrecursionlimit()
    with decimal.localcontext() as context, np.errstate(all="raise"), np.printoptions(precision=3):
        context.prec = 50
        context.traps[decimal.Inexact] = True
        sys.setrecursionlimit(4321)
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", "^old .*", DeprecationWarning, "prices")
                assert differing(module) == []
        finally:
            sys.setrecursionlimit(limit)


def test_the_environment_counts_only_where_the_code_asks_for_it(
    load: Load, differing: Callable[..., list[str]]
) -> None:
    """The environment and the current folder belong to the other process, unless the step asks for them."""
    asking = load("import os\ndef step(s): s.x = os.environ.get('ASC_PRICES', ''), os.getcwd()")
    assert {"the environment", "the current folder"} <= Watch([asking.step]).fingerprint().keys()
    assert differing(asking, ASC_PRICES="1") == []
    assert differing(load("def step(s): s.n += 1"), ASC_PRICES="1") == []


def test_a_thread_gets_the_settings_of_the_main_thread(load: Load) -> None:
    import decimal
    from threading import Thread

    module = load("def step(s): s.n += 1")
    found = []
    with decimal.localcontext() as context, np.errstate(all="raise"):
        context.prec = 50
        watch, kept = Watch([module.step]), settings()

        def work() -> None:
            found.append(watch.change())
            apply(kept)
            found.append(watch.change())

        thread = Thread(target=work)
        thread.start()
        thread.join()
        assert found[0].startswith("the step changes the decimal context")
        assert found[1] == ""
        assert copy_context().run(watch.change) == ""


@pytest.fixture
def torch_modes() -> Iterator[None]:
    torch = pytest.importorskip("torch")
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(kept)


@pytest.mark.usefixtures("torch_modes")
def test_modes_of_torch_differ_where_another_process_has_no_torch_yet(
    load: Load, differing: Callable[..., list[str]]
) -> None:
    assert differing(load("def step(s): s.n += 1")) == ["the modes of torch"]
    assert differing(load("import torch\ndef step(s): s.n += 1")) == []
