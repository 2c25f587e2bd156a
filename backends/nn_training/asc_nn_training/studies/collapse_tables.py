"""The tables of `asc study collapse`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from asc.recognizers.thresholds import Limits
from asc.study import Cell, Table
from asc_nn_training.studies.collapse_plan import CollapsePlan, Inspection, barriers, calm_members
from asc_nn_training.studies.collapse_results import (
    AVERAGED,
    BEST,
    PARALLEL,
    SINGLE,
    TO_AVERAGE,
    TO_ONE,
    Arm,
    CollapseResults,
    EnsembleLog,
)
from asc_nn_training.studies.collapse_run import RATES
from asc_nn_training.studies.formats import mean_std, plus_minus

_OF_ENSEMBLE = (TO_ONE, TO_AVERAGE, AVERAGED, BEST)


def collapse_tables(results: CollapseResults) -> list[Table]:
    """Return the arms, then the barriers by step; none before the first inspection."""
    if not results.inspections:
        return []
    return [_arms(results), _barriers(results)]


def _arms(results: CollapseResults) -> Table:
    single, plan = results.arm(SINGLE), results.plan
    rows = [_row(results, name, None, single) for name in (SINGLE, PARALLEL)]
    rows += [_row(results, name, each, single) for each in results.together for name in _OF_ENSEMBLE]
    columns = ("arm", "shared steps", "collapse at", "test loss", "minus one", "steps", "in parallel", "inspections")
    notes = [
        f"{plan.members} members of {plan.steps} steps each, {len(single)} seeds: mean ± standard deviation over "
        "seeds, in nats a token. minus one: paired by seed. steps: of all members together, counted with the batch "
        "of one member. in parallel: the same if each member has a process of its own. inspections: what regimes, "
        "held-out losses and lines cost, in steps; lines are needed only where enough members are calm.",
        *_rates(results),
        *_spread(results),
        *(sentence for each in results.together for sentence in _verdict(results, each)),
    ]
    return Table("arms", "What a collapse saves and costs", columns, tuple(r for r in rows if r), tuple(notes))


def _row(results: CollapseResults, name: str, together: int | None, single: dict[int, Arm]) -> tuple[Cell, ...] | None:
    arms, plan = results.arm(name, together), results.plan
    if not arms:
        return None
    at = [p for log in (results.logs(together) if together is not None else ()) if (p := _collapse_at(log, plan))]
    return (
        name,
        "" if together is None else together,
        f"{np.mean(at):.0f}" if at and name in (TO_ONE, TO_AVERAGE) else "",
        _of(arms, single, [arm.test_loss for arm in arms.values()]),
        "" if name == SINGLE else plus_minus(*_difference(arms, single), 4),
        f"{_steps(arms):,.0f}",
        plan.steps,
        f"{_inspected(arms):,.0f}",
    )


def _of(arms: dict[int, Arm], single: dict[int, Arm], values: Sequence[float]) -> str:
    """Return a mean, and of how many seeds it is if an arm does not exist in all of them."""
    text = plus_minus(*mean_std(values), 4) if np.isfinite(values).all() else "not finite"
    return text if len(arms) == len(single) else f"{text} ({len(arms)} of {len(single)} seeds)"


def _rates(results: CollapseResults) -> Iterator[str]:
    parts = []
    for rates in RATES:
        found = [by[rates] for by in results.parallel.values() if rates in by]
        losses = [record["outcome"]["dev_loss"] for record in found if record["outcome"]]
        if losses:
            parts.append(f"{np.mean(losses):.4f} at a peak rate of {found[0]['rate']:.3g} ({rates})")
        elif found:
            parts.append(f"not finite at a peak rate of {found[0]['rate']:.3g} ({rates})")
    if parts:
        yield f"Dev losses of data parallel: {'; '.join(parts)}. The arm has the lower one: {results.rates}."


def _spread(results: CollapseResults) -> Iterator[str]:
    spread = results.spread()
    if spread is not None:
        yield (
            f"Members of one ensemble end with test losses whose standard deviation is {spread:.4f}: a smaller "
            "difference between two single trainings says nothing."
        )


def _verdict(results: CollapseResults, together: int) -> Iterator[str]:
    """Say in sentences what the collapse of the ensembles with so many shared steps saves and costs."""
    plan, logs = results.plan, results.logs(together)
    if not logs:
        return
    name = f"With {together} shared steps" if together else "With different random weights"
    at = [position for log in logs if (position := _collapse_at(log, plan)) is not None]
    if not at:
        seen = [each for log in logs for each in log.inspections if each["position"] < plan.steps]
        calm, connected = sum(map(plan.is_calm, seen)), sum(map(plan.connects, seen))
        highest = [max(barriers(each)) for each in seen]
        lowest = f" The highest barrier was always {_nats(min(highest))} nats or more." if highest else ""
        yield (
            f"{name} no ensemble collapsed: of {len(seen)} inspections before the end, enough members were calm at "
            f"{calm}, and all were connected at {connected}.{lowest}"
        )
        return
    end = sum(plan.connects(log.inspections[-1]) for log in logs if log.inspections[-1]["position"] == plan.steps)
    yield (
        f"{name} {len(at)} of {len(logs)} ensembles collapsed, at step {np.mean(at):.0f} on average; at the end the "
        f"members of {end} are connected."
    )
    for arm in (TO_ONE, TO_AVERAGE):
        found = results.arm(arm, together)
        single, parallel, best = results.arm(SINGLE), results.arm(PARALLEL), results.arm(BEST, together)
        if found and set(found) <= set(single) & set(parallel) & set(best):
            yield (
                f"{name} a {arm} takes {_steps(found):,.0f} steps, and inspections worth {_inspected(found):,.0f}, "
                f"instead of the {_steps(best):,.0f} steps of the whole ensemble: {_saved(found, best)}. It ends "
                f"{_beside(found, best)} the ensemble's best member, {_beside(found, single)} one training of "
                f"{plan.steps:,} steps, and {_beside(found, parallel)} data parallel, which takes "
                f"{_steps(parallel):,.0f} steps."
            )


def _saved(arms: dict[int, Arm], others: dict[int, Arm]) -> str:
    more = (_steps(arms) + _inspected(arms)) / (_steps(others) + _inspected(others)) - 1
    return f"it costs {more:.0%} more" if more > 0 else f"it saves {-more:.0%}"


def _steps(arms: dict[int, Arm]) -> float:
    return float(np.mean([arm.steps for arm in arms.values()]))


def _inspected(arms: dict[int, Arm]) -> float:
    return float(np.mean([arm.inspections for arm in arms.values()]))


def _beside(arms: dict[int, Arm], others: dict[int, Arm]) -> str:
    """Return how much lower or higher an arm's test loss is, up to the name of the other arm."""
    mean, std = _difference(arms, others)
    if not np.isfinite(mean):
        return "at a loss that cannot be compared with"
    if not mean and not std:
        return "at the same loss as"
    return f"{plus_minus(abs(mean), std, 4)} nats {'lower' if mean < 0 else 'higher'} than"


