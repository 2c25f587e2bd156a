"""The predictor predicts additive automata and shift registers exactly, and other programs hardly ever."""

from __future__ import annotations

import random

import pytest
from asc_gf2 import asc_register
from asc_gf2.affine_map import AffineMap
from asc_gf2.predictor import GF2Affine
from hypothesis import given
from hypothesis import strategies as st

from asc.testing import WordHistory
from asc.words import Word

CELLS = 61
RING = (1 << CELLS) - 1


def generation(rule: int, cells: int) -> int:
    """Apply an elementary cellular automaton's rule once to a ring of cells."""
    left, right = (cells << 1 | cells >> CELLS - 1) & RING, (cells >> 1 | cells << CELLS - 1) & RING
    result = 0
    for pattern in range(8):
        if rule >> pattern & 1:
            matches = RING
            for neighbour, wanted in ((left, pattern & 4), (cells, pattern & 2), (right, pattern & 1)):
                matches &= neighbour if wanted else ~neighbour & RING
            result |= matches
    return result


def automaton(rule: int, supersteps: int, generations: int = 5, seed: int = 1) -> list[int]:
    cells = random.Random(seed).getrandbits(CELLS)
    states = [cells]
    for _ in range(supersteps):
        for _ in range(generations):
            cells = generation(rule, cells)
        states.append(cells)
    return states


def predicted(predictor: GF2Affine, words: list[dict[str, Word]], ahead: int, name: str) -> list[Word | None]:
    """Predict superstep by superstep from a history of 16 snapshots, five steps apart; None where it is silent."""
    predictions: list[Word | None] = []
    for now in range(len(words) - ahead):
        first = max(0, now - 15)
        history = WordHistory([5 * k for k in range(first, now + 1)], words[first : now + 1])
        prediction = predictor.predict(history, horizon=5 * ahead)
        predictions.append(None if prediction is None else prediction.state[name])
    return predictions


@pytest.mark.parametrize("ahead", [1, 4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rule_90_is_predicted_after_as_many_supersteps_as_it_has_cells_and_one(ahead: int, seed: int) -> None:
    states = automaton(90, 100, seed=seed)
    predictions = predicted(GF2Affine(), [{"cells": cells} for cells in states], ahead, "cells")
    assert predictions[62:] == states[62 + ahead :]


def test_it_predicts_nothing_wrong_about_rule_90_while_it_learns() -> None:
    states = automaton(90, 100)
    predictions = predicted(GF2Affine(), [{"cells": cells} for cells in states], 1, "cells")
    assert all(found in (None, truth) for found, truth in zip(predictions, states[1:], strict=True))
    assert predictions[:10] == [None] * 10


@pytest.mark.parametrize("rule", [30, 110])
def test_a_rule_that_is_no_parity_is_hardly_ever_predicted(rule: int) -> None:
    states = automaton(rule, 300)
    predictions = predicted(GF2Affine(), [{"cells": cells} for cells in states], 1, "cells")
    assert sum(found == truth for found, truth in zip(predictions, states[1:], strict=True)) < 0.02 * len(predictions)


def test_a_counter_beside_the_cells_is_left_out_and_the_cells_are_still_predicted() -> None:
    states = automaton(90, 120)
    words: list[dict[str, Word]] = [{"cells": cells, "step": k, "name": "ring"} for k, cells in enumerate(states)]
    predictions = predicted(GF2Affine(), words, 1, "cells")
    assert predictions[80:] == states[81:]


def test_a_word_that_changes_late_is_learnt_as_well() -> None:
    states = automaton(90, 200)
    late = [states[0] if k < 70 else states[k - 70] for k in range(len(states))]
    words: list[dict[str, Word]] = [{"early": a, "late": b} for a, b in zip(states, late, strict=True)]
    predictions = predicted(GF2Affine(), words, 1, "early")
    assert predictions[150:] == states[151:]


def test_xorshift_is_predicted() -> None:
    mask = (1 << 64) - 1
    x, states = 88172645463325252, []
    for _ in range(120):
        states.append(x)
        x ^= x << 13 & mask
        x ^= x >> 7
        x ^= x << 17 & mask
    predictions = predicted(GF2Affine(), [{"x": x} for x in states], 2, "x")
    assert predictions[66:] == states[68:]


def test_words_that_are_no_natural_numbers_or_too_wide_keep_their_last_value() -> None:
    states = automaton(90, 90)
    words: list[dict[str, Word]] = [
        {"cells": cells, "below": -k, "wide": 1 << 70 + k, "real": k / 2, "flag": k % 2 == 0}
        for k, cells in enumerate(states)
    ]
    history = WordHistory([5 * k for k in range(91)], words)
    prediction = GF2Affine().predict(history, horizon=5)
    assert prediction is not None
    assert prediction.state == {**words[-1], "cells": generation_five(states[-1])}


def generation_five(cells: int) -> int:
    for _ in range(5):
        cells = generation(90, cells)
    return cells


@given(st.lists(st.integers(0, 2**12 - 1), min_size=12, max_size=12), st.integers(0, 2**12 - 1), st.randoms())
def test_any_affine_map_is_learnt_from_its_own_examples(columns: list[int], shift: int, rng: random.Random) -> None:
    def truth(vector: int) -> int:
        result = shift
        for bit, column in enumerate(columns):
            result ^= column if vector >> bit & 1 else 0
        return result

    found = AffineMap()
    for _ in range(40):
        vector = rng.randrange(2**12)
        image = found.follow(vector)
        assert image is None or image == truth(vector)
        assert found.learn(vector, truth(vector)) == 0
        assert found.follow(vector) == truth(vector)


def test_a_contradiction_is_named_by_its_bits() -> None:
    found = AffineMap()
    assert [found.learn(vector, vector & vector >> 1) for vector in (0, 1, 2)] == [0, 0, 0]
    assert found.learn(3, 1) == 1


def test_it_announces_a_path_that_leads_to_it() -> None:
    announced: list[tuple[str, ...]] = []

    class Registry:
        def add(self, kind: str, name: str, factory: str, summary: str) -> None:
            announced.append((kind, name, factory, summary))

    asc_register(Registry())
    [(kind, name, factory, _)] = announced
    assert (kind, name) == ("predictor", "gf2-affine")
    assert factory == f"{GF2Affine.__module__}:{GF2Affine.__qualname__}"
