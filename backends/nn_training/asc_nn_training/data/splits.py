"""Four disjoint sets by document, near-duplicates together, so that no held-out text is trained on."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from asc_nn_training.data.corpus import Document

VERSION = 1  # of this division, on which cached tokens depend
SHARES: Mapping[str, float] = {"test": 0.06, "dev": 0.03, "gate": 0.04}  # of all characters; the rest trains
SETS = ("train", "gate", "dev", "test")

_SHINGLE = 5  # words
_BANDS, _ROWS = 16, 4  # of a signature; documents with a similarity of about 1/2 share a band
_SIMILAR = 0.5
_RANDOM = np.random.default_rng(20_140_301)
_FACTORS = _RANDOM.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
_WORD_FACTORS = _RANDOM.integers(1, 2**63, _SHINGLE, dtype=np.uint64) | np.uint64(1)


def split(documents: Sequence[Document]) -> dict[str, list[Document]]:
    """Return the documents of each of `SETS`, every document in one set; their order does not matter.

    A hash of names shuffles the groups of similar documents; they fill test, dev and gate up to their shares.
    """
    groups = similar(documents)
    total = sum(len(document.text) for document in documents)
    sets: dict[str, list[Document]] = {name: [] for name in SETS}
    wanted = {name: share * total for name, share in SHARES.items()}
    for group in sorted(groups, key=_rank):
        size = sum(len(document.text) for document in group)
        name = next((name for name, left in wanted.items() if left > 0 and size <= 4 * left + 1), "train")
        sets[name] += group
        if name in wanted:
            wanted[name] -= size
    return {name: sorted(part) for name, part in sets.items()}


def similar(documents: Sequence[Document]) -> list[list[Document]]:
    """Group documents that share about half of their word 5-grams or more, by MinHash (Broder 1997)."""
    ordered = sorted(documents)
    signatures = [_signature(document.text) for document in ordered]
    leader = list(range(len(ordered)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for band in range(_BANDS):
        first: dict[bytes, int] = {}
        for index, signature in enumerate(signatures):
            key = signature[band * _ROWS : (band + 1) * _ROWS].tobytes()
            other = first.setdefault(key, index)
            if other != index and float(np.mean(signature == signatures[other])) >= _SIMILAR:
                leader[find(index)] = find(other)
    groups: dict[int, list[Document]] = {}
    for index, document in enumerate(ordered):
        groups.setdefault(find(index), []).append(document)
    return list(groups.values())


def _signature(text: str) -> NDArray[np.uint64]:
    """Return the smallest hash of the text's shingles under each of the signature's hash functions."""
    words = text.split() or [text]
    hashed = np.fromiter((zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words), np.uint64, len(words))
    hashed = np.pad(hashed, (0, max(0, _SHINGLE - len(hashed))))
    with np.errstate(over="ignore"):
        count = len(hashed) - _SHINGLE + 1
        shingles = hashed[:count] * _WORD_FACTORS[0]
        for i in range(1, _SHINGLE):
            shingles = shingles + hashed[i : i + count] * _WORD_FACTORS[i]
        shingles = np.unique(shingles ^ (shingles >> np.uint64(31)))
        return np.array([(shingles * factor >> np.uint64(16)).min() for factor in _FACTORS])


def _rank(group: Sequence[Document]) -> bytes:
    first = min(document.name for document in group)
    return hashlib.sha256(first.encode("utf-8", "surrogatepass")).digest()  # bytes of a name may be no UTF-8