def _difference(arms: dict[int, Arm], others: dict[int, Arm]) -> tuple[float, float | None]:
    """Return the mean difference of test losses over the seeds that have both, and its deviation."""
    both = [arm.test_loss - others[seed].test_loss for seed, arm in arms.items() if seed in others]
    return mean_std(both) if both and np.isfinite(both).all() else (float("nan"), None)


def _collapse_at(log: EnsembleLog, plan: CollapsePlan) -> int | None:
    inspection = log.collapse(plan)
    return None if inspection is None else int(inspection["position"])


def _barriers(results: CollapseResults) -> Table:
    plan, rows = results.plan, []
    for together in results.together:
        by_position: dict[int, list[Inspection]] = {}
        for each in (each for log in results.logs(together) for each in log.inspections):
            by_position.setdefault(each["position"], []).append(each)
        rows += [(together, position, *_cells(found, plan)) for position, found in sorted(by_position.items())]
    columns = (
        *("shared steps", "step", "calm members", "lowest barrier", "mean barrier", "highest barrier"),
        *("connected pairs", "average minus members"),
    )
    notes = (
        f"Mean over seeds. barrier: how far the held-out loss on the line between two members, at {plan.points} "
        "points, rises above the straight line through the losses of both ends, in nats a token; negative where the "
        f"whole line is lower. connected: a barrier of at most {plan.barrier:g}. average minus members: the loss of "
        "the mean of all members' weights, minus the members' mean loss.",
        *_published(results),
    )
    return Table("barriers", "Barriers between members, by step", columns, tuple(rows), notes)


def _cells(found: Sequence[Inspection], plan: CollapsePlan) -> tuple[Cell, ...]:
    """Return the cells of the inspections at one position, one a seed."""
    pairs = np.array([barriers(each) for each in found])  # (seeds, pairs)
    lower = [np.inf if each["average"] is None else each["average"] - np.mean(each["gate"]) for each in found]
    return (
        f"{np.mean([calm_members(each) for each in found]):.1f}",
        *(_nats(float(each.mean())) for each in (pairs.min(1), pairs, pairs.max(1))),
        f"{(pairs <= plan.barrier).mean():.0%}",
        _nats(float(np.mean(lower))),
    )


def _nats(value: float) -> str:
    return f"{value:+.4f}" if np.isfinite(value) else "not finite"


def _published(results: CollapseResults) -> Iterator[str]:
    found = [each for logs in results.ensembles.values() for log in logs.values() for each in log.inspections]
    seen = [similarity for each in found for similarity in each["similarity"] if similarity is not None]
    if seen:
        limit = Limits().chaotic
        yield (
            f"By the published limits of Leap+Verify (chaotic up to {limit:g}), {sum(s > limit for s in seen)} of the "
            f"{len(seen)} similarities would be calm; here they are between {min(seen):.4f} and {max(seen):.4f}."
        )
