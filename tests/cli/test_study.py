"""`asc study`, as a user types it: started, stopped, resumed, refused, and what it leaves in its folder."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asc import __version__
from asc.records.lock import exclusive
from tests.cli.conftest import HANG_S, Asc, one_sentence, parsed, press_ctrl_c, wait_until

COUNT = '''
import json
import shutil
from time import sleep

import asc
from asc.settings import Settings
from asc.study import Table
from pydantic import Field


class Count:
    """Counts, and writes each number down."""

    class Config(Settings):
        """How far, and in which steps."""

        to: int = Field(5, ge=1, description="count to this")
        limit: int | None = Field(None, ge=0, description="count no more than this much at once")
        by_: float = Field(1.0, description="weight of each")
        pause: float = Field(0.0, description="seconds between two; below 0, a pause without an end")
        how: str = Field("well", description="well, badly, halfway or blindly; or what becomes of the folder")
        labels: tuple[str, ...] = Field(("a|b",), description="some text")
        at: str | None = Field(None, description="address of somebody who counts along")
        given_again = frozenset({"at"})

    free = frozenset({"at", "limit", "pause"})

    def __init__(self, config):
        self.config = config

    def run(self, folder, tell, stopped):
        if self.config.how == "badly":
            raise asc.AscError("There is nothing to count.")
        begun = done = self._done(folder)
        while done < self.config.to:
            tell("count", done, self.config.to, f"at {done}")
            if stopped() or done - begun == self.config.limit:
                return False
            done += 1
            (folder / "count.txt").write_text(str(done))
            if self.config.how == "halfway" and done == 2:
                raise asc.AscError("It went wrong at 2.")
            if self.config.how == "removed" and done == 2:
                shutil.rmtree(folder)
            if self.config.how == "renamed" and done == 2:
                folder.rename("elsewhere")
            while self.config.pause < 0:  # does not end where it is asked to
                if stopped():
                    (folder / "asked.txt").touch()
                sleep(0.01)
            sleep(self.config.pause)
        tell("count", done, self.config.to)
        return True

    def tables(self, folder):
        done = self._done(folder)
        rows = tuple((n, self.config.labels[0], n * self.config.by_) for n in range(1, done + 1))
        return [Table("count 1", "Numbers", ("number", "label", "weight"), rows, ("It was counted.",))] if done else []

    def data(self, folder):
        return {"counted": self._done(folder), "worst": float("nan"), "all": (1, float("inf"))}

    def pictures(self, folder, target):
        if self.config.how == "blindly":
            raise asc.AscError("matplotlib is not there; to install it, type: pip install matplotlib.")
        (target / "count.svg").write_text("<svg/>" * 1000)
        return [target / "count.svg"]

    def _done(self, folder):
        path = folder / "count.txt"
        return int(path.read_text()) if path.exists() else 0


class Other(Count):
    """Another one."""


@asc.hookimpl
def asc_register(registry):
    registry.add("study", "count", "p:Count", "counts")
    registry.add("study", "recount", "p:Other", "counts again")
'''

PLUGIN = ("--plugin", "p.py")
FOLDER = Path("studies/count")

Count = Asc


@pytest.fixture
def count(asc: Asc, tmp_path: Path) -> Count:
    """Run `asc study count` with these arguments."""
    (tmp_path / "p.py").write_text(COUNT)

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return asc("study", "count", *PLUGIN, *arguments, **extra)

    return run


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "study.json").read_text())
    return found


def refusal(found: subprocess.CompletedProcess[str], *parts: str) -> None:
    one_sentence(found, *parts)
    assert found.returncode == 1
    assert len(found.stderr.splitlines()) == 1, found.stderr


def test_what_a_person_sees(count: Count) -> None:
    found = count()
    assert found.returncode == 0, found.stderr
    lines = [line.rstrip() for line in found.stdout.splitlines()]
    assert lines[0] == "Numbers"
    assert lines[1].split() == ["number", "label", "weight"]
    assert lines[6].split() == ["5", "a|b", "5.0"]
    assert lines[7] == "It was counted."
    files = "tables.md, results.json, tables/, figures/"
    assert lines[-1] == f"written to {FOLDER}: {files}"
    assert found.stderr.splitlines() == ["count: 0 of 5 (0.0 %); at 0", "count: 5 of 5 (100.0 %)"]
    assert "\x1b" not in found.stdout + found.stderr


def test_what_the_folder_holds(count: Count, tmp_path: Path) -> None:
    found = count("--to", "2", "--quiet", "--out", "a/b", "--by", "0.5")
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    folder = tmp_path / "a" / "b"
    kept = record(folder)
    assert (kept["study"], kept["state"], kept["asc_version"]) == ("count", "finished", __version__)
    assert (kept["config"]["to"], kept["config"]["by_"]) == (2, 0.5)
    assert kept["command"][:2] == ["study", "count"]
    assert kept["started"] > 0
    results = json.loads((folder / "results.json").read_text())
    assert results == {
        "study": "count",
        "config": kept["config"],
        "state": "finished",
        "asc_version": __version__,
        "tables": [
            {
                "name": "count 1",
                "title": "Numbers",
                "columns": ["number", "label", "weight"],
                "rows": [[1, "a|b", 0.5], [2, "a|b", 1.0]],
                "notes": ["It was counted."],
            }
        ],
        "data": {"counted": 2, "worst": None, "all": [1, None]},
    }
    assert "| 2 | a\\|b | 1.0 |" in (folder / "tables.md").read_text()
    with (folder / "tables" / "count-1.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["number", "label", "weight"], ["1", "a|b", "0.5"], ["2", "a|b", "1.0"]]
    assert (folder / "figures" / "count.svg").exists()


def test_json_is_the_results_and_nothing_else(count: Count, tmp_path: Path) -> None:
    found = count("--json")
    assert parsed(found) == json.loads((tmp_path / FOLDER / "results.json").read_text())
    assert f"written to {FOLDER}: tables.md" in found.stderr


def test_settings_from_a_file_flags_and_set(count: Count, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('to = 9\npause = 0.001\nlabels = ["c"]\n')
    config = parsed(count("--config", "c.toml", "--to", "3", "--set", "by_=2", "--json"))["config"]
    assert (config["to"], config["pause"], config["labels"], config["by_"]) == (3, 0.001, ["c"], 2.0)


def test_the_record_of_a_study_makes_it_again(count: Count, tmp_path: Path) -> None:
    first = parsed(count("--to", "3", "--by", "0.5", "--json"))
    again = parsed(count("--config", str(FOLDER / "study.json"), "--out", "again", "--json"))
    assert (again["config"], again["tables"]) == (first["config"], first["tables"])
    found = count("--config", str(FOLDER / "study.json"), "--out", "more", "--to", "4", "--json")
    assert parsed(found)["data"]["counted"] == 4


def test_a_traceback_is_kept_where_a_study_raises(count: Count, tmp_path: Path) -> None:
    refusal(
        count("--labels", "", "--out", "a", "--quiet"),
        'The study "count" of file p.py raised IndexError',
        "a/traceback.txt",
    )
    assert "IndexError" in (tmp_path / "a" / "traceback.txt").read_text()
    assert record(tmp_path / "a")["state"] == "failed"


def test_help_and_lists(asc: Asc, count: Count) -> None:
    assert "counts again" in asc("study", "--help", *PLUGIN).stdout
    shown = " ".join(count("--help").stdout.split())
    for word in ("--to", "--by ", "count to this", "--out", "studies/NAME", "--resume", "--quiet", "--json", "--set"):
        assert word in shown
    assert ("count", "study") in {
        (row["name"], row["kind"]) for row in json.loads(asc("plugins", *PLUGIN, "--json").stdout)
    }
    assert "asc study count" in asc("explain", "count", *PLUGIN).stdout


class TestResume:
    def test_a_study_that_reached_its_limit_can_be_resumed(self, count: Count, tmp_path: Path) -> None:
        first = count("--limit", "2", "--quiet")
        assert first.returncode == 0
        resume = f"asc study count --resume --out {FOLDER} --plugin p.py"
        assert (
            first.stderr
            == f"Not all is done yet: the study stopped at a limit that it was given. Resume with: {resume}\n"
        )
        assert record(tmp_path / FOLDER)["state"] == "stopped"
        assert json.loads((tmp_path / FOLDER / "results.json").read_text())["state"] == "stopped"
        assert len(parsed(count("--resume", "--quiet", "--json"))["tables"][0]["rows"]) == 4
        last = parsed(count("--resume", "--quiet", "--json"))
        assert last["state"] == "finished"
        assert last["data"]["counted"] == 5
        assert parsed(count("--resume", "--quiet", "--json")) == last, "a finished one shows its results again"

    def test_a_free_setting_may_change_and_is_kept(self, count: Count, tmp_path: Path) -> None:
        count("--limit", "1", "--to", "4")
        began = record(tmp_path / FOLDER)
        assert count("--resume", "--set", "limit=null", "--to", "4").returncode == 0
        kept = record(tmp_path / FOLDER)
        assert kept == began | {"state": "finished", "config": began["config"] | {"limit": None}}

    def test_every_other_setting_must_stay(self, count: Count, tmp_path: Path) -> None:
        count("--limit", "1")
        before = record(tmp_path / FOLDER)
        found = count("--resume", "--to", "7", "--labels", "c,d", "--limit", "9")
        refusal(
            found,
            f"The study in {FOLDER} was started with to 5, and 7 was given; "
            'with labels ["a|b"], and ["c", "d"] was given.',
            "It keeps its settings; only at, limit, pause may change.",
            "--out FOLDER",
        )
        assert record(tmp_path / FOLDER) == before

    @pytest.mark.parametrize("more", [(), ("--to", "7")])
    def test_no_folder_has_two_studies(self, count: Count, tmp_path: Path, more: tuple[str, ...]) -> None:
        count("--limit", "1")
        refusal(count(*more), f"There is a study in {FOLDER} already", "add --resume", "--out")
        assert (tmp_path / FOLDER / "count.txt").read_text() == "1"

    def test_there_must_be_something_to_resume(self, count: Count, tmp_path: Path) -> None:
        refusal(count("--resume"), f"There is no study in {FOLDER} to resume", "leave --resume out", "--out")
        assert not (tmp_path / "studies").exists()

    def test_of_another_study(self, asc: Asc, count: Count) -> None:
        count("--limit", "1")
        told = ('is "count", not "recount"', f"asc study count --resume --out {FOLDER}")
        refusal(asc("study", "recount", *PLUGIN, "--resume", "--out", str(FOLDER)), *told)

    @pytest.mark.parametrize("version", ["0.1.0", "9.9.1"])
    def test_of_another_version(self, count: Count, tmp_path: Path, version: str) -> None:
        count("--limit", "1")
        path = tmp_path / FOLDER / "study.json"
        path.write_text(json.dumps(record(tmp_path / FOLDER) | {"asc_version": version}))
        refusal(
            count("--resume"),
            f"The study in {FOLDER} was made by asc {version}, and this is asc {__version__}",
            f"Use asc {version} for it, or start a new one with this version.",
        )

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"study": "count"}', '{"study": 3, "config": {}}', "\udcff"])
    def test_of_a_record_that_is_damaged(self, count: Count, tmp_path: Path, text: str) -> None:
        (tmp_path / FOLDER).mkdir(parents=True)
        (tmp_path / FOLDER / "study.json").write_text(text, errors="surrogateescape")
        refusal(count("--resume"), f"{FOLDER}/study.json is damaged", "--out FOLDER")

    def test_a_setting_that_came_later_has_its_default(self, count: Count, tmp_path: Path) -> None:
        count("--limit", "1")
        kept = record(tmp_path / FOLDER)
        del kept["config"]["how"]
        (tmp_path / FOLDER / "study.json").write_text(json.dumps(kept))
        assert count("--resume").returncode == 0
        refusal(count("--resume", "--how", "blindly"), 'started with how "well", and "blindly" was given')


class TestFolders:
    def test_one_that_holds_something_else_is_left_alone(self, count: Count, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.tex").write_text("x")
        refusal(count("--out", "mine"), "mine holds other files and no study", "--out")
        refusal(count("--out", "mine", "--resume"), "There is no study in mine")
        assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]

    def test_an_empty_one_is_taken(self, count: Count, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        assert count("--out", "mine").returncode == 0
        assert (tmp_path / "mine" / "results.json").exists()

    @pytest.mark.parametrize("out", ["file", "file/below"])
    def test_a_file_is_no_folder(self, count: Count, tmp_path: Path, out: str) -> None:
        (tmp_path / "file").write_text("")
        refusal(count("--out", out), f"{out} cannot be the folder of a study", "--out")
        refusal(count("--out", out, "--resume"), f"There is no study in {out}")

    @pytest.mark.parametrize("mistake", [("--set", "to=0"), ("--too", "3"), ("--config", "none.json"), ("--how",)])
    def test_a_mistake_leaves_none_behind(self, count: Count, tmp_path: Path, mistake: tuple[str, ...]) -> None:
        one_sentence(count(*mistake))
        assert not (tmp_path / "studies" / "count").exists()


class TestErrors:
    def test_an_unknown_name(self, asc: Asc, count: Count) -> None:
        alone = {"ASC_LOAD_PLUGINS": ""}  # whatever this machine has installed
        found = asc("study", "cuont", *PLUGIN, **alone)
        refusal(found, 'There is no study "cuont". Did you mean "count"?', "Installed: count, recount.")
        refusal(asc("study", "leap-verify", **alone), 'There is no study "leap-verify"', "No study is installed.")

    def test_nothing_done_and_nothing_left(self, count: Count, tmp_path: Path) -> None:
        refusal(count("--how", "badly"), "There is nothing to count.")
        assert not (tmp_path / FOLDER).exists()

    def test_halfway(self, count: Count, tmp_path: Path) -> None:
        refusal(count("--how", "halfway", "--quiet"), "It went wrong at 2.")
        assert record(tmp_path / FOLDER)["state"] == "failed"
        assert parsed(count("--resume", "--quiet", "--json"))["data"]["counted"] == 5

    def test_pictures_that_cannot_be_drawn(self, count: Count, tmp_path: Path) -> None:
        found = count("--how", "blindly", "--quiet")
        assert found.returncode == 0
        assert found.stderr == (
            "warning: Not all pictures could be drawn: matplotlib is not there; "
            "to install it, type: pip install matplotlib.\n"
        )
        assert found.stdout.splitlines()[-1] == f"written to {FOLDER}: tables.md, results.json, tables/"

    def test_nothing_done_yet(self, count: Count, tmp_path: Path) -> None:
        found = count("--limit", "0", "--quiet", "--json")
        assert parsed(found)["tables"] == []
        assert found.stderr.startswith("Nothing has been done yet, so there are no results to show.\nNot all is done")
        assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {".lock", "study.json"}

    @pytest.mark.parametrize("most", [0, 1024])
    def test_a_full_disk(self, count: Count, process: Asc, tmp_path: Path, most: int) -> None:
        """Every file is cut off: what was studied is on the screen all the same."""
        assert count("--quiet", "--to", "40", "--limit", "39").returncode == 0
        found = process(
            *("study", "count", *PLUGIN, "--resume", "--set", "limit=null"),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
            PYTHONDONTWRITEBYTECODE="1",
        )
        assert "Traceback" not in found.stderr
        if most:
            assert found.returncode == 0, found.stderr
            assert "40  a|b      40.0" in found.stdout
            assert "warning: The results in studies/count are incomplete: cannot write" in found.stderr
            assert "warning: Not all pictures could be drawn" in found.stderr
        else:
            one_sentence(found, "study.json", "make room")
        assert record(tmp_path / FOLDER)["study"] == "count", "what was there is whole"


def test_two_processes_cannot_work_in_one_study(count: Count, tmp_path: Path) -> None:
    assert count("--quiet", "--limit", "1").returncode == 0
    before = (tmp_path / FOLDER / "study.json").read_bytes()
    with exclusive(tmp_path / FOLDER):
        refusal(count("--resume"), "Another process is working in studies/count. Wait until it has ended")
    assert (tmp_path / FOLDER / "study.json").read_bytes() == before
    assert parsed(count("--resume", "--quiet", "--json", "--set", "limit=null"))["state"] == "finished"


@pytest.fixture
def counting(count: Count, start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Callable[..., Any]:
    """Start the study in a process of its own, and wait until it counts."""

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = start("study", "count", *PLUGIN, *arguments)
        wait_until(lambda: (tmp_path / FOLDER / "count.txt").exists() or process.poll() is not None)
        return process

    return begin


def test_ctrl_c_stops_cleanly_and_the_study_can_be_resumed(
    count: Count, counting: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = counting("--to", "1000000", "--pause", "0.01", "--json")
    press_ctrl_c(process)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"Stopped. Resume with: asc study count --resume --out {FOLDER} --plugin p.py" in err
    stopped = json.loads(out)
    assert stopped["state"] == record(tmp_path / FOLDER)["state"] == "stopped"
    done = stopped["data"]["counted"]
    assert 0 < done < 1_000_000
    assert parsed(count("--resume", "--limit", "3", "--pause", "0", "--json"))["data"]["counted"] == done + 3


def test_a_second_ctrl_c_ends_at_once(
    count: Count, counting: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = counting("--pause", "-1")
    press_ctrl_c(process)
    wait_until((tmp_path / FOLDER / "asked.txt").exists)
    assert process.poll() is None
    press_ctrl_c(process)
    _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert f"Resume with: asc study count --resume --out {FOLDER} --plugin p.py\n" in err
    assert "stopped: interrupted" in err
    assert record(tmp_path / FOLDER)["state"] == "stopped"
    assert parsed(count("--resume", "--pause", "0", "--json"))["data"]["counted"] == 5


def test_a_folder_that_is_removed_ends_a_study_and_is_not_made_again(count: Count, tmp_path: Path) -> None:
    found = count("--how", "removed")
    one_sentence(found, "The folder studies/count was removed while the study was running, so the study has ended. To")
    assert not (tmp_path / FOLDER).exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no other name of an open folder")
def test_a_folder_that_is_renamed_stops_a_study_which_can_be_resumed_there(count: Count, tmp_path: Path) -> None:
    found, new = count("--how", "renamed"), tmp_path / "elsewhere"
    one_sentence(found, f"so the study has stopped. To resume it, type: asc study count --resume --out {new}")
    assert not (tmp_path / FOLDER).exists()
    assert parsed(count("--resume", "--out", str(new), "--json"))["data"]["counted"] == 5


def test_an_address_is_given_again_when_a_study_is_resumed(count: Count) -> None:
    stopped = count("--limit", "2", "--at", "tcp://there:1", "--quiet")
    assert stopped.stderr.endswith("--resume --out studies/count --set at=tcp://there:1 --plugin p.py\n")
    one_sentence(count("--resume", "--quiet"), "The record has at tcp://there:1, and asc connects to no address")
    again = ("--resume", "--limit", "9", "--set", "at=tcp://there:1", "--json")
    assert parsed(count(*again))["data"]["counted"] == 5
