"""The comparison of recognizers of chaos: what its figures count."""

from __future__ import annotations

from typing import Any

import pytest
from chaos import HORIZONS, accuracy, auc, judged
from tables import chaos


def state(exponent: float, furthest: int | None, change: float, **other: Any) -> dict[str, Any]:
    calm: dict[str, Any] = {"rate": 1e-3, "share_of_peak": 1.0, "regime": "stable", "similarity": 0.9}
    leaps = {str(horizon): {"loss": change, "distance": -change} for horizon in HORIZONS}
    return calm | {"exponent": exponent, "furthest": furthest, "leaps": leaps} | other


def test_a_recognizer_is_scored_by_the_leaps_that_it_lets_pass_and_refuses() -> None:
    rows = [state(-0.01, None, -0.1), state(0.02, 50, -0.1), state(0.2, 5, 0.1, similarity=None, regime="unknown")]
    found = {(row["truth"], row["horizon"], row["recognizer"]): row for row in judged(rows)}
    lyapunov = found["loss", 50, "lyapunov"]
    assert (lyapunov["right"], lyapunov["passed"], lyapunov["right_of_passed"]) == (2, 2, 2)
    assert lyapunov["accuracy"] == 1.0
    assert lyapunov["auc"] == 1.0
    assert found["loss", 100, "lyapunov"]["accuracy"] == pytest.approx(0.75)
    assert found["distance", 50, "lyapunov"]["auc"] == 0.0, "what lowers the loss here leads away from the continuation"
    assert found["loss", 50, "rate phase"]["auc"] == 0.5, "the same everywhere"
    assert found["loss", 50, "activation-cosine"]["auc"] is None, "no figure of a wrong leap is known"
    assert found["loss", 50, "rate itself"]["accuracy"] is None, "it says neither yes nor no"


def test_figures_of_one_kind_alone_say_nothing() -> None:
    assert accuracy([True, False], [True, True]) is None
    assert auc([], [1.0]) is None
    assert auc([2.0, 1.0], [1.0]) == 0.75


def test_the_page_has_a_row_for_each_recognizer() -> None:
    rows = [state(-0.01, None, -0.1, peak=1e-3), state(0.2, 5, 0.1, peak=4e-3)]
    page = chaos({"states": rows, "recognizers": judged(rows)}).splitlines()
    assert page[0].startswith("2 states of trainings with peak rates 0.001, 0.004")
    expected = "| 50 | 1 of 2 | lyapunov | 1 of 1 | 0 of 1 | 1.00 | 1.00 |"
    assert f"| the gate loss is lower after a few real steps {expected}" in page
    assert len(page) == 4 + 2 * 3 * 4
