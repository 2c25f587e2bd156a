"""Every sentence that says why there is a gain, or none, in both modes."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from asc.ledger import Ledger
from asc.speculators.executed.arrival import WRONG
from asc.speculators.executed.explain import Costs, Opening, Withheld
from asc.speculators.executed.explain import explain as executed
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.explain import Facts
from asc.speculators.judged.explain import explain as judged
from asc.speculators.judged.scheduler import Bounded
from asc.speculators.outcomes import Outcomes
from asc.testing.clock import Clock
from asc.types import Outcome

BASE = Facts(
    speedup=1.0,
    skipped=0,
    gained=0.0,
    position=1000,
    recalled=0,
    leaps=0,
    over=True,
    shadow=False,
    spent_share=0.25,
)
WORKERS = BASE._replace(workers=2)
RIGHT = {"accepted": 30, "rejected": 10}

EVERY_OFF = "every predictor was switched off; the warnings say why"
RECOGNIZER_OFF = "speculation was switched off after the recognizer mine raised ValueError: no (mine.py, line 3)"
VALIDATOR_OFF = "speculation was switched off after the validator strict raised KeyError: 'x' (mine.py, line 3)"

Case = tuple[Facts, dict[str, int], str]

EXECUTED: dict[str, Case] = {
    "shadow": (
        WORKERS._replace(shadow=True, leaps=3, speedup=9.0),
        RIGHT,
        "30 of 40 candidates were accepted; nothing was applied, since this is a shadow run.",
    ),
    "workers still starting": (
        WORKERS._replace(awaited=True),
        {},
        "No speed-up: the run was over while its workers were still starting; a longer run has more of them.",
    ),
    "recorded supersteps, and no candidate accepted": (
        WORKERS._replace(leaps=3, recalled=3, skipped=30, slowdown=1.9),
        {"rejected": 8},
        "Speculation was withdrawn: all 8 candidates were rejected, since a state word was predicted wrong.",
    ),
    "nowhere worth it": (
        WORKERS._replace(passed_over=1200),
        {},
        "No speed-up: the recognizer found no place worth predicting from, at 1,200 boundaries.",
    ),
    "gain by candidates": (
        WORKERS._replace(speedup=2.0, leaps=40, skipped=600),
        RIGHT,
        "30 of 40 candidates were accepted, and 60 % of the steps were leapt over.",
    ),
    "gain by both": (
        WORKERS._replace(speedup=2.0, leaps=40, skipped=600, recalled=15),
        RIGHT,
        "30 of 40 candidates were accepted, and 60 % of the steps were leapt over, 15 leaps by what had been seen "
        "before.",
    ),
    "gain by recorded supersteps": (
        WORKERS._replace(speedup=2.0, leaps=40, skipped=600, recalled=40),
        {},
        "The same states came back: 60 % of the steps were leapt over, 40 times by what had been seen before.",
    ),
    "gain by results that came back, of the main thread and of workers": (
        WORKERS._replace(speedup=2.0, leaps=400, skipped=600, recalled=38),
        RIGHT,
        "The same states came back: 60 % of the steps were leapt over, 400 times by what had been seen before.",
    ),
    "gain in spite of a fault": (
        WORKERS._replace(speedup=2.0, leaps=40, skipped=600, fault="the workers broke down"),
        RIGHT,
        "30 of 40 candidates were accepted, and 60 % of the steps were leapt over.",
    ),
    "fault": (
        WORKERS._replace(fault="the workers did not start (OSError: no)"),
        {},
        "No speed-up: the workers did not start (OSError: no).",
    ),
    "fault, early": (
        WORKERS._replace(fault="the workers did not start", over=False),
        {},
        "No speed-up: the workers did",
    ),
    "slow workers": (
        WORKERS._replace(leaps=5, skipped=600, slowdown=7.25),
        RIGHT,
        "No speed-up although 30 of 40 candidates were accepted: with tracking a worker takes 7.2 times as long as",
    ),
    "too few leaps": (
        WORKERS._replace(leaps=5, skipped=40, slowdown=1.1),
        RIGHT,
        "No speed-up: 30 of 40 candidates were accepted, too few to matter, so speculation was mostly withheld.",
    ),
    "costly speculation": (
        WORKERS._replace(leaps=5, skipped=600),
        RIGHT,
        "No speed-up although 30 of 40 candidates were accepted: speculation took 25 % of the time, as much as it "
        "saved, most of it for sending tasks. Longer supersteps (--set recognizer.worth=200) or heavier steps would",
    ),
    "not found again": (
        WORKERS,
        {"accepted": 7},
        "No speed-up: 7 candidates were accepted, but the cache gave none of them back. Either they are larger",
    ),
    "early": (
        WORKERS._replace(over=False),
        {"launched": 4},
        "Too early to say: no candidate has been settled yet.",
    ),
    "all wrong": (
        WORKERS,
        {"rejected": 9},
        "Speculation was withdrawn: all 9 candidates were rejected, since a state word was predicted wrong.",
    ),
    "late": (WORKERS, {"late": 2}, "No speed-up: the run was over, or already past the position, before"),
    "launched": (WORKERS, {"launched": 2}, "No speed-up: the run was over, or already past the position, before"),
    "silent": (WORKERS, {"silent": 12}, "No speed-up: the predictors had nothing to say, 12 times."),
    "without predictors": (WORKERS._replace(fault=EVERY_OFF), {"failed": 2}, f"No speed-up: {EVERY_OFF}."),
    "without predictors after rejections": (
        WORKERS._replace(fault=EVERY_OFF),
        {"failed": 2, "rejected": 9},
        f"No speed-up: {EVERY_OFF}.",
    ),
    "without a recognizer after a gain": (
        WORKERS._replace(speedup=2.0, leaps=40, skipped=600, fault=RECOGNIZER_OFF),
        RIGHT,
        "30 of 40 candidates were accepted, and 60 % of the steps were leapt over. Speculation was switched off after "
        "the recognizer mine raised ValueError: no (mine.py, line 3).",
    ),
    "alone": (BASE, {}, "No speed-up: no state came back, and there are no workers to run ahead."),
    "short": (WORKERS, {}, "No speed-up: the run was too short to speculate in,"),
    "at the start": (
        WORKERS._replace(position=0, over=False),
        {},
        "Too early to say: no candidate has been settled yet.",
    ),
}

JUDGED: dict[str, Case] = {
    "shadow": (
        BASE._replace(shadow=True, leaps=3, speedup=9.0),
        RIGHT,
        "30 of 40 candidates were accepted; nothing was applied, since this is a shadow run.",
    ),
    "gain": (
        BASE._replace(speedup=1.5, leaps=12, gained=340.4, skipped=300),
        RIGHT,
        "30 of 40 candidates were accepted; the 12 leaps taken lowered the held-out loss as much as 340 of this run's "
        "own steps do, and speculation took 25.0 % of the work.",
    ),
    "gain by one leap": (
        BASE._replace(speedup=1.5, leaps=1, gained=340.4),
        {"accepted": 1},
        "1 of 1 candidates were accepted; the leap taken lowered the held-out loss as much as 340 of this run's own",
    ),
    "loss": (
        BASE._replace(leaps=12, gained=7.0),
        RIGHT,
        "No speed-up: 30 of 40 candidates were accepted, worth 7 of this run's own steps in all, and speculation took "
        "25.0 % of the work.",
    ),
    "not found again": (
        BASE,
        {"accepted": 7},
        "No speed-up: 7 candidates were accepted, but the cache gave none of them back. Either they are larger",
    ),
    "all rejected": (
        BASE._replace(over=False),
        {"rejected": 9, "silent": 1},
        "No leap was taken: all 9 candidates were rejected by the validator, so speculation was withdrawn.",
    ),
    "early": (BASE._replace(over=False), {}, "Too early to say: no candidate has been settled yet."),
    "silent": (BASE, {"silent": 12}, "No speed-up: the predictors had nothing to say, 12 times."),
    "without predictors": (BASE._replace(fault=EVERY_OFF), {"failed": 2}, f"No speed-up: {EVERY_OFF}."),
    "without a recognizer": (BASE._replace(fault=RECOGNIZER_OFF, over=False), {}, f"No speed-up: {RECOGNIZER_OFF}."),
    "without a validator": (
        BASE._replace(fault=VALIDATOR_OFF),
        {"unjudged": 3, "rejected": 2},
        "No speed-up: speculation was switched off after the validator strict raised KeyError: 'x' (mine.py, line 3).",
    ),
    "without a validator after leaps": (
        BASE._replace(leaps=12, gained=7.0, fault=VALIDATOR_OFF),
        RIGHT | {"unjudged": 3},
        "No speed-up: 30 of 40 candidates were accepted, worth 7 of this run's own steps in all, and speculation took "
        "25.0 % of the work. Speculation was switched off after the validator strict raised KeyError: 'x' (mine.py, ",
    ),
    "without a validator after a gain": (
        BASE._replace(speedup=1.5, leaps=12, gained=340.4, fault=VALIDATOR_OFF),
        RIGHT | {"unjudged": 3},
        "30 of 40 candidates were accepted; the 12 leaps taken lowered the held-out loss as much as 340 of this run's "
        "own steps do, and speculation took 25.0 % of the work. Speculation was switched off after the validator",
    ),
    "not judged": (
        BASE._replace(over=False),
        {"unjudged": 2, "silent": 9},
        "No speed-up: the validator gave no verdict on any of 2 candidates; the warnings say why.",
    ),
    "not judged beside rejected ones": (
        BASE,
        {"rejected": 9, "unjudged": 2},
        "No leap was taken: all 9 candidates were rejected by the validator, so speculation was withdrawn. 2 more were "
        "not judged; the warnings say why.",
    ),
    "one not judged": (
        BASE,
        {"unjudged": 1},
        "No speed-up: the validator gave no verdict on the only candidate; the warnings say why.",
    ),
    "shadow with leaps": (
        BASE._replace(shadow=True, shadow_speedup=1.234),
        RIGHT,
        "30 of 40 candidates were accepted; nothing was applied, since this is a shadow run. With every leap taken, "
        "the speed-up would have been 1.23× by the ledger.",
    ),
    "shadow without a validator": (
        BASE._replace(shadow=True, fault=VALIDATOR_OFF),
        {"unjudged": 3},
        "0 of 0 candidates were accepted; nothing was applied, since this is a shadow run. Speculation was switched",
    ),
    "nowhere worth it": (
        BASE._replace(passed_over=1200),
        {},
        "No speed-up: the recognizer found no place worth predicting from, at 1,200 boundaries.",
    ),
    "short": (BASE, {}, "No speed-up: the run was too short to speculate in,"),
}


def outcomes(counts: dict[str, int]) -> Outcomes:
    found = Outcomes()
    found.counts.update({Outcome[name.upper()].value: count for name, count in counts.items()})
    return found


REASONS: dict[str, tuple[dict[str, int], str]] = {
    "one sentence": (
        {"the step prints (prices.py, line 3)": 9},
        "all 9 candidates were rejected, since the step prints (prices.py, line 3).",
    ),
    "a word": ({"`mode` was predicted wrong": 9}, "all 9 candidates were rejected, since `mode` was predicted wrong."),
    "an error": ({"ValueError: no": 9}, "all 9 tasks failed in a worker, with ValueError: no."),
    "an error without a message": ({"SystemExit": 9}, "all 9 tasks failed in a worker, with SystemExit."),
    "several errors": (
        {"KeyError: 1": 4, "KeyError: 2": 5},
        "all 9 tasks failed in a worker, mostly with KeyError: 2.",
    ),
    "the most frequent one": (
        {"`mode` was predicted wrong": 4, "ValueError: no": 5},
        "all 9 candidates were rejected, mostly since a worker raised ValueError: no.",
    ),
}
"""What is said of rejections counted by their reasons."""

UNPROFITABLE = Costs(task=1234.0, nbytes=200e6, unprofitable=True)
LOST = Withheld(0.0282, "at boundaries between supersteps")
COSTS: dict[str, tuple[Facts, dict[str, int], Costs, str]] = {
    "a task that costs too much, once sent": (
        WORKERS._replace(leaps=1, skipped=8),
        {"launched": 1, "accepted": 1},
        UNPROFITABLE,
        "a task, with 200 MB to copy, costs the main thread as much as 1,234 steps, more than it can gain.",
    ),
    "a task that costs too much, never sent": (
        WORKERS,
        {},
        UNPROFITABLE._replace(nbytes=5e3),
        "No speed-up: a task costs the main thread as much as 1,234 steps, more than it can gain.",
    ),
    "a task that costs little, and can gain less": (
        WORKERS,
        {},
        Costs(task=0.3, unprofitable=True),
        "No speed-up: a task costs the main thread less than 1 step, more than it can gain.",
    ),
    "a task that costs a step": (
        WORKERS,
        {},
        Costs(task=1.2, unprofitable=True),
        "No speed-up: a task costs the main thread as much as 1 step, more than it can gain.",
    ),
    "workers whose start copies too much": (
        WORKERS,
        {},
        Costs(recording=40.0, opening=Opening(2906.4, 200e6)),
        "No speed-up: the start of workers, with 200 MB to copy, costs the main thread as much as 2,906 steps, more "
        "than the rest of the run may lose.",
    ),
    "slow tracking, where every result is late": (
        WORKERS._replace(slowdown=40.0),
        {"late": 3},
        Costs(),
        "arrived, since with tracking a worker takes 40.0 times as long as the plain step.",
    ),
    "a machine that suspended the run at a boundary": (
        WORKERS._replace(awaited=True),
        {},
        Costs(withheld=LOST),
        "No speed-up: speculation was withheld, because it had lost 28 ms, most of it at boundaries between "
        "supersteps, and it may lose only a small share of the plain work (its setting overdraft). It loses more on a "
        "machine that is busy with other programs.",
    ),
    "the same before a result was used": (WORKERS, {"late": 1}, Costs(withheld=LOST), "busy with other programs."),
    "the same after a leap": (
        WORKERS._replace(leaps=1, skipped=8),
        {"accepted": 1},
        Costs(withheld=LOST),
        "busy with other programs.",
    ),
    "slow tracking, where nothing was tried": (
        WORKERS,
        {},
        Costs(recording=40.0),
        "No speed-up: tracking takes at least 40.0 times as long as plain steps, so speculation was withheld. Do "
        "more work a step on fewer reads.",
    ),
}
"""Costs that explain a loss, and the end of the sentence."""


def executed_sentences() -> list[str]:
    """Return every sentence about executed speculation."""
    plain = [executed(facts, outcomes(counts), Counter([WRONG]), Costs()) for facts, counts, _ in EXECUTED.values()]
    reasons = [executed(WORKERS, outcomes({"rejected": 9}), Counter(found), Costs()) for found, _ in REASONS.values()]
    costs = [executed(facts, outcomes(counts), Counter(), cost) for facts, counts, cost, _ in COSTS.values()]
    return [*plain, *reasons, *costs]


@pytest.mark.parametrize("case", sorted(EXECUTED))
def test_executed_speculation_is_explained(case: str) -> None:
    facts, counts, expected = EXECUTED[case]
    check(executed(facts, outcomes(counts), Counter([WRONG]), Costs()), expected)


@pytest.mark.parametrize("case", sorted(REASONS))
def test_the_most_frequent_reason_of_rejections_is_named(case: str) -> None:
    reasons, end = REASONS[case]
    said = executed(WORKERS, outcomes({"rejected": 9}), Counter(reasons), Costs())
    check(said, f"Speculation was withdrawn: {end}")


@pytest.mark.parametrize("case", sorted(COSTS))
def test_a_cost_that_explains_a_loss_is_named(case: str) -> None:
    facts, counts, costs, end = COSTS[case]
    said = executed(facts, outcomes(counts), Counter(), costs)
    check(said, "No speed-up")
    assert said.endswith(end)


@pytest.mark.parametrize(
    ("kind", "phrase"),
    [
        ("track", "most of it for recording supersteps, so that they can be remembered. To record none: --set"),
        ("dispatch", "most of it for sending tasks. Longer supersteps"),
        ("predict", "most of it for predicting states. Fewer predictors"),
        ("wait", "most of it for waiting for workers. A free core"),
        ("collect", "most of it for taking in results and looking them up."),
        ("observe", "most of it at boundaries between supersteps."),
        ("spot-check", "most of it for starting workers and for checks."),
    ],
)
def test_the_cost_that_ate_the_gain_is_named(kind: str, phrase: str) -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1000, 10.0)
    ledger.charge(kind, 3.0)
    for other in ("plan", "lookup", "notify"):
        ledger.charge(other, 1.0)
    scheduler = ExecutedScheduler(ExecutedScheduler.Config(), ["linear"], ledger, Outcomes())
    costs = Costs.of(ledger, scheduler, Opening())
    assert phrase in executed(WORKERS._replace(leaps=5, skipped=600), outcomes(RIGHT), Counter(), costs)


def test_a_boundary_that_the_machine_interrupted_is_named_and_not_the_length_of_the_run() -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.start("start", 0.5)  # not rationed
    ledger.progress(100, 0.5)
    ledger.charge("observe", 0.0282)
    scheduler = ExecutedScheduler(ExecutedScheduler.Config(), ["linear"], ledger, Outcomes())
    assert Costs.of(ledger, scheduler, Opening()).withheld == LOST
    ledger.progress(10_000, 50.0)
    assert Costs.of(ledger, scheduler, Opening()).withheld == Withheld()


@pytest.mark.parametrize("case", sorted(JUDGED))
def test_judged_speculation_is_explained(case: str) -> None:
    facts, counts, expected = JUDGED[case]
    check(judged(facts, outcomes(counts), Bounded()), expected)


@pytest.mark.parametrize(
    ("facts", "counts", "bounded", "expected"),
    [
        (BASE, {"rejected": 9}, Bounded(1, 17), "No leap was taken: all 9 candidates were rejected by the validator"),
        (BASE, {}, Bounded(1, 17), "No speed-up: no candidate was judged. Long horizons were left out"),
        (BASE._replace(over=False), {}, Bounded(1, 17), "Too early to say: no candidate has been settled yet. Long"),
    ],
)
def test_horizons_that_were_left_out_are_named(
    facts: Facts, counts: dict[str, int], bounded: Bounded, expected: str
) -> None:
    sentence = judged(facts, outcomes(counts), bounded)
    check(sentence, expected)
    assert sentence.endswith(
        " Long horizons were left out at 1 boundary, lately those beyond 17 steps: almost equal states drift apart "
        "within them."
    )
    more = judged(facts, outcomes(counts), Bounded(1200, 1700))
    assert "left out at 1,200 boundaries, lately those beyond 1,700 steps" in more


def test_what_workers_took_from_the_present_state_is_no_state_that_came_back() -> None:
    facts, costs = WORKERS._replace(speedup=2.0, leaps=400, skipped=600), Costs(delegated=300)
    said = executed(facts, outcomes(RIGHT), Counter(), costs)
    assert said == "30 of 40 candidates were accepted, and 60 % of the steps were leapt over."


def check(sentence: str, expected: str) -> None:
    assert sentence.startswith(expected)
    assert re.fullmatch(r"[A-Z0-9].*\.", sentence), "one sentence or more, each with its full stop"
