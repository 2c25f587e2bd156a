"""The sizes that a model's configuration gives: what no model can have is refused before one is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asc.errors import AscError
from asc.free_memory import free_bytes
from asc_nn_training.data.files import UnreadableError, require_file
from asc_nn_training.models.hub import reason

_LEAST = {"vocab_size": 2, "hidden_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1}
"""The least of each size, by the name that transformers gives it in any configuration that has it."""
_WEIGHT = 4  # bytes, in single precision


def require_config_file(path: Path) -> None:
    """Raise AscError if a model's `config.json` is no file with a JSON object in it."""
    try:
        require_file(path)
        found: Any = json.loads(path.read_bytes())
    except UnreadableError as error:
        raise AscError(f"{path} cannot be read: {error.reason}. Restore it, or name another model.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise AscError(f"{path} is damaged: {reason(error)} Restore it, or name another model.") from error
    if not isinstance(found, dict):
        raise AscError(
            f"{path} holds a {type(found).__name__}; expected a JSON object with the sizes of a model, such as "
            '{"model_type": "gpt2"}.'
        )


def require_sizes(config: Any, name: str) -> None:
    """Raise AscError if a configuration gives a size that no model has, or one that there is no memory for."""
    for size, least in _LEAST.items():
        given = getattr(config, size, None)
        if isinstance(given, int) and given < least:
            own = config.attribute_map.get(size, size)
            raise AscError(
                f"The configuration of {name} gives {own} as {given}; expected {least} or more. Mend its config.json, "
                "or name another model."
            )
    needed, free = _WEIGHT * _least_weights(config), free_bytes()
    if needed > free:
        raise AscError(
            f"The weights of {name} take at least {needed / 1e9:,.1f} GB of memory, and {free / 1e9:,.1f} GB are free: "
            "name a smaller model, or free some memory."
        )


def _least_weights(config: Any) -> int:
    """Return how many weights a model has at least: of its embedding, its attention and its feed-forward layers."""
    vocabulary, width, layers = (_number(config, name) for name in ("vocab_size", "hidden_size", "num_hidden_layers"))
    inner = _number(config, "intermediate_size") or _number(config, "n_inner")
    return vocabulary * width + layers * width * (2 * width + 2 * inner)


def _number(config: Any, name: str) -> int:
    value = getattr(config, name, None)
    return value if isinstance(value, int) else 0
