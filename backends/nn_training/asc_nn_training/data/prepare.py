"""A prepared corpus: training batches, and held-out sequences for gate, evaluations and fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor

from asc.errors import AscError
from asc.settings import Settings
from asc_nn_training.data import splits
from asc_nn_training.data.batches import PackedBatches
from asc_nn_training.data.corpus import Corpus, is_name, load_corpus
from asc_nn_training.data.tokenizer import BPE, Tokenizer, fetch, identity, train
from asc_nn_training.data.tokens import Tokenized, Tokens, cache_folder, cached
from asc_nn_training.paths import AbsolutePath, absolute_if_there
from asc_nn_training.training.training import Batches

PROBES = 128
_VARIETY = "Remove what repeats (for lines: awk '!seen[$0]++' FILE > OTHER_FILE), or give text with more variety."
_FEW = 8  # parts of a text that are similar by chance, or because the text is tiny


class DataConfig(Settings):
    """The data to train on, and the data to hold out."""

    data: str = Field(
        "stdlib",
        description="stdlib (Python's own source), wikitext-2, wikitext-103, hf:NAME[:CONFIG], a text, CSV, JSON or "
        "Parquet file, a folder of such files, or a folder made by save_to_disk",
    )
    text_column: str = Field("text", description="column of a table or data set that holds the text")
    encoding: str = Field(
        "utf-8", description="encoding of text files, such as latin-1; a byte order mark in a file overrides it"
    )
    max_bytes: int | None = Field(None, ge=1, description="use documents of at most so many bytes in all")
    tokenizer: str = Field(
        BPE,
        description="bpe: byte-level, trained on the training set; or a folder, a GGUF file or a hub name; the default "
        "for a pretrained model is its own",
    )
    vocabulary: int = Field(
        4096,
        ge=257,
        le=2**20,
        description="tokens of a bpe and of a built-in shape; the two largest shapes have their own",
    )
    length: int = Field(256, ge=2, description="tokens of a sequence")
    batch: int = Field(8, ge=1, description="sequences of a batch")
    gate_sequences: int = Field(64, ge=2, description="held-out sequences that judge candidates")
    gate_subsets: int = Field(8, ge=1, description="disjoint subsets of them; one look evaluates one subset")
    gate_batch: int | None = Field(
        None, ge=1, description="sequences judged at a time; by default as many as a batch has; a GPU has room for more"
    )
    dev_sequences: int = Field(64, ge=1, description="held-out sequences for the loss curve")
    test_sequences: int = Field(128, ge=1, description="held-out sequences for the final loss only")
    probe_length: int = Field(16, ge=4, description="tokens of each of the recognizer's probe texts")
    data_cache: AbsolutePath | None = Field(
        None, description="folder of the token cache; by default $ASC_CACHE or ~/.cache/asc"
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, given: str) -> str:
        try:
            b"a".decode(given)
        except LookupError:
            raise ValueError("expected a text encoding that Python knows, such as utf-8, latin-1 or cp1252") from None
        except UnicodeError:
            pass  # an encoding of two bytes a character, say
        return given

    @field_validator("data")
    @classmethod
    def _absolute_data(cls, given: str) -> str:
        return given if is_name(given) else absolute_if_there(given)

    @field_validator("tokenizer")
    @classmethod
    def _absolute_tokenizer(cls, given: str) -> str:
        return given if given == BPE else absolute_if_there(given)


class Data(NamedTuple):
    """What a training uses of its corpus. Token numbers are int64."""

    train: Batches
    gate: Tensor  # (subsets, sequences, length)
    dev: Tensor  # (sequences, length)
    test: Tensor  # (sequences, length)
    probes: Tensor  # (128, probe_length), distinct, from held-out documents
    tokenizer: Tokenizer
    vocabulary: int
    end: int
    digest: str  # SHA-256 of the corpus
    tokens: Mapping[str, int]  # in each set
    remarks: tuple[str, ...] = ()  # what a person should know about the data


def prepare(config: DataConfig, seed: int = 0, own: str | None = None) -> Data:
    """Load, divide and tokenise a corpus, or read the result from the cache. `seed` orders the training batches.

    `own` names the tokenizer that the model's weights were trained with, if they are pretrained.
    Raises AscError if the corpus is missing or too small for the settings, or if the tokenizer cannot be loaded.
    """
    corpus = load_corpus(config.data, config.text_column, config.max_bytes, config.encoding)
    try:
        return _prepared(corpus, config, seed, own)
    except AscError as error:
        if not corpus.remarks:
            raise
        raise AscError(" ".join([str(error), *corpus.remarks])) from error  # what was left out may be the cause


def _prepared(corpus: Corpus, config: DataConfig, seed: int, own: str | None) -> Data:
    remarks = list(corpus.remarks)
    key = {
        "corpus": corpus.digest,
        "tokenizer": BPE if config.tokenizer == BPE else identity(config.tokenizer),
        "vocabulary": config.vocabulary if config.tokenizer == BPE else None,
        "splits": splits.VERSION,
    }
    sets, tokenizer = cached(cache_folder(config.data_cache), key, lambda: tokenise(corpus, config, own), remarks)
    if own is not None and own != config.tokenizer:
        remarks += _differs(tokenizer, config.tokenizer, own)
    subset = config.gate_sequences // config.gate_subsets
    if subset < 1:
        raise AscError(
            f"{config.gate_sequences} gate sequences do not make {config.gate_subsets} subsets: give more "
            "--gate-sequences, or fewer --gate-subsets."
        )
    length, held = config.length, {name: np.asarray(sets[name]) for name in ("gate", "dev", "test")}
    gate = _sequences(held["gate"], config.gate_subsets * subset, length, "gate", corpus)
    dev = _sequences(held["dev"], config.dev_sequences, length, "dev", corpus)
    return Data(
        train=PackedBatches(sets["train"], length, config.batch, seed),
        gate=gate.view(config.gate_subsets, subset, length),
        dev=dev,
        test=_sequences(held["test"], config.test_sequences, length, "test", corpus),
        probes=_probes(
            np.concatenate([held["dev"][dev.numel() :], held["gate"], held["dev"]]), config.probe_length, corpus
        ),
        tokenizer=tokenizer,
        vocabulary=tokenizer.vocabulary,
        end=tokenizer.end,
        digest=corpus.digest,
        tokens={name: len(tokens) for name, tokens in sets.items()},
        remarks=tuple(remarks),
    )


def tokenise(corpus: Corpus, config: DataConfig, own: str | None = None) -> Tokenized:
    """Divide the corpus, train or fetch the tokenizer, and tokenise every set."""
    parts = {name: [document.text for document in part] for name, part in splits.split(corpus.documents).items()}
    if config.tokenizer == BPE:
        tokenizer = train(parts["train"], config.vocabulary)
    else:
        tokenizer = fetch(config.tokenizer, own=config.tokenizer == own)
    kind = np.uint16 if tokenizer.vocabulary <= 2**16 else np.uint32
    sets: dict[str, Tokens] = {}
    for name, texts in parts.items():
        pieces = [np.append(tokens, np.uint32(tokenizer.end)) for tokens in tokenizer.encode(texts)]
        sets[name] = np.concatenate([np.empty(0, np.uint32), *pieces]).astype(kind)
    return Tokenized(sets, tokenizer)


def _differs(tokenizer: Tokenizer, name: str, own: str) -> Iterator[str]:
    """Yield a remark if the tokenizer is not, or may not be, the one that the model's weights were trained with."""
    try:
        if not tokenizer.agrees(fetch(own)):
            yield (
                f"The tokenizer {name} gives tokens other numbers than {own}'s own tokenizer, so the pretrained "
                "weights must learn them anew. Leave --tokenizer out to use the model's own."
            )
    except AscError:
        yield (
            f"{own} has no tokenizer to compare with {name}. If that gives tokens other numbers, the pretrained "
            "weights must learn them anew. A loss far above chance at the beginning is a sign of this."
        )


