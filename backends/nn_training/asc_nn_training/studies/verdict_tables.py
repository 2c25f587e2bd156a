"""The tables of the study of verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import inf, isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np

from asc.study import Cell, Table

Record = Mapping[str, Any]
CLEAR = 2.0  # standard errors beyond which a truth counts
_NOTHING = (0.0, 0.0)  # the verdict on a candidate that this kind of verdict does not judge
ACCEPTED = -1.645  # standard errors below zero at which a change is accepted, one-sided at 5 %


class Truth(NamedTuple):
    """What a candidate did to the end of the run, over orders of the data; below zero is better."""

    mean: float
    error: float

    @property
    def clear(self) -> bool:
        """Whether it is more than chance."""
        return self.mean == inf or abs(self.mean) > CLEAR * self.error


def truth(ends: Sequence[float | None], spread: float) -> Truth:
    """Return the mean end and its standard error; infinite where a continued training diverged.

    `spread` is the standard deviation of an end over orders of the data.
    """
    if any(end is None for end in ends):
        return Truth(inf, 0.0)
    known = np.array(ends, float)
    return Truth(float(known.mean()), spread / sqrt(len(known)))


class Judged(NamedTuple):
    """One candidate."""

    training: tuple[float, int]  # its rate and seed
    kind: str
    verdicts: Mapping[str, Any]
    truth: Truth


def judged(records: Sequence[Record]) -> Iterator[Judged]:
    """Yield every candidate.

    Few orders tell little about the spread of one end, so it is pooled over all states, for each kind.
    """
    variances = defaultdict[str, list[float]](list)
    for record in records:
        for kind, found in record["candidates"].items():
            if None not in found["ends"] and len(found["ends"]) > 1:
                variances[kind].append(float(np.var(found["ends"], ddof=1)))
    for record in records:
        for kind, found in record["candidates"].items():
            if not found["ends"]:  # the training without the candidate diverged in every order
                continue
            spread = sqrt(np.mean(variances[kind])) if variances[kind] else 0.0
            yield Judged((record["rate"], record["seed"]), kind, found["verdicts"], truth(found["ends"], spread))


def by_verdict(records: Sequence[Record], about: str, prices: Mapping[str, float]) -> Table:
    """Return how often each verdict's sign is that of the end, and how often what it accepts is better at the end.

    `prices` are those of the verdicts, in plain steps.
    """
    names = dict.fromkeys(name for each in judged(records) for name in each.verdicts)
    clear = [each for each in judged(records) if each.truth.clear]
    worse = [each.truth.mean > 0 for each in clear]
    rows: list[tuple[Cell, ...]] = [("always worse", "0", len(clear), _share(worse), 0, None, "0 %", None, None)]
    by_kind = [each for each in map(partial(_kind_elsewhere, clear), clear) if each is not None]
    rows.append(("its kind", "0", len(by_kind), _share(by_kind), None, None, None, None, None))
    for name in names:
        given = [(each.verdicts[name], each.truth.mean) for each in clear if name in each.verdicts]
        pairs = [(verdict, end) for verdict, end in given if _change(verdict) != 0]
        right = [(change < 0) == (end < 0) for change, end in ((_change(v), end) for v, end in pairs)]
        taken = [end < 0 for verdict, end in pairs if _accepts(verdict)]
        better = [_accepts(verdict) for verdict, end in pairs if end < 0]
        price = f"{prices[name]:.0f}" if name in prices else None
        margins, right_with = _with_margin(
            [each for each in clear if _change(each.verdicts.get(name, _NOTHING)) != 0], name
        )
        row = (name, price, len(pairs), _share(right), len(taken), _share(taken), _share(better))
        rows.append((*row, margins, _share(right_with)))
    notes = (
        about,
        f"Only candidates count whose end differs by more than {CLEAR:g} standard errors, over the orders of the data; "
        "the spread is pooled over states for each kind. right: the sign of the mean change of the held-out loss is "
        "the sign of the change of the final test loss. accepted: the change is below zero by a one-sided test at 5 %.",
        "now: the loss of the moment, over all judging sequences; one look: over the first subset of them. after m: m "
        "real steps from both sides; mean: the mean weights of the last half of these steps; annealed: half as many "
        "steps more, at least 10, in which the rate falls to zero. switchback: stretches of the run with the way and "
        "without it. price: in plain steps, both sides together.",
        "margin: by how much the loss may be higher, chosen by the candidates of the other trainings such that most "
        "signs are right; right with it: the share for the training that is left out. The same kinds of candidates are "
        "on both sides, so a margin says nothing about other kinds.",
        "always worse: what a verdict that refuses everything would be right about. its kind: what a verdict is right "
        "about that looks at no loss, and asks only whether the kind ended better more often than worse in the other "
        "trainings. A way changes nothing at once, so "
        "`now` and `one look` say nothing about it, and it is not among their candidates.",
    )
    columns = (
        *("verdict", "price", "candidates", "right", "accepted", "accepted and better", "better and accepted"),
        *("margin", "right with it"),
    )
    return Table("verdicts", "How often a verdict is right", columns, tuple(rows), notes)


def by_candidate(records: Sequence[Record]) -> Table:
    """Return what each kind of candidate does to the end, and to the loss of the moment."""
    rows = []
    for kind in dict.fromkeys(each.kind for each in judged(records)):
        found = [(each.verdicts, each.truth) for each in judged(records) if each.kind == kind]
        known = np.array([end.mean for _, end in found if isfinite(end.mean)])
        error = _error_over_trainings(records, kind)
        now = np.mean([_change(verdicts["now"]) for verdicts, _ in found])
        clear = [end.mean for _, end in found if end.clear]
        rows.append(
            (
                kind,
                len(found),
                f"{now:+.4f}",
                f"{known.mean():+.4f}" + ("" if error is None else f" ± {error:.4f}"),
                sum(end < 0 for end in clear),
                sum(end > 0 for end in clear),
                len(found) - len(known),
            )
        )
    notes = (
        "Nats a token, below zero is better. now: the mean change of the held-out loss at once. end: the mean change "
        "of the final test loss, with its standard error over trainings. better, worse: states where that is clear. "
        "diverged: states from which a training diverged; they are among the worse ones, and in no mean.",
    )
    columns = ("candidate", "states", "now", "end", "better", "worse", "diverged")
    return Table("candidates", "What candidates do to the end of the run", columns, tuple(rows), notes)


def _error_over_trainings(records: Sequence[Record], kind: str) -> float | None:
    """Return the standard error of a kind's mean end; states of one training count as one. None for one training."""
    ends = defaultdict[tuple[Any, Any], list[float]](list)
    for record in records:
        found = record["candidates"].get(kind, {"ends": [None]})["ends"]
        if found and None not in found:
            ends[record["rate"], record["seed"]].append(float(np.mean(found)))
    means = [float(np.mean(each)) for each in ends.values()]
    return float(np.std(means, ddof=1)) / sqrt(len(means)) if len(means) > 1 else None


