"""The laws of backends."""

from __future__ import annotations

import json
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import SkipTest

import numpy as np

from asc.backend import Backend
from asc.computation import Computation
from asc.config.fields import settings
from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc.testing.checks import require, walk
from asc.testing.contents import contents
from asc.testing.laws.base import Laws, conformed, form
from asc.types import EngineState

_FIRST = 5  # steps before the first checkpoint


class BackendLaws(Laws):
    """What every backend promises. Write `backend`, with settings that make a run of a few hundred steps or fewer.

        class TestMine(BackendLaws, ExactLaws):
            def backend(self):
                return MyBackend(MyBackend.Config(steps=300))

    `ExactLaws` or `JudgedLaws` beside it are about the computation that it makes; this class provides it to them.
    """

    def backend(self) -> Any:
        """Make the backend, a fresh one each time."""
        raise NotImplementedError("give the class a method backend() that makes the one to be tested")

    def computation(self) -> Computation:
        """Make the backend's computation at its start."""
        made: Computation = self._backend().computation(plain=False)
        return made

    @form
    def test_fits_its_kind(self) -> None:
        """A backend has the methods of its kind, and settings of a run, under the names by which a run uses them.

        If it fails: the sentence names the method or attribute, and what to write instead.
        """
        try:
            conformed("backend", self.backend())
        except AscError as error:
            raise AssertionError(str(error)) from None

    @form
    def test_starts_the_same_each_time(self) -> None:
        """A configuration is one computation: it starts in the same state each time, for speculation or plain.

        If it fails: seed what is drawn from the settings, and draw it in the constructor's order.
        """
        backend = self._backend()
        starts = {backend.computation(plain=plain).digest() for plain in (False, True, False)}
        starts |= {self.computation().digest()}
        require(len(starts) == 1, f"four computations of one configuration started in {len(starts)} states")

    def test_plain_and_prepared_ones_end_the_same(self) -> None:
        """A computation made for a plain run and one made for speculation take the same steps.

        If it fails: what is prepared for speculation changes the steps.
        """
        ends = {walk(self._backend().computation(plain=plain)) for plain in (False, True)}
        require(len(ends) == 1, "a plain computation and one prepared for speculation ended in two states")

    @form
    def test_settings_go_through_json(self) -> None:
        """A run's record has its settings as JSON, and a resumed run is made from them: nothing is lost.

        If it fails: give fields types that pydantic can write and read back.
        """
        config = self._backend().config
        try:
            again = type(config).model_validate(json.loads(json.dumps(config.model_dump(mode="json"))))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"the settings do not go through JSON: {error}") from error
        require(again == config, f"written and read back, the settings are {again!r}; they were {config!r}")

    def test_settings_are_described(self) -> None:
        """Every setting has a description: the command line's help and the table of `asc explain` show it.

        If it fails: give the field a `Field(..., description="...")`.
        """
        bare = sorted(found.path for found in settings(type(self._backend().config)) if not found.description)
        require(not bare, f"these settings have no description: {', '.join(bare)}")

    @form
    def test_settings_make_a_speculator(self) -> None:
        """The settings, the pool and the computation belong together: a run can be assembled, and begins.

        If it fails: where the settings extend ExecutedConfig, pool() returns a Pool, perhaps without workers, and
        the computation extends Executable. Where they extend JudgedConfig, pool() returns None.
        """
        backend = self._backend()
        pool = backend.pool(self.computation())
        require(pool is None or pool.workers >= 0, f"pool() returns {pool!r}; workers are 0 or more")
        try:
            engine = Run(backend, "it", load()).engine
            engine.speculator.begin(engine.computation)
        except AscError as error:
            raise AssertionError(str(error)) from None
        workers = 0 if pool is None else pool.workers
        problem = f"pool() returns {workers} workers, and by the settings a run has {engine.speculator.workers}"
        require(workers == engine.speculator.workers, problem)

    def test_a_checkpoint_brings_everything_back(self, tmp_path: Path) -> None:
        """Another process that loads a checkpoint is in the state that was saved, and continues to the same end.

        If it fails: something that the steps depend on is not written, such as a generator's state.
        """
        backend = self._backend()
        computation = backend.computation(plain=False)
        for _ in range(2):  # the second replaces the first
            computation.advance(_FIRST)
            backend.save(computation, tmp_path / "checkpoints", EngineState())
        position, digest = computation.position(), computation.digest()
        _, resumed = self._loaded(tmp_path / "checkpoints")
        where = f"saved at position {position}, it was loaded at {resumed.position()}"
        require((resumed.position(), resumed.digest()) == (position, digest), f"{where}, or in another state")
        require(walk(resumed) == walk(computation), "from the checkpoint it continued to another end")

    def test_a_checkpoint_keeps_the_engine_state(self, tmp_path: Path) -> None:
        """What a judged run needs to be resumed goes into a checkpoint and comes back: state and history.

        If it fails: write `state.state` and `state.history`, arrays with their types, and return both from load().
        """
        backend = self._backend()
        run = Run(backend, "it", load())
        if not run.engine.speculator.state_dict():
            raise SkipTest("by its settings, a run ends in the same state without an engine state")
        computation, history = run.computation, []
        for _ in range(3):
            computation.advance(_FIRST)
            history.append(computation.observe())
        part = {"numbers": [1, 2.5, None, True], "rows": np.arange(6.0).reshape(2, 3), "text": "it"}
        backend.save(computation, tmp_path, EngineState({"part": part}, tuple(history)))
        found, resumed = self._loaded(tmp_path)
        same = contents(found.state) == contents({"part": part})
        require(same, f"the state of the engine comes back as {found.state!r}, and was {part!r}")
        positions = [snapshot.position for snapshot in found.history]
        were = [snapshot.position for snapshot in history]
        require(positions == were, f"the history comes back with the positions {positions}, and had {were}")
        same = contents(resumed.gram(found.history)) == contents(computation.gram(history))
        require(same, "the history comes back with other states")

    def test_checkpoints_are_replaced(self, tmp_path: Path) -> None:
        """A new checkpoint replaces the files of the old one: a kill at any moment leaves a whole checkpoint.

        If it fails: write under another name, then `os.replace(temporary, path)`.
        """
        backend = self._backend()
        computation = backend.computation(plain=False)
        folder, links = tmp_path / "checkpoints", list[tuple[Path, str, bytes]]()
        computation.advance(_FIRST)
        backend.save(computation, folder, EngineState())
        for number, path in enumerate(_files(folder)):
            link = tmp_path / f"{number}"
            link.hardlink_to(path)  # the same file under another name, which shows whether it was written into
            links.append((link, path.name, path.read_bytes()))
        computation.advance(_FIRST)
        backend.save(computation, folder, EngineState())
        for link, name, held in links:
            require(link.read_bytes() == held, f"{name} of the checkpoint before was written over")

    def test_a_torn_checkpoint_is_refused(self, tmp_path: Path) -> None:
        """Where a checkpoint's file was cut short, load() raises AscError, or loads a whole checkpoint.

        If it fails: check what you read, and raise AscError with the file's name where it is damaged.
        """
        backend = self._backend()
        computation = backend.computation(plain=False)
        computation.advance(_FIRST)
        backend.save(computation, tmp_path, EngineState())
        whole = {self.computation().digest(), computation.digest()}
        for path in _files(tmp_path):
            held = path.read_bytes()
            path.write_bytes(held[: len(held) // 2])
            again = self._backend()
            resumed = again.computation(plain=False)
            try:
                again.load(resumed, tmp_path)
            except AscError:
                continue
            except Exception as error:
                raised = f"{type(error).__name__}: {error}"
                raise AssertionError(
                    f"for a torn {path.name} load() raised {raised}; raise AscError, which a person can read"
                ) from error
            finally:
                path.write_bytes(held)
            require(resumed.digest() in whole, f"it loaded a torn {path.name} as if it were whole")

    def test_no_checkpoint_is_none(self, tmp_path: Path) -> None:
        """Without a checkpoint, load() returns None and leaves the computation at its start.

        If it fails: look before you read; the folder may not even exist.
        """
        backend = self._backend()
        computation = backend.computation(plain=False)
        digest = computation.digest()
        for folder in (tmp_path, tmp_path / "none"):
            found = backend.load(computation, folder)
            require(found is None, f"load() found a checkpoint in {folder}, which holds none")
        require(computation.digest() == digest, "load() changed the computation, though there was no checkpoint")

    def test_checkpoints_are_no_pickles(self, tmp_path: Path) -> None:
        """A checkpoint is data: to load it never runs code.

        If it fails: write JSON, numpy's format without objects, or safetensors.
        """
        backend = self._backend()
        computation = backend.computation(plain=False)
        computation.advance(_FIRST)
        backend.save(computation, tmp_path, EngineState())
        files = _files(tmp_path)
        require(bool(files), "save() wrote no file")
        for path in files:
            require(not any(map(_is_pickle, _parts(path))), f"{path.name} is a pickle, or holds one")

    def test_outcome_is_json(self) -> None:
        """What a person sees of the final state is made of values that JSON can hold.

        If it fails: turn arrays into lists, and NaN into None.
        """
        backend = self._backend()
        computation = backend.computation(plain=False)
        walk(computation)
        outcome = backend.outcome(computation)
        require(isinstance(outcome, Mapping), f"outcome() returns {outcome!r}, which is no mapping")
        try:
            json.dumps(dict(outcome), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"outcome() returns {outcome!r}, which JSON cannot hold: {error}") from error

    def test_a_run_ends_where_a_plain_one_does(self) -> None:
        """As `asc run` runs it: a shadow run ends as a plain run, and so does a run whose every leap is exact.

        If it fails: see the laws of computations; the sentence names the two ends.
        """
        plugins = load()
        plain = Run(self._backend(), "it", plugins, speculate=False).execute()
        for shadow in (True, False):
            run = Run(self._backend(), "it", plugins, shadow=shadow)
            summary = run.execute()
            ends = summary["final_digest"], plain["final_digest"]
            may_differ = not shadow and run.engine.speculator.compare(summary, plain)["identical"] is None
            problem = f"with speculation it ended in {ends[0][:12]}, without in {ends[1][:12]}"
            require(may_differ or ends[0] == ends[1], problem)
            warnings = [warning for warning in summary["warnings"] if warning not in run.computation.remarks]
            require(not warnings, f"the run warned: {' '.join(warnings)}")

    def _backend(self) -> Backend[Any]:
        """Make the backend with the defaults of its base, as a run does."""
        __tracebackhide__ = True
        try:
            backend: Backend[Any] = conformed("backend", self.backend())
        except AscError as error:
            raise AssertionError(f"{error}; see test_fits_its_kind") from None
        return backend

    def _loaded(self, folder: Path) -> tuple[EngineState, Computation]:
        """Load a checkpoint as another process does."""
        __tracebackhide__ = True
        backend = self._backend()
        computation: Computation = backend.computation(plain=False)
        state = backend.load(computation, folder)
        if state is None:
            raise AssertionError("load() found no checkpoint, though save() had written one")
        return state, computation


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _parts(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, or what each member of an archive holds."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())
    else:
        yield path.read_bytes()


def _is_pickle(data: bytes) -> bool:
    """Whether bytes are a pickle as a whole, or an array of objects, which numpy pickles."""
    if data.startswith(b"\x93NUMPY"):
        return b"'|O'" in data[:256]
    try:
        return len(data) > 1 and sum(1 for _ in pickletools.genops(data)) > 1
    except (ValueError, IndexError, UnicodeDecodeError):
        return False
