"""Two small sound backends, one executed and one judged, and their mutants."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from pydantic import Field, create_model

from asc.backend import Backend
from asc.config.run import Component, ExecutedConfig, JudgedConfig
from asc.errors import AscError
from asc.reference.descent import Descent, DescentState
from asc.reference.programs import machine
from asc.reference.registers import Registers
from asc.speculators.pool import Pool
from asc.testing.executors import Inline
from asc.types import EngineState, Snapshot
from mutants.computations import first
from mutants.mutant import Mutant, Table, fail, mutate

FILE = "state.json"


class Counting(Backend[Any]):
    """A machine that counts, executed, without workers."""

    class Config(ExecutedConfig):
        """Settings of the counting backend."""

        steps: int = Field(120, ge=1, description="how far to count")

    def __init__(self, config: Any = None) -> None:
        super().__init__(config or self.Config())

    def computation(self, *, plain: bool) -> Any:
        """Make the machine."""
        return machine("count", self.config.steps)

    def pool(self, computation: Any) -> Pool | None:
        """Return no workers."""
        return Pool(Inline, 0)

    def save(self, computation: Any, folder: Path, state: EngineState) -> None:
        """Write a new file, then replace the old one."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{FILE}"
        temporary.write_text(self.written(computation, state))
        os.replace(temporary, folder / FILE)

    def load(self, computation: Any, folder: Path) -> EngineState | None:
        """Load the checkpoint. Raises AscError where it is damaged."""
        path = folder / FILE
        if not path.exists():
            return None
        try:
            return self.read(computation, path.read_text())
        except (ValueError, LookupError) as error:
            raise AscError(f"The checkpoint {path} is damaged ({error}): start anew, without --resume.") from error

    def written(self, computation: Any, state: EngineState) -> str:
        """Return the text of a checkpoint."""
        snapshot = computation.snapshot()
        return json.dumps({"position": snapshot.position, "words": snapshot.state})

    def read(self, computation: Any, text: str) -> EngineState:
        """Go to the state of a checkpoint."""
        found = json.loads(text)
        computation.restore(Snapshot(found["position"], 0, found["words"], 0))
        return EngineState()

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        """Return the words."""
        return dict(computation.words)


class Descending(Counting):
    """A descent, judged, whose checkpoints keep the state of the engine."""

    class Config(JudgedConfig):
        """Settings of the descending backend."""

        steps: int = Field(120, ge=1, description="how far to descend")
        validator: Component = Field(Component(name="strict"), description="what judges candidates")

    def computation(self, *, plain: bool) -> Any:
        """Make the descent."""
        return Descent(self.config.steps)

    def pool(self, computation: Any) -> Pool | None:
        """Return none."""
        return None

    def written(self, computation: Any, state: EngineState) -> str:
        """Return the text of a checkpoint."""
        history = [_written(snapshot) for snapshot in state.history]
        return json.dumps(
            {"snapshot": _written(computation.snapshot()), "state": _coded(state.state), "history": history}
        )

    def read(self, computation: Any, text: str) -> EngineState:
        """Go to the state of a checkpoint; return that of the engine."""
        found = json.loads(text)
        computation.restore(_read(found["snapshot"]))
        return EngineState(_decoded(found["state"]), tuple(_read(snapshot) for snapshot in found["history"]))

    def outcome(self, computation: Any) -> Mapping[str, Any]:
        """Return the vector."""
        return {"vector": computation.vector.tolist()}


def _written(snapshot: Snapshot) -> dict[str, Any]:
    state: DescentState = snapshot.state
    return {
        "position": snapshot.position,
        "segment": snapshot.segment,
        "vector": state.vector.tolist(),
        "velocity": state.velocity.tolist(),
        "random": state.random,
    }


def _read(found: Mapping[str, Any]) -> Snapshot:
    state = DescentState(np.array(found["vector"]), np.array(found["velocity"]), found["random"])
    return Snapshot(found["position"], found["segment"], state, 2 * state.vector.nbytes)


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


def executed(**changes: Any) -> type[Any]:
    """Return a mutant of the executed backend."""
    return mutate(Counting, **changes)


def judged(**changes: Any) -> type[Any]:
    """Return a mutant of the judged backend."""
    return mutate(Descending, **changes)


def set_by(**fields: Any) -> type[Any]:
    """Return an executed backend with further settings."""
    return executed(Config=create_model("Config", __base__=Counting.Config, **fields))


