"""Writes tables into the README, `docs/integrations.md` and `docs/results.md`: `python benchmarks/tables.py`.

They are made of the committed result files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from paired import interval

from asc.report.study_tables import markdown
from asc.study import Table

ROOT = Path(__file__).parent.parent


def table(result: dict[str, Any]) -> str:
    """Return the table of measured speed-ups, with command and machine, as Markdown."""
    pairs = max(len(row["pairs"]) for row in result["rows"])
    lines = [
        f"Measured with `make bench-toy` on {result['machine']['cores']} cores ({result['machine']['processor']}), "
        f"{result['rows'][0]['origin']['date'][:10]}, with up to {pairs} pairs of runs a case. Net "
        "speed-up is median and range, with everything on the clock. C is the machine's parallel capacity and f the "
        "tracking cost, both measured between the pairs; the bound with one worker is 1 + (C − 1)/f. If the goal is "
        "that speculation withdraws (refused), the two runs take turns in a hundred slices each, because whole runs on "
        "a shared machine differ by more than the goal allows.",
        "",
        "| case | plain | hand-written | numpy | net speed-up | C | f | bound | of it | goal | met |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        net, numpy_s = row["net_speedup"], row["numpy_s"]
        goal = {"bound": "≥ 0.9 of the bound", "none": "", "refused": "refused, ≥ 0.97"}.get(row["goal"], row["goal"])
        cells = [
            row["label"],
            f"{row['plain_s']['median']:.2f} s",
            f"{row['hand_written_s']:.2f} s",
            "" if numpy_s is None else f"{numpy_s:.2f} s",
            f"**{net['median']:.2f}** ({net['low']:.2f}–{net['high']:.2f})",
            f"{row['capacity']['median']:.2f}",
            f"{row['tracking']['median']:.2f}",
            f"{row['bound']['median']:.2f}",
            f"{row['of_bound']:.0%}" if row["goal"] == "bound" else "",
            goal,
            {True: "yes", False: "no", None: ""}[row["met"]],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    identical = all(row["identical"] for row in result["rows"])
    lines += ["", f"Final states bit-identical in every pair: {'yes' if identical else 'NO'}. "]
    lines[-1] += f"An idle boundary of the engine costs {result['idle_boundary_us']:.1f} µs."
    lines += ["", *simulated(result)]
    return "\n".join(lines)


def simulated(result: dict[str, Any]) -> list[str]:
    """Return the scaling table, marked as simulated."""
    rows = [row for row in result["rows"] if row["goal"] == "bound"]
    cores = [entry["cores"] for entry in rows[0]["simulated"]]
    lines = [
        "*Simulated*, not measured: speed-up by number of cores, from the costs measured in the same runs, for runs of "
        f"{rows[0]['simulated'][0]['hits'] + rows[0]['simulated'][0]['executed']:,} supersteps and more, so that "
        "neither start nor end matters. The model (`benchmarks/simulate.py`) has no terms for memory, for bandwidth, "
        "for a network beyond the usual time of a task there and back, or for states that come back, by which "
        "`list-ordered` gains most. It assumes that each core is as fast as one alone. Where steps wait, it was "
        "[compared with measured runs](#programs-whose-steps-wait).",
        "",
        "| program | " + " | ".join(str(count) for count in cores) + " |",
        "|---" * (len(cores) + 1) + "|",
    ]
    for row in rows:
        lines.append(
            f"| {row['label']} | " + " | ".join(f"{entry['speedup']:.3g}" for entry in row["simulated"]) + " |"
        )
    return lines


def programs(result: dict[str, Any]) -> str:
    """Return what `accelerate` does to realistic programs, beside the user's own loop, as Markdown."""
    rows = result["rows"]
    measured = [row for row in rows if "net_speedup" in row]
    gaining = [row for row in measured if row["of_bound"] is not None]
    below = sum(row["net_speedup"]["median"] < 0.97 for row in measured)
    missed = sum(row["of_bound"] < 0.9 for row in gaining)
    lines = [
        f"{len(rows)} programs as people write them for their own loops (`benchmarks/steps/`), measured on "
        f"{result['machine']['cores']} cores ({result['machine']['processor']}), {len(rows[0]['pairs'])} pairs each. "
        "Net speed-up is the time of the user's own loop on a plain object over that of `accelerate`: median and "
        "range, everything on the clock. The bound is 1 + (C − 1)/f. Untracked is the time of steps between two "
        "boundaries over that of the user's own loop: median and 95 % interval.",
        "",
        f"**{sum(row['exact'] for row in rows)} of {len(rows)} end with the types and bits of the user's own loop. "
        f"{below} of {len(measured)} are below 0.97. {missed} of {len(gaining)} that should gain miss 0.9 of the "
        "bound.**",
        "",
        "| program | kind | own loop | net speed-up | bound | of it | untracked | end | met | why |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figures = [""] * 5
        if "net_speedup" in row:
            gains = row["of_bound"] is not None
            figures = [
                f"{row['own_s']['median']:.1f} s",
                _range(row["net_speedup"]),
                f"{row['bound']['median']:.2f}" if gains else "",
                f"{row['of_bound']:.0%}" if gains else "",
                _between(row["untracked"]),
            ]
        met = "yes" if row["met"] else "no"
        lines.append(_cells(row["label"], row["kind"], *figures, row["outcome"], met, row["sentence"]))
    attributes = [f"{_between(ratio)} of that of {name}" for name, ratio in result["attributes"].items()]
    lines += ["", f"An untracked step of attribute reads and writes takes the time {' and '.join(attributes)}."]
    return "\n".join(lines)


def network(result: dict[str, Any]) -> str:
    """Return the measurements of the network backend, as Markdown."""
    lines = [
        f"Measured with `make bench-network` on {result['machine']['cores']} cores ({result['machine']['processor']}), "
        f"torch {result['torch']}.",
        "",
        "| what | figure | goal | met |",
        "|---|---|---|---|",
    ]
    for row in result["rows"]:
        cells = _NETWORK_ROWS[row["row"]](row)
        met = {True: "yes", False: "no", None: ""}[row["met"]]
        lines.append(f"| {cells} | {row['goal']} | {met} |")
    return "\n".join(lines)


def _between(values: dict[str, float], digits: int = 3) -> str:
    return f"{values['median']:.{digits}f} ({values['low']:.{digits}f}–{values['high']:.{digits}f})"


_NETWORK_ROWS: dict[str, Callable[[dict[str, Any]], str]] = {
    "transparent": lambda row: (
        f"{row['steps']} steps with every candidate rejected ({row['refused']} judged), against a plain run | "
        f"{'bit-identical' if row['bit_identical'] else 'DIFFERENT'}"
    ),
    "resumed": lambda row: (
        f"killed {row['kills']} times and resumed, and run twice, {row['steps']} steps | "
        f"{'bit-identical' if row['bit_identical'] else 'DIFFERENT'}"
        + (f"; a kill loses {_between(row['lost_s'], 2)} s of work" if "lost_s" in row else "")
    ),
    "overhead": lambda row: (
        f"plain loop over a bare PyTorch loop, {row['slices']} slices of each in turns, one thread; median and "
        f"95 % interval | {_between(row['ratio'])}"
    ),
    "leap": lambda row: (
        f"linear leap of {row['parameters'] / 1e6:.0f}M fp32 weights, bandwidth over a plain copy's | "
        f"{_between(row['share_of_copy'], 2)}"
    ),
    "share": lambda row: (
        f"recognizer, copies and judging at default settings, share of {row['steps']} plain steps | "
        f"{row['share_in_plain_steps']:.1%} in steps, {row['share_in_seconds']:.1%} in seconds"
    ),
    "memory": lambda row: (
        f"extra peak memory at default settings, {row['model']} ({row['parameters'] / 1e6:.0f}M), average included | "
        f"{row['in_units_of_the_weights']:.2f} × the weights"
    ),
}


def recipes(result: dict[str, Any]) -> str:
    """Return whole training recipes beside their controls, as Markdown."""
    rows = {row["row"]: row for row in result["rows"]}
    some = result["rows"][0]
    on_cpu = some.get("device", "cpu") == "cpu"
    command = "make bench-recipes" if on_cpu else some["origin"]["command"]
    machine = f"{result['machine']['cores']} cores ({result['machine']['processor']})" if on_cpu else some["device"]
    seconds = "one thread a run, processor seconds" if on_cpu else "seconds on the wall"
    lines = [
        f"Measured with `{command}` on {machine}, torch {result['torch']}: `{some['model']}`, {some['steps']} steps of "
        f"{some['batch']} × {some['length']} tokens of Python's own source, {len(some['seeds'])} seeds, {seconds}. "
        "Everything but the evaluations is on the clock.",
    ]
    for name, title in (("paper", "The paper's recipe"), ("tuned", "A tuned recipe")):
        if name in rows:
            lines += ["", *_recipe(rows[name], title)]
    if "tuned" in rows:
        lines += [
            "",
            "Seconds of whole runs vary by several per cent with the other load of the machine: `lr x 2` does exactly "
            "the work of a plain run. The cost of speculation in plain steps, counted in tokens and passes, does not "
            "vary.",
        ]
    if "constant" in rows:
        lines += ["", _constant(rows["constant"])]
    return "\n".join(lines)


def _recipe(row: dict[str, Any], title: str) -> list[str]:
    met = {True: "met", False: "not met", None: "not decided"}[row["met"]]
    sweep = row.get("sweep_dev_loss")
    tried = f", the best of {', '.join(sweep)} on the dev set" if sweep else ""
    arms = {"plain": row["plain"], **row["arms"]}
    known = all(None not in arm.get("flops", [None]) for arm in arms.values())  # older results lack these
    lines = [
        f"**{title}**, {_schedule(row)}, learning rate {row['lr']:g}{tried}. Goal: {row['goal']}: {met}.",
        "",
        "| arm | seconds to the plain run's test loss, plain over arm | steps to it | test loss at the end | "
        "difference (95 %) | seconds of the whole run over plain (95 %) | speculation, in plain steps | "
        "accepted of judged |" + (" their mean horizon | PFLOP | peak memory, GB |" if known else ""),
        "|---" * (11 if known else 8) + "|",
    ]
    for name, arm in arms.items():
        race, whole = arm["net_speedup"], arm["loss_difference"]
        reached = f"reached by {arm['reached']} of {len(row['seeds'])}"
        steps = [step for step in arm["steps_to_target"] if step is not None]
        judged = sum(arm["judged"])
        cells = [
            name,
            "1"
            if name == "plain"
            else f"**{race['median']:.2f}** ({race['low']:.2f}–{race['high']:.2f})"
            if race
            else reached,
            f"{min(steps)}–{max(steps)}" if steps else "",
            f"{sum(arm['test_loss']) / len(arm['test_loss']):.3f}" if whole or "shortened" in name else "",
            "" if name == "plain" or not whole else _interval(whole, "+.3f"),
            "" if name == "plain" or not whole else _interval(arm["seconds_ratio"], ".3f"),
            f"{min(arm['speculation_in_steps']):.0f}–{max(arm['speculation_in_steps']):.0f}" if judged else "",
            f"{sum(arm['accepted'])} of {judged}" if judged else "",
        ]
        if known:
            horizons = [horizon for horizon in arm["mean_accepted_horizon"] if horizon is not None]
            cells += [
                f"{sum(horizons) / len(horizons):.0f}" if horizons else "",
                f"{sum(arm['flops']) / len(arm['flops']) / 1e15:.3g}",
                f"{max(arm['peak_memory_bytes']) / 1e9:.2f}",
            ]
        lines.append("| " + " | ".join(cells) + " |")
    if "failed" in row:
        lines += ["", "Failed: " + "; ".join(f"{arm} ({reason})" for arm, reason in row["failed"].items()) + "."]
    return lines


def _schedule(row: dict[str, Any]) -> str:
    return str(row.get("schedule", "cosine"))  # older results, which lack it, are of cosine


def startup(result: dict[str, Any]) -> str:
    """Return the seconds of commands that only list things, beside those of importing their libraries."""
    lines = ["| command | milliseconds | beside | times as long (range) | goal | met |", "|---|---|---|---|---|---|"]
    for row in result["rows"]:
        ratio = row["ratio"]
        cells = [
            f"`{row['command']}`",
            f"{1000 * row['seconds']['median']:.0f}",
            f"`{row['reference']}`",
            f"**{ratio['median']:.2f}** ({ratio['low']:.2f}–{ratio['high']:.2f}), {row['pairs']} pairs",
            row["goal"],
            "yes" if row["met"] else "no",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def replay(result: dict[str, Any]) -> str:
    """Return the seconds of `asc bench-predictor`, and the size of a kept position on disk."""
    trained = result["rows"][0]
    lines = ["| what | processor seconds | seconds | predictors |", "|---|---|---|---|"]
    for row in result["rows"]:
        cells = [
            row["what"],
            f"{row['processor_seconds']:.0f}",
            f"{row['seconds']:.0f}",
            str(row.get("predictors", "")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    kept = (
        f"The training, of {trained['weights']:,} weights, kept {trained['places']} positions of "
        f"{trained['bytes_a_place'] / 1e6:.1f} MB each, which is {trained['copies_of_the_weights_a_place']:.1f} times "
        f"the size of the weights. All checkpoints together took {trained['ledger']['seconds']:.1f} s."
    )
    return "\n".join([*lines, "", kept])


def _constant(row: dict[str, Any]) -> str:
    def mean(losses: list[float]) -> str:
        return f"{sum(losses) / len(losses):.3f}"

    ends = ", ".join(f"{shape} {mean(losses)}" for shape, losses in row["schedules"].items())
    # Earlier results have the running average, before there were read-outs that the gate picks among.
    what, key = ("read-out", "read_out") if "read_out" in row else ("average", "average")
    less = ", ".join(f"{name} {_interval(found, '+.3f')}" for name, found in row[f"{key}_less"].items())
    lines = [
        f"**A constant rate** of {row['lr']:g}: test loss {mean(row['live'])} with the live weights, "
        f"{mean(row[key])} with their {'running ' * (what == 'average')}{what}, which training did not adopt. Runs of "
        f"the same length and peak rate end at: {ends}. The {what} less each (95 %): {less}."
    ]
    if "planned" in row:
        lines += ["", *_planned(row)]
    return "\n".join(lines)


def _planned(row: dict[str, Any]) -> list[str]:
    met, shares, over = "met" if row["met"] else "not met", row["share_of_planned"], row["over_live"]
    sooner = "in no run" if over is None else f"{_interval(over, '.2f')} times as soon as the run ends"
    if (own := row.get("over_live_first")) is not None:
        sooner += f", and {_interval(own, '.2f')} times as soon as the live weights first have it"
    return [
        f"**Anytime.** Goal: {row['goal']}: {met}.",
        "",
        "| steps | read-out of the one constant run | a WSD run planned for so many steps | difference (95 %) |",
        "|---|---|---|---|",
        *(
            f"| {steps} | {sum(at['read_out']) / len(at['read_out']):.3f} | {sum(at['wsd']) / len(at['wsd']):.3f} | "
            f"{_interval(at['difference'], '+.3f')} |"
            for steps, at in row["planned"].items()
        ),
        "",
        f"The one run has {shares['steps']:.2f} of the steps of the planned runs, and "
        f"{_interval(shares['seconds'], '.2f')} of their seconds, picking included. Its read-out has the loss that its "
        f"live weights end with {sooner}.",
    ]


def _interval(found: dict[str, Any], digits: str) -> str:
    if found["low"] is None:
        return format(found["mean"], digits)
    return f"{found['mean']:{digits}} ({found['low']:{digits}} to {found['high']:{digits}})"


def generation(result: dict[str, Any]) -> str:
    """Return what drafts from the texts of earlier checkpoints gain, as Markdown."""
    lines = [
        "Texts with drafts beside texts without, both with a cache of keys and values, in turns by one thread: the "
        "seconds without drafts over those with them, of all checkpoints and of those after the rate begins to fall. "
        "Without drafts, a batch has as many passes as its longest text has tokens. With the same weights again, all "
        "drafts are right, and what they gain is bounded by the computation for each token.",
        "",
        "| row | texts | equal | kind | as fast | in the decay | acceptance rate | passes saved | same weights again "
        "| goal | met |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    ways, trainings = [], []
    for row in result["rows"]:
        if "equal_to_no_drafts" in row:
            ways.append(row)
            continue
        if "trained" in row:
            trainings.append(row)
            continue
        for kind, found in (
            (name, value) for name, value in row.items() if isinstance(value, dict) and "speedup" in value
        ):
            decay = "" if found["in_the_decay"] is None else f"{found['in_the_decay']:.2f}"
            rate = "" if found["acceptance_rate"] is None else f"{found['acceptance_rate']:.0%}"
            cells = [
                row["row"],
                f"{row['texts']:,}",
                f"{row['equal']:,}",
                kind,
                f"**{found['speedup']:.2f}**",
                decay,
                rate,
            ]
            again = found.get("same_weights_again")
            cells += [
                f"{found['passes_saved']:.0%}",
                "" if again is None else f"{again:.2f}",
                row["goal"],
                "yes" if row["met"] else "no",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    for row in ways:
        lines += [
            "",
            f"The texts of one checkpoint, {row['texts']} prompts, by transformers' own ways; goal {row['goal']}: "
            f"{'met' if row['met'] else 'not met'}.",
            "",
            "| way | seconds | texts equal to those without drafts |",
            "|---|---|---|",
            *(f"| {way} | {spent:.1f} | {row['equal_to_no_drafts'][way]} |" for way, spent in row["seconds"].items()),
        ]
    for row in trainings:
        lines += _trained_with_drafts(row)
    return "\n".join(lines)


def _trained_with_drafts(row: dict[str, Any]) -> list[str]:
    """Return what drafts gain in a whole training by GRPO, and what it learns with noise that stays and fresh noise."""
    found, share = row["trained"], row["trained"]["share_of_generation"]
    solved = {when: f"{sum(each) / len(each):.1%}" for when, each in found["solved"].items()}
    columns = ("acceptance_rate", "passes_saved", "departed")
    rows = zip(*(found[name] for name in columns), found["reward"]["same"], found["reward"]["fresh"], strict=True)
    equal = f"{row['equal']:,} of {row['texts']:,} texts are equal, and so are the final weights: "
    speed = {
        name: _between(found[name], 2)
        for name in ("speedup", "after_the_first_epoch", "of_generation_alone", "twice_the_batch")
    }
    return [
        "",
        f"A whole training by GRPO (`{row['row']}`), {row['seeds']} seeds: with drafts **{speed['speedup']}** times as "
        f"fast. After the first epoch, which has no earlier texts, {speed['after_the_first_epoch']}; generation alone "
        f"{speed['of_generation_alone']}; with twice as many texts a step {speed['twice_the_batch']}. Goal "
        f"{row['goal']}: {'met' if row['met'] else 'not met'}. {equal}{'yes' if row['weights_equal'] else 'no'}. "
        f"Generation takes {share['plain']:.0%} of the seconds without drafts, and {share['drafted']:.0%} with them.",
        "",
        "| epoch | accepted | passes saved | texts that depart | reward, the same noise in each epoch | fresh noise |",
        "|---|---|---|---|---|---|",
        *(
            f"| {epoch} | {rate:.0%} | {saved:.0%} | {departed:.0%} | {same:.3f} | {fresh:.3f} |"
            for epoch, (rate, saved, departed, same, fresh) in enumerate(rows, 1)
        ),
        "",
        f"Other sums that are solved, with noise that no training has seen: {solved['before']} before, "
        f"{solved['same']} after training with the same noise in each epoch, {solved['fresh']} with fresh noise.",
    ]


def rewards(result: dict[str, Any]) -> str:
    """Return what leaps that are judged by reward gain in GRPO, beside a higher rate, as Markdown."""
    rows, first = result["rows"], result["rows"][0]["ways"]
    lines = [
        f"GRPO with fresh noise, {len(rows)} seeds. Leaps of {result['ahead']} steps, every {result['apart']} steps, "
        f"are taken if {result['look']} other sums are solved more often. How much sooner each way has the reward that "
        "plain training ends with: steps and seconds of plain training over those of the way, by seed. Seconds include "
        "judging.",
        "",
        "| way | steps, plain over way | seconds, plain over way | accepted of judged | other sums that are solved |",
        "|---|---|---|---|---|",
    ]
    for name in first:
        ways, plain = [row["ways"][name] for row in rows], [row["ways"]["plain"] for row in rows]
        cells = [name]
        for what in ("epochs", "seconds_until"):
            pairs = zip(plain, ways, strict=True)
            cells.append(", ".join(f"{a[what] / b[what]:.2f}" if b[what] else "never" for a, b in pairs))
        outcomes = [way.get("outcomes", {}) for way in ways]
        accepted, rejected = (sum(each.get(kind, 0) for each in outcomes) for kind in ("accepted", "rejected"))
        cells.append(f"{accepted} of {accepted + rejected}" if accepted + rejected else "")
        cells.append(f"{sum(way['solved'] for way in ways) / len(ways):.1%}")
        lines.append("| " + " | ".join(cells) + " |")
    before = sum(row["before"] for row in rows) / len(rows)
    return "\n".join([*lines, "", f"Before training by reward, {before:.1%} of the other sums are solved."])


def lora(result: dict[str, Any]) -> str:
    """Return what read-outs gain over a constant rate where SmolLM2-135M is fine-tuned by LoRA, as Markdown."""
    lines = [
        "SmolLM2-135M, LoRA, a constant rate, Python's own modules. How much sooner the read-outs have the test loss "
        f"that the live weights end with than the live weights themselves; goal {result['goal']}.",
        "",
        "| rate | seeds | live, at the end | read-outs less live (95 %) | as soon (95 %) | met |",
        "|---|---|---|---|---|---|",
    ]
    for rate, found in result["rates"].items():
        cells = [rate, str(found["live"]["n"]), f"{found['live']['mean']:.3f}"]
        cells += [_interval(found["read_out_less_live"], "+.3f")]
        cells += [
            "never" if found["sooner"] is None else _interval(found["sooner"], ".2f"),
            "yes" if found["met"] else "no",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def against(result: dict[str, Any]) -> str:
    """Return this code's times beside those of an earlier commit, measured in turns."""
    lines = [
        f"In turns with commit `{result['other_commit'][:10]}`; the ratio is that of each pair, now over earlier.",
        "",
        "| what | earlier | now | ratio (range) | goal | met |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        cells = [
            row["what"],
            f"{row['there']['median']:.3g}",
            f"{row['here']['median']:.3g}",
            f"**{_between(row['ratio'])}**, {row['pairs']} pairs",
            row["goal"],
            "yes" if row["met"] else "no",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ways(result: dict[str, Any]) -> str:
    """Return ways of going on beside tuned WSD and its controls, as Markdown."""
    rows = [row for row in result["rows"] if "net_speedup" in row]
    lines = [
        "Seconds to the final test loss of plain WSD, plain over EMA-Nesterov. Both were swept by learning rate on the "
        "dev set. A run has its loss at its end only, so the steps lie between the ends of runs of several lengths. "
        "The seconds of a step were measured in turns; the interval of the speed-up covers those of steps and seconds.",
        "",
        "| model, steps | plain | EMA-Nesterov | test loss: plain | of the same length | difference (95 %) | "
        "a step's seconds, way over plain (95 %) | seconds to plain's loss, plain over way (95 %) | goal |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        plain, way = (row["settings"][kind] for kind in ("plain", "way"))
        cells = [
            f"{row['row']}, {row['steps']}",
            f"lr {plain['lr']:g}",
            f"lr {way['lr']:g}, β {way['way_beta']:g}, γ {way['way_decay']:g}",
            f"{_mean(row['plain']['test_loss']):.3f}",
            f"{_mean(row['way']['1']['test_loss']):.3f}",
            _interval(row["loss_difference"], "+.3f"),
            _between(row["seconds_a_step_ratio"], 3),
            f"**{_interval(row['net_speedup'], '.2f')}**" if row["net_speedup"] else "not reached",
            f"{row['goal']}: {'met' if row['met'] else 'not met'}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for row in rows:
        plain = row["plain"]["test_loss"]
        sweep = ", ".join(f"{name} {loss:.3f}" for name, loss in row["sweep"]["dev_loss"].items())
        lines += ["", f"**{row['row']}.** The sweep's dev losses, of one seed that is not measured: {sweep}."]
        shorter = [(f"EMA-Nesterov, 1 / {speed} of the steps", found) for speed, found in row["way"].items()]
        lines += ["", "| arm | steps | test loss | less plain WSD (95 %) |", "|---|---|---|---|"]
        lines.append(f"| plain WSD | {row['plain']['steps'][0]} | {_mean(plain):.3f} | |")
        for name, found in shorter:
            pairs = zip(found["test_loss"], plain, strict=True)
            less = _interval(interval([one - base for one, base in pairs]), "+.3f")
            lines.append(f"| {name} | {found['steps'][0]} | {_mean(found['test_loss']):.3f} | {less} |")
        for name, found in row["controls"].items():
            less = _interval(found["loss_difference"], "+.3f") if found["loss_difference"] else "diverged"
            lines.append(f"| {name} | {found['steps'][0]} | {_mean(found['test_loss']):.3f} | {less} |")
    for row in result["rows"]:
        if "conditions" in row:
            lines += ["", *_conditions(row)]
    return "\n".join(lines)


def _conditions(row: Mapping[str, Any]) -> list[str]:
    """Return how much lower EMA-Nesterov ends, by batch and γ."""
    lines = [
        f"**When it pays**: {row['model']}, {row['steps']} steps, β 0.6, 3 seeds. For each size of a batch, both rates "
        "were swept on the dev set.",
        "",
        "| | plain WSD: lr | test loss | EMA-Nesterov: lr | test loss | difference (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in row["conditions"].items():
        cells = [name.replace("gamma", "batch 4, γ"), *_sides(found)]
        cells.append(_interval(found["loss_difference"], "+.3f") if found["loss_difference"] else "diverged")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _sides(found: Mapping[str, Any]) -> list[str]:
    return [
        text
        for kind in ("plain", "way")
        for text in (f"{found['lr'][kind]:g}", f"{_mean(found[kind]['test_loss']):.3f}")
    ]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def scale(result: dict[str, Any]) -> str:
    """Return programs whose steps wait, with many workers, as Markdown."""
    lines = [
        "Nothing but the work is simulated: a step waits, and everything else is the real engine, on the wall clock, "
        "from the call to the result. The plain seconds are those of one step, measured in the same process, times the "
        "number of steps. Every final state was that of a plain loop. The main thread's milliseconds for a task are "
        "processor time, for all that it does.",
        "",
        "| program | a step waits | steps | workers | times as fast as the plain loop | goal | tasks | main thread, ms "
        "a task | processor seconds of all | memory, MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows = [row for row in result["rows"] if "points" not in row]
    for row in rows:
        inner = f" ({row['workers'] // row['threads']} × {row['threads']})" if row["threads"] > 1 else ""
        cells = [
            row["kind"] + (f", at most {row['rate']:,.0f} a second" if row["rate"] else ""),
            f"{row['wait_s']:g} s",
            f"{row['steps']:,}",
            f"{row['workers']:,} {'threads' if row['executor'] == 'threads' else 'in processes of threads'}{inner}",
            f"**{row['speedup']:.0f}**" + ("" if row["exact"] else ", DIFFERENT"),
            f">= {row['goal']:g}: {'met' if row['met'] else 'not met'}",
            f"{row['tasks']:,}",
            f"{row['main_thread_ms_a_task']:.2f}",
            f"{row['processor_seconds']:.0f}",
            f"{row['peak_memory_mib']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for row in rows:
        if row["rate"]:
            lines += ["", f"The server saw {row['most_requests_of_a_second']:,} requests in a second at most."]
    for row in result["rows"]:
        if "points" in row:
            lines += ["", *compared(row)]
    return "\n".join(lines)


def compared(row: Mapping[str, Any]) -> list[str]:
    """Return measured beside simulated speed-ups, as Markdown."""
    lines = [
        f"The simulator (`benchmarks/simulate.py`) beside the wall clock: {row['kind']}, steps of {row['wait_s']:g} s, "
        "workers in processes of threads. The model gets what each run has measured itself: a step, the main thread's "
        "time to predict, send and take a task, a worker process's time for one, the supersteps before the law was "
        "known, and the length of the run. It has no terms for memory or a network. "
        f"Goal: within {row['goal']:.0%} of each measured speed-up: {'met' if row['met'] else 'not met'}.",
        "",
        "| workers | steps | measured | simulated | simulated / measured |",
        "|---|---|---|---|---|",
    ]
    for point in row["points"]:
        lines.append(
            f"| {point['workers']:,} | {point['steps']:,} | {point['speedup']:.1f} | {point['simulated']:.1f} | "
            f"{point['ratio']:.2f} |"
        )
    return lines


def _scale_line(result: Mapping[str, Any]) -> list[str]:
    """Return the line of the headline about steps that wait, if it has been measured."""
    found = {row["row"]: row for row in result.get("rows", ())}
    some = [found[name] for name in ("affine, 1 s, 1024", "affine, 0.1 s, 1024") if name in found]
    if not some:
        return []
    each = "; ".join(f"**{row['speedup']:.0f}** times for steps of {row['wait_s']:g} s" for row in some)
    return [f"| a program whose steps wait, with 1,024 workers | {each} |"]


def headline(results: dict[str, dict[str, Any]]) -> str:
    """Return the README's table: one line for each question that a user has."""
    programs = {row["label"]: row for row in results["toy"]["rows"]}
    training = {row["row"]: row for row in results["recipes"]["rows"]}
    promises = {row["row"]: row for row in results["network"]["rows"]}

    def speedup(label: str) -> str:
        return _range(programs[label]["net_speedup"])

    def arm(recipe: str, name: str) -> str:
        found = training[recipe]["arms"][name]
        return _range(found["net_speedup"]) if found["net_speedup"] else "never reached"

    tuned = training["tuned"]["arms"]["speculation"]
    lines = [
        "| question | measured on 2 cores |",
        "|---|---|",
        f"| a program whose next states are predictable (`collatz`, one worker; bound "
        f"{programs['collatz']['bound']['median']:.2f}) | {speedup('collatz')} times as fast |",
        f"| one whose states come back (`list-shuffled`, no worker) | {speedup('list-shuffled, one core')} times |",
        *_scale_line(results.get("scale", {})),
        f"| one that nothing predicts (`sha256-chain`) | {speedup('sha256-chain')} times |",
        *_compiled_lines(results.get("riscv-runs", {}), results.get("riscv-public", {})),
        f"| training at the paper's rate of {training['paper']['lr']:g}, to the plain run's final loss | "
        f"{arm('paper', 'speculation')} times; twice the rate without speculation: {arm('paper', 'lr x 2')} |",
        f"| training at a tuned rate of {training['tuned']['lr']:g}, {_schedule(training['tuned'])} | "
        f"{sum(tuned['accepted'])} of {sum(tuned['judged'])} candidates accepted, which cost the work of "
        f"{max(tuned['speculation_in_steps']):.0f} in {tuned['steps'][0]} steps; {arm('tuned', 'speculation')} times, "
        "by seconds that vary as much between equal runs |",
        *(
            f"| {row['row']} at its best rate, with EMA-Nesterov after each step, to the final loss of plain WSD | "
            f"{_interval(row['net_speedup'], '.2f')} times |"
            for row in results.get("ways", {"rows": []})["rows"]
            if row.get("net_speedup")
        ),
        *_anytime_line(training.get("constant", {})),
        f"| our training loop without speculation, over a bare PyTorch loop | "
        f"{_between(promises['overhead']['ratio'])} of its time |",
        f"| killed {promises['resumed']['kills']} times and resumed | "
        f"{'bit-identical' if promises['resumed']['bit_identical'] else 'DIFFERENT'} |",
    ]
    return "\n".join(lines)


def _compiled_lines(runs: Mapping[str, Any], public: Mapping[str, Any]) -> list[str]:
    """Return the lines of the headline about compiled programs, if they have been measured."""
    rows = {row["row"]: row for found in (runs, public) for row in found.get("rows", ())}
    asked = {
        "collatz": "a compiled C program (`collatz`, one worker), over the plain run of the same machine",
        "collatz, one core": "the same without a worker: states come back",
        "lua: Collatz": "a Lua script in the interpreter of its authors, compiled unmodified, one worker",
    }
    return [
        f"| {question} | {_range(rows[name]['speedup'])} times |" for name, question in asked.items() if name in rows
    ]


def _anytime_line(row: Mapping[str, Any]) -> list[str]:
    """Return the line of the headline about read-outs at any time, if they have been measured."""
    if "planned" not in row:
        return []
    *first, last = row["planned"]
    means = sorted(found["difference"]["mean"] for found in row["planned"].values())
    return [
        f"| read-outs of one run at a constant rate at {', '.join(first)} and {last} steps, instead of a WSD run for "
        f"each | {_interval(row['share_of_planned']['seconds'], '.2f')} of the seconds; their test losses less those "
        f"of the WSD runs: {means[0]:+.3f} to {means[-1]:+.3f} nats |"
    ]


def _range(found: dict[str, float]) -> str:
    return f"**{found['median']:.2f}** ({found['low']:.2f}–{found['high']:.2f})"


def attached(result: dict[str, Any]) -> str:
    """Return what a speculation that is attached and does nothing costs, as Markdown."""
    lines = ["| what | time of a step, attached over plain | goal | met |", "|---|---|---|---|"]
    for row in result["rows"]:
        taken = f"steps of {row['step_ms']:.0f} ms in turns, {row['slices']} blocks of {row['steps_a_slice']} pairs"
        cells = [
            f"{row['row']}; {taken}; median and 95 % interval",
            f"**{_between(row['ratio'], 4)}**",
            row["goal"],
            "yes" if row["met"] else "no",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


_TRUTHS = {"loss": "the gate loss is lower after a few real steps", "distance": "nearer to the real continuation"}


def chaos(result: dict[str, Any]) -> str:
    """Return which recognizer tells where a linear leap is right, as Markdown."""
    peaks = ", ".join(f"{peak:g}" for peak in sorted({row["peak"] for row in result["states"]}))
    lines = [
        f"{len(result['states'])} states of trainings with peak rates {peaks}, from warm-up to decay. Accuracy is "
        "balanced (0.5 tells nothing). AUC is the chance that a recognizer's figure is higher at a right leap than at "
        "a wrong one.",
        "",
        "| right means | K | right | recognizer | right of passed | right of refused | accuracy | AUC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["recognizers"]:
        passed, of, states, right = (row[name] for name in ("passed", "right_of_passed", "states", "right"))
        sides = ["", ""] if passed is None else [f"{of} of {passed}", f"{right - of} of {states - passed}"]
        scores = ["" if row[name] is None else f"{row[name]:.2f}" for name in ("accuracy", "auc")]
        what = [_TRUTHS[row["truth"]], str(row["horizon"]), f"{right} of {states}", row["recognizer"]]
        lines.append(_cells(*what, *sides, *scores))
    return "\n".join(lines)


_WHERE = (
    "plain loop",
    "attach",
    "optimisers",
    "transformers.Trainer",
    "TRL",
    "PEFT",
    "Accelerate",
    "Lightning",
    "Fabric",
)
"""Where people meet the library, in the order of the page; other places come after these."""


def integrations(result: dict[str, Any]) -> str:
    """Return what works and what is refused, from the tests that ran, as Markdown."""
    rows = sorted(result["rows"], key=_place)
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items() if name != "python")
    lines = [
        f"{sum(row['tests'] for row in rows)} tests ran with Python {result['versions']['python']}, {versions}.",
        "",
        "| where | what works |",
        "|---|---|",
        *(_cells(row["where"], row["what"]) for row in rows if row["outcome"] == "works"),
        "",
        "| where | what is refused | the message |",
        "|---|---|---|",
        *(_cells(row["where"], row["what"], row["sentence"]) for row in rows if row["outcome"] == "refused"),
    ]
    return "\n".join(lines)


def _place(row: dict[str, Any]) -> tuple[int, str]:
    where = row["where"]
    return (_WHERE.index(where), "") if where in _WHERE else (len(_WHERE), where)


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def study(result: dict[str, Any]) -> str:
    """Return the tables of a study, each under its title and with its notes."""
    tables = [markdown([Table(**found)]).strip() for found in result["tables"]]
    return "\n\n".join(f"#{found}" for found in tables)  # below the heading of the study


def compiled_runs(result: dict[str, Any]) -> str:
    """Return compiled programs with one worker, beside plain runs, as Markdown."""
    lines = [
        "Seconds of a plain run over those with one worker, by the clock, in turns: median and 95 % interval. The "
        "bound is 1 + 1/f, where a superstep takes f times as long if what it reads and writes is noted. All runs of a "
        "program ended in the same memory, registers and output."
        if all(row["equal"] for row in result["rows"])
        else "RUNS OF ONE PROGRAM ENDED IN DIFFERENT STATES.",
        "",
        "| program | million instructions | plain s | as fast | bound | steps leapt over | accepted of candidates "
        "| goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        accepted, rejected = sum(row["accepted"]), sum(row["rejected"])
        goal = "" if row["goal"] is None else f"{row['goal']}: {'met' if row['met'] else 'not met'}"
        alone = row["bound"] is None
        bound, judged = ("", "") if alone else (f"{row['bound']:.2f}", f"{accepted} of {accepted + rejected}")
        skipped = _mean(row["skipped_instructions" if alone else "skipped"])
        lines.append(
            f"| {row['row']} | {row['instructions'] / 1e6:,.0f} | {row['plain_s']['median']:.1f} | "
            f"{_range(row['speedup'])} | {bound} | {skipped:.0%} | {judged} | {goal} |"
        )
    if any(row["bound"] is None for row in result["rows"]):
        how = "there is no worker: the main thread leaps where states come back within a step"
        lines += ["", f"On one core, {how}, and the share of what it leapt over is that of the instructions."]
    return "\n".join(lines)


def compiled_public(result: dict[str, Any]) -> str:
    """Return programs that were never written for this, compiled unmodified, as Markdown."""
    lines = [
        "bzip2 1.0.8, Lua 5.4.4 and Zopfli 1.0.3 as their authors publish them, compiled for RISC-V and for this "
        "computer. Seconds of a plain run over those with one worker, in turns. `as here` says whether every run "
        "printed the same bytes as the program of this computer. Lua runs a script: a sweep of Collatz, or calls and "
        "strings.",
        "",
        "| program | million instructions | bytes printed | as here | plain s | as fast | steps leapt over "
        "| accepted of candidates |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        accepted, rejected = sum(row["accepted"]), sum(row["rejected"])
        lines.append(
            f"| {row['row']} | {row['instructions'] / 1e6:,.0f} | {row['printed']:,} | "
            f"{'yes' if row['as_native'] and row['equal'] else 'NO'} | {row['plain_s']['median']:.1f} | "
            f"{_range(row['speedup'])} | {_mean(row['skipped']):.0%} | {accepted} of {accepted + rejected} |"
        )
    return "\n".join(lines)


def compiled_scale(result: dict[str, Any]) -> str:
    """Return compiled programs with many workers, simulated, and the runs that check it, as Markdown."""
    found = {row["row"]: row for row in result["rows"]}
    check = found.pop("check", None)
    lines = [
        "*Simulated*, not measured (`benchmarks/riscv_scale.py`). The engine, its speculator, the programs and each "
        "prediction are real; only time is simulated. The main thread's work takes its own processor time, an "
        "instruction of the program its price by `riscv.json`. Instructions take so many times as long as is said "
        "under *stretch*, as if each turn of the loop did so many times the work on as many words. A worker has a core "
        "of its own and copies the memory for each task; the rest of its work is in Python, and keeps the main thread "
        "waiting. The profile is in millions of instructions. There are no terms for the bandwidth of memory, for a "
        "network, for the start of workers, or for the time until a waiting thread gets Python's lock.",
        "",
        "| program | profile | size | stretch | workers | plain s | as fast | bound | accepted of candidates "
        "| workers busy | main thread: tasks | main thread: own steps | ms a task |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in found.items():
        for point in row["points"]:
            bound = 1 + point["workers"] / row["prices"]["tracking"]
            profile = point["profile"] / 1e6
            lines.append(
                f"| {name} | {profile:g} | {point['size']:,} | {point['stretch']:,} | {point['workers']:,} "
                f"| {point['plain_s']:,.0f} | **{point['speedup']:.3g}** | {bound:.0f} "
                f"| {point['accepted']:,} of {point['accepted'] + point['rejected']:,} | {point['busy']:.0%} "
                f"| {point['shares']['tasks']:.0%} "
                f"| {point['shares']['plain']:.0%} "
                f"| {sum(point['main_thread_ms_by_kind'].values()):.2f} |"
            )
    goals = [f"{name}: {'met' if row['met'] else 'not met'}" for name, row in found.items()]
    lines += ["", f"Goal with 1,024 workers: {row['goal']:g} times. {'; '.join(goals)}."]
    if check is not None:
        lines += ["", *_checked(check)]
    return "\n".join(lines)


def _checked(check: dict[str, Any]) -> list[str]:
    lines = [
        "Beside real runs: on two cores, and with threads each of which waits as long as its instructions would take. "
        f"Goal: within {check['goal']:.0%}: {'met' if check['met'] else 'not met'}.",
        "",
        "| program | size | stretch | workers | measured | simulated | simulated / measured |",
        "|---|---|---|---|---|---|---|",
    ]
    for point in check["points"]:
        spread = f" ({point['low']:.2f} to {point['high']:.2f})" if "low" in point else ""
        lines.append(
            f"| {point['program']} | {point['size']:,} | {point['stretch']:,} | {point['workers']} "
            f"| {point['measured']:.2f}{spread} | {point['simulated']:.2f} | {point['ratio']:.2f} |"
        )
    return lines


def machine(result: dict[str, Any]) -> str:
    """Return how fast the RISC-V machine is, and what tracking costs, as Markdown."""
    lines = [
        "Processor time of one thread. f is the time of a run that notes what its supersteps read and write, over that "
        "of a plain one, in pairs. Native is the same source for this computer, by -O1; unicorn translates "
        "instructions.",
        "",
        "| program | million instructions a second | f | plain s | native s | unicorn s |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        beside = ["" if row[key] is None else f"{row[key]:.2f}" for key in ("native_s", "unicorn_s")]
        cells = [row["row"], f"{row['plain_mips']['median']:,.0f}", _range(row["f"]), f"{row['plain_s']['median']:.2f}"]
        lines.append("| " + " | ".join([*cells, *beside]) + " |")
    if "hit_ns" in result:
        hit = f"{result['hit_ns']['median']:.0f} ns"
        lines += ["", f"To look up, compare and apply an effect that read 4 words of the memory takes {hit}."]
    return "\n".join(lines)


TITLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "toy": ("Toy programs", table),
    "programs": ("Realistic programs", programs),
    "scale": ("Programs whose steps wait", scale),
    "riscv-runs": ("Compiled programs", compiled_runs),
    "riscv-public": ("Compiled programs of others", compiled_public),
    "riscv-scale": ("Compiled programs with many workers", compiled_scale),
    "riscv": ("The machine of compiled programs", machine),
    "network": ("The network backend's promises", network),
    "recipes": ("Whole training recipes beside their controls", recipes),
    "ways": ("Ways of going on, beside tuned WSD", ways),
    "attached": ("A speculation that is attached and idle", attached),
    "chaos": ("Where a linear leap is right, and which recognizer tells", chaos),
    "replay": ("Judging a predictor offline", replay),
    "startup": ("Starting the command", startup),
    "against": ("Beside an earlier commit", against),
    "lora": ("Read-outs with LoRA", lora),
    "generation": ("Texts while a model trains", generation),
    "rewards": ("Leaps judged by reward", rewards),
    "study-verdicts": ("Which verdict predicts the end", study),
    "study-verdicts-nano": ("The same on a larger model", study),
    "study-collapse": ("Ensemble collapse", study),
    "study-rates": ("How a learning rate is chosen", study),
}


def page(results: dict[str, dict[str, Any]]) -> str:
    """Return `docs/results.md`: every table, and the command, commit and machine behind each result file."""
    parts = [
        "# Results",
        "Every figure on this page comes from a file in `benchmarks/results/`, and every file names the command, the "
        "commit and the machine. [Measuring](measuring.md) explains how. `python benchmarks/tables.py` writes this "
        "page.",
    ]
    for name, (title, make) in ((name, title) for name, title in TITLES.items() if name in results):
        parts += [f"## {title}", make(results[name]), _origins({name: results[name]})]
    studies = {name: result for name, result in results.items() if "study" in result and name not in TITLES}
    parts += ["## Studies", "Their tables are in [findings](findings.md).", _origins(studies)]
    others = {name: result for name, result in results.items() if name not in TITLES and name not in studies}
    if others:
        parts += ["## Others", _origins(others)]
    return "\n\n".join(parts) + "\n"


def _origins(results: dict[str, dict[str, Any]]) -> str:
    """Return a table with a line for each command: when it was run, on what code and on what machine."""
    rows: dict[str, None] = {}
    for name, result in results.items():
        given = [result["origin"]] if "origin" in result else [row["origin"] for row in result.get("rows", ())]
        machine = f"{result['machine']['cores']} cores, {result['machine']['processor']}"
        for origin in given:
            changed = ", with changes not committed" if origin.get("uncommitted_changes") else ""
            cells = [f"`{name}.json`", f"`{origin['command']}`", origin["date"][:10]]
            cells += [f"`{origin['commit'][:10]}`{changed}", machine, origin.get("note", "")]
            rows["| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"] = None
    return "\n".join(["| file | command | date | commit | machine | note |", "|---|---|---|---|---|---|", *rows])


def read_results() -> dict[str, dict[str, Any]]:
    """Return the committed results by name."""
    paths = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths if "scratch" not in path.stem}


def put(table: str, name: str, path: Path) -> None:
    """Write a table between the comments with its name in a page."""
    before, rest = path.read_text(encoding="utf-8").split(f"<!-- {name} -->")
    after = rest.split(f"<!-- /{name} -->")[1]
    path.write_text(f"{before}<!-- {name} -->\n{table}\n<!-- /{name} -->{after}", encoding="utf-8")


def main() -> None:
    """Write the tables of the README and of the page on integrations, and the page of results."""
    results = read_results()
    put(headline(results), "headline", ROOT / "README.md")
    put(integrations(results["integrations"]), "integrations", ROOT / "docs" / "integrations.md")
    (ROOT / "docs" / "results.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
