"""Seeds of a study in workers: the same journals wherever they run, and a sentence for whatever goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asc.config.validate import validate
from asc.errors import AscError
from asc.records.lock import exclusive
from asc.study import Tell
from asc_nn_training.studies import seed_processes
from asc_nn_training.studies import seeds as seeds_in_workers
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.leap_verify import LeapVerify
from asc_nn_training.studies.results import is_done, reached_position, seed_folder
from asc_nn_training.studies.seeds import WorkersLostError, run_seeds, silent

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

from asc_nn_training.studies import seed_dask  # noqa: E402 -- it needs distributed

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning"  # Dask probes for ports and leaves the sockets to the collector
)

HANG_S = 120.0
SEEDS = (3, 4)


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def settings(recipe: dict[str, Any], tiny: Path) -> dict[str, Any]:
    """A study that takes a second a seed."""
    own = {"model": str(tiny), "steps": 40, "snapshot_every": 10, "as_": "corrected", "cascade_every": 0}
    return {**recipe, **own, "horizons": "2,10", "seeds": "3,4"}


@pytest.fixture(scope="module")
def make(settings: dict[str, Any]) -> Callable[..., LeapVerify]:
    """Make a study with settings beside these."""
    lists = {"seeds": SEEDS, "horizons": (2, 10)}
    return lambda **given: LeapVerify(validate(LeapVerify.Config, {**settings, **lists, **given}))


@pytest.fixture(scope="module")
def done(make: Callable[..., LeapVerify], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study whose seeds ran one after another in this process: tests only read it."""
    folder = tmp_path_factory.mktemp("one-after-another")
    assert make().run(folder, silent, never)
    return folder


@contextmanager
def cluster_of(workers: int, processes: bool = False) -> Iterator[Any]:
    """A Dask cluster, by default in threads of this process."""
    given = {"n_workers": workers, "processes": processes, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**given, silence_logs=100) as cluster:
        yield cluster


