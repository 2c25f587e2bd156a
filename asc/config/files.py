"""Configuration files: JSON or TOML, by extension."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from asc.errors import AscError

_READERS: Mapping[str, Callable[[str], Any]] = {".json": json.loads, ".toml": tomllib.loads}


def read_table(path: Path) -> Mapping[str, Any]:
    """Read a configuration file. Raises AscError where it is missing or malformed, or holds no table of settings."""
    title = f'The configuration file "{path}"'
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise AscError(f"{title} is of no known kind; expected a name that ends in .json or .toml.")
    try:
        content = reader(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AscError(f"{title} does not exist; expected the path of a JSON or TOML file.") from error
    except OSError as error:
        raise AscError(f"{title} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise AscError(f"{title} is not text in UTF-8; save it in that encoding.") from error
    except json.JSONDecodeError as error:
        raise AscError(f"{title} is not JSON: {error.msg}, in line {error.lineno}, column {error.colno}.") from error
    except tomllib.TOMLDecodeError as error:
        raise AscError(f"{title} is not TOML: {error}.") from error
    if not isinstance(content, dict):
        raise AscError(
            f"{title} holds {'a list' if isinstance(content, list) else 'a single value'}; "
            'expected a table of settings, such as {"checkpoint_seconds": 60}.'
        )
    return content


def read_settings(path: Path, component: str = "") -> tuple[Mapping[str, Any], bool]:
    """Read the settings in a file: a table of settings, or the record of a run or study, such as RUN/config.json.

    Return as well whether it is a record. `component` is the backend or study that the settings are for. Raises
    AscError where the record is of another one, and where only a call from Python can make the run again.
    """
    table = read_table(path)
    settings = table.get("config")
    kind = next((kind for kind in ("backend", "study") if isinstance(table.get(kind), str)), None)
    if kind is None or not isinstance(settings, dict):
        return table, False
    if component and table[kind] != component:
        command = "run" if kind == "backend" else kind
        raise AscError(
            f'"{path}" has the settings of the {kind} "{table[kind]}", not of "{component}". '
            f"To use them, type: asc {command} {table[kind]} --config {path}"
        )
    if "program" in table:
        raise AscError(
            f'"{path}" is the record of a call from Python, and only that call has its program: make the same call '
            "again."
        )
    return settings, True
