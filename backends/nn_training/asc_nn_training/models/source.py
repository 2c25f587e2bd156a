"""Where models and tokenizers come from: a local folder, a GGUF file, or the hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

from asc.errors import AscError
from asc_nn_training.models.hub import require_hub
from asc_nn_training.paths import absolute

_GGUF = ".gguf"


class Source(NamedTuple):
    """What `from_pretrained` takes: a folder or a name on the hub, and the GGUF file within a folder, if it is one."""

    place: str
    gguf: str | None = None
    local: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of `from_pretrained`. No code that comes with a model is run."""
        return {"trust_remote_code": False} | ({"gguf_file": self.gguf} if self.gguf else {})

    @property
    def weights(self) -> dict[str, Any]:
        """Further arguments for the weights of a model, which are never pickles, and are trained in full precision."""
        import transformers  # noqa: PLC0415 -- seconds to import

        dense = getattr(transformers, "GgufConfig", None) if self.gguf else None  # older versions only know dense ones
        return {"use_safetensors": True} | ({} if dense is None else {"quantization_config": dense(dequantize=True)})


def locate(name: str, what: str) -> Source:
    """Return where the model or the tokenizer of this name is; `what` begins the sentences, "The model NAME".

    Raises AscError if the name is a path that leads nowhere or to another file, or if the hub does not answer.
    """
    path = absolute(Path(name))
    if path.is_dir():
        return _in_folder(path, what)
    if path.is_file():
        if path.suffix.lower() != _GGUF:
            raise AscError(f"{what} is a file, and not a GGUF file: name the folder that it is in.")
        return _gguf(path, what)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith(_GGUF):
        raise AscError(f"{what} does not exist: there is no such file or folder. Check the path.")
    require_hub(what)
    return Source(name, local=False)


def _in_folder(folder: Path, what: str) -> Source:
    files = [] if (folder / "config.json").exists() else sorted(folder.glob(f"*{_GGUF}"))
    if len(files) > 1:
        raise AscError(f"{what} is a folder with {len(files)} GGUF files: name one of them, such as {files[0]}.")
    return _gguf(files[0], what) if files else Source(str(folder))


def _gguf(path: Path, what: str) -> Source:
    if importlib.util.find_spec("gguf") is None:
        raise AscError(f"{what} is a GGUF file, and reading it needs the package gguf. Type: pip install gguf")
    return Source(str(path.parent), path.name)
