"""Does the studies that the findings are written from: `python benchmarks/studies.py [NAME...]`.

Each is kept in a folder under `studies/`, and is gone on with where it was stopped. What a study found goes to
`benchmarks/results/study-NAME.json`, its figures to `docs/figures/`; `python benchmarks/findings.py` then writes the
pages.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import with_origin, write_result

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "docs" / "figures"

STUDIES: dict[str, str] = {
    "leap-verify": "leap-verify --model gpt2-micro --seeds 42-44 --horizons 5,25,100 --cascade-every 6 --workers 2",
    "cascades": "leap-verify --model gpt2-nano --seeds 42-43 --steps 500 --horizons 5,25 --workers 2 "
    "--set thresholds=learned --cascade-every 3",
    "momentum": "momentum --model gpt2 --at 100 --gate-sequences 24",
    "momentum-later": "momentum --model gpt2 --at 150 --horizons 1,5,10,25,100 --gate-sequences 24",
    "momentum-small": "momentum --model gpt2-micro --at 200,400,600",
    "departures": "departures --model gpt2-micro --steps 600",
}
"""By name: what `asc study` is given, from which the whole result follows."""

_SHOWN = {
    "leap-verify": ("regimes.png", "boundaries.png", "acceptance.png", "gain.png", "momentum.png"),
    "momentum": ("momentum.png",),
}  # figures that the pages have
_LONG = ("loss", "cascades")  # of each seed: what only the journals need to hold


def do(name: str) -> None:
    """Do one study, or what is left of it, and keep what it found."""
    folder, command = ROOT / "studies" / f"bench-{name}", STUDIES[name]
    asc = str(Path(sys.executable).with_name("asc"))
    arguments = [*shlex.split(command), "--out", str(folder)]
    resumed = (folder / "study.json").exists()
    if resumed:
        arguments.append("--resume")
    began = time.perf_counter()
    subprocess.run([asc, "study", *arguments], check=True, stdout=subprocess.DEVNULL)
    seconds = None if resumed else round(time.perf_counter() - began)
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    if found["state"] != "finished":
        sys.exit(f"{name} was stopped; the same command goes on with it")
    for seed in found["data"].get("seeds", ()):
        for key in _LONG:
            del seed[key]
    found["data"] = _rounded(found["data"])
    (body,) = with_origin([found], f"asc study {command}")
    path = write_result(f"study-{name}", {**body, "seconds": seconds, "torch": version("torch")})
    FIGURES.mkdir(exist_ok=True)
    for figure in _SHOWN.get(name, ()):
        shutil.copy(folder / "figures" / figure, FIGURES / f"{name}-{figure}")
    print(f"{path.relative_to(ROOT)} is written")


def _rounded(value: Any) -> Any:
    """Six digits of every number."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main() -> None:
    """Do all that are named, or every one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(STUDIES)}; by default all")
    names = parser.parse_args().names
    unknown = sorted(set(names) - set(STUDIES))
    if unknown:
        parser.error(f"there is no study {unknown[0]!r}; choose from {', '.join(STUDIES)}")
    for name in names or STUDIES:
        do(name)


if __name__ == "__main__":
    main()
