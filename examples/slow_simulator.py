"""Search a grid with a slow program, many points at a time, in a loop that tries one after the other.

Each step starts a simulator, another program that takes 50 ms. The next point of the grid is easy to predict, so
workers start simulators for the points to come. `@query` is the author's promise: the simulator's answer depends on its
arguments alone. `minimum` keeps the best, in whatever order the results come.
"""

from __future__ import annotations

import argparse
import subprocess
import textwrap
from typing import Any

from asc_toy import accelerate, query

WIDTH, SCALE = 20, 10_000
SIMULATOR = "sleep 0.05; echo $(( ($1 - 13) * ($1 - 13) + 2 * ($2 - 6) * ($2 - 6) + 40 ))"


@query
def cost(x: int, y: int) -> int:
    """Ask the simulator for the cost of a point."""
    command = ["sh", "-c", SIMULATOR, "simulator", str(x), str(y)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def step(state: Any) -> None:
    """Try one point, and keep it where it is the best so far."""
    y, x = divmod(state.point, WIDTH)
    state.minimum("best", cost(x, y) * SCALE + state.point)  # one number, so that its order is that of the costs
    state.point += 1


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--points", type=int, default=WIDTH * WIDTH)
parser.add_argument("--workers", type=int, default=16)
parser.add_argument("--rate", help="simulators that start a second at most, such as 100/s")
options = parser.parse_args()

config = {"executor": "threads", "workers": options.workers, "rate": options.rate}
result = accelerate(step, {"point": 0, "best": SCALE**2}, options.points, config, compare_plain=True)
least, point = divmod(result.state["best"], SCALE)
print(f"The best of {options.points} points is x = {point % WIDTH}, y = {point // WIDTH}, with a cost of {least}.")
print(textwrap.fill(result.report, 80))
