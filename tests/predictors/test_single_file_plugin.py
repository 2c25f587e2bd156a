"""The shortest plugin, as the examples show it."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from asc.testing.histories import WordHistory

FILE = Path(__file__).parents[2] / "examples" / "my_predictor.py"


@pytest.fixture(scope="module")
def plugin() -> Any:
    spec = spec_from_file_location("my_predictor", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_predicts_half_the_trend(plugin: Any) -> None:
    predictor = plugin.Halfway()
    assert predictor.predict(WordHistory([0], [{}]), 10) is None
    answer = predictor.predict(WordHistory([0, 5, 10], [{}] * 3), 20)
    assert answer.coefficients == (Fraction(-2), Fraction(3))


def test_it_announces_paths_that_lead_to_it(plugin: Any) -> None:
    announced: list[tuple[str, ...]] = []

    class Registry:
        def add(self, kind: str, name: str, factory: str, summary: str) -> None:
            announced.append((kind, name, factory))

    plugin.asc_register(Registry())
    assert announced == [("predictor", "halfway", "my_predictor:Halfway")]
    assert plugin.Halfway.__qualname__ == "Halfway"
