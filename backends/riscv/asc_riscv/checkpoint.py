"""Checkpoints: registers and memory as safetensors, the rest as JSON, in one file that is replaced as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from asc.config.differences import require_same
from asc.errors import AscError
from asc.records.leftovers import temporary_name
from asc_riscv.computation import RiscvComputation, SavedState

FILE = "state.safetensors"
_ANEW = "Start the run anew, without --resume."


def save(computation: RiscvComputation, folder: Path, origin: Mapping[str, Any]) -> None:
    """Write a checkpoint. A kill leaves the old one or the new one. `origin` says in values of JSON which run this is.

    Raises OSError.
    """
    position, _, state, _ = computation.snapshot()
    known = {
        "position": position,
        "head": state.head,
        "pc": state.pc,
        "fcsr": state.fcsr,
        "instructions": state.instructions,
        "system": dict(state.system),
    }
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / temporary_name(FILE)
    try:
        save_file(
            {"registers": state.registers, "memory": state.memory},
            temporary,
            {"state": json.dumps(known), "origin": json.dumps(origin)},
        )
        os.replace(temporary, folder / FILE)
    except SafetensorError as error:  # safetensors reports a full disk by an error of its own
        raise OSError(str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(computation: RiscvComputation, folder: Path, origin: Mapping[str, Any]) -> bool:
    """Bring a computation to the folder's checkpoint; False if there is none.

    Raises AscError where the file is damaged, or of another run.
    """
    path = folder / FILE
    if not path.exists():
        return False
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            registers, memory = file.get_tensor("registers"), file.get_tensor("memory")
        require_same(f"The checkpoint {path}", json.loads(metadata["origin"]), origin)
        known = json.loads(metadata["state"])
        state = SavedState(
            np.asarray(registers, dtype=np.uint64),
            known["pc"],
            known["fcsr"],
            known["instructions"],
            np.asarray(memory, dtype=np.uint8),
            known["system"],
            known["head"],
        )
        computation.load(known["position"], state)
    except (SafetensorError, LookupError, ValueError, TypeError) as error:
        raise AscError(f"The checkpoint {path} is damaged ({error}). {_ANEW}") from error
    return True
