"""`asc run`, as a user types it."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
from pathlib import Path

import pytest

from asc.cli.run import different
from asc.plugins.entry import Entry, Source
from asc.run.advise import recommend
from tests.cli.conftest import ASC, Asc, environment, one_sentence, parsed

pytest.importorskip("asc_toy")

LCG = ("run", "toy", "--program", "lcg-pi", "--n", "4000", "--seed", "3")
QUICK = ("run", "toy", "--program", "lcg-pi", "--n", "100", "--executor", "none", "--quiet")
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
    "acceptance_rate",
    "mean_accepted_horizon",
    "horizons",
    "reason",
    "ledger",
    "run_dir",
}


def test_json_is_one_object_with_everything_promised(process: Asc, tmp_path: Path) -> None:
    summary = parsed(process(*LCG, "--json"))
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
        ("--predictors", "linear,affine", "--executor", "threads", "--set", "recognizer.distance=100"),
    ]
    for way in ways:
        summary = parsed(asc(*LCG, "--json", "--quiet", *way))
        assert summary["final_digest"] == first["final_digest"], way
        assert summary["skipped"] == 0 or way[0] not in ("--no-speculation", "--shadow")


def test_what_a_person_sees(asc: Asc) -> None:
    found = asc(*LCG, "--executor", "none")
    assert found.returncode == 0
    assert "\x1b" not in found.stdout + found.stderr
    for word in ("position", "digest", "speed-up", "hit rate", "why", "report.html"):
        assert word in found.stdout
    assert "acceptance rate" not in found.stdout, "no candidate was accepted or rejected"
    assert "mean accepted horizon" not in found.stdout
    assert "4,000" in found.stderr  # progress, in plain lines
    assert asc(*LCG, "--executor", "none", "--quiet").stderr == ""


def test_what_became_of_candidates_is_shown_where_there_were_any(asc: Asc, tmp_path: Path) -> None:
    found = asc(*LCG, "--executor", "threads", "--workers", "2", "--set", "recognizer.distance=64", "--quiet")
    assert found.returncode == 0, found.stderr
    (folder,) = tmp_path.glob("runs/*")
    summary = json.loads((folder / "summary.json").read_text())
    assert re.search(r"hit rate +\d+%", found.stdout)
    for label, value in (
        ("acceptance rate", summary["acceptance_rate"]),
        ("mean accepted horizon", summary["mean_accepted_horizon"]),
    ):
        assert (label in found.stdout) is (value is not None)


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
        (("run", "toy", "--program", "colatz"), ("colatz", 'did you mean "collatz"?')),
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
def test_a_mistake_is_answered_with_a_sentence(asc: Asc, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
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
def asc_register(registry): registry.add("predictor", "linear", "p:P", "x")
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
def asc_register(registry): registry.add("predictor", "raising", "p:Raising", "raises")
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
from asc.backend import Backend
from asc.config.run import Component, JudgedConfig
from asc.reference.descent import Descent
from asc.speculators.judged.scheduler import JudgedScheduler

class Descents(Backend):
    class Config(JudgedConfig):
        recognizer: Component = Component(name="every", steps=10)
        validator: Component = Component(name="strict")
        scheduler: JudgedScheduler.Config = JudgedScheduler.Config(horizons=(10,))

    def computation(self, plain): return Descent(400, rate=0.001, noise=0.01)
    def save(self, computation, folder, state): pass
    def load(self, computation, folder): return None
    def outcome(self, computation): return {"first": float(computation.vector[0]), "size": len(computation.vector)}

@asc.hookimpl
def asc_register(registry): registry.add("backend", "descents", "p:Descents", "judged")
"""


@pytest.fixture
def descents(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "p.py").write_text(JUDGED)
    return ("run", "descents", "--plugin", "p.py", "--quiet")


def test_a_judged_backend_that_compares_nothing_has_the_plain_run_shown(asc: Asc, descents: tuple[str, ...]) -> None:
    found = asc(*descents, "--compare")
    assert found.returncode == 0, found.stderr
    shown = dict(line.split(maxsplit=2)[:2] for line in found.stdout.replace("plain ", "plain-").splitlines())
    assert shown["plain-first"] != shown["first"]
    assert "plain-size" not in shown, "it is the same"
    assert shown["plain-time"]
    assert "The backend cannot say which run was better" in found.stderr
    assert "give it compare(speculative, plain), as asc.backend.Backend describes it" in found.stderr
    summary = parsed(asc(*descents, "--compare", "--json"))
    assert (summary["net_speedup"], summary["identical"]) == (None, None)
    assert summary["plain_outcome"]["first"] == float(shown["plain-first"])


