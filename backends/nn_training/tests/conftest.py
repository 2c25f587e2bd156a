"""Small tensors gain nothing from threads, and the tests share the cores.

Tests with the marker `integration(where, what, outcome)` are rows of the table of integrations. With
`--integrations FILE` their results are written to that file as JSON, those of refusals with the sentence.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from asc.cli.main import call
from asc.hookspecs import Registrar, hookimpl
from asc.plugins import Plugins, load
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.corpus import load_corpus

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "max_bytes": 500_000,
    "vocabulary": 512,
    "length": 32,
    "batch": 4,
    "gate_sequences": 16,
    "gate_subsets": 4,
    "dev_sequences": 8,
    "test_sequences": 8,
    "warmup": 10,
    "lr": 1e-3,
    "evaluate_every": 20,
}
"""A training that takes a second: a little text, short sequences, few evaluations."""

ROW, SENTENCE = "integration", "integration sentence"
"""Properties of a test's report, which also a test that ran in another process has."""

Make = Callable[..., NetworkConfig]
Asc = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--integrations", metavar="FILE", help="write the rows of the table of integrations to this file")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("integrations", None)  # not known where the tests were found from a folder above
    if file is not None and not hasattr(config, "workerinput"):  # the processes of xdist report to the first
        config.pluginmanager.register(Rows(Path(file)), "integration rows")


class Rows:
    """Collects the rows of the table of integrations."""

    def __init__(self, file: Path) -> None:
        self._file, self._rows = file, list[dict[str, Any]]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            for where, what, outcome in (value for name, value in report.user_properties if name == ROW):
                row = {
                    "where": where,
                    "what": what,
                    "outcome": outcome,
                    "test": report.nodeid,
                    "result": report.outcome,
                }
                sentences = [value for name, value in report.user_properties if name == SENTENCE]
                self._rows.append(row | ({"sentence": sentences[0]} if sentences else {}))

    def pytest_sessionfinish(self) -> None:
        self._file.write_text(json.dumps(self._rows, indent=1) + "\n", encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("integration"):
            where, what, outcome, *sentence = marker.args
            if outcome not in ("works", "refused"):
                raise pytest.UsageError(f"{item.nodeid}: the outcome of a row is works or refused, not {outcome}")
            item.user_properties.append((ROW, [where, what, outcome]))
            item.user_properties.extend((SENTENCE, value) for value in sentence)


@pytest.fixture
def integration_refusal(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Report the sentence of a refusal, which the table of integrations shows: `integration_refusal(error.value)`."""
    return lambda sentence: request.node.user_properties.append((SENTENCE, str(sentence)))


class Rejecting:
    """A plugin with a validator that rejects every candidate: training must end as without speculation."""

    @hookimpl
    def asc_register(self, registry: Registrar) -> None:
        registry.add("validator", "reject", "asc.testing.stand_ins:Reject", "rejects every candidate")


@pytest.fixture
def rejecting() -> Plugins:
    """The installed plugins, and the validator `reject`."""
    plugins = load()
    plugins.observe(Rejecting(), "rejecting")
    return plugins


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token cache that all tests share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the documents that a small training takes from Python's library, which takes longer to search."""
    folder = tmp_path_factory.mktemp("corpus")
    for document in load_corpus("stdlib", max_bytes=SMALL["max_bytes"]).documents:
        file = folder / document.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document.text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model without dropout, whose steps take a third of the time of those of `gpt2-nano`."""
    folder = tmp_path_factory.mktemp("tiny")
    sizes = {"vocab_size": SMALL["vocabulary"], "n_positions": 96, "n_layer": 1, "n_embd": 32, "n_head": 2}
    dropout = dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    kind = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "bos_token_id": 0, "eos_token_id": 0}
    (folder / "config.json").write_text(json.dumps(kind | sizes | dropout))
    return folder


@pytest.fixture(scope="session")
def shared(cache: Path, corpus: Path, tiny: Path) -> dict[str, Any]:
    """The settings of a small training."""
    own = {"model": str(tiny), "data": str(corpus), "data_cache": cache, "steps": 60, "device": "cpu"}
    return {**SMALL, **own}


@pytest.fixture(scope="session")
def small(shared: dict[str, Any]) -> Make:
    """Make the configuration of a small training."""

    def make(**settings: Any) -> NetworkConfig:
        return NetworkConfig.model_validate({**shared, **settings})

    return make


@pytest.fixture(scope="session")
def recipe(shared: dict[str, Any]) -> dict[str, Any]:
    """A study's settings of a small training, by a model that may have dropout.

    The gate set has three parts: to judge, to report and to tune.
    """
    of_a_run = {"evaluate_every", "gate_sequences", "gate_subsets"}
    given = {name: value for name, value in shared.items() if name not in of_a_run}
    return {**given, "model": "gpt2-nano", "gate_sequences": 12, "gate_subsets": 3}


@pytest.fixture(scope="session")
def as_options() -> Callable[[dict[str, Any]], list[str]]:
    """Write settings as options on the command line."""
    return lambda given: [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(scope="session")
def options(shared: dict[str, Any], as_options: Callable[[dict[str, Any]], list[str]]) -> list[str]:
    """The same training as options on the command line."""
    return as_options(shared)


@pytest.fixture(scope="session")
def asc_in() -> Callable[[Path], Asc]:
    """Make a function that runs `asc` in a folder, within this process: a new process imports torch for seconds."""

    def made(folder: Path) -> Asc:
        def run(*arguments: str, columns: int = 200) -> subprocess.CompletedProcess[str]:
            out, err = io.StringIO(), io.StringIO()
            with (
                pytest.MonkeyPatch.context() as patch,
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                patch.chdir(folder)
                patch.setattr(sys, "argv", ["asc", *arguments])
                patch.setenv("COLUMNS", str(columns))
                code = call(arguments)
            return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

        return run

    return made


@pytest.fixture
def asc(asc_in: Callable[[Path], Asc], tmp_path: Path) -> Asc:
    """Run `asc` in an empty folder, within this process."""
    return asc_in(tmp_path)
