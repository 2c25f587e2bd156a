"""What memory finds again, and what it does not."""

from __future__ import annotations

from typing import Any

from asc.predictors.memory import Memory
from asc.testing.histories import WordHistory
from asc.words import Word


def after(states: list[dict[str, Word]], ahead: int = 1, **bounds: int) -> Any:
    """Show all states one by one, the newest eight at a time; return the state predicted from the last."""
    predictor, prediction = Memory(Memory.Config(**bounds)), None
    for now in range(1, len(states) + 1):
        history = WordHistory(range(0, 10 * now, 10)[-8:], states[max(0, now - 8) : now])
        prediction = predictor.predict(history, 10 * ahead)
    return None if prediction is None else prediction.state


def lap(k: int) -> int:
    return (0, 5, 3, 9, 1, 7)[k % 6]


def test_silent_on_the_first_lap_and_exact_from_the_first_return_on() -> None:
    states: list[dict[str, Word]] = [{"p": lap(k)} for k in range(20)]
    assert [after(states[:now]) for now in range(2, 7)] == [None] * 5
    assert all(after(states[: now + 1], ahead)["p"] == lap(now + ahead) for now in range(6, 12) for ahead in (1, 2, 9))


def test_a_running_total_does_not_hide_the_pointer() -> None:
    states: list[dict[str, Word]] = [{"p": lap(k), "total": k * k} for k in range(9)]
    assert after(states) == {"p": lap(9), "total": 64}


def test_what_is_loaded_through_a_pointer_is_known_by_the_pointer() -> None:
    """The loaded value alone does not tell its successor: 4 is followed by 2 and by 8."""
    loads = (4, 2, 4, 8, 6, 6)
    states: list[dict[str, Word]] = [{"p": lap(k), "loaded": loads[k % 6], "total": k} for k in range(14)]
    assert after(states) == {"p": lap(14), "loaded": loads[14 % 6], "total": 13}


def test_words_that_only_together_determine_what_follows() -> None:
    """A walk through all pairs in which neither word alone tells its own successor."""
    pairs = [(0, 0), (0, 1), (1, 0), (2, 1), (1, 1), (0, 2), (2, 0), (1, 2), (2, 2)]
    states: list[dict[str, Word]] = [{"a": pairs[k % 9][0], "b": pairs[k % 9][1]} for k in range(21)]
    assert after(states, 4) == {"a": pairs[24 % 9][0], "b": pairs[24 % 9][1]}


def test_a_key_that_was_wrong_once_is_not_asked_again() -> None:
    states: list[dict[str, Word]] = [{"bit": bit, "n": k} for k, bit in enumerate((0, 1, 1, 0, 0, 1, 0))]
    assert after(states) is None


def test_words_match_by_type_and_bits() -> None:
    states: list[dict[str, Word]] = [{"x": 0.0}, {"x": 1.0}, {"x": -0.0}]
    assert after(states) is None
    states = [{"x": 1}, {"x": 2}, {"x": True}]
    assert after(states) is None


def test_what_was_not_visited_for_long_is_forgotten() -> None:
    states: list[dict[str, Word]] = [{"p": lap(k)} for k in range(13)]
    assert after(states, entries=6) == {"p": lap(13)}
    assert after(states, entries=5) is None


def test_a_value_that_stays_is_followed_to_any_horizon() -> None:
    states: list[dict[str, Word]] = [{"p": p, "total": k} for k, p in enumerate((3, 1, 2, 2, 2))]
    assert after(states, 200) == {"p": 2, "total": 4}


def test_only_so_many_words_are_remembered() -> None:
    states: list[dict[str, Word]] = [{"a": lap(k), "b": lap(k + 1)} for k in range(9)]
    assert after(states, words=1) == {"a": lap(9), "b": lap(9)}


def test_horizons_beyond_the_longest_rollout_are_left_alone() -> None:
    states: list[dict[str, Word]] = [{"p": lap(k)} for k in range(9)]
    assert after(states, ahead=5, rollout=5) == {"p": lap(13)}
    assert after(states, ahead=6, rollout=5) is None