def test_a_judged_run_shows_acceptance_in_place_of_a_hit_rate(asc: Asc, descents: tuple[str, ...]) -> None:
    shown = asc(*descents).stdout
    summary = parsed(asc(*descents, "--json"))
    settled = summary["accepted"] + summary["rejected"]
    assert 0 < summary["accepted"] <= settled == sum(at["settled"] for at in summary["horizons"].values())
    assert summary["hit_rate"] is None
    assert "hit rate" not in shown
    share = round(100 * summary["accepted"] / settled)
    assert re.search(rf"acceptance rate +{summary['accepted']} of {settled} \({share} %\)", shown)
    assert re.search(r"mean accepted horizon +10 steps", shown)


JUDGED_ONLY = "only a backend whose candidates are judged has it."


@pytest.mark.parametrize(
    ("name", "arguments", "code", "sentence"),
    [
        ("toy", ("--validator", "strict"), 2, f'toy has no setting "validator": {JUDGED_ONLY}'),
        ("toy", ("--keep-trajectory=3",), 2, f'toy has no setting "keep_trajectory": {JUDGED_ONLY}'),
        ("toy", ("--candidates", "3"), 2, f'toy has no setting "scheduler.candidates": {JUDGED_ONLY}'),
        (
            "descents",
            ("--task-length", "3"),
            2,
            'descents has no setting "scheduler.task_length": only a backend whose candidates are executed has it.',
        ),
        ("toy", ("--task-length", "3"), 2, "There is no option --task-length; to set it, type --set scheduler.task_"),
        ("toy", ("--validatr", "strict"), 2, "No such option '--validatr'."),
        ("riscv", ("--compare", "1000000"), 2, "1000000 is not in the range 0<=x<=100"),
        ("riscv", ("--verbos",), 2, "type it at the end, after --: -- --verbos"),
        ("riscv", ("--memry", "3"), 2, "Did you mean '--memory'?"),
        ("toy", ("--predictor", "linear"), 2, "'--predictors'"),
        ("toy", ("--set", "validator=strict"), 1, 'There is no setting "validator"; '),
        (
            "toy",
            ("--set", "scheduler.horizons=[64]"),
            1,
            'There is no setting "scheduler.horizons"; there are overdraft, lookahead, task_length, memoise.',
        ),
        (
            "descents",
            ("--set", "scheduler.lookahead=3"),
            1,
            'There is no setting "scheduler.lookahead"; there are overdraft, horizons, candidates.',
        ),
    ],
)
def test_a_setting_of_the_other_kind_of_run_is_named(
    asc: Asc, descents: tuple[str, ...], name: str, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found = asc("run", name, *descents[2:], *arguments)
    one_sentence(found, sentence)
    assert found.returncode == code


def test_ends_that_differ_say_which_law_is_broken_and_what_finds_out_where() -> None:
    sentence = different(Entry("backend", "mine", "p:Mine", "mine", Source("mine", "asc-mine", "0.1")))
    assert sentence == (
        'The speculative run and the plain run ended in different states: the backend "mine" of asc-mine 0.1 breaks '
        "the law that a leap is exact. Report this to its authors. If you are one of them, write a test that "
        "subclasses ExactLaws of asc.testing: it finds out where. Mostly, `causal` lacks something that a step reads."
    )


WRONG = """
from concurrent.futures import ThreadPoolExecutor

import asc
from asc.backend import Backend
from asc.config.run import Component, ExecutedConfig
from asc.reference.programs import machine
from asc.speculators.pool import Pool

class Wrong(Backend):
    class Config(ExecutedConfig):
        recognizer: Component = Component(name="every", steps=8)

    def computation(self, plain): return machine("count", 41 if plain else 40)
    def pool(self, computation): return Pool(ThreadPoolExecutor, 0, background=False)
    def save(self, computation, folder, state): pass
    def load(self, computation, folder): return None
    def outcome(self, computation): return {}

@asc.hookimpl
def asc_register(registry): registry.add("backend", "wrong", "p:Wrong", "ends elsewhere without speculation")
"""


def test_a_comparison_with_ends_that_differ_fails_and_is_recorded(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(WRONG)
    found = asc("run", "wrong", "--plugin", "p.py", "--compare", "--quiet")
    assert found.returncode == 1
    assert "DIFFERENT END" in found.stdout
    assert 'error: The speculative run and the plain run ended in different states: the backend "wrong"' in found.stderr
    (folder,) = tmp_path.glob("runs/*")
    assert json.loads((folder / "summary.json").read_text())["identical"] is False


def test_a_predictor_in_a_file_that_was_not_given(asc: Asc) -> None:
    one_sentence(
        asc("run", "toy", "--predictors", "halfway"),
        'There is no predictor "halfway". Installed: affine,',
        ". If it is in a file of yours, add: --plugin FILE.py\n",
    )


def test_why_a_plugin_failed_is_said_once(asc: Asc, tmp_path: Path) -> None:
    info = tmp_path / "site" / "asc_future-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: asc-future\nVersion: 1\nRequires-Dist: asc-core>=99\n")
    (info / "entry_points.txt").write_text("[asc]\nfuture = asc_future\n")
    found = asc("run", "future", PYTHONPATH=str(tmp_path / "site"))
    one_sentence(found, 'error: There is no backend "future". The warning above says why.\nInstalled: ')
    assert found.stderr.count("requires asc-core >=99") == 1
    assert found.stderr.splitlines()[0].endswith("type: pip install --upgrade asc-core asc-future")


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


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
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
    assert advice["recommendation"].startswith("Speculate: ensemble, which is the default, predicts 100% of")
    hopeless = asc("advise", "toy", "--program", "sha256-chain", "--seconds", "1")
    assert "Do not expect a speed-up" in hopeless.stdout


def test_advice_names_the_default_beside_a_better_predictor() -> None:
    hits = {"affine": {1: 0.9}, "linear": {1: 0.2}, "mean": {1: 0.9}}
    end = "predicts 90% of the next supersteps right, and a tracked step takes 1.10 times as long."
    assert recommend(1.1, 0.0, hits, 100, ["linear"]) == (
        f"Speculate with --predictors affine: it {end} By default, linear 20% would be right."
    )
    assert recommend(1.1, 0.0, hits, 100, ["mean"]) == f"Speculate: mean, which is the default, {end}"
    assert recommend(1.1, 0.0, hits, 100) == f"Speculate with --predictors affine: it {end}"


class TestTheRecordOfARunAsSettings:
    def test_it_makes_the_run_again(self, asc: Asc) -> None:
        first = parsed(asc(*QUICK, "--set", 'predictors.0.members=["affine"]', "--json"))
        again = parsed(asc("run", "toy", "--config", f"{first['run_dir']}/config.json", "--quiet", "--json"))
        assert (again["config"], again["final_digest"]) == (first["config"], first["final_digest"])
        assert again["run_dir"] != first["run_dir"]

    def test_options_and_sets_go_on_top_of_it(self, asc: Asc) -> None:
        file = f"{parsed(asc(*QUICK, '--json'))['run_dir']}/config.json"
        again = parsed(asc("run", "toy", "--config", file, "--n", "70", "--set", "cache.max_entries=9", "--json"))
        assert (again["config"]["n"], again["config"]["cache"]["max_entries"]) == (70, 9)
        assert again["config"]["program"] == "lcg-pi"

    def test_that_of_another_backend_is_refused(self, asc: Asc, descents: tuple[str, ...]) -> None:
        file = f"{parsed(asc(*QUICK, '--json'))['run_dir']}/config.json"
        one_sentence(
            asc(*descents, "--config", file),
            f'"{file}" has the settings of the backend "toy", not of "descents".',
            f"To use them, type: asc run toy --config {file}",
        )

    def test_that_of_a_call_from_python_is_refused(self, asc: Asc, tmp_path: Path) -> None:
        file = tmp_path / parsed(asc(*QUICK, "--json"))["run_dir"] / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "program": "step"}))
        one_sentence(
            asc("run", "toy", "--config", str(file)), "is the record of a call from Python, and only that call has its"
        )

    def test_the_report_says_what_to_type(self, asc: Asc, descents: tuple[str, ...], tmp_path: Path) -> None:
        folder = parsed(asc(*descents, "--shadow", "--json"))["run_dir"]
        plugin = " ".join(descents[2:4])
        expected = f"To make the run again, type: asc run descents --config {folder}/config.json --shadow {plugin}"
        page = (tmp_path / folder / "report.html").read_text()
        assert expected in page
        again = parsed(asc(*expected.partition(": asc ")[2].split(), "--json"))
        assert again["shadow"] is True


def test_advise_refuses_a_backend_whose_candidates_are_judged(asc: Asc, descents: tuple[str, ...]) -> None:
    one_sentence(
        asc("advise", "descents", *descents[2:4]),
        "`asc advise` profiles backends whose candidates are executed, and those of descents are judged.",
        "asc run descents --shadow",
    )


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


def test_a_resumed_run_connects_to_no_address_that_only_its_record_has(asc: Asc, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return asc("run", "toy", *arguments, "--quiet", "--json")

    run("--n", "300", "--executor", "none", "--dask", "tcp://first:1")
    (folder,) = (tmp_path / "runs").iterdir()
    (folder / "summary.json").unlink()  # as a kill leaves it
    refused = run("--resume", "latest")
    one_sentence(refused, "The record has dask tcp://first:1, and asc connects to no address that it only finds in a")
    parsed(run("--resume", "latest", "--dask", "tcp://second:2"))
    assert json.loads((folder / "config.json").read_text())["config"]["dask"] == "tcp://second:2"
