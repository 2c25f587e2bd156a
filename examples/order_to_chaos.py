"""One dial from order to chaos: how often a computation can be leapt over, against its Lyapunov exponent.

The logistic map x -> r x (1 - x) settles on a fixed point for small r, then on cycles of 2, 4, 8 ... points. Beyond
r = 3.57 it is chaotic, except for windows of order such as the one at 3.83. The Lyapunov exponent is the mean rate at
which two neighbouring orbits separate: the mean of log |f'(x)| = log |r (1 - 2x)|. Below zero they come together, above
zero they separate.

At each r the map runs with a trajectory cache, which is asked every 64 iterations. The hit rate is the share of the
boundaries at which the cache knew the way on. Look at where the exponent changes its sign. In order a state comes back
bit for bit, even in double precision, so the cache finds it. Where the exponent is close to zero, at each doubling of
the cycle, the orbit takes long to settle, and the hit rate drops.

python examples/order_to_chaos.py                   # writes order_to_chaos.png beside you
python examples/order_to_chaos.py --points 40 --png ""   # fewer values of r, and no picture
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any, NamedTuple

from asc.cache import TrajectoryCache
from asc_toy.computation import ToyComputation
from asc_toy.program import Program

FIRST, LAST, START = 2.8, 4.0, 0.3
TRANSIENT, ITERATIONS = 6000, 4000  # of the exponent
SUPERSTEP, SUPERSTEPS = 64, 150  # of the run with a cache
ORDER, CHAOS = "#0072B2", "#D55E00"  # Okabe and Ito's blue and vermilion, which are distinct for all eyes
NO_PLOT = "No picture was written: matplotlib is not installed. Type `pip install matplotlib` and run this again."


class Point(NamedTuple):
    """The results at one r."""

    r: float
    exponent: float  # Lyapunov's, nats an iteration
    hit_rate: float
    orbit: list[float]  # points after the transient

    @property
    def colour(self) -> str:
        return CHAOS if self.exponent > 0 else ORDER


def step(state: Any) -> None:
    state.x = state.r * state.x * (1.0 - state.x)


def lyapunov(r: float) -> tuple[float, list[float]]:
    """Return the mean of log |r (1 - 2x)| along the orbit, and the orbit's last points."""
    x, total, orbit = START, 0.0, []
    for iteration in range(TRANSIENT + ITERATIONS):
        x = r * x * (1.0 - x)
        if iteration >= TRANSIENT:
            total += math.log(max(abs(r * (1.0 - 2.0 * x)), 1e-300))  # at x = 1/2 the logarithm is minus infinity
            orbit.append(x)
    return total / ITERATIONS, orbit[-120:]


def hit_rate(r: float) -> float:
    """Run with a trajectory cache; return the share of the boundaries at which it had a way on."""
    computation = ToyComputation(Program("logistic", step, {"x": START, "r": r}, SUPERSTEP * SUPERSTEPS))
    cache = TrajectoryCache()
    while not computation.finished():
        found = cache.lookup(computation)
        if found is not None:
            computation.apply(found)
        else:
            cache.insert(computation.advance(SUPERSTEP, record=True).recorded)
    return cache.stats()["hits"] / SUPERSTEPS


def measure(count: int) -> list[Point]:
    """Measure at `count` values of r."""
    dial = [FIRST + (LAST - FIRST) * i / (count - 1) for i in range(count)]
    return [Point(r, *_figures(r)) for r in dial]


def _figures(r: float) -> tuple[float, float, list[float]]:
    exponent, orbit = lyapunov(r)
    return exponent, hit_rate(r), orbit


def table(points: list[Point]) -> None:
    """Print about 24 of the points, with a bar for the hit rate."""
    print(f"{'r':>7}{'Lyapunov':>11}{'hit rate':>10}")
    for point in points[:: max(1, len(points) // 24)]:
        bar = "#" * round(30 * point.hit_rate)
        kind = "chaos" if point.exponent > 0 else "order"
        print(f"{point.r:7.3f}{point.exponent:+11.3f}{point.hit_rate:10.0%}  {kind}  {bar}")
    for kind, chosen in (
        ("below zero (order)", [p.hit_rate for p in points if p.exponent <= 0]),
        ("above zero (chaos)", [p.hit_rate for p in points if p.exponent > 0]),
    ):
        mean = sum(chosen) / max(1, len(chosen))
        print(f"Exponent {kind}: mean hit rate {mean:.0%} over {len(chosen)} values of r.")


def picture(points: list[Point], path: Path) -> None:
    """Draw orbit, exponent and hit rate over r, and the hit rate over the exponent."""
    import matplotlib  # noqa: PLC0415 -- the table works without

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplot_mosaic(
        [["orbit", "scatter"], ["exponent", "scatter"], ["hits", "scatter"]],
        figsize=(11, 6.5),
        width_ratios=(1.6, 1),
        layout="constrained",
    )
    rs, colours = [p.r for p in points], [p.colour for p in points]
    for p in points:
        axes["orbit"].plot([p.r] * len(p.orbit), p.orbit, ",", color=p.colour, alpha=0.6)
    axes["orbit"].set(ylabel="x, after 6,000\niterations", ylim=(0, 1))
    axes["exponent"].scatter(rs, [max(p.exponent, -2.5) for p in points], s=7, c=colours)
    axes["exponent"].axhline(0, color="black", linewidth=0.8)
    axes["exponent"].set(ylabel="Lyapunov exponent,\nnats an iteration", ylim=(-2.6, 1))
    axes["hits"].scatter(rs, [p.hit_rate for p in points], s=7, c=colours)
    axes["hits"].set(ylabel="hit rate of the\ntrajectory cache", xlabel="r", ylim=(-0.04, 1.04))
    for name in ("orbit", "exponent", "hits"):
        axes[name].set_xlim(FIRST - 0.01, LAST + 0.01)
    for name in ("orbit", "exponent"):
        axes[name].tick_params(labelbottom=False)
    for kind, colour, marker in (("order", ORDER, "o"), ("chaos", CHAOS, "^")):
        chosen = [p for p in points if p.colour == colour]
        axes["scatter"].scatter(
            [max(p.exponent, -2.5) for p in chosen],
            [p.hit_rate for p in chosen],
            s=22,
            color=colour,
            marker=marker,
            alpha=0.5,
            label=f"{kind}: {'>' if colour == CHAOS else '≤'} 0",
        )
    axes["scatter"].axvline(0, color="black", linewidth=0.8)
    axes["scatter"].set(xlabel="Lyapunov exponent, nats an iteration", ylabel="hit rate of the trajectory cache")
    axes["scatter"].legend(loc="lower left", title="exponent")
    figure.suptitle("The logistic map: states that come back can be leapt over")
    for axis in axes.values():
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Hit rate against Lyapunov exponent of the logistic map.")
    parser.add_argument("--points", type=int, default=601, help="values of r")
    parser.add_argument("--png", default="order_to_chaos.png", help="where the picture goes; empty for none")
    given = parser.parse_args()
    found = measure(given.points)
    table(found)
    if given.png:
        try:
            picture(found, Path(given.png))
            print(f"The picture is in {given.png}.")
        except ImportError:
            print(NO_PLOT)
