"""The same linked list, in order and shuffled: pointers are numbers, and the layout alone decides.

A circular list is traversed 32 times. A candidate must be right about one state word only: `p`, the pointer to the next
node. In order it moves by a constant, so a stride predicts it; shuffled, it can be anywhere. Both lists have the same
content, and the code is the same.

Look at the predictors first: they are right always or never. On the first lap, where nothing can be remembered, the
share of steps that are leapt over depends on them, and so does the net speed-up if the worker has an idle core. With
memory both lists are far faster, on one core: after one lap every state has been seen, in any layout.
"""

from __future__ import annotations

import sys
from typing import Any

from asc.plugins import load
from asc.testing.histories import WordHistory
from asc.types import Direct
from asc_toy import SpeculationConfig, accelerate
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.programs import build

PREDICTORS = ("last-value", "linear", "affine")
LISTS = ("list-ordered", "list-shuffled")
LAP = 64  # steps
LONGER = 25  # times as many nodes where only the first lap is traversed
WORKER = SpeculationConfig(predictors=("linear",), workers=1, recognizer={"name": "every", "steps": 1})
MEMORY = SpeculationConfig(executor="none")


def right(program: Program, name: str) -> float:
    """Return the share of the first lap's steps whose pointer a predictor predicts right."""
    predictor, computation = load().registry.create("predictor", name, {}), ToyComputation(program)
    seen, hits = [dict(computation.words())], 0
    for step in range(1, LAP):
        predicted = predicted_pointer(predictor, WordHistory(range(step), seen))
        computation.advance(1)
        seen.append(dict(computation.words()))
        hits += predicted == seen[-1]["p"]
    return hits / (LAP - 1)


def predicted_pointer(predictor: Any, history: WordHistory) -> int | None:
    """Predict one step ahead: a prediction is a state, or coefficients of past snapshots."""
    prediction = predictor.predict(history, 1)
    if prediction is None:
        return None
    if isinstance(prediction, Direct):
        return prediction.state["p"]
    past = prediction.of(history.read("words"))
    return sum(coefficient * words["p"] for coefficient, words in zip(prediction.coefficients, past, strict=True))


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
    rates = [(name, *(f"{right(program, name):.0%}" for program in programs)) for name in PREDICTORS]
    table("right predictions, first lap", rates)

    first = [run(build(name, LONGER * nodes), LAP, WORKER) for name in LISTS]
    accepted = [f"{lap['accepted']} of {lap['accepted'] + lap['rejected']}" for lap in first]
    rows = [("accepted candidates", *accepted), ("steps leapt over, net speed-up", *map(gain, first))]
    table(f"a worker: one lap, {LONGER} times the nodes", rows)

    all_laps = [run(program, program.steps, MEMORY) for program in programs]
    table("memory: 32 laps, no worker", [("steps leapt over, net speed-up", *map(gain, all_laps))])
    print("\nEvery run ended in the state of the plain loop, bit for bit.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