def writing(name: str, data: Callable[[Any], bytes]) -> type[Any]:
    """Return an executed backend whose checkpoint is another file."""

    def save(self: Any, _: Any, computation: Any, folder: Path, state: EngineState) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data(computation))

    return executed(save=save)


def making(kind: type[Descent]) -> type[Any]:
    """Return a judged backend that makes another descent."""
    return judged(computation=lambda self, _, plain: kind(self.config.steps))


def _objects(computation: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([dict(computation.words)], dtype=object), allow_pickle=True)
    return file.getvalue()


_starts = count()


def _start_anywhere(self: Any, original: Any, plain: bool) -> Any:
    made = original(plain=plain)
    made._words["n"] += next(_starts)
    return made


def _double(self: Any, original: Any, plain: bool) -> Any:
    made = original(plain=plain)
    return made if plain else Registers(_twice, made.words, self.config.steps, ("total",))


def _twice(words: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"n": words["n"] + 6, "total": words["n"]}


def _begin_with_99(self: Any, original: Any, config: Any = None) -> None:
    original(config or self.Config(steps=99))


def _begin_with_a_dictionary(self: Any, original: Any, config: Any = None) -> None:
    original()
    self.config = {"steps": 120}


def _read_half(self: Any, original: Any, computation: Any, text: str) -> Any:
    total = computation.words["total"]
    state = original(computation, text)
    computation._words["total"] = total
    return state


def _read_but_random(self: Any, original: Any, computation: Any, text: str) -> Any:
    random = computation._random.bit_generator.state
    state = original(computation, text)
    computation._random.bit_generator.state = random
    return state


def _save_once(self: Any, original: Any, computation: Any, folder: Path, state: EngineState) -> None:
    if not (folder / FILE).exists():
        original(computation, folder, state)


def _read_lists(self: Any, original: Any, *given: Any) -> Any:
    state = original(*given)
    return state._replace(state={"part": {**state.state["part"], "rows": state.state["part"]["rows"].tolist()}})


def _newest(state: EngineState) -> EngineState:
    return state._replace(history=state.history[-1:])


def _write_over(self: Any, _: Any, computation: Any, folder: Path, state: EngineState) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(self.written(computation, state))


def _write_lines(self: Any, _: Any, computation: Any, state: EngineState) -> str:
    return "\n".join([str(computation.position()), *(str(value) for value in computation.words.values()), ""])


def _read_lines(self: Any, _: Any, computation: Any, text: str) -> EngineState:
    position, *values = text.split()
    words = dict(computation.words)
    words.update(zip(words, (int(value) for value in values), strict=False))
    computation.restore(Snapshot(int(position), 0, words, 0))
    return EngineState()


def _load_without_a_look(self: Any, _: Any, computation: Any, folder: Path) -> Any:
    return self.read(computation, (folder / FILE).read_text()) if (folder / FILE).exists() else None


def _load_after_a_step(self: Any, original: Any, computation: Any, folder: Path) -> Any:
    computation.advance(1)
    return original(computation, folder)


_saving_nothing = Mutant("saves nothing", executed(save=lambda *_: None), r"load\(\) found no checkpoint")

