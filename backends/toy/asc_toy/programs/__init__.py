"""The built-in programs. Each shows something about what can be predicted, and is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping

from asc.errors import AscError
from asc.nearest import suggestion
from asc_toy.program import Program
from asc_toy.programs.info import Option, Parts, ProgramInfo

__all__ = ["PROGRAMS", "Option", "Parts", "ProgramInfo", "build"]

_CHAIN = "every iteration needs the one before, so no two can be done at once"

_REGISTERED = (
    ProgramInfo(
        name="collatz",
        where="collatz:SWEEP",
        summary="which of n consecutive starts takes the most Collatz iterations to reach 1",
        counts="the starts to try",
        n=1_300_000,
        demo_n=325_000,
        lesson="The outer counter moves by a constant, so a stride predicts the state any number of steps ahead.",
    ),
    ProgramInfo(
        name="collatz-count",
        where="collatz:COUNT",
        summary="the same sweep with a running total of all iterations",
        counts="the starts to try",
        n=1_300_000,
        demo_n=325_000,
        lesson="A running total cannot be predicted, and need not be: its increments are added when a result arrives.",
    ),
    ProgramInfo(
        name="collatz-memo",
        where="collatz_big:MEMO",
        summary="consecutive 1024-bit starts followed to 1, a step for every 128 bits",
        counts="the starts to follow",
        n=14_000,
        demo_n=3_500,
        lesson="Neighbouring trajectories merge, so remembering steps by what they read pays even on one core.",
        no_numpy="numpy has no integers of 1024 bits",
        settings={"recognizer": {"name": "recurring", "distance": 1}},  # single steps come back
    ),
    ProgramInfo(
        name="list-ordered",
        where="linked_list:ORDERED",
        summary="the lowest energy in a circular linked list laid out in order, 32 laps",
        counts="the nodes a step visits, a 64th of the list",
        n=9_000,
        demo_n=2_500,
        memory=lambda n: 64 * n * 32,  # four numbers a node, while it is made
        lesson="Pointers are numbers: where the layout is regular, a stride predicts a pointer chase.",
    ),
    ProgramInfo(
        name="list-shuffled",
        where="linked_list:SHUFFLED",
        summary="the lowest energy in the same list, shuffled in memory, 32 laps",
        counts="the nodes a step visits, a 64th of the list",
        n=9_000,
        demo_n=2_500,
        memory=lambda n: 64 * n * 32,  # four numbers a node, while it is made
        lesson="With another layout the same program has no stride; memory of the first lap predicts all other laps.",
    ),
    ProgramInfo(
        name="matrix-rows",
        where="matrix:PARTS",
        summary="the product of two n × n integer matrices, a row a step",
        counts="the rows and columns",
        n=1_600,
        demo_n=1_000,
        memory=lambda n: 24 * n * n,
        lesson="The state is huge, and one word decides what a step does; but numpy's own product is faster still.",
    ),
    ProgramInfo(
        name="lcg-pi",
        where="lcg:PARTS",
        summary="Monte-Carlo pi from a 64-bit linear congruential generator",
        counts="the steps of 256 points each",
        n=100_000,
        demo_n=25_000,
        lesson="Its numbers look random to statistics and are affine modulo 2^64: one predictor is always right.",
    ),
    ProgramInfo(
        name="cellular",
        where="cellular:PARTS",
        summary="an elementary cellular automaton on a ring of 61 cells",
        counts="the steps of 256 generations each",
        n=70_000,
        demo_n=17_500,
        lesson="Rule 90 is linear over GF(2), so it is predictable; rule 110 only once it repeats; rule 30 never.",
        no_numpy="one machine word holds the whole ring already, and " + _CHAIN,
        options={"rule": Option(90, 0, 255, "Wolfram's number of the rule")},
    ),
    ProgramInfo(
        name="logistic",
        where="logistic:PARTS",
        summary="the logistic map x → r x (1 - x) in double precision",
        counts="the steps of 1,024 iterations each",
        n=250_000,
        demo_n=62_500,
        lesson="One number leads from order to chaos: periodic orbits are remembered, chaotic orbits never come back.",
        no_numpy=_CHAIN,
        options={"r": Option(3.5, 0.0, 4.0, "growth rate: 2.8 settles, 3.5 has period 4, 4.0 is chaotic")},
    ),
    ProgramInfo(
        name="lexer",
        where="lexer:PARTS",
        summary="names, numbers, strings and comments counted in generated Python source",
        counts="the chunks of 4 KiB",
        n=80_000,
        demo_n=20_000,
        lesson="A chunk begins in one of a few modes, and soon forgets in which one, so few predictions cover all.",
        no_numpy="the mode after a byte depends on the mode before it",
    ),
    ProgramInfo(
        name="collatz-single",
        where="collatz_big:SINGLE",
        summary="one Collatz trajectory from a very big integer (negative control)",
        counts="the steps of 64 iterations each",
        n=28_000,
        demo_n=14_000,
        memory=lambda n: 2 * n,
        most=200_000_000,  # its random bits are at most 2^31
        lesson="Every bit depends on all bits before it, and no value comes back, so nothing can be predicted.",
        no_numpy=_CHAIN,
    ),
    ProgramInfo(
        name="sha256-chain",
        where="sha256:PARTS",
        summary="a chain of SHA-256 hashes (negative control)",
        counts="the steps of 256 hashes each",
        n=110_000,
        demo_n=27_500,
        lesson="A hash is made to be unpredictable: speculation must give up at almost no cost.",
        no_numpy=_CHAIN,
    ),
)

PROGRAMS: dict[str, ProgramInfo] = {info.name: info for info in _REGISTERED}
"""All built-in programs, by name."""


def build(name: str, n: int | None = None, seed: int = 0, options: Mapping[str, object] | None = None) -> Program:
    """Build a program of size n, by default its own. The same name, n, seed and options give the same program.

    Raises AscError for an unknown name, a size below 1 or too large for the memory, a negative seed, or an option that
    the program does not take.
    """
    info = PROGRAMS.get(name)
    if info is None:
        raise AscError(
            f'There is no built-in program "{name}"{suggestion(name, PROGRAMS)} The programs are {", ".join(PROGRAMS)}.'
        )
    size, seed, complete = info.complete(n, seed, options or {})
    try:
        return info.parts.build(size, seed, **complete)
    except MemoryError as error:
        raise AscError(
            f"There is too little memory for the program {name} with n={size}: give a smaller n, such as "
            f"n={info.demo_n}."
        ) from error
