"""Realistic step functions, each in a file of its own, as people write them for their own loops.

A file has three functions. `step(state)` is the user's. `initial(n, seed)` makes the values that n steps begin
with. `right(start, end, n)` says whether the values after n steps are right; it finds out in another way than by these
steps, may be slow, and may change what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal, NamedTuple, cast

Kind = Literal["affine", "order-free", "recurring", "none"]
"""What makes states predictable.

affine: what a step reads stays, or changes by a rule such as a counter's. order-free: so it is, and totals are added in
any order. recurring: what a step reads comes back, or stays from some step on. none: nothing, so that speculation has
to withdraw at little cost.
"""


class Case(NamedTuple):
    """A program, and how many steps of it to run."""

    name: str  # of its file
    kind: Kind
    steps: int  # of a run of some seconds
    quick: int  # of a run of some tenths of a second
    few: int  # of a run in a test

    @property
    def gains(self) -> bool:
        """Whether speculation should come near the bound."""
        return self.kind in ("affine", "order-free")


class Steps(NamedTuple):
    """What the file of a program has."""

    step: Callable[[Any], None]
    initial: Callable[[int, int], dict[str, Any]]
    right: Callable[[dict[str, Any], dict[str, Any], int], bool]
    summary: str


CASES = (
    Case("annealing", "none", 190_000, 14_000, 200),
    Case("bank", "none", 1_400_000, 110_000, 200),
    Case("bubble_sort", "none", 12_000, 3_300, 40),
    Case("collatz_sweep", "order-free", 55_000, 4_800, 40),
    Case("crc_table", "none", 15_000, 1_100, 20),
    Case("csv_totals", "order-free", 250_000, 18_000, 100),
    Case("event_queue", "none", 1_000_000, 73_000, 200),
    Case("fibonacci", "recurring", 33_000_000, 2_600_000, 500),
    Case("fir_filter", "affine", 14_000, 1_000, 20),
    Case("flood_fill", "none", 670_000, 50_000, 100),
    Case("floyd_warshall", "none", 1_400, 400, 24),
    Case("fuzzy_search", "none", 64_000, 4_700, 40),
    Case("game_of_pig", "recurring", 71_000, 5_300, 12),
    Case("heat", "none", 140_000, 10_000, 30),
    Case("heat_rod", "none", 780_000, 59_000, 30),
    Case("histogram", "none", 650_000, 48_000, 40),
    Case("k_means", "recurring", 52_000, 3_700, 30),
    Case("knapsack", "none", 200_000, 15_000, 10),
    Case("large_table", "order-free", 49_000, 4_800, 40),
    Case("large_update", "affine", 59_000, 4_600, 40),
    Case("ledger", "none", 110_000, 9_200, 100),
    Case("ledger_decimal", "none", 86_000, 6_400, 60),
    Case("levenshtein", "none", 75_000, 5_300, 40),
    Case("life", "recurring", 80_000, 6_000, 30),
    Case("life_swap", "none", 210_000, 15_000, 20),
    Case("lz77", "none", 120_000, 9_300, 60),
    Case("mandelbrot", "affine", 16_000, 1_200, 20),
    Case("matrix_power", "none", 470_000, 35_000, 40),
    Case("mersenne_twister", "none", 76_000, 5_500, 30),
    Case("monte_carlo_pi", "order-free", 200_000, 14_000, 100),
    Case("n_body", "none", 1_400_000, 100_000, 200),
    Case("option_price", "affine", 51_000, 3_000, 20),
    Case("orbit", "none", 3_500_000, 260_000, 300),
    Case("page_rank", "recurring", 530_000, 40_000, 30),
    Case("perfect_numbers", "order-free", 35_000, 8_000, 60),
    Case("polynomial_grid", "affine", 31_000, 2_300, 20),
    Case("prime_gaps", "none", 72_000, 5_400, 60),
    Case("queens", "none", 99_000, 7_500, 200),
    Case("ray_march", "affine", 8_000, 590, 12),
    Case("root_scan", "affine", 66_000, 5_000, 30),
    Case("round_robin", "recurring", 11_000_000, 810_000, 500),
    Case("rule_30", "none", 170_000, 13_000, 30),
    Case("run_lengths", "none", 350_000, 26_000, 60),
    Case("shortest_tour", "order-free", 86_000, 6_400, 40),
    Case("sieve", "order-free", 5_500, 900, 6),
    Case("tokenizer", "none", 11_000_000, 830_000, 500),
    Case("virtual_machine", "none", 280_000, 21_000, 100),
    Case("word_count", "none", 2_500_000, 190_000, 200),
)
BY_NAME: Mapping[str, Case] = {case.name: case for case in CASES}


def load(name: str) -> Steps:
    """Import a program."""
    module = import_module(f"steps.{name}")
    return Steps(module.step, module.initial, module.right, cast(str, module.__doc__).partition("\n")[0])
