"""The laws of backends."""

from __future__ import annotations

import json
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asc.backend import Backend
from asc.computation import Computation, Remarks
from asc.config.fields import settings
from asc.config.run import RunConfig
from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc.testing.checks import require, walk
from asc.testing.contents import contents
from asc.testing.laws.base import Laws
from asc.types import Memory

_FIRST = 5  # steps before the first checkpoint


class BackendLaws(Laws):
    """What every backend promises. Give `backend`, with settings that make some hundred steps or fewer.

        class TestMine(BackendLaws, ExactLaws):
            def backend(self):
                return MyBackend(MyBackend.Config(steps=300))

    `ExactLaws` or `JudgedLaws` beside it are about the computation that it makes; this class provides it to them.
    """

    def backend(self) -> Backend[Any]:
        """Make the backend, a fresh one each time."""
        raise NotImplementedError("give the class a method backend() that makes the one to be tested")

    def computation(self) -> Computation:
        """Make the backend's computation at its start."""
        made: Computation = self.backend().computation(plain=False)
        return made

    def test_starts_the_same_each_time(self) -> None:
        """A configuration is one computation: it starts in the same state each time, to speculate on or plain.

        If it fails: seed what is drawn from the settings, and draw it in the constructor's order.
        """
        starts = {
            made.computation(plain=plain).digest() for made in (self.backend(),) for plain in (False, True, False)
        }
        starts |= {self.backend().computation(plain=False).digest()}
        require(len(starts) == 1, f"four computations of one configuration started in {len(starts)} states")

    def test_plain_and_prepared_ones_end_the_same(self) -> None:
        """A computation made for a plain run and one made for speculation take the same steps.

        If it fails: what is prepared for speculation changes the course.
        """
        ends = {walk(self.backend().computation(plain=plain)) for plain in (False, True)}
        require(len(ends) == 1, "a plain computation and one prepared for speculation ended in two states")

    def test_settings_go_through_json(self) -> None:
        """A run's record holds its settings as JSON, and a resumed run is made from them: nothing is lost.

        If it fails: give fields types that pydantic can write and read back.
        """
        config = self.backend().config
        require(isinstance(config, RunConfig), f"the settings are a {type(config).__name__}, which is no RunConfig")
        try:
            again = type(config).model_validate(json.loads(json.dumps(config.model_dump(mode="json"))))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"the settings do not go through JSON: {error}") from error
        require(again == config, f"written and read back, the settings are others: {again!r}, and were {config!r}")

    def test_settings_are_described(self) -> None:
        """Every setting says what it is: the text is the command line's help, and the table of `asc explain`.

        If it fails: give the field a `Field(..., description="...")`.
        """
        bare = sorted(found.path for found in settings(type(self.backend().config)) if not found.description)
        require(not bare, f"these settings have no description: {', '.join(bare)}")

    def test_says_where_guesses_are_executed(self) -> None:
        """An exact backend has a pool, be it without workers; one whose guesses are judged has none.

        If it fails: `pool` returns a Pool where `computation.exact`, and None otherwise.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        pool = backend.pool(computation)
        fits = (pool is not None) == computation.exact
        require(fits, f"exact is {computation.exact}, and pool() returns {pool!r}")
        require(pool is None or pool.workers >= 0, f"pool() returns {pool!r}; workers are 0 or more")

    def test_a_checkpoint_brings_everything_back(self, tmp_path: Path) -> None:
        """Another process that loads a checkpoint is where this one was, and goes on to the same end.

        If it fails: something that the steps depend on is not written, such as a generator's state.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        for _ in range(2):  # the second replaces the first
            computation.advance(_FIRST)
            backend.save(computation, tmp_path / "checkpoints", Memory())
        position, digest = computation.position(), computation.digest()
        again = self.backend()
        resumed = again.computation(plain=False)
        found = again.load(resumed, tmp_path / "checkpoints")
        require(found is not None, "load() found no checkpoint where save() had written one")
        where = f"saved at position {position}, it was loaded at {resumed.position()}"
        require((resumed.position(), resumed.digest()) == (position, digest), f"{where}, or in another state")
        require(walk(resumed) == walk(computation), "from the checkpoint it went on to another end")

    def test_a_checkpoint_remembers(self, tmp_path: Path) -> None:
        """What a judged run remembers goes into its checkpoint and comes back: states of its parts, and its history.

        If it fails: write `memory.state` and `memory.history`, arrays with their types, and return both from load().
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        if computation.exact:
            return
        history = []
        for _ in range(3):
            computation.advance(_FIRST)
            history.append(computation.observe())
        part = {"numbers": [1, 2.5, None, True], "rows": np.arange(6.0).reshape(2, 3), "text": "it"}
        backend.save(computation, tmp_path, Memory({"part": part}, tuple(history)))
        again = self.backend()
        resumed = again.computation(plain=False)
        found = again.load(resumed, tmp_path)
        require(found is not None, "load() found no checkpoint where save() had written one")
        assert found is not None
        state = contents(found.state) == contents({"part": part})
        require(state, f"the state that it remembers comes back as {found.state!r}, and was {part!r}")
        positions = [snapshot.position for snapshot in found.history]
        were = [snapshot.position for snapshot in history]
        require(positions == were, f"its history comes back with the positions {positions}, and had {were}")
        same = contents(resumed.gram(found.history)) == contents(computation.gram(history))
        require(same, "its history comes back with other states")

    def test_checkpoints_are_replaced(self, tmp_path: Path) -> None:
        """A checkpoint is replaced by another, and never written over: a kill at any moment leaves a whole one.

        If it fails: write under another name, then `os.replace(temporary, path)`.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        folder, links = tmp_path / "checkpoints", list[tuple[Path, str, bytes]]()
        computation.advance(_FIRST)
        backend.save(computation, folder, Memory())
        for number, path in enumerate(_files(folder)):
            link = tmp_path / f"{number}"
            link.hardlink_to(path)  # the same file under another name, which shows whether it was written into
            links.append((link, path.name, path.read_bytes()))
        computation.advance(_FIRST)
        backend.save(computation, folder, Memory())
        for link, name, held in links:
            require(link.read_bytes() == held, f"{name} of the checkpoint before was written over")

    def test_a_torn_checkpoint_is_told(self, tmp_path: Path) -> None:
        """Of a checkpoint that was cut short, load() raises AscError, or goes to a whole one; it never goes on wrongly.

        If it fails: check what you read, and raise AscError with the file's name where it is damaged.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        computation.advance(_FIRST)
        backend.save(computation, tmp_path, Memory())
        whole = {self.backend().computation(plain=False).digest(), computation.digest()}
        for path in _files(tmp_path):
            held = path.read_bytes()
            path.write_bytes(held[: len(held) // 2])
            again = self.backend()
            resumed = again.computation(plain=False)
            try:
                again.load(resumed, tmp_path)
            except AscError:
                continue
            except Exception as error:
                raised = f"{type(error).__name__}: {error}"
                raise AssertionError(
                    f"of a torn {path.name} load() raised {raised}; a person reads AscError"
                ) from error
            finally:
                path.write_bytes(held)
            require(resumed.digest() in whole, f"it took a torn {path.name} for a whole one")

    def test_no_checkpoint_is_none(self, tmp_path: Path) -> None:
        """Where there is no checkpoint yet, load() says so by None, and the computation stays at its start.

        If it fails: look before you read; the folder may not even exist.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        digest = computation.digest()
        for folder in (tmp_path, tmp_path / "none"):
            require(
                backend.load(computation, folder) is None, f"load() found a checkpoint in {folder}, an empty folder"
            )
        require(computation.digest() == digest, "looking for a checkpoint in vain changed the computation")

    def test_checkpoints_are_no_pickles(self, tmp_path: Path) -> None:
        """A checkpoint is data: to load one never runs code that somebody put there.

        If it fails: write JSON, numpy's format without objects, or safetensors.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        computation.advance(_FIRST)
        backend.save(computation, tmp_path, Memory())
        files = _files(tmp_path)
        require(bool(files), "save() wrote no file")
        for path in files:
            require(not any(map(_is_pickle, _parts(path))), f"{path.name} is a pickle, or holds one")

    def test_outcome_is_json(self) -> None:
        """What a person sees of the final state is made of values that JSON can hold.

        If it fails: turn arrays into lists, and numbers that are none into None.
        """
        backend = self.backend()
        computation = backend.computation(plain=False)
        walk(computation)
        outcome = backend.outcome(computation)
        require(isinstance(outcome, Mapping), f"outcome() returns {outcome!r}, which is no mapping")
        try:
            json.dumps(dict(outcome), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"outcome() returns {outcome!r}, which JSON cannot hold: {error}") from error

    def test_a_run_ends_where_a_plain_one_does(self) -> None:
        """As `asc run` runs it, with its own settings: an exact run ends as a plain one; a judged one does in shadow.

        If it fails: see the laws of computations; the sentence names the two ends.
        """
        plugins, backend = load(), self.backend()
        plain = Run(self.backend(), "it", plugins, speculate=False).execute()
        run = Run(backend, "it", plugins, shadow=not backend.computation(plain=False).exact)
        summary = run.execute()
        ends = summary["final_digest"], plain["final_digest"]
        require(ends[0] == ends[1], f"with speculation it ended in {ends[0][:12]}, without in {ends[1][:12]}")
        remarks = run.computation.remarks if isinstance(run.computation, Remarks) else []
        warnings = [warning for warning in summary["warnings"] if warning not in remarks]
        require(not warnings, f"the run warned: {' '.join(warnings)}")


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _parts(path: Path) -> Iterator[bytes]:
    """Yield what a file holds; of an archive, what each of its members does."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())
    else:
        yield path.read_bytes()


def _is_pickle(data: bytes) -> bool:
    """Whether bytes are a pickle from end to end, or an array of objects, which are pickled."""
    if data.startswith(b"\x93NUMPY"):
        return b"'|O'" in data[:256]
    try:
        return len(data) > 1 and sum(1 for _ in pickletools.genops(data)) > 1
    except (ValueError, IndexError, UnicodeDecodeError):
        return False
