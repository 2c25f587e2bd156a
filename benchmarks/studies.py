"""Runs the studies behind the page of findings: `python benchmarks/studies.py [NAME...]`.

Each study has a folder under `studies/`, and is resumed if it was stopped. Its results go to
`benchmarks/results/study-NAME.json`, and its figures to `docs/figures/`. Then `python benchmarks/findings.py` writes
the pages. Studies at the paper's scale, `gpu-...`, need a GPU, and run only if they are named. Their seeds can run a
few at a time (`--seeds 42-43`), on machines that are deleted afterwards: the journals of finished seeds are kept beside
the results, and later seeds are added to them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from journals import kept, pack, unpack
from measure import RESULTS, origin, where, write_result
from pydantic import ValidationError

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
"""The arguments of `asc study` by name; a result depends on nothing else."""

BEYOND: dict[str, str] = {
    "collapse": "collapse --workers 2",
    "verdicts": "verdicts",
    "verdicts-nano": "verdicts --model gpt2-nano --vocabulary 4096 --length 256 --batch 4 --steps 600 --warmup 100 "
    "--rates 2e-3,3e-3 --seeds 1 --at 200,250,300 --orders 2 --gate-sequences 96 --test-sequences 64",
    "rates": "rates --full --seeds 1-5",
}
"""The same for studies of what Leap+Verify leaves open: the page of results has their tables."""

_ONCE = "--device cuda --checkpoint-seconds 0 --time-limit 9"  # minutes, too few to need a checkpoint
ON_GPU: dict[str, str] = {
    "gpu-momentum": f"momentum --model gpt2 --at 100 --precision fp32 --gate-batch 32 {_ONCE}",
    "gpu-momentum-later": f"momentum --model gpt2 --at 500,1000,1500 --precision fp32 --gate-batch 32 {_ONCE}",
    "gpu-leap-verify": f"leap-verify --model gpt2 --seeds 42-46 --gate-batch 32 --workers 3 {_ONCE}",
    "gpu-wikitext": f"leap-verify --model gpt2 --seeds 42-44 --gate-batch 32 --workers 3 {_ONCE}",
    "gpu-qwen": "leap-verify --model qwen2.5-1.5b --seeds 42 --steps 500 --gate-batch 8 --cascade-every 0 " + _ONCE,
}
"""The same at the paper's scale; `--data` gives the second corpus."""

_SHOWN = {
    "leap-verify": ("regimes.png", "boundaries.png", "acceptance.png", "gain.png", "momentum.png"),
    "momentum": ("momentum.png",),
}  # figures on the pages
STOPPED = 3  # exit code of a study that is not finished
_LONG = ("loss", "cascades")  # fields of a seed that stay in its journal only


def run_study(name: str, seeds: Sequence[int] | None, given: Sequence[str], results: Path) -> bool:
    """Run one study, or the rest of it, and write its result; return whether it is finished.

    `seeds` are the seeds to run, by default those of its command. Seeds kept beside the results are added to them.
    """
    folder, home = ROOT / "studies" / f"bench-{name}", results / name
    words, before = [*shlex.split((STUDIES | BEYOND | ON_GPU)[name]), *given], list(kept(home))
    by_seeds = name in ON_GPU and "--seeds" in words
    if by_seeds:
        at = words.index("--seeds") + 1
        asked = numbers(words[at]) if seeds is None else seeds
        words[at] = ",".join(map(str, sorted({*asked, *(int(seed.removeprefix("seed-")) for seed in before)})))
        unpack(home, folder)
    command, began = shlex.join(words), time.perf_counter()
    resumed = (folder / "study.json").exists()
    arguments = [*words, "--out", str(folder), *(["--resume"] if resumed else [])]
    ran = subprocess.run([sys.executable, "-m", "asc", "study", *arguments], check=False, stdout=subprocess.DEVNULL)
    seconds = round(time.perf_counter() - began)
    came_from, runs = origin(f"asc study {command}"), dict[str, Any]()
    if by_seeds and (folder / "study.json").exists():
        about = {**where(), "origin": came_from, "seconds": seconds}
        runs = pack(folder, home, {**about, "side_by_side": _side_by_side(words, before)})
    if ran.returncode or not (folder / "results.json").exists():
        sys.exit(ran.returncode or STOPPED)  # the study has printed the reason
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    body = {**found, "origin": came_from, "seconds": None if resumed else seconds, "torch": version("torch")}
    body |= {"runs": runs} if runs else {}
    if found["state"] == "finished":
        _write(name, body, folder, results)
        return True
    print(f"{name} was stopped before its end; the same command resumes it")
    if len(runs) > len(before):
        run_study(name, (), given, results)  # make the tables of the seeds that are finished
    elif name in ON_GPU and not runs and not _whole(name, results):
        _write(name, body, folder, results)
    return False


