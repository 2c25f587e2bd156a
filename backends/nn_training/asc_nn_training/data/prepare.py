"""A prepared corpus: training batches, and held-out sequences for gate, evaluations and fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from asc.errors import AscError
from asc.settings import Settings
from asc_nn_training.data import splits
from asc_nn_training.data.batches import PackedBatches
from asc_nn_training.data.corpus import Corpus, load_corpus
from asc_nn_training.data.tokenizer import BPE, Tokenizer, fetch, identity, train
from asc_nn_training.data.tokens import Tokenized, Tokens, cache_folder, cached
from asc_nn_training.training.training import Batches

PROBES = 128


class DataConfig(Settings):
    """The data to train on, and the data to hold out."""

    data: str = Field(
        "stdlib",
        description="stdlib (Python's own source), wikitext-2, wikitext-103, hf:NAME[:CONFIG], a text file, a folder "
        "of text files, or a folder made by save_to_disk",
    )
    text_column: str = Field("text", description="column of a data set that holds the text")
    max_bytes: int | None = Field(None, ge=1, description="use documents of at most so many bytes in all")
    tokenizer: str = Field(BPE, description="bpe: byte-level, trained on the training set; or a folder or hub name")
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
    data_cache: Path | None = Field(
        None, description="folder of the token cache; by default $ASC_CACHE or ~/.cache/asc"
    )


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


def prepare(config: DataConfig, seed: int = 0) -> Data:
    """Load, divide and tokenise a corpus, or read the result from the cache. `seed` orders the training batches.

    Raises AscError if the corpus is missing or too small for the settings.
    """
    corpus = load_corpus(config.data, config.text_column, config.max_bytes)
    key = {
        "corpus": corpus.digest,
        "tokenizer": identity(config.tokenizer),
        "vocabulary": config.vocabulary if config.tokenizer == BPE else None,
        "splits": splits.VERSION,
    }
    sets, tokenizer = cached(cache_folder(config.data_cache), key, lambda: tokenise(corpus, config))
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
    )


def tokenise(corpus: Corpus, config: DataConfig) -> Tokenized:
    """Divide the corpus, train or fetch the tokenizer, and tokenise every set."""
    parts = {name: [document.text for document in part] for name, part in splits.split(corpus.documents).items()}
    tokenizer = train(parts["train"], config.vocabulary) if config.tokenizer == BPE else fetch(config.tokenizer)
    kind = np.uint16 if tokenizer.vocabulary <= 2**16 else np.uint32
    sets: dict[str, Tokens] = {}
    for name, texts in parts.items():
        pieces = [np.append(tokens, np.uint32(tokenizer.end)) for tokens in tokenizer.encode(texts)]
        sets[name] = np.concatenate([np.empty(0, np.uint32), *pieces]).astype(kind)
    return Tokenized(sets, tokenizer)


def _sequences(tokens: Tokens, count: int, length: int, name: str, corpus: Corpus) -> Tensor:
    if len(tokens) < count * length:
        raise AscError(
            f"The {name} set of {corpus.name} has {len(tokens):,} tokens, and {count} sequences of {length} tokens "
            f"need {count * length:,}: give more text, or lower --length or --{name}-sequences."
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
        raise AscError(
            f"The held-out text of {corpus.name} gives {len(seen)} distinct probes of {length} tokens, and "
            f"{PROBES} are needed: give more text."
        )
    return torch.from_numpy(np.stack(list(seen.values())).astype(np.int64))
