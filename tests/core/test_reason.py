"""Every sentence that says why there is a gain, or none."""

from __future__ import annotations

import re

import pytest

from asc.reason import Facts, reason
from asc.types import Outcome

BASE = Facts(
    speedup=1.0,
    skipped=0,
    gained=0.0,
    position=1000,
    recalled=0,
    leaps=0,
    outcomes={},
    workers=2,
    slowdown=None,
    fault="",
    exact=True,
    over=True,
    shadow=False,
    spent_share=0.25,
)


def counts(**outcomes: int) -> dict[str, int]:
    return {Outcome[name.upper()].value: count for name, count in outcomes.items()}


RIGHT = counts(accepted=30, rejected=10)

SENTENCES = {
    "shadow": (
        BASE._replace(shadow=True, leaps=3, speedup=9.0, outcomes=RIGHT),
        "30 of 40 guesses were right; nothing was applied, since this is a shadow run.",
    ),
    "workers still starting": (
        BASE._replace(awaited=True),
        "No speed-up: the run was over while its workers were still starting; a longer one has more of them.",
    ),
    "memory, and no guess right": (
        BASE._replace(leaps=3, recalled=3, skipped=30, slowdown=1.9, outcomes=counts(rejected=8)),
        "Refused: no prediction was right, all 8 guesses read a word that was guessed wrong, so speculation was "
        "withdrawn.",
    ),
    "nowhere worth it": (
        BASE._replace(passed_over=1200),
        "No speed-up: the recognizer found no place worth guessing from, at 1,200 boundaries.",
    ),
    "gain by guesses": (
        BASE._replace(speedup=2.0, leaps=40, skipped=600, outcomes=RIGHT),
        "30 of 40 guesses were right, and 60 % of the steps were leapt over.",
    ),
    "gain by both": (
        BASE._replace(speedup=2.0, leaps=40, skipped=600, recalled=15, outcomes=RIGHT),
        "30 of 40 guesses were right, and 60 % of the steps were leapt over, 15 leaps by what had been seen before.",
    ),
    "gain by memory": (
        BASE._replace(speedup=2.0, leaps=40, skipped=600, recalled=40),
        "The same states came back: 60 % of the steps were leapt over, 40 times by what had been seen before.",
    ),
    "gain in spite of a fault": (
        BASE._replace(speedup=2.0, leaps=40, skipped=600, fault="the workers broke down", outcomes=RIGHT),
        "30 of 40 guesses were right, and 60 % of the steps were leapt over.",
    ),
    "fault": (BASE._replace(fault="the workers did not start (OSError: no)"), "No speed-up: the workers did not start"),
    "slow workers": (
        BASE._replace(leaps=5, skipped=600, slowdown=7.25, outcomes=RIGHT),
        "No speed-up although 30 of 40 guesses were right: with tracking a worker takes 7.2 times as long as",
    ),
    "too few leaps": (
        BASE._replace(leaps=5, skipped=40, slowdown=1.1, outcomes=RIGHT),
        "No speed-up: 30 of 40 guesses were right, too few to matter, so speculation was mostly withheld.",
    ),
    "dear speculation": (
        BASE._replace(leaps=5, skipped=600, outcomes=RIGHT),
        "No speed-up although 30 of 40 guesses were right: speculation took 25 % of the time, as much as it saved.",
    ),
    "no room": (
        BASE._replace(outcomes=counts(accepted=7)),
        "No speed-up: 7 guesses were right, but the cache had room for none of them. Give it more with --set cache.max",
    ),
    "early": (
        BASE._replace(over=False, outcomes=counts(launched=4)),
        "Too early to say: no guess has been settled yet.",
    ),
    "all wrong": (
        BASE._replace(outcomes=counts(rejected=9)),
        "Refused: no prediction was right, all 9 guesses read a word that was guessed wrong, so speculation was with",
    ),
    "all wrong, judged": (
        BASE._replace(exact=False, over=False, outcomes=counts(rejected=9, silent=1)),
        "Refused: no prediction was right, all 9 guesses did not pass the validator, so speculation was withdrawn.",
    ),
    "late": (
        BASE._replace(outcomes=counts(late=2)),
        "No speed-up: the run was over, or already past the place, before",
    ),
    "launched": (
        BASE._replace(outcomes=counts(launched=2)),
        "No speed-up: the run was over, or already past the place",
    ),
    "silent": (
        BASE._replace(outcomes=counts(silent=12)),
        "No speed-up: the predictors had nothing to say, 12 times.",
    ),
    "raised": (BASE._replace(outcomes=counts(failed=2)), "No speed-up: every predictor raised and was switched off."),
    "alone": (BASE._replace(workers=0), "No speed-up: no state came back, and there are no workers to run ahead."),
    "short": (BASE, "No speed-up: the run was too short to speculate in."),
    "short, judged": (BASE._replace(exact=False, workers=0), "No speed-up: the run was too short to speculate in."),
    "at the start": (BASE._replace(position=0, over=False), "Too early to say: no guess has been settled yet."),
}


@pytest.mark.parametrize("case", sorted(SENTENCES))
def test_sentence(case: str) -> None:
    facts, expected = SENTENCES[case]
    sentence = reason(facts)
    assert sentence.startswith(expected)
    assert re.fullmatch(r"[A-Z0-9].*\.", sentence), "one sentence or more, each with its full stop"
