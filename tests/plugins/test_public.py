"""The names that authors of plugins import from `asc`."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest

import asc
import asc.backend
import asc.computation
import asc.config.run
import asc.errors
import asc.hookspecs
import asc.predictor
import asc.recognizer
import asc.settings
import asc.speculators.executed.workforce
import asc.study
import asc.types
import asc.validator

HOMES = (
    asc.backend,
    asc.computation,
    asc.config.run,
    asc.errors,
    asc.hookspecs,
    asc.predictor,
    asc.recognizer,
    asc.settings,
    asc.speculators.executed.workforce,
    asc.study,
    asc.types,
    asc.validator,
)


def test_the_public_names_are_sorted_and_lead_to_the_real_things() -> None:
    names: list[str] = asc.__all__
    assert names == sorted(names)
    for name in names:
        value: Any = getattr(asc, name)
        assert name == "__version__" or any(vars(home).get(name) is value for home in HOMES)
    assert set(names) <= set(dir(asc))


def test_an_unknown_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="module 'asc' has no attribute 'Predicter'"):
        getattr(asc, "Pred" + "icter")  # spelled so that type checkers, who would notice, do not


def test_the_version_is_that_of_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        assert name == "asc-core"
        return "7.8.9"

    monkeypatch.delitem(vars(asc), "__version__", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", version)
    assert asc.__version__ == "7.8.9"
    vars(asc).pop("__version__")


def test_a_checkout_that_was_never_installed_has_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.delitem(vars(asc), "__version__", raising=False)
    monkeypatch.setattr(importlib.metadata, "version", version)
    assert asc.__version__ == "0+unknown"
    vars(asc).pop("__version__")
