"""Read-outs over a constant rate, as fine-tuning scripts have it: `python benchmarks/lora.py`.

SmolLM2-135M learns Python's own modules by LoRA, at a constant rate, in the loop of `examples/smollm2_lora.py`. Every
few steps, held-out sequences pick the best of live weights and read-outs; other sequences are the test. The question is
how much sooner the picked weights have the test loss that the live weights end with than the live weights themselves,
which may have had that loss before their end. A row is one rate and one seed: of the adapter, of dropout and of the
order of the data. A row that is in the result file is not measured again (`--fresh` does). One seed takes about a
quarter of an hour on one core. Needs what the example needs.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import torch
from measure import RESULTS, read_rows, with_origin, write_result
from paired import crossing, interval

from asc_nn_training import ReadOuts

EXAMPLES = Path(__file__).parent.parent / "examples"
TRAIN = ("argparse", "inspect", "typing", "subprocess", "tarfile", "zipfile", "datetime", "doctest")
PICK, TEST = ("difflib",), ("statistics",)
RATE, STEPS, EVERY, SPANS = 3e-4, 160, 20, (20, 60)
LENGTH, BATCH, HELD_OUT = 128, 2, 8  # tokens of a sequence, sequences of a step, and of each held-out set


def train(seed: int, rate: float, steps: int) -> dict[str, Any]:
    """Train once, and return the curves of test losses: of the live weights, and of the picked ones."""
    example: Any = importlib.import_module("smollm2_lora")
    torch.manual_seed(seed)
    model, tokenizer = example.pretrained()
    model = example.adapted(model, seed)
    data, pick, test = (example.sequences(names, tokenizer, LENGTH) for names in (TRAIN, PICK, TEST))
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    optimizer = torch.optim.AdamW([weights for weights in model.parameters() if weights.requires_grad], lr=rate)
    read_outs = ReadOuts(model, optimizer, spans=SPANS, every=2)

    @torch.no_grad()
    def judged(given: torch.Tensor) -> float:
        model.eval()
        found = torch.cat([example.loss(model, part) for part in given[:HELD_OUT].split(BATCH)]).mean().item()
        model.train()
        return float(found)

    live, picked, names = list[list[float]](), list[list[float]](), list[str]()
    model.train()
    began, updating = time.process_time(), 0.0
    for step in range(steps):
        rows = order[torch.arange(BATCH * step, BATCH * (step + 1)) % len(order)]
        example.loss(model, data[rows]).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        since = time.process_time()
        read_outs.update()
        updating += time.process_time() - since
        if (step + 1) % EVERY == 0:
            paused = time.process_time()
            live.append([step + 1, step + 1, judged(test)])
            with read_outs.best(lambda _: judged(pick)) as name:
                picked.append([step + 1, step + 1, judged(test)])
            names.append(name)
            began += time.process_time() - paused
    seconds = time.process_time() - began
    return {"live": live, "read_out": picked, "picked": names, "seconds": seconds, "updating_share": updating / seconds}


def main() -> None:
    """Measure the seeds that are not there yet, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    parser.add_argument("--fresh", action="store_true", help="measure again what has been measured")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(EXAMPLES))
    command = shlex.join(["python", "benchmarks/lora.py", *sys.argv[1:]])
    known = {} if options.fresh else read_rows("lora", options.results)
    for seed in options.seeds:
        name = f"rate {options.rate:g}, seed {seed}"
        if name not in known:
            found = train(seed, options.rate, options.steps)
            row = {"row": name, "lr": options.rate, "seed": seed, "steps": options.steps, **found, **_sooner(found)}
            (known[name],) = with_origin([row], command)
        print(f"{name}: {known[name]['sooner']} times as soon")
        rows = sorted(known.values(), key=lambda row: (row["lr"], row["seed"]))
        body = {"rows": rows, "goal": ">= 1.2, interval above 1", "rates": _rates(rows)}
        write_result("lora", body, options.results)


def _sooner(found: dict[str, Any]) -> dict[str, Any]:
    """Return at which steps live weights and picked ones first had the live weights' last test loss, and the ratio."""
    end = found["live"][-1][2]
    live, picked = (crossing(found[key], end) for key in ("live", "read_out"))
    sooner = None if live is None or picked is None else live[0] / picked[0]
    return {"live_at": live and live[0], "read_out_at": picked and picked[0], "sooner": sooner}


def _rates(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of each rate over its seeds."""
    found = dict[str, Any]()
    for rate in sorted({row["lr"] for row in rows}):
        of = [row for row in rows if row["lr"] == rate]
        ratios = [row["sooner"] for row in of]
        over = interval(ratios) if None not in ratios else None
        found[f"{rate:g}"] = {
            "live": interval([row["live"][-1][2] for row in of]),
            "read_out_less_live": interval([row["read_out"][-1][2] - row["live"][-1][2] for row in of]),
            "sooner": over,
            "met": over is not None and over["mean"] >= 1.2 and (over["low"] or 0) > 1,
        }
    return found


if __name__ == "__main__":
    main()
