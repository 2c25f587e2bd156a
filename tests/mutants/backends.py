"""Two small backends, one exact and one judged, and such as are each wrong in one way."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from asc.backend import Pool
from asc.config.run import Component, RunConfig
from asc.errors import AscError
from asc.reference.descent import Descent, Frame
from asc.reference.programs import machine
from asc.reference.registers import Registers
from asc.testing.executors import Inline
from asc.types import Memory, Snapshot
from mutants.computations import DrawsToObserve
from mutants.spoilt import Spoilt, Table

FILE = "state.json"


class Counting:
    """A good one: the registers that count, exact, without workers."""

    class Config(RunConfig):
        """Settings of the counting backend."""

        steps: int = Field(120, ge=1, description="how far to count")

    def __init__(self, config: Config | None = None) -> None:
        self.config: Any = config or self.Config()

    def computation(self, plain: bool) -> Any:
        """Make the registers."""
        return machine("count", self.config.steps)

    def pool(self, computation: Any) -> Pool | None:
        """No workers."""
        return Pool(Inline, 0)

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Write the words beside, then in the place of the checkpoint before."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{FILE}"
        temporary.write_text(self.written(computation, memory))
        os.replace(temporary, folder / FILE)

    def load(self, computation: Any, folder: Path) -> Memory | None:
        """Take the words up again; None where there are none. Raises AscError where they are damaged."""
        path = folder / FILE
        if not path.exists():
            return None
        try:
            return self.read(computation, path.read_text())
        except (ValueError, LookupError) as error:
            raise AscError(f"The checkpoint {path} is damaged ({error}): start anew, without --resume.") from error

    def written(self, computation: Any, memory: Memory) -> str:
        """Return what a checkpoint holds."""
        snapshot = computation.snapshot()
        return json.dumps({"position": snapshot.position, "words": snapshot.state})

    def read(self, computation: Any, text: str) -> Memory:
        """Go to what a checkpoint holds."""
        found = json.loads(text)
        computation.restore(Snapshot(found["position"], 0, found["words"], 0))
        return Memory()

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        """The words."""
        return dict(computation.words)


class Descending(Counting):
    """A good one: a descent, judged, whose memory goes along."""

    class Config(Counting.Config):
        """Settings of the descending backend."""

        validator: Component = Field(Component(name="strict"), description="what confirms a guess")

    def computation(self, plain: bool) -> Any:
        """Make the descent."""
        return Descent(self.config.steps)

    def pool(self, computation: Any) -> Pool | None:
        """Guesses are judged."""
        return None

    def written(self, computation: Any, memory: Memory) -> str:
        """Return the state, and the memory."""
        history = [_written(snapshot) for snapshot in memory.history]
        held = {"state": _written(computation.snapshot()), "memory": _coded(memory.state), "history": history}
        return json.dumps(held)

    def read(self, computation: Any, text: str) -> Memory:
        """Go to the state, and return the memory."""
        found = json.loads(text)
        computation.restore(_read(found["state"]))
        return Memory(_decoded(found["memory"]), tuple(_read(snapshot) for snapshot in found["history"]))

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        """The vector."""
        return {"vector": computation.vector.tolist()}


class StartsAnywhere(Counting):
    """Starts each computation elsewhere."""

    _starts: ClassVar = count()

    def computation(self, plain: bool) -> Any:
        """Count from a number that nobody has set."""
        made = super().computation(plain)
        made._words["n"] += next(self._starts)
        return made


class PreparesTooMuch(Counting):
    """Takes fewer steps where it prepares for speculation, from the same start."""

    def computation(self, plain: bool) -> Any:
        """Make one whose steps do more."""
        made = super().computation(plain)
        return made if plain else Registers(_twice, made.words, self.config.steps, ("total",))


class SetByAFunction(Counting):
    """Has a setting that JSON does not hold."""

    class Config(Counting.Config):
        """Settings, one of them a function."""

        step: Any = Field(print, description="what to do")


class LosesASetting(Counting):
    """Leaves a setting out of what is written."""

    class Config(Counting.Config):
        """Settings, one of them secret."""

        steps: int = Field(120, ge=1, exclude=True, description="how far to count")

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config or self.Config(steps=99))


class NoSettings(Counting):
    """Has a dictionary for settings."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = 120
        self.config = {"steps": 120}

    def computation(self, plain: bool) -> Any:
        """Make the registers."""
        return machine("count", self._steps)


class SaysNothingOfASetting(Counting):
    """Has a setting without a description."""

    class Config(Counting.Config):
        """Settings, one of which nobody understands."""

        factor: int = 3


