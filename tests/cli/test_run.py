"""`asc run`, as a user types it: real processes, real signals, a full disk."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from asc.cli.run import different
from asc.plugins.entry import Entry, Source
from tests.cli.conftest import ASC, Asc, environment, one_sentence, parsed

pytest.importorskip("asc_toy")

LCG = ("run", "toy", "--program", "lcg-pi", "--n", "4000", "--seed", "3")
KEYS = {
    "backend",
    "config",
    "position",
    "final_digest",
    "seconds",
    "net_speedup",
    "estimated_speedup",
    "hit_rate",
    "accepted",
    "rejected",
    "reason",
    "ledger",
    "run_dir",
}


def test_json_is_one_object_with_everything_promised(asc: Asc, tmp_path: Path) -> None:
    found = asc(*LCG, "--json")
    summary = parsed(found)
    assert summary.keys() >= KEYS
    assert summary["backend"] == "toy"
    assert summary["position"] == 4000
    assert summary["net_speedup"] is None
    assert (tmp_path / summary["run_dir"] / "report.html").exists()
    kept = json.loads((tmp_path / summary["run_dir"] / "summary.json").read_text())
    assert kept["final_digest"] == summary["final_digest"]


def test_every_way_of_running_ends_in_the_same_state(asc: Asc) -> None:
    first = parsed(asc(*LCG, "--json", "--compare"))
    assert first["identical"] is True
    assert first["net_speedup"] == pytest.approx(first["plain_seconds"] / first["seconds"])
    ways: list[tuple[str, ...]] = [
        ("--no-speculation",),
        ("--shadow",),
        ("--executor", "threads", "--workers", "2", "--set", "recognizer.distance=64"),
        ("--executor", "none", "--recognizer", "always"),
        ("--predictors", "linear,affine", "--set", "recognizer.distance=100"),
    ]
    for way in ways:
        summary = parsed(asc(*LCG, "--json", "--quiet", *way))
        assert summary["final_digest"] == first["final_digest"], way
        assert summary["skipped"] == 0 or way[0] not in ("--no-speculation", "--shadow")


def test_what_a_person_sees(asc: Asc) -> None:
    found = asc(*LCG)
    assert found.returncode == 0
    assert "\x1b" not in found.stdout + found.stderr
    for word in ("position", "digest", "speed-up", "why", "report.html"):
        assert word in found.stdout
    assert "4,000" in found.stderr  # progress, in plain lines
    assert asc(*LCG, "--quiet").stderr == ""


def test_settings_from_a_file_flags_and_set(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('program = "lcg-pi"\nn = 50\nseed = 9\n[cache]\nmax_entries = 7\n')
    config = parsed(asc("run", "toy", "--config", "c.toml", "--seed", "4", "--set", "cache.max_bytes=9", "--json"))[
        "config"
    ]
    assert (config["program"], config["n"], config["seed"]) == ("lcg-pi", 50, 4)
    assert config["cache"] == {"max_entries": 7, "max_bytes": 9}
    (tmp_path / "again.json").write_text(json.dumps(config))
    assert parsed(asc("run", "toy", "--config", "again.json", "--json"))["config"] == config


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("run", "tay"), ('no backend "tay"', "toy")),
        (("run", "toy", "--program", "colatz"), ("colatz", "Did you mean collatz?")),
        (("run", "toy", "--predictors", "lineer"), ("lineer", 'Did you mean "linear"?')),
        (("run", "toy", "--recognizer", "x"), ("no recognizer",)),
        (("run", "toy", "--nn", "5"), ("--nn", "--n")),
        (("run", "toy", "--n", "0"), ("--n",)),
        (("run", "toy", "--executor", "cloud"), ("cloud", "processes")),
        (("run", "toy", "--set", "cache.max=1"), ("cache.max",)),
        (("run", "toy", "--set", "nonsense"), ("nonsense",)),
        (("run", "toy", "--program", "lcg-pi", "--rule", "30"), ("rule",)),
        (("run", "toy", "--config", "none.json"), ("none.json", "does not exist")),
        (("run", "toy", "--no-speculation", "--compare"), ("--no-speculation", "--compare")),
        (("run", "toy", "--resume", "nothing"), ("nothing",)),
        (("run", "toy", "--plugin", "none.py"), ("none.py", "does not exist")),
        (("run", "toy", "--recognizer", "similarity"), ("similarity", "fingerprint")),
        (("explain", "lineer"), ("lineer", "linear")),
        (("report", "nothing"), ("nothing",)),
        (("advise", "tay"), ("tay",)),
        (("rum",), ("rum",)),
    ],
)
def test_a_mistake_is_told_in_a_sentence(asc: Asc, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    one_sentence(asc(*arguments), *parts)


def test_a_mistake_leaves_no_run_behind(asc: Asc, tmp_path: Path) -> None:
    one_sentence(asc("run", "toy", "--predictors", "lineer"), "lineer")
    assert not list(tmp_path.glob("runs/*"))


@pytest.mark.parametrize(("name", "text"), [("c.json", '{"n": 5'), ("c.toml", "n = = 5"), ("c.json", "[1]")])
def test_a_malformed_file(asc: Asc, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    one_sentence(asc("run", "toy", "--config", name), name)


def test_a_folder_that_cannot_be_written(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    one_sentence(asc(*LCG, "--out", "file/runs"), "file/runs", "--out")


BROKEN = "import nothing_of_this_name\n"
MISSPELT = "import asc\n@asc.hookimpl\ndef asc_registre(registry): pass\n"
TAKEN = """
import asc
@asc.hookimpl
def asc_register(registry): registry.add("predictor", "linear", "p:P", "p:P.Config", "x")
"""


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (BROKEN, ("nothing_of_this_name",)),
        (MISSPELT, ("asc_registre", "asc_register")),
        (TAKEN, ("linear", "asc-core")),
    ],
)
def test_a_plugin_file_that_is_wrong(asc: Asc, tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    (tmp_path / "p.py").write_text(text)
    one_sentence(asc("run", "toy", "--plugin", "p.py"), *parts)


RAISING = """
import asc
class Raising:
    class Config(asc.Settings):
        pass
    needs = frozenset()
    def __init__(self, config=None): pass
    def predict(self, history, horizon): raise RuntimeError("no idea")
