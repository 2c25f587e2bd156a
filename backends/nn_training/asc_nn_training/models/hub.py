"""The Hugging Face hub and its libraries: whether it can be reached, in seconds, and what they say when they fail."""

from __future__ import annotations

import os
import socket
import threading
from urllib.parse import urlsplit

from asc.errors import AscError

_PATIENCE_S = 4.0
_LONGEST = 300  # characters of another library's message


def offline() -> bool:
    """Whether the user has set HF_HUB_OFFLINE."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}


def reason(error: Exception) -> str:
    """Return what another library says about a failure as one line that ends with a full stop."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, LookupError):  # which says no more than the key
        text = f"{type(error).__name__}: {text}"
    return f"{text[:_LONGEST]}..." if len(text) > _LONGEST else text.rstrip(".") + "."


def require_hub(what: str) -> None:
    """Raise AscError if `what` must come from the hub and the hub does not answer."""
    if offline():
        return  # the libraries read their cache, and report what it lacks
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    host, port = endpoint.hostname or "huggingface.co", endpoint.port or (80 if endpoint.scheme == "http" else 443)
    proxied = any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"))
    try:
        if not proxied:
            _reach(host, port)
    except OSError as error:
        raise AscError(
            f"{what} is fetched from {host}, which does not answer ({error}). Without a network, use a built-in model "
            "and --data stdlib, give a local folder, or set HF_HUB_OFFLINE=1 if it is in the local cache."
        ) from error


def _reach(host: str, port: int) -> None:
    """Connect, or raise OSError within the patience; resolving the name alone may take longer than that."""
    failed: list[OSError] = [TimeoutError("timed out")]

    def connect() -> None:
        try:
            socket.create_connection((host, port), _PATIENCE_S).close()
            failed.clear()
        except OSError as error:
            failed[:] = [error]

    asking = threading.Thread(target=connect, daemon=True)
    asking.start()
    asking.join(_PATIENCE_S)
    if failed:
        raise failed[0]