class ExactWithoutAPool(Counting):
    """Is exact, and says that its guesses are judged."""

    def pool(self, computation: Any) -> Pool | None:
        """Say none."""
        return None


class FewerThanNone(Counting):
    """Has a pool of minus one worker."""

    def pool(self, computation: Any) -> Pool | None:
        """One core is for the main thread."""
        return Pool(Inline, -1)


class SavesHalf(Counting):
    """Leaves a word out of its checkpoints, and starts it anew."""

    def read(self, computation: Any, text: str) -> Memory:
        """Take up the rest."""
        total = computation.words["total"]
        memory = super().read(computation, text)
        computation._words["total"] = total
        return memory


class SavesOnce(Counting):
    """Keeps its first checkpoint for good."""

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Write where there is nothing."""
        if not (folder / FILE).exists():
            super().save(computation, folder, memory)


class ForgetsItsGenerator(Descending):
    """Leaves the generator's state out of what it takes up again."""

    def read(self, computation: Any, text: str) -> Memory:
        """Take up the rest."""
        random = computation._random.bit_generator.state
        memory = super().read(computation, text)
        computation._random.bit_generator.state = random
        return memory


class ForgetsItsMemory(Descending):
    """Takes up the state, and nothing that the run remembers."""

    def read(self, computation: Any, text: str) -> Memory:
        """Return an empty memory."""
        super().read(computation, text)
        return Memory()


class RemembersLists(Descending):
    """Brings arrays back as lists."""

    def read(self, computation: Any, text: str) -> Memory:
        """Decode nothing."""
        memory = super().read(computation, text)
        return memory._replace(state={"part": {**memory.state["part"], "rows": memory.state["part"]["rows"].tolist()}})


class ForgetsItsHistory(Descending):
    """Brings back the newest snapshot alone."""

    def read(self, computation: Any, text: str) -> Memory:
        """Cut the rest off."""
        memory = super().read(computation, text)
        return memory._replace(history=memory.history[-1:])


class WritesOver(Counting):
    """Writes into the checkpoint before."""

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Open it for writing."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(self.written(computation, memory))


class TakesTornOnes(Counting):
    """Takes what it can read of a checkpoint."""

    def written(self, computation: Any, memory: Memory) -> str:
        """Write a line for each word."""
        return "\n".join([str(computation.position()), *(str(value) for value in computation.words.values()), ""])

    def read(self, computation: Any, text: str) -> Memory:
        """Take up whatever is there."""
        position, *values = text.split()
        words = dict(computation.words)
        words.update(zip(words, (int(value) for value in values), strict=False))
        computation.restore(Snapshot(int(position), 0, words, 0))
        return Memory()


class RaisesOnTornOnes(Counting):
    """Raises what its reader raises where a checkpoint is torn."""

    def load(self, computation: Any, folder: Path) -> Memory | None:
        """Read without a look."""
        return self.read(computation, (folder / FILE).read_text()) if (folder / FILE).exists() else None


class InsistsOnOne(Counting):
    """Finds an empty memory where there is no checkpoint."""

    def load(self, computation: Any, folder: Path) -> Memory | None:
        """Never say None."""
        return super().load(computation, folder) or Memory()


class MovesInVain(Counting):
    """Takes a step before it looks for a checkpoint."""

    def load(self, computation: Any, folder: Path) -> Memory | None:
        """Warm up."""
        computation.advance(1)
        return super().load(computation, folder)


class Pickles(Counting):
    """Writes pickles."""

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Write one."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state.pkl").write_bytes(pickle.dumps(computation.snapshot()))


class PicklesOfOld(Counting):
    """Writes pickles of the first protocol, which is text."""

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Write one."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "state").write_bytes(pickle.dumps(dict(computation.words), protocol=0))


class PicklesInArrays(Counting):
    """Writes objects in numpy's format, which are pickled there."""

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Write an array of objects."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "state.npy", np.array([dict(computation.words)], dtype=object), allow_pickle=True)


class SavesNothing(Counting):
    """Writes nothing."""

    def save(self, computation: Any, folder: Path, memory: Memory) -> None:
        """Do nothing."""


class ShowsArrays(Descending):
    """Shows an array at the end."""

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        """Return it."""
        return {"vector": computation.vector}


class ShowsNan(Descending):
    """Shows a number that is none, which JSON does not have."""

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        """Return it."""
        return {"loss": float("nan")}


class ShowsAList(Counting):
    """Shows a list where names belong to values."""

    def outcome(self, computation: Any) -> Any:
        """Return the values."""
        return list(computation.words.values())