BACKENDS: Table = MappingProxyType(
    {
        "test_fits_its_kind": (
            Mutant("has no settings of a run", executed(Config=dict), "has no settings of a run"),
            Mutant("misspells a method", executed(figurs=lambda *_: {}), 'did you mean "figures"'),
        ),
        "test_starts_the_same_each_time": (
            Mutant(
                "starts each computation in another state",
                executed(computation=_start_anywhere),
                "four computations of one configuration started in",
            ),
        ),
        "test_plain_and_prepared_ones_end_the_same": (
            Mutant("takes other steps where it is prepared", executed(computation=_double), "ended in two states"),
        ),
        "test_settings_go_through_json": (
            Mutant(
                "has a function for a setting",
                set_by(step=(Any, Field(print, description="what to do"))),
                "the settings do not go through JSON",
            ),
            Mutant(
                "leaves a setting out of what is written",
                mutate(
                    set_by(steps=(int, Field(120, exclude=True, description="how far to count"))),
                    __init__=_begin_with_99,
                ),
                "written and read back, the settings are",
            ),
            Mutant(
                "has a dictionary for settings",
                executed(__init__=_begin_with_a_dictionary),
                "has a config of type dict; expected its settings",
            ),
        ),
        "test_settings_are_described": (
            Mutant(
                "has a setting without a description",
                set_by(factor=(int, 3)),
                "these settings have no description: factor",
            ),
        ),
        "test_settings_make_a_speculator": (
            Mutant("is executed, and has no pool", executed(pool=lambda *_: None), "it has no pool of workers"),
            Mutant("is judged, and has workers", judged(pool=lambda *_: Pool(Inline, 2)), "its pool has 2 workers"),
            Mutant(
                "has a pool of minus one worker", executed(pool=lambda *_: Pool(Inline, -1)), "workers are 0 or more"
            ),
            Mutant(
                "is executed, and its computation cannot be",
                executed(computation=lambda self, _, plain: Descent(self.config.steps)),
                "cannot run on from a predicted state",
            ),
        ),
        "test_a_checkpoint_brings_everything_back": (
            Mutant("leaves a word out of its checkpoints", executed(read=_read_half), "or in another state"),
            Mutant("keeps its first checkpoint", executed(save=_save_once), "saved at position 10, it was loaded at 5"),
            Mutant("leaves out the random state", judged(read=_read_but_random), "or in another state"),
            _saving_nothing,
        ),
        "test_a_checkpoint_keeps_the_engine_state": (
            Mutant(
                "returns an empty state",
                judged(read=lambda self, original, *given: (original(*given), EngineState())[1]),
                "the state of the engine comes back as {}",
            ),
            Mutant("returns lists for arrays", judged(read=_read_lists), "the state of the engine comes back as"),
            Mutant(
                "returns the newest snapshot alone",
                judged(read=lambda self, original, *given: _newest(original(*given))),
                r"the history comes back with the positions \[15\]",
            ),
        ),
        "test_checkpoints_are_replaced": (
            Mutant(
                "writes into the old checkpoint",
                executed(save=_write_over),
                "state.json of the checkpoint before was written over",
            ),
        ),
        "test_a_torn_checkpoint_is_refused": (
            Mutant(
                "reads as much as there is",
                executed(written=_write_lines, read=_read_lines),
                "it loaded a torn state.json as if it were whole",
            ),
            Mutant(
                "raises what its reader raises",
                executed(load=_load_without_a_look),
                r"for a torn state.json load\(\) raised JSONDecodeError",
            ),
        ),
        "test_no_checkpoint_is_none": (
            Mutant(
                "returns a state where there is no checkpoint",
                executed(load=lambda self, original, *given: original(*given) or EngineState()),
                r"load\(\) found a checkpoint in",
            ),
            Mutant(
                "takes a step before it looks",
                executed(load=_load_after_a_step),
                r"load\(\) changed the computation, though there was no checkpoint",
            ),
        ),
        "test_checkpoints_are_no_pickles": (
            Mutant(
                "writes a pickle",
                writing("state.pkl", lambda computation: pickle.dumps(computation.snapshot())),
                "state.pkl is a pickle",
            ),
            Mutant(
                "writes a pickle of the first protocol, which is text",
                writing("state", lambda computation: pickle.dumps(dict(computation.words), protocol=0)),
                "state is a pickle",
            ),
            Mutant("writes an array of objects", writing("state.npy", _objects), "state.npy is a pickle"),
            _saving_nothing._replace(sentence=r"save\(\) wrote no file"),
        ),
        "test_outcome_is_json": (
            Mutant(
                "shows an array",
                judged(outcome=lambda self, _, computation: {"vector": computation.vector}),
                "which JSON cannot hold",
            ),
            Mutant("shows NaN", judged(outcome=lambda *_: {"loss": float("nan")}), "which JSON cannot hold"),
            Mutant(
                "shows a list",
                executed(outcome=lambda self, _, computation: list(computation.words.values())),
                "which is no mapping",
            ),
        ),
        "test_a_run_ends_where_a_plain_one_does": (
            Mutant(
                "makes a descent that draws where it is observed",
                making(mutate(Descent, observe=first(lambda self: self._random.normal()))),
                "with speculation it ended in",
            ),
            Mutant(
                "makes a descent that raises where a candidate is made",
                making(mutate(Descent, materialise=lambda *_: fail(RuntimeError("nothing is made here")))),
                "the run warned: The predictor 'linear' was switched off",
            ),
        ),
    }
)
"""Mutants of backends, by the law that catches them."""
