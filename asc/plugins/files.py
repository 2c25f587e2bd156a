"""Plugins of a single file, given by path and never installed."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from asc import single_files
from asc.errors import FILE_MODULE, AscError, describe_error
from asc.plugins.entry import Source


def load_file(path: Path) -> tuple[ModuleType, Source]:
    """Run a Python file as a module under a private name. Raises AscError where the file is missing or fails."""
    import hashlib  # noqa: PLC0415 - only where there is a file

    if path.suffix != ".py":
        raise AscError(f'"{path}" cannot be loaded as a plugin; expected a Python file, such as --plugin my_plugin.py.')
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise AscError(f'The plugin file "{path}" {what}; expected the path of a Python file.')
    resolved = path.resolve()
    digest = hashlib.sha256(str(resolved).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    name = re.sub(r"\W", "_", path.stem)
    private = f"{FILE_MODULE}{digest}_{name}"
    source = Source(str(path), f"file {path.name}", module=private, alias=path.stem)
    try:
        module = single_files.load(private, str(resolved))
    except BaseException as error:
        if isinstance(error, SyntaxError) and error.filename == str(resolved):
            raise AscError(f"{source.title} has a syntax error in line {error.lineno}: {error.msg}.") from error
        if isinstance(error, Exception | SystemExit):
            raise AscError(f"{source.title} cannot be loaded: it raised {describe_error(error)}.") from error
        raise
    return module, source
