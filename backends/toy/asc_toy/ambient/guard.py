"""A guard for processes that exist to run supersteps: it stops a step that asks a clock, a file or chance, or prints.

Files are guarded by Python's audit hook, which cannot be removed and makes `id` slow. Clocks have no audit events, so
these functions are replaced in all modules. Nothing changes for code that runs outside a superstep.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from asc_toy.ambient.scene import Scene, current
from asc_toy.ambient.sources import FUNCTIONS, STREAM_CALLS, STREAMS, Source, is_stream

_DOES: Final = {
    "open": "opens a file",
    "os.chdir": "changes the current folder",
    "os.putenv": "changes os.environ",
    "os.unsetenv": "changes os.environ",
    "builtins.input": "asks for input",
    "sqlite3.connect": "asks a database",
    **{
        f"os.{name}": f"calls os.{name}"
        for name in (
            *("chflags", "chmod", "chown", "fwalk", "getxattr", "link", "listdir", "listxattr", "lockf", "mkdir"),
            *(
                "remove",
                "removexattr",
                "rename",
                "rmdir",
                "scandir",
                "setxattr",
                "symlink",
                "truncate",
                "utime",
                "walk",
            ),
        )
    },
    **{
        f"shutil.{name}": f"calls shutil.{name}"
        for name in (
            *("chown", "copyfile", "copymode", "copystat", "copytree", "make_archive", "move", "rmtree"),
            "unpack_archive",
        )
    },
    **dict.fromkeys(("glob.glob", "glob.glob/2"), "looks for files"),
    **dict.fromkeys(("tempfile.mkdtemp", "tempfile.mkstemp"), "makes a temporary file"),
    **dict.fromkeys(("fcntl.fcntl", "fcntl.flock", "fcntl.ioctl", "fcntl.lockf"), "locks a file"),
    **dict.fromkeys(
        (
            *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"),
            "pty.spawn",
        ),
        "starts a process",
    ),
    **dict.fromkeys(
        (
            *("socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"),
            *("socket.gethostname", "socket.getnameinfo", "socket.sendmsg", "socket.sendto", "urllib.Request"),
            *("http.client.connect", "http.client.send", "smtplib.connect", "ftplib.connect", "webbrowser.open"),
        ),
        "uses the network",
    ),
}
"""What a step does by what raises an audit event, by the name of the event."""

_AUDITED: Final = frozenset({"open", "input"})
_guarded: Final[list[bool]] = []


def is_guarded() -> bool:
    """Whether this process is guarded."""
    return bool(_guarded)


def guard_process() -> None:
    """Guard this process from now on. It must be one that only runs supersteps."""
    if _guarded:
        return
    _guarded.append(True)
    sys.addaudithook(_audit)
    replacements = {key: _call_of(function, source) for key, (function, source) in FUNCTIONS.items()}
    FUNCTIONS.update({id(new): (new, FUNCTIONS[key][1]) for key, new in replacements.items()})
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        for name, value in list(names.items()):
            if id(value) in replacements and name not in _AUDITED:
                names[name] = replacements[id(value)]
    random.Random.seed = _seed_of(random.Random.seed)  # type: ignore[method-assign]
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None:
            STREAMS.append(stream)
            setattr(sys, name, _Stream(stream))


def _audit(
    event: str, _: object, does: Mapping[str, str] = _DOES, scene_of: Callable[[], Scene | None] = current
) -> None:
    """Stop what must not happen. The last two parameters outlive this module when Python ends."""
    if event in does:
        scene = scene_of()
        if scene is not None:
            scene.notice("file", does[event], sys._getframe(1))


def _call_of(function: Callable[..., Any], source: Source) -> Callable[..., Any]:
    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        scene = current()
        shows = source.kind != "output" or is_stream(kwargs.get("file") or sys.stdout)
        if scene is not None and shows and source.asks(len(args)):
            scene.notice(source.kind, source.does, sys._getframe(1))
        return function(*args, **kwargs)

    return guarded


def _seed_of(function: Callable[..., None]) -> Callable[..., None]:
    @wraps(function)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        scene = current()
        if scene is not None and a is None:
            scene.notice("chance", "draws a seed by chance", sys._getframe(1))
        function(self, a, version)

    return seed


class _Stream:
    """A standard stream that a superstep must not use."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        scene = current()
        if scene is not None and name in STREAM_CALLS:
            scene.notice(*STREAM_CALLS[name], sys._getframe(1))
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self.readline, "")