@pytest.fixture
def threads() -> Iterator[Any]:
    """A cluster of two workers in this process."""
    with cluster_of(2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def process() -> Iterator[Any]:
    """A cluster of one worker process, which is started again if it dies."""
    with cluster_of(1, processes=True) as cluster:
        yield cluster


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and wait shortly for what never comes."""
    monkeypatch.setattr(seeds_in_workers, "POLL_S", 0.02)
    monkeypatch.setattr(seed_dask, "ANSWER_S", 0.3)


def journals(folder: Path) -> list[list[dict[str, Any]]]:
    """Return the journal of each seed without measured seconds, on which no result depends."""
    found = [list(Journal(seed_folder(folder, seed) / JOURNAL)) for seed in SEEDS]
    for account in (account for journal in found for account in journal[-1].get("ledger", {}).values()):
        del account["seconds"]
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def exists(group: int) -> bool:
    """Whether a process of this group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def worker_pid(cluster: Any) -> int:
    with distributed.Client(cluster, set_as_default=False) as client:
        (pid,) = client.run(os.getpid).values()
    return int(pid)


def run_on(cluster: Any, run_seed: Any, folder: Path, stopped: Callable[[], bool] = never, tell: Tell = silent) -> bool:
    """Run a function in place of a seed."""
    opened = seed_dask.seed_workers(run_seed, folder, 1, cluster.scheduler_address)
    return run_seeds(opened, folder, [1], steps=1, tell=tell, stopped=stopped)


def test_over_dask_every_seed_writes_the_same_journal_and_the_tables_are_the_same(
    done: Path, make: Callable[..., LeapVerify], threads: Any, tmp_path: Path
) -> None:
    """Both workers are in one process, whose random generators only one seed may use at a time."""
    study = make(executor="dask", dask=threads.scheduler_address)
    assert study.run(tmp_path, silent, never)
    assert journals(tmp_path) == journals(done)
    found, wanted = (
        [table for table in study.tables(folder) if table.name != "ledger"]  # it has the seconds that were measured
        for folder in (tmp_path, done)
    )
    assert found == wanted
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["seed-3", "seed-4"]


@pytest.mark.usefixtures("quick")
def test_a_seed_whose_worker_is_killed_is_started_again_and_ends_the_same(
    done: Path, make: Callable[..., LeapVerify], process: Any, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_once(part: str, done: float, total: float, doing: str = "") -> None:
        if done and not killed:
            killed.append(worker_pid(process))
            os.kill(killed[0], signal.SIGKILL)
            assert not all(is_done(tmp_path, seed) for seed in SEEDS)

    assert make(executor="dask", dask=process.scheduler_address).run(tmp_path, kill_once, never)
    assert killed
    assert worker_pid(process) != killed[0]
    assert journals(tmp_path) == journals(done)


def test_a_seed_that_kills_every_worker_ends_the_study_with_a_sentence(
    process: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fatal(*_: Any) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    monkeypatch.setattr(process.scheduler, "allowed_failures", 0)
    with pytest.raises(WorkersLostError, match=r"killed again and again, .* and resume with --resume\."):
        run_on(process, fatal, tmp_path)


def listened(process: int) -> list[str]:
    """Return the hosts on which a process and its children wait for connections, one for each port."""
    every = (psutil.Process(process), *psutil.Process(process).children(recursive=True))
    found = [each for one in every for each in one.net_connections(kind="inet")]
    return [each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN]


def test_ctrl_c_ends_the_command_and_its_workers_and_another_executor_resumes_the_study(
    done: Path,
    make: Callable[..., LeapVerify],
    settings: dict[str, Any],
    as_options: Callable[[dict[str, Any]], list[str]],
    tmp_path: Path,
) -> None:
    """A terminal sends Ctrl-C to every process, so to the workers as well.

    A worker has as many threads as there are cores, so that losses may differ in the last bits. While the study runs,
    its processes listen on this machine only, and have no web pages.
    """
    many = {**settings, "seeds": "3-60"}  # so that Ctrl-C comes before the end on the fastest machine
    options = as_options({name.rstrip("_"): value for name, value in many.items()})
    command = [sys.executable, "-m", "asc", "study", "leap-verify", "--out", "s", *options, "--executor", "dask"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running: Any = subprocess.Popen(command, cwd=tmp_path, start_new_session=True, **pipes)
    try:
        wait_until(lambda: running.poll() is not None or bool(reached_position(tmp_path / "s", SEEDS[0])))
        listening = listened(running.pid)
        os.killpg(running.pid, signal.SIGINT)
        _, told = running.communicate(timeout=HANG_S)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, told
    assert "Stopped. Resume with: asc study leap-verify --resume --out s" in told
    assert listening == ["127.0.0.1"] * 3, "for the messages of the scheduler, the worker, and what watches the worker"
    assert "Traceback" not in told
    wait_until(lambda: not exists(running.pid))
    assert make().run(tmp_path / "s", silent, never)
    whole, resumed = journals(done), journals(tmp_path / "s")
    for one, other in zip(whole, resumed, strict=True):
        assert [record["position"] for record in one] == [record["position"] for record in other]


@pytest.mark.usefixtures("quick")
def test_a_stop_waits_until_the_seed_has_stopped(threads: Any, tmp_path: Path) -> None:
    def until_stopped(folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        with exclusive(seed_folder(folder, seed)):
            (folder / "begun").touch()
            while not stopped():
                time.sleep(0.01)
            time.sleep(0.05)  # a checkpoint
            (folder / "stopped").touch()
        return False

    assert not run_on(threads, until_stopped, tmp_path, (tmp_path / "begun").exists)
    assert (tmp_path / "stopped").exists()


@pytest.mark.usefixtures("quick")
def test_seeds_that_no_worker_has_begun_do_not_delay_a_stop(threads: Any, tmp_path: Path) -> None:
    """Other people's tasks keep the cluster busy."""

    def busy(free: Path) -> None:
        while not free.exists():
            time.sleep(0.01)

    def seed(folder: Path, *_: Any) -> bool:
        (folder / "begun").touch()
        return True

    with distributed.Client(threads, set_as_default=False) as client:
        others = client.map(busy, [tmp_path / "free"] * 2, pure=False)
        assert not run_on(threads, seed, tmp_path, lambda: True)
        (tmp_path / "free").touch()
        client.gather(others)
    assert not (tmp_path / "begun").exists()


@pytest.mark.usefixtures("quick")
def test_what_a_seed_raises_ends_the_study(threads: Any, tmp_path: Path) -> None:
    def failing(*_: Any) -> bool:
        raise AscError("There was too little memory.")

    with pytest.raises(AscError, match="There was too little memory"):
        run_on(threads, failing, tmp_path)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("lose", "message"),
    [
        (lambda cluster: cluster.scale(0), "The Dask cluster has no workers any more. Start some with `dask worker`"),
        (lambda cluster: cluster.close(), "The Dask scheduler has ended, or the connection to it was lost"),
    ],
    ids=["workers", "scheduler"],
)
def test_a_cluster_that_is_lost_ends_the_study_with_a_sentence(
    threads: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lose: Callable[[Any], None], message: str
) -> None:
    monkeypatch.setattr(seed_dask, "ABSENCE_S", 0.0)

    def endless(folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        (folder / "begun").touch()
        while not stopped():
            time.sleep(0.01)
        return False

    def tell(*_: Any) -> None:
        if (tmp_path / "begun").exists():
            lose(threads)

    with pytest.raises(WorkersLostError, match=message):
        run_on(threads, endless, tmp_path, tell=tell)


# -- processes of one machine


def test_sigterm_to_a_process_stops_its_seed_with_a_checkpoint_and_then_ends_it(tmp_path: Path) -> None:
    """A scheduler sends it to every process of a job, not only to the command."""
    heard: list[int] = []

    def seed(folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        assert not stopped()
        signal.raise_signal(signal.SIGTERM)
        assert (heard, stopped()) == ([], True)
        return False

    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        assert not seed_processes._run(seed, tmp_path, 1, os.getppid())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


SEEDLING = """
import os, time

def seed(folder, seed, tell, stopped):
    print(os.getpid(), flush=True)
    while not stopped():
        time.sleep(0.01)
    (folder / "checkpoint").touch()
    return False

if __name__ == "__main__":
    from pathlib import Path
    from asc_nn_training.studies.seed_processes import seed_processes
    from asc_nn_training.studies.seeds import run_seeds, silent
    run_seeds(seed_processes(seed, Path("."), 1), Path("."), [1], steps=1, tell=silent, stopped=lambda: False)
"""


def test_a_process_whose_study_is_killed_writes_a_checkpoint_and_ends(tmp_path: Path) -> None:
    (tmp_path / "seedling.py").write_text(SEEDLING)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    study = subprocess.Popen([sys.executable, "-W", "ignore", "seedling.py"], cwd=tmp_path, **pipes)
    try:
        assert study.stdout is not None
        assert study.stdout.readline()
        study.kill()
        study.communicate()
        wait_until(lambda: not exists(study.pid))
    finally:
        if exists(study.pid):
            os.killpg(study.pid, signal.SIGKILL)
    assert (tmp_path / "checkpoint").exists()


def test_a_second_ctrl_c_ends_a_process_that_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3])  # the process imports this module, to call `stay`

    def run() -> None:
        with seed_processes.seed_processes(stay, tmp_path, 1) as pool:
            pool.start(1)
            wait_until((tmp_path / "pid").exists)
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGSTOP)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    wait_until(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z")


def stay(folder: Path, *_: Any) -> bool:
    """Never end, whatever is asked for."""
    (folder / "new").write_text(str(os.getpid()))
    (folder / "new").rename(folder / "pid")
    time.sleep(1e6)
    return False


# -- what is refused before a seed begins


def refusal(make: Callable[..., LeapVerify], folder: Path, **given: Any) -> str:
    with pytest.raises(AscError) as refused:
        make(executor="dask", **given).run(folder, silent, never)
    assert list(folder.iterdir()) == []
    return str(refused.value)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1", "localhost:port", "", "nonsense://nowhere:1"])
def test_an_address_where_no_scheduler_answers_is_refused(
    make: Callable[..., LeapVerify], tmp_path: Path, address: str
) -> None:
    said = refusal(make, tmp_path, dask=address)
    assert f"No Dask scheduler answers at {address!r} (" in said
    assert "give its address as --dask tcp://HOST:PORT, or leave --dask out for a local cluster." in said


@pytest.mark.usefixtures("quick")
def test_a_cluster_without_workers_is_refused(make: Callable[..., LeapVerify], tmp_path: Path) -> None:
    with cluster_of(0) as cluster:
        address = cluster.scheduler_address
        said = refusal(make, tmp_path, dask=address)
    assert f"The Dask scheduler at {address!r} has no workers. Start some with `dask worker {address}`" in said


class Answering:
    """A client of a cluster where asking for the version ends so."""

    def __init__(self, worker: Any, scheduler: Any) -> None:
        self._worker, self._scheduler = worker, scheduler

    def run(self, *_: Any, on_error: str) -> dict[str, Any]:
        assert on_error == "return"
        return {"tcp://there:1": self._worker}

    def run_on_scheduler(self, *_: Any) -> Any:
        if isinstance(self._scheduler, Exception):
            raise self._scheduler
        return self._scheduler


@pytest.mark.parametrize(
    ("worker", "scheduler", "message"),
    [
        ("0.0.1", seed_dask.VERSION, "the Dask worker at tcp://there:1 has 0.0.1. Install the same version there"),
        (ModuleNotFoundError("No module named 'torch'"), seed_dask.VERSION, "has none (No module named 'torch')"),
        (seed_dask.VERSION, ModuleNotFoundError("No asc"), "the Dask scheduler has none (No asc)"),
    ],
)
def test_a_cluster_with_another_version_is_refused(worker: Any, scheduler: Any, message: str) -> None:
    client: Any = Answering(worker, scheduler)
    with pytest.raises(AscError) as refused:
        seed_dask.require_same_version(client)
    assert message in str(refused.value)


def test_a_worker_that_has_just_left_is_no_reason_to_refuse() -> None:
    client: Any = Answering(OSError("closed"), seed_dask.VERSION)
    seed_dask.require_same_version(client)


def test_a_worker_that_does_not_see_the_study_s_folder_says_so(threads: Any, tmp_path: Path) -> None:
    with seed_dask.seed_workers(never, tmp_path, 1, threads.scheduler_address) as workers:  # type: ignore[arg-type]
        (file,) = tmp_path.iterdir()
        file.write_text("of another machine")
        with pytest.raises(
            AscError, match=r"The Dask worker at .* does not see the folder .* Name a folder with --out"
        ):
            workers.start(1).result(HANG_S)


def test_missing_dask_is_reported(
    make: Callable[..., LeapVerify], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "asc_nn_training.studies.seed_dask")
    said = refusal(make, tmp_path)
    assert "needs the package distributed. Install it: pip install 'asc-nn-training[dask]'" in said


def test_an_address_without_its_executor_is_refused(make: Callable[..., LeapVerify]) -> None:
    with pytest.raises(AscError, match="dask is the address tcp://h:1, and the executor is processes: give"):
        make(dask="tcp://h:1")


def test_seeds_that_are_done_need_no_cluster(done: Path, make: Callable[..., LeapVerify]) -> None:
    assert make(executor="dask", dask="tcp://127.0.0.1:1").run(done, silent, never)
