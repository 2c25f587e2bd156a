"""Tokenizers: a byte-level BPE trained here, or a tokenizer from a folder or the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc_nn_training.training.hub import require_hub

END = "<|endoftext|>"
BPE = "bpe"


class Tokenizer:
    """Text to token numbers; `end` is the number of the token between documents."""

    def __init__(self, fast: Any, end: int, vocabulary: int) -> None:
        self._fast, self.end, self.vocabulary = fast, end, vocabulary

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.uint32]]:
        """Return each text's tokens."""
        return [
            np.array(found.ids, np.uint32) for found in self._fast.encode_batch(list(texts), add_special_tokens=False)
        ]

    def save(self, folder: Path) -> None:
        """Write the tokenizer as a folder that `AutoTokenizer.from_pretrained` reads."""
        from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 -- seconds to import

        end = self._fast.id_to_token(self.end)
        PreTrainedTokenizerFast(tokenizer_object=self._fast, eos_token=end, bos_token=end).save_pretrained(str(folder))

    def to_text(self) -> str:
        """Return the tokenizer as JSON, for `from_text`."""
        return str(self._fast.to_str())


def from_text(text: str, end: int) -> Tokenizer:
    """Return a tokenizer from `Tokenizer.to_text`."""
    from tokenizers import Tokenizer as Fast  # noqa: PLC0415 -- only where one is wanted

    fast = Fast.from_str(text)
    return Tokenizer(fast, end, fast.get_vocab_size())


def train(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """Return a byte-level BPE of at most `vocabulary` tokens, learnt from these texts; it can encode any text."""
    from tokenizers import Tokenizer as Fast  # noqa: PLC0415 -- only where one is wanted
    from tokenizers import decoders, models, pre_tokenizers, trainers  # noqa: PLC0415

    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(texts, trainer, len(texts))
    return Tokenizer(fast, int(fast.token_to_id(END) or 0), fast.get_vocab_size())


def identity(name: str) -> str:
    """Return a text that identifies a tokenizer: a digest of the files of a folder, else the name."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return name
    total = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.suffix in {".json", ".txt", ".model"}):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def fetch(name: str) -> Tokenizer:
    """Return the fast tokenizer from a local folder, or of a model on the hub."""
    from transformers import AutoTokenizer  # noqa: PLC0415 -- seconds to import

    folder = Path(name).expanduser()
    if not folder.is_dir():
        require_hub(f"The tokenizer {name}")
    try:
        source = str(folder) if folder.is_dir() else name
        found = AutoTokenizer.from_pretrained(source, use_fast=True, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise AscError(
            f"The tokenizer {name} could not be loaded: {first} Type --tokenizer bpe, which is trained on the data, or "
            "name a folder or a model that has a tokenizer."
        ) from error
    fast, end = getattr(found, "backend_tokenizer", None), found.eos_token_id
    if fast is None or end is None:
        raise AscError(f"The tokenizer {name} is not a fast one, or has no end-of-text token: type --tokenizer bpe.")
    fast.no_padding()
    fast.no_truncation()
    return Tokenizer(fast, int(end), max(len(found), int(end) + 1))
