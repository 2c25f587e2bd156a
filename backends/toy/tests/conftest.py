"""Lets tests import the fuzzer, which lies beside them; imports modules made of text."""

from __future__ import annotations

import decimal
import importlib.util
import io
import itertools
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def _same_surroundings() -> Iterator[None]:
    """Undo what a test's step has changed beside its state."""
    context, errors, limit = decimal.getcontext().copy(), np.geterr(), sys.getrecursionlimit()
    yield
    decimal.setcontext(context)
    np.seterr(**errors)
    sys.setrecursionlimit(limit)


@pytest.fixture
def heard() -> Iterator[None]:
    """A background job ignores Ctrl-C, and hands that on to the processes that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Callable[..., ModuleType]]:
    """Import a module made of some source text, by the name `pricesN`."""
    loaded = []

    def load(source: str, name: str = "") -> ModuleType:
        name = name or f"prices{next(_NUMBERS)}"
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(source))
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        for value in vars(sys.modules.pop(name)).values():
            if isinstance(value, io.IOBase) and value not in (sys.stdin, sys.stdout, sys.stderr):
                value.close()