class EndsElsewhere(Descending):
    """Makes a computation that does not stand being looked at."""

    def computation(self, plain: bool) -> Any:
        """Make one that draws."""
        return DrawsToObserve(self.config.steps)


class Unmade(Descent):
    """Raises where a prediction is to become a state, so that the predictor is switched off."""

    def materialise(self, prediction: Any, history: Any, plan: Any) -> Any:
        """Raise."""
        raise RuntimeError("nothing is made here")


class Warns(Descending):
    """Makes a computation by which a run has something to complain of."""

    def computation(self, plain: bool) -> Any:
        """Make one."""
        return Unmade(self.config.steps)


def _twice(words: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"n": words["n"] + 6, "total": words["n"]}


def _written(snapshot: Snapshot) -> dict[str, Any]:
    frame: Frame = snapshot.state
    return {
        "position": snapshot.position,
        "segment": snapshot.segment,
        "vector": frame.vector.tolist(),
        "velocity": frame.velocity.tolist(),
        "random": frame.random,
    }


def _read(found: Mapping[str, Any]) -> Snapshot:
    frame = Frame(np.array(found["vector"]), np.array(found["velocity"]), found["random"])
    return Snapshot(found["position"], found["segment"], frame, 2 * frame.vector.nbytes)


def _coded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"__array__": value.tolist()}
    if isinstance(value, Mapping):
        return {name: _coded(part) for name, part in value.items()}
    return [_coded(part) for part in value] if isinstance(value, list | tuple) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        arrays = value.get("__array__")
        return {name: _decoded(part) for name, part in value.items()} if arrays is None else np.array(arrays)
    return [_decoded(part) for part in value] if isinstance(value, list) else value


BACKENDS: Table = MappingProxyType(
    {
        "test_starts_the_same_each_time": (
            Spoilt(StartsAnywhere, "four computations of one configuration started in"),
        ),
        "test_plain_and_prepared_ones_end_the_same": (Spoilt(PreparesTooMuch, "ended in two states"),),
        "test_settings_go_through_json": (
            Spoilt(SetByAFunction, "the settings do not go through JSON"),
            Spoilt(LosesASetting, "written and read back, the settings are others"),
            Spoilt(NoSettings, "the settings are a dict, which is no RunConfig"),
        ),
        "test_settings_are_described": (Spoilt(SaysNothingOfASetting, "these settings have no description: factor"),),
        "test_says_where_guesses_are_executed": (
            Spoilt(ExactWithoutAPool, r"exact is True, and pool\(\) returns None"),
            Spoilt(FewerThanNone, "workers are 0 or more"),
        ),
        "test_a_checkpoint_brings_everything_back": (
            Spoilt(SavesHalf, "or in another state"),
            Spoilt(SavesOnce, "saved at position 10, it was loaded at 5"),
            Spoilt(ForgetsItsGenerator, "or in another state"),
            Spoilt(SavesNothing, r"load\(\) found no checkpoint"),
        ),
        "test_a_checkpoint_remembers": (
            Spoilt(ForgetsItsMemory, "the state that it remembers comes back as {}"),
            Spoilt(RemembersLists, "the state that it remembers comes back as"),
            Spoilt(ForgetsItsHistory, r"its history comes back with the positions \[15\]"),
        ),
        "test_checkpoints_are_replaced": (Spoilt(WritesOver, "state.json of the checkpoint before was written over"),),
        "test_a_torn_checkpoint_is_told": (
            Spoilt(TakesTornOnes, "it took a torn state.json for a whole one"),
            Spoilt(RaisesOnTornOnes, r"of a torn state.json load\(\) raised JSONDecodeError"),
        ),
        "test_no_checkpoint_is_none": (
            Spoilt(InsistsOnOne, r"load\(\) found a checkpoint in"),
            Spoilt(MovesInVain, "looking for a checkpoint in vain changed the computation"),
        ),
        "test_checkpoints_are_no_pickles": (
            Spoilt(Pickles, "state.pkl is a pickle"),
            Spoilt(PicklesOfOld, "state is a pickle"),
            Spoilt(PicklesInArrays, "state.npy is a pickle"),
            Spoilt(SavesNothing, r"save\(\) wrote no file"),
        ),
        "test_outcome_is_json": (
            Spoilt(ShowsArrays, "which JSON cannot hold"),
            Spoilt(ShowsNan, "which JSON cannot hold"),
            Spoilt(ShowsAList, "which is no mapping"),
        ),
        "test_a_run_ends_where_a_plain_one_does": (
            Spoilt(EndsElsewhere, "with speculation it ended in"),
            Spoilt(Warns, "the run warned: 'linear' was switched off"),
        ),
    }
)
"""Spoilt backends, by the law that catches them."""
