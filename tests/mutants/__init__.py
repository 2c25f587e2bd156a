"""Mutants: components that are wrong on purpose, each in one way. A law that does not catch its mutants is no law.

A new law needs a mutant that it catches, in the table of its kind, with a piece of the sentence that the law gives.
`UNDER_LAWS` puts any component under the laws of its kind:

    laws = UNDER_LAWS["predictor"].laws(Mine)
    laws.test_raises_nothing()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from asc.testing.laws import BackendLaws, Laws, PredictorLaws, RecognizerLaws, ValidatorLaws
from mutants.backends import BACKENDS
from mutants.caches import CACHES, CacheUnderLaws
from mutants.computations import EXACT, JUDGED, ExactUnderLaws, JudgedUnderLaws
from mutants.mutant import Mutant, Table, under
from mutants.predictors import PREDICTORS
from mutants.recognizers import RECOGNIZERS
from mutants.validators import VALIDATORS

__all__ = ["UNDER_LAWS", "Kind", "Mutant", "Table"]


class Kind(NamedTuple):
    """A kind of components: how to put one under its laws, and the mutants by the law that catches them."""

    laws: Callable[[Callable[..., Any]], Laws]
    table: Table


UNDER_LAWS: Mapping[str, Kind] = MappingProxyType(
    {
        "predictor": Kind(under(PredictorLaws, "predictor"), PREDICTORS),
        "recognizer": Kind(under(RecognizerLaws, "recognizer"), RECOGNIZERS),
        "validator": Kind(under(ValidatorLaws, "validator"), VALIDATORS),
        "cache": Kind(CacheUnderLaws, CACHES),
        "backend": Kind(under(BackendLaws, "backend"), BACKENDS),
        "executable computation": Kind(ExactUnderLaws, EXACT),
        "judged computation": Kind(JudgedUnderLaws, JUDGED),
    }
)
"""Kinds of components by name."""
