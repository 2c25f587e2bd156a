"""Tokenizers: a byte-level BPE trained here, or a tokenizer from a folder or the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc_nn_training.models.hub import reason
from asc_nn_training.models.quiet import quiet
from asc_nn_training.models.source import locate
from asc_nn_training.paths import absolute

END = "<|endoftext|>"
BPE = "bpe"


class Tokenizer:
    """Text to token numbers; `end` is the number of the token between documents.

    A special token that is spelled out in a text is text like any other, and gets other numbers than the token itself.
    """

    def __init__(self, fast: Any, end: int, vocabulary: int) -> None:
        self._fast, self.end, self.vocabulary = fast, end, vocabulary

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.uint32]]:
        """Return each text's tokens. Raises AscError if a text holds what this tokenizer takes for the end token."""
        self._fast.encode_special_tokens = True  # as text
        found = self._fast.encode_batch(list(texts), add_special_tokens=False)
        tokens = [np.array(each.ids, np.uint32) for each in found]
        if wrong := sum(bool((each == self.end).any()) for each in tokens):
            raise AscError(
                f"{wrong} of {len(tokens)} texts contain {self._fast.id_to_token(self.end)!r}, which the tokenizer "
                "cannot tell from the token between documents. Remove it from the data, or type --tokenizer bpe."
            )
        return tokens

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of these tokens."""
        return str(self._fast.decode([int(token) for token in tokens], skip_special_tokens=False))

    def agrees(self, other: Tokenizer) -> bool:
        """Whether every token of this tokenizer has the same number in the other one."""
        theirs = other._fast.get_vocab()
        return all(theirs.get(token) == number for token, number in self._fast.get_vocab().items())

    def save(self, folder: Path) -> None:
        """Write the tokenizer as a folder that `AutoTokenizer.from_pretrained` reads."""
        self.of_transformers().save_pretrained(str(folder))

    def of_transformers(self) -> Any:
        """Return the tokenizer that `AutoTokenizer.from_pretrained` makes of what `save` writes."""
        from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 -- seconds to import

        end = self._fast.id_to_token(self.end)
        return PreTrainedTokenizerFast(tokenizer_object=self._fast, eos_token=end, bos_token=end)

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
    """Return a text that identifies a tokenizer: a digest of the files of a folder, or the state of a GGUF file."""
    path = absolute(Path(name))
    if path.is_file():
        return _state(path)
    if not path.is_dir():
        return name
    total = hashlib.sha256()
    for file in sorted(path.iterdir()):
        if file.suffix in {".json", ".txt", ".model"} and file.is_file():
            total.update(file.name.encode() + file.read_bytes())
        elif file.suffix == ".gguf":
            total.update(_state(file).encode())
    return total.hexdigest()


def _state(path: Path) -> str:
    """Return what changes when a file changes: it may have gigabytes, which take long to read."""
    found = path.stat()
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def fetch(name: str, *, own: bool = False) -> Tokenizer:
    """Return the fast tokenizer from a local folder or a GGUF file, or of a model on the hub.

    `own`: it is wanted because the pretrained model of this name has learnt its numbers.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415 -- seconds to import

    what = f"The tokenizer {name}"
    source = locate(name, what)
    try:
        with quiet():
            found = AutoTokenizer.from_pretrained(source.place, use_fast=True, **source.options)
    except Exception as error:  # of a format that transformers finds in files of any origin
        raise AscError(f"{what} could not be loaded: {reason(error)} {_remedy(own)}") from error
    fast, end = getattr(found, "backend_tokenizer", None), found.eos_token_id
    if fast is None or len(found.get_vocab()) <= len(found.get_added_vocab()):
        raise AscError(f"{what} could not be loaded: there is no vocabulary of a fast tokenizer. {_remedy(own)}")
    if end is None:
        raise AscError(f"{what} has no end-of-text token, which separates documents. {_remedy(own)}")
    fast.no_padding()
    fast.no_truncation()
    return Tokenizer(fast, int(end), max(len(found), int(end) + 1))


def _remedy(own: bool) -> str:
    if own:
        return (
            "Pretrained weights need the numbers of the model's own tokenizer: copy its files, such as tokenizer.json, "
            "into the model's folder, name their folder with --tokenizer, or type --init scratch."
        )
    return "Type --tokenizer bpe, which is trained on the data, or name a folder or a model that has a tokenizer."
