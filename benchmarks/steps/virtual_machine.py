"""A small virtual machine that looks for primes; each step executes some instructions."""

from __future__ import annotations

from typing import Any

INSTRUCTIONS = 100
PROGRAM = (
    ("set", "n", 1),
    ("set", "primes", 0),
    ("increase", "n", 1),  # 2: the next number
    ("set", "d", 1),
    ("increase", "d", 1),  # 4: the next divisor
    ("if_equal", "d", "n", 9),
    ("remainder", "r", "n", "d"),
    ("if_zero", "r", 2),
    ("jump", 4),
    ("increase", "primes", 1),  # 9: no divisor was found
    ("jump", 2),
)


def step(state: Any) -> None:
    """Fetch, decode, execute."""
    registers, counter = state.registers, state.counter
    for _ in range(INSTRUCTIONS):
        operation, *operands = state.program[counter]
        counter += 1
        if operation == "set":
            registers[operands[0]] = operands[1]
        elif operation == "increase":
            registers[operands[0]] += operands[1]
        elif operation == "remainder":
            registers[operands[0]] = registers[operands[1]] % registers[operands[2]]
        elif operation == "jump":
            counter = operands[0]
        elif operation == "if_zero":
            counter = operands[1] if registers[operands[0]] == 0 else counter
        elif operation == "if_equal":
            counter = operands[2] if registers[operands[0]] == registers[operands[1]] else counter
    state.counter = counter


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at the first instruction."""
    return {"program": PROGRAM, "counter": 0, "registers": dict.fromkeys(("n", "d", "r", "primes"), 0)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Count primes below the number that the machine looks at."""
    registers = end["registers"]
    below = sum(all(p % d for d in range(2, p)) for p in range(2, registers["n"]))
    return registers["n"] > 5 and registers["primes"] - below in (0, 1)