@asc.hookimpl
def asc_register(registry): registry.add("predictor", "raising", "p:Raising", "p:Raising.Config", "raises")
@asc.hookimpl
def asc_boundary(boundary): raise RuntimeError("watched enough")
"""


def test_a_plugin_that_raises_is_switched_off_and_the_run_goes_on(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(RAISING)
    more = ("--plugin", "p.py", "--predictors", "raising", "--executor", "threads", "--set", "recognizer.distance=64")
    summary = parsed(asc(*LCG, *more, "--compare", "--json"))
    assert summary["identical"] is True
    warnings = " ".join(summary["warnings"])
    assert "watched enough" in warnings
    assert "no idea" in warnings or summary["outcomes"].get("raised", 0) == 0


JUDGED = """
import asc
from asc.allocator import Allocator
from asc.config.run import Component, RunConfig
from asc.reference.programs import Descent

class Descents:
    class Config(RunConfig):
        recognizer: Component = Component(name="every", steps=10)
        validator: Component = Component(name="strict")
        allocator: Allocator.Config = Allocator.Config(horizons=(10,))

    def __init__(self, config): self.config = config
    def computation(self, plain): return Descent(400, rate=0.001, noise=0.01)
    def pool(self, computation): return None
    def save(self, computation, folder, memory): pass
    def load(self, computation, folder): return None
    def outcome(self, computation): return {"first": float(computation.vector[0]), "size": len(computation.vector)}