def _with_margin(candidates: Sequence[Judged], verdict: str) -> tuple[str | None, list[bool]]:
    """Return the range of margins that are chosen without each training, and what is right in that training by them."""
    margins, right = list[float](), list[bool]()
    for training in dict.fromkeys(each.training for each in candidates):
        others = [each for each in candidates if each.training != training]
        if not others:
            continue
        margins.append(margin(others, verdict))
        right += [
            (_change(each.verdicts[verdict]) < margins[-1]) == (each.truth.mean < 0)
            for each in candidates
            if each.training == training
        ]
    return (f"{min(margins):+.4f} to {max(margins):+.4f}" if margins else None), right


def _kind_elsewhere(clear: Sequence[Judged], candidate: Judged) -> bool | None:
    """Return whether most of its kind in the other trainings had a truth of its sign; None where they are in doubt."""
    others = [
        each.truth.mean < 0 for each in clear if each.kind == candidate.kind and each.training != candidate.training
    ]
    better = 2 * sum(others) - len(others)
    return None if better == 0 else (better > 0) == (candidate.truth.mean < 0)


def margin(candidates: Sequence[Judged], verdict: str) -> float:
    """Return the margin by which most signs are right, of several the one nearest to zero.

    Only 0 and the middles between two changes are tried.
    """
    changes = sorted({_change(each.verdicts[verdict]) for each in candidates})
    known = [change for change in changes if isfinite(change)]
    tried = [0.0, *((one + other) / 2 for one, other in pairwise(known))]

    def right(at: float) -> int:
        return sum((_change(each.verdicts[verdict]) < at) == (each.truth.mean < 0) for each in candidates)

    return max(tried, key=lambda at: (right(at), -abs(at)))


def _change(verdict: Sequence[float | None]) -> float:
    return inf if verdict[0] is None else verdict[0]


def _accepts(verdict: Sequence[float | None]) -> bool:
    change, error = verdict
    return change is not None and error is not None and change < ACCEPTED * error


def _share(of: Sequence[bool]) -> str | None:
    return f"{100 * sum(of) / len(of):.0f} %" if of else None
