"""The same linked list, in order and shuffled: pointers are numbers, and the layout alone decides.

A circular list is walked 32 times around. `p`, the pointer to the next node, is the only word that a guess must get
right. Laid out in order it moves by a constant, and a stride tells where the walk will be; shuffled, it is anywhere.
The content of the two lists is the same, and so is the code.

Look at the hit rates of the predictors first: all or nothing. On the first lap, where nothing can be remembered, the
steps leapt over follow them, and so does the net speed-up, as far as there is an idle core for the worker. With memory
both are far faster, on one core: after a lap every state has been seen, whatever the layout.
"""

from __future__ import annotations

import sys
from typing import Any

from asc.plugins import load
from asc.testing.histories import WordHistory
from asc_toy import SpeculationConfig, accelerate
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.programs import build

PREDICTORS = ("last-value", "linear", "affine")
LISTS = ("list-ordered", "list-shuffled")
LAP = 64  # steps
LONGER = 25  # times as many nodes where only the first lap is walked
GUESSES = SpeculationConfig(predictors=("linear",), workers=1, recognizer={"name": "every", "steps": 1})
MEMORY = SpeculationConfig(executor="none")


def hit_rate(program: Program, name: str) -> float:
    """Share of the first lap's steps at which a predictor knows the pointer that the next step leads to."""
    predictor, walk = load().registry.create("predictor", name, {}), ToyComputation(program)
    seen, hits = [dict(walk.words())], 0
    for step in range(1, LAP):
        guess = guessed_pointer(predictor, WordHistory(range(step), seen))
        walk.advance(1)
        seen.append(dict(walk.words()))
        hits += guess == seen[-1]["p"]
    return hits / (LAP - 1)


def guessed_pointer(predictor: Any, history: WordHistory) -> int | None:
    """Ask for the state one step on: a predictor answers with words, or with coefficients of past snapshots."""
    guess = predictor.predict(history, 1)
    if guess is None:
        return None
    if hasattr(guess, "state"):
        return guess.state["p"]
    past = guess.of(history.read("words"))
    return sum(share * words["p"] for share, words in zip(guess.coefficients, past, strict=True))


def run(program: Program, steps: int, config: SpeculationConfig) -> dict[str, Any]:
    """Run with and without speculation; return the summary."""
    summary = accelerate(program.step, program.state, steps, config, compare_plain=True).summary
    assert summary["identical"]
    return summary


def first_pointers(program: Program, count: int) -> list[int]:
    found = [0]
    for _ in range(count):
        found.append(int(program.state["following"][found[-1]]))
    return found


def table(heading: str, rows: list[tuple[str, ...]]) -> None:
    print(f"\n{heading:36}{LISTS[0]:>20}{LISTS[1]:>20}")
    for name, *cells in rows:
        print(f"{name:36}{cells[0]:>20}{cells[1]:>20}")


def gain(summary: dict[str, Any]) -> str:
    return f"{summary['hit_rate']:.0%} leapt, {summary['net_speedup']:.2f}x"


def main(nodes: int) -> None:
    programs = [build(name, nodes) for name in LISTS]
    print(f"{LAP * nodes:,} nodes with the same content. The first pointers in each layout:")
    for program in programs:
        print(f"  {program.name:14} {' -> '.join(map(str, first_pointers(program, 5)))} -> ...")
    rates = [(name, *(f"{hit_rate(program, name):.0%}" for program in programs)) for name in PREDICTORS]
    table("hit rate of a predictor, first lap", rates)

    laps = [run(build(name, LONGER * nodes), LAP, GUESSES) for name in LISTS]
    right = [f"{lap['accepted']} of {lap['accepted'] + lap['rejected']}" for lap in laps]
    table(f"guessing: one lap, {LONGER} times the nodes", [("guesses that were right", *right)])
    print(f"{'steps leapt over, net speed-up':36}" + "".join(f"{gain(lap):>20}" for lap in laps))

    walks = [run(program, program.steps, MEMORY) for program in programs]
    table("remembering: 32 laps, no worker", [("steps leapt over, net speed-up", *map(gain, walks))])
    print("\nEvery run ended in the state of the plain loop, bit for bit.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
