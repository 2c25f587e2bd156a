"""The tables of `asc study collapse`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from asc.recognizers.thresholds import Limits
from asc.study import Cell, Table
from asc_nn_training.studies.collapse_results import (
    AVERAGED,
    BEST,
    PARALLEL,
    SINGLE,
    TO_AVERAGE,
    TO_ONE,
    Arm,
    EnsembleLog,
    Results,
)
from asc_nn_training.studies.collapse_run import RATES
from asc_nn_training.studies.ensembles import Look, Plan, barriers, calm_members
from asc_nn_training.studies.formats import mean_std, plus_minus

_OF_ENSEMBLE = (TO_ONE, TO_AVERAGE, AVERAGED, BEST)


def collapse_tables(results: Results) -> list[Table]:
    """Return the arms, then the barriers by step; none before the first look."""
    if not results.looks:
        return []
    return [_arms(results), _barriers(results)]


def _arms(results: Results) -> Table:
    single, plan = results.arm(SINGLE), results.plan
    rows = [_row(results, name, None, single) for name in (SINGLE, PARALLEL)]
    rows += [_row(results, name, each, single) for each in results.together for name in _OF_ENSEMBLE]
    columns = ("arm", "shared steps", "collapse at", "test loss", "minus one", "steps", "in parallel", "looks")
    notes = [
        f"{plan.members} members of {plan.steps} steps each, {len(single)} seeds: mean ± standard deviation over "
        "seeds, in nats a token. minus one: paired by seed. steps: of all members together, counted with the batch "
        "of one member. in parallel: the same if each member has a process of its own. looks: what regimes, held-out "
        "losses and lines cost, in steps; lines are needed only where enough members are calm.",
        *_rates(results),
        *_spread(results),
        *(sentence for each in results.together for sentence in _verdict(results, each)),
    ]
    return Table("arms", "What a collapse saves and costs", columns, tuple(r for r in rows if r), tuple(notes))


def _row(results: Results, name: str, together: int | None, single: dict[int, Arm]) -> tuple[Cell, ...] | None:
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
        f"{_looks(arms):,.0f}",
    )


def _of(arms: dict[int, Arm], single: dict[int, Arm], values: Sequence[float]) -> str:
    """Return a mean, and of how many seeds it is if an arm does not exist in all of them."""
    text = plus_minus(*mean_std(values), 4) if np.isfinite(values).all() else "not finite"
    return text if len(arms) == len(single) else f"{text} ({len(arms)} of {len(single)} seeds)"


def _rates(results: Results) -> Iterator[str]:
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


def _spread(results: Results) -> Iterator[str]:
    spread = results.spread()
    if spread is not None:
        yield (
            f"Members of one ensemble end with test losses whose standard deviation is {spread:.4f}: a smaller "
            "difference between two single trainings says nothing."
        )


def _verdict(results: Results, together: int) -> Iterator[str]:
    """Say in sentences what the collapse of the ensembles with so many shared steps saves and costs."""
    plan, logs = results.plan, results.logs(together)
    if not logs:
        return
    name = f"With {together} shared steps" if together else "With different random weights"
    at = [position for log in logs if (position := _collapse_at(log, plan)) is not None]
    if not at:
        seen = [look for log in logs for look in log.looks if look["position"] < plan.steps]
        calm = sum(plan.is_calm(look) for look in seen)
        highest = [max(barriers(look)) for look in seen]
        lowest = f" The highest barrier of a look was {_nats(min(highest))} nats or more." if highest else ""
        connected = sum(plan.connects(look) for look in seen)
        yield (
            f"{name} no ensemble collapsed: of {len(seen)} looks before the end, enough members were calm at {calm}, "
            f"and all were connected at {connected}.{lowest}"
        )
        return
    end = sum(plan.connects(log.looks[-1]) for log in logs if log.looks[-1]["position"] == plan.steps)
    yield (
        f"{name} {len(at)} of {len(logs)} ensembles collapsed, at step {np.mean(at):.0f} on average; at the end the "
        f"members of {end} are connected."
    )
    for arm in (TO_ONE, TO_AVERAGE):
        found = results.arm(arm, together)
        single, parallel, best = results.arm(SINGLE), results.arm(PARALLEL), results.arm(BEST, together)
        if found and set(found) <= set(single) & set(parallel) & set(best):
            looks, saved = _looks(found), 1 - (_steps(found) + _looks(found)) / (_steps(best) + _looks(best))
            yield (
                f"{name} a {arm} takes {_steps(found):,.0f} steps, and looks worth {looks:,.0f}, instead of the "
                f"{_steps(best):,.0f} steps of the whole ensemble: it saves {saved:.0%}. It ends {_beside(found, best)} the ensemble's best member, "
                f"{_beside(found, single)} one training of {plan.steps:,} steps, and {_beside(found, parallel)} data "
                f"parallel, which takes {_steps(parallel):,.0f} steps."
            )


def _steps(arms: dict[int, Arm]) -> float:
    return float(np.mean([arm.steps for arm in arms.values()]))


def _looks(arms: dict[int, Arm]) -> float:
    return float(np.mean([arm.looks for arm in arms.values()]))


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


def _collapse_at(log: EnsembleLog, plan: Plan) -> int | None:
    look = log.collapse(plan)
    return None if look is None else int(look["position"])


def _barriers(results: Results) -> Table:
    plan, rows = results.plan, []
    for together in results.together:
        by_position: dict[int, list[Look]] = {}
        for look in (look for log in results.logs(together) for look in log.looks):
            by_position.setdefault(look["position"], []).append(look)
        rows += [(together, position, *_cells(looks, plan)) for position, looks in sorted(by_position.items())]
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


def _cells(looks: Sequence[Look], plan: Plan) -> tuple[Cell, ...]:
    """Return the cells of the looks at one position, one look a seed."""
    pairs = np.array([barriers(look) for look in looks])  # (seeds, pairs)
    lower = [np.inf if (average := look["average"]) is None else average - np.mean(look["gate"]) for look in looks]
    return (
        f"{np.mean([calm_members(look) for look in looks]):.1f}",
        *(_nats(float(each.mean())) for each in (pairs.min(1), pairs, pairs.max(1))),
        f"{(pairs <= plan.barrier).mean():.0%}",
        _nats(float(np.mean(lower))),
    )


def _nats(value: float) -> str:
    return f"{value:+.4f}" if np.isfinite(value) else "not finite"


def _published(results: Results) -> Iterator[str]:
    looks = [look for logs in results.ensembles.values() for log in logs.values() for look in log.looks]
    seen = [similarity for look in looks for similarity in look["similarity"] if similarity is not None]
    if seen:
        limit = Limits().chaotic
        yield (
            f"By the published limits of Leap+Verify (chaotic up to {limit:g}), {sum(s > limit for s in seen)} of the "
            f"{len(seen)} similarities would be calm; here they are between {min(seen):.4f} and {max(seen):.4f}."
        )
