"""Find the first number whose Collatz trajectory is long. Ctrl-C stops the program; started again, it continues."""

from asc_toy import Interrupted, accelerate


def step(state):
    x, state.length = state.n, 0
    while x != 1:
        x = 3 * x + 1 if x & 1 else x >> 1
        state.length += 1
    state.n += 1


def found(state):
    return state.length >= 300


try:
    result = accelerate(step, {"n": 1, "length": 0}, until=found, folder="runs/collatz", resume=True)
    print(result.state["n"] - 1, result.report)
except Interrupted as stop:
    print(stop)  # how far the program got, and how to continue
    print(stop.result.state)
