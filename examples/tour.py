"""A tour of the toy programs: each runs with speculation, then without, and a table shows the gain and explains it.

python examples/tour.py            # all programs, a minute or two
python examples/tour.py collatz lcg-pi
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from asc.errors import AscError
from asc.plugins import load
from asc.run.compare import compare
from asc.run.run import Run
from asc_toy.backend import ToyBackend, ToyConfig
from asc_toy.programs import PROGRAMS


def tour(names: list[str], console: Console) -> None:
    """Run the programs and print the table."""
    table = Table(title="Speculation over ordinary Python programs", title_justify="left", box=None, pad_edge=False)
    table.add_column("program", no_wrap=True)
    for heading in ("plain", "spec.", "net", "hits"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    plugins = load()
    for name in names:
        info = PROGRAMS[name]
        console.print(f"{name}: {info.summary}. {info.lesson}", style="dim")
        backend = ToyBackend(ToyConfig(program=name, n=info.demo_n))
        run = Run(backend, "toy", plugins)
        summary, plain = run.execute(), Run(backend, "toy", plugins, speculate=False).execute()
        summary |= compare(summary, plain, run.engine.speculator, backend)
        if not summary["identical"]:
            raise AscError(f"{name} ended in different states with and without speculation: please report this bug.")
        table.add_row(
            name,
            f"{summary['plain_seconds']:.2f} s",
            f"{summary['seconds']:.2f} s",
            f"{summary['net_speedup']:.2f}×",
            f"{summary['hit_rate']:.0%}",
            summary["reason"],
        )
    console.print()
    console.print(table)
    console.print(
        "\nplain and spec.: seconds without and with speculation; net: plain over spec.; "
        "hits: share of the steps leapt over."
    )
    console.print("Every program ended in the same state, bit for bit, with and without speculation.")


if __name__ == "__main__":
    tour(sys.argv[1:] or list(PROGRAMS), Console())