def _sequences(tokens: Tokens, count: int, length: int, name: str, corpus: Corpus) -> Tensor:
    if len(tokens) < count * length:
        remedy = _repetition(corpus) or f": give more text, or lower --length or --{name}-sequences."
        raise AscError(
            f"The {name} set of {corpus.name} has {len(tokens):,} tokens, and {count} sequences of {length} tokens "
            f"need {count * length:,}{remedy}"
        )
    return torch.from_numpy(tokens[: count * length].astype(np.int64).reshape(count, length))


def _probes(tokens: Tokens, length: int, corpus: Corpus) -> Tensor:
    """Return the first distinct pieces of held-out text."""
    count = len(tokens) // length
    seen: dict[bytes, Tokens] = {}
    for piece in tokens[: count * length].reshape(count, length):
        seen.setdefault(piece.tobytes(), piece)
        if len(seen) == PROBES:
            break
    if len(seen) < PROBES:
        remedy = f". The text repeats itself. {_VARIETY}" if count >= 2 * PROBES else ": give more text."
        remedy = _repetition(corpus) or remedy
        raise AscError(
            f"The {count:,} pieces of {length} tokens of the held-out text of {corpus.name} give {len(seen)} distinct "
            f"probes, and {PROBES} are needed{remedy}"
        )
    return torch.from_numpy(np.stack(list(seen.values())).astype(np.int64))


def _repetition(corpus: Corpus) -> str:
    """Say how much of the text repeats itself, if that is why too little can be held out; else nothing."""
    largest, parts = max(map(len, splits.similar(corpus.documents))), len(corpus.documents)
    if largest < max(_FEW, parts / 2):
        return ""
    return (
        f". The text repeats itself: {largest:,} of its {parts:,} parts have about the same lines or phrases. Such "
        f"parts are kept in one set, so little is left for the others. {_VARIETY}"
    )