def _side_by_side(words: Sequence[str], before: Sequence[str]) -> int:
    """Return how many seeds shared the machine."""
    left = len(numbers(words[words.index("--seeds") + 1])) - len(before)
    workers = [int(word) for mark, word in pairwise(words) if mark == "--workers"]
    return min(left, workers[-1] if workers else 1)


def numbers(seeds: str) -> tuple[int, ...]:
    """Return the seeds of a range or a list. Raises SystemExit, with a sentence, for anything else."""
    from asc_nn_training.studies.leap_verify import LeapVerify  # noqa: PLC0415 -- seconds to import

    try:
        return LeapVerify.Config.model_validate({"seeds": seeds.split(",")}).seeds
    except ValidationError as error:
        sys.exit(f"--seeds {seeds} names no seeds: {error.errors()[0]['msg']}. Give them as 42-46 or 42,44.")


def _whole(name: str, results: Path) -> bool:
    """Whether there is a result of the whole study, which the result of a part must not replace."""
    path = results / f"study-{name}.json"
    return path.exists() and json.loads(path.read_text(encoding="utf-8"))["state"] == "finished"


def _write(name: str, body: dict[str, Any], folder: Path, results: Path) -> None:
    """Write a study's result, and copy its figures for the pages."""
    for seed in body["data"].get("seeds", ()):
        for key in _LONG:
            seed.pop(key, None)
    path = write_result(f"study-{name}", {**body, "data": _rounded(body["data"])}, results)
    if body["state"] == "finished":
        FIGURES.mkdir(exist_ok=True)
        for figure in _SHOWN.get(name, ()):
            shutil.copy(folder / "figures" / figure, FIGURES / f"{name}-{figure}")
    print(f"{path} is written")


def _rounded(value: Any) -> Any:
    """Round every number to six digits."""
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main() -> None:
    """Run the named studies, or every study that needs no GPU."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form, allow_abbrev=False)
    here = STUDIES | BEYOND
    names = f"{', '.join(here)}, by default all of these; {', '.join(ON_GPU)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results (benchmarks/results)")
    parser.add_argument("--seeds", help="seeds of a study on a GPU, such as 42-43; kept seeds are added")
    options, given = parser.parse_known_args()
    unknown = sorted(set(options.names) - set(here | ON_GPU))
    if unknown:
        parser.error(f"there is no study {unknown[0]!r}; choose from {', '.join(here | ON_GPU)}, settings after it")
    if (given or options.seeds) and len(options.names) != 1:
        parser.error(f"{(given or ['--seeds'])[0]} is a setting of one study: name that study alone")
    if options.seeds and "--seeds" not in ON_GPU.get(options.names[0], ""):
        parser.error(f"{options.names[0]} does not run a few seeds at a time: leave out --seeds")
    seeds = None if options.seeds is None else numbers(options.seeds)
    done = [run_study(name, seeds, given, options.results) for name in options.names or here]
    sys.exit(0 if all(done) else STOPPED)


if __name__ == "__main__":
    main()