@asc.hookimpl
def asc_register(registry): registry.add("backend", "descents", "p:Descents", "p:Descents.Config", "judged")
"""


def test_a_judged_backend_that_compares_nothing_has_the_plain_run_shown(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(JUDGED)
    command = ("run", "descents", "--plugin", "p.py", "--compare", "--quiet")
    found = asc(*command)
    assert found.returncode == 0, found.stderr
    shown = dict(line.split(maxsplit=2)[:2] for line in found.stdout.replace("plain ", "plain-").splitlines())
    assert shown["plain-first"] != shown["first"]
    assert "plain-size" not in shown, "it is the same"
    assert shown["plain-time"]
    assert "The backend cannot say which run was better" in found.stderr
    assert "give it compare(speculative, plain), as asc.backend.Compares has it" in found.stderr
    summary = parsed(asc(*command, "--json"))
    assert (summary["net_speedup"], summary["identical"]) == (None, None)
    assert summary["plain_outcome"]["first"] == float(shown["plain-first"])


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (Source("toy", "asc-toy", "0.1"), "please report this as a bug."),
        (Source("builtin", "asc-core", "0.1"), "please report this as a bug."),
        (
            Source("mine", "asc-mine", "0.1"),
            'the backend "mine" of asc-mine 0.1 breaks the law that a leap is exact. A test that subclasses '
            "ExactLaws of asc.testing finds out where; mostly, something that a step reads is not in `causal`.",
        ),
    ],
)
def test_ends_that_differ_are_the_mistake_of_whose_backend_it_is(source: Source, told: str) -> None:
    sentence = different(Entry("backend", "mine", "p:Mine", "p:Mine.Config", "mine", source))
    assert sentence.startswith("The speculative run and the plain run ended in different states")
    assert sentence.endswith(told)


def test_a_predictor_in_a_file_that_was_not_given(asc: Asc) -> None:
    one_sentence(
        asc("run", "toy", "--predictors", "halfway"),
        'There is no predictor "halfway". Installed: affine,',
        ". If it is in a file of yours, add: --plugin FILE.py\n",
    )


def test_why_a_plugin_failed_is_told_once(asc: Asc, tmp_path: Path) -> None:
    info = tmp_path / "site" / "asc_future-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: asc-future\nVersion: 1\nRequires-Dist: asc-core>=99\n")
    (info / "entry_points.txt").write_text("[asc]\nfuture = asc_future\n")
    found = asc("run", "future", PYTHONPATH=str(tmp_path / "site"))
    one_sentence(found, 'error: There is no backend "future". The warning above says why.\nInstalled: ')
    assert found.stderr.count("requires asc-core >=99") == 1
    assert found.stderr.splitlines()[0].endswith("type: pip install --upgrade asc-core asc-future")


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [ASC, "run", "toy", *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(folder: Path, pattern: str) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"nothing like {pattern}"
        time.sleep(0.01)


LONG = ("--program", "lcg-pi", "--n", "30000", "--set", "checkpoint_seconds=0.05")


def test_interrupted_and_resumed(asc: Asc, tmp_path: Path) -> None:
    whole: dict[str, Any] = parsed(asc("run", "toy", *LONG, "--no-speculation", "--json"))
    first = _start(tmp_path, *LONG, "--json", "--out", "cut")
    _wait_for(tmp_path, "cut/*/checkpoints/state.safetensors")
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=60)
    assert first.returncode == 130, err
    stopped = json.loads(out)
    assert stopped["state"] == "interrupted"
    assert 0 < stopped["position"] < 30000
    assert "--resume" in err
    assert "Traceback" not in err
    resumed = parsed(asc("run", "toy", "--resume", "latest", "--out", "cut", "--json"))
    assert resumed["resumed_from"] == stopped["position"]
    assert resumed["final_digest"] == whole["final_digest"]
    one_sentence(asc("run", "toy", "--resume", "latest", "--out", "cut", "--n", "5"), "keeps its settings")


def test_killed_and_resumed(asc: Asc, tmp_path: Path) -> None:
    whole = parsed(asc("run", "toy", *LONG, "--no-speculation", "--json"))
    first = _start(tmp_path, *LONG, "--out", "cut")
    for _ in range(3):
        _wait_for(tmp_path, "cut/*/checkpoints/state.safetensors")
        time.sleep(0.02)  # somewhere between two checkpoints
        first.kill()
        first.communicate(timeout=60)
        assert first.returncode == -signal.SIGKILL
        first = _start(tmp_path, "--resume", "latest", "--out", "cut")
        time.sleep(0.3)
    out, err = first.communicate(timeout=90)
    assert first.returncode == 0, err
    assert whole["final_digest"] in out
    assert parsed(asc("runs", "--out", "cut", "--json"))[0]["state"] == "finished"  # type: ignore[index]


def test_a_damaged_checkpoint(asc: Asc, tmp_path: Path) -> None:
    parsed(asc(*LCG, "--json"))
    (checkpoint,) = tmp_path.glob("runs/*/checkpoints/state.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:40])
    one_sentence(asc("run", "toy", "--resume", "latest"), "damaged", "--resume")


def test_a_full_disk_does_not_lose_the_result(tmp_path: Path) -> None:
    """Every file is cut off at 2 KiB: the record breaks off, the result is printed all the same."""
    found = subprocess.run(
        [ASC, *LCG, "--json", "--set", "recognizer.distance=16", "--executor", "threads"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
    )
    summary = parsed(found)
    assert summary["position"] == 4000
    assert summary["warnings"]
    assert "Traceback" not in found.stderr


def test_whoever_stops_reading_is_not_told_off(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    found = subprocess.run(
        [ASC, "plugins"], cwd=tmp_path, env=environment(), stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert "Traceback" not in found.stderr


def test_advise_names_the_right_predictor(asc: Asc) -> None:
    advice = json.loads(asc("advise", "toy", "--program", "lcg-pi", "--seconds", "1", "--json").stdout)
    assert advice["hits"]["affine"]["1"] == 1.0
    assert advice["hits"]["linear"]["1"] == 0.0
    assert set(advice["excited"]) == {"x", "hits"}
    assert advice["read"] == ["x"]
    hopeless = asc("advise", "toy", "--program", "sha256-chain", "--seconds", "1")
    assert "Do not expect a speed-up" in hopeless.stdout


def test_the_commands_around_a_run(asc: Asc, tmp_path: Path) -> None:
    assert "no runs" in asc("runs").stdout
    parsed(asc(*LCG, "--json"))
    assert "toy" in asc("runs").stdout
    assert "report.html" in asc("report", "latest").stdout
    listed = json.loads(asc("plugins", "--json").stdout)
    assert {"name", "kind", "distribution", "version", "status", "error"} <= listed[0].keys()
    assert ("toy", "backend") in {(entry["name"], entry["kind"]) for entry in listed}
    assert "--predictors affine" in asc("explain", "affine").stdout
    assert asc("--version").stdout.startswith("asc")
