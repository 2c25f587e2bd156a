"""Writes `docs/findings.md` and the tables of `docs/momentum.md` from the committed results of the studies.

Usage: `python benchmarks/findings.py`. Every sentence with a figure ends with the letter of the command that shows it.
The figures come from the files. The conclusions do not: read them again when a file changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE, EXPLAINED = ROOT / "docs" / "findings.md", ROOT / "docs" / "momentum.md"

LETTERS = {
    "leap-verify": "A",
    "momentum": "B",
    "momentum-later": "C",
    "momentum-small": "D",
    "departures": "E",
    "cascades": "F",
}
LAWS = "G"
LAW_COMMAND = "pytest backends/nn_training/tests/test_leap_verify.py tests/predictors/test_cascade.py"
SHOWN = ("table-1", "table-2-recalibrated", "table-3-recalibrated", "table-4", "table-5")
BEYOND = ("boundaries", "table-6", "table-7", "table-8", "ledger")

Result = Mapping[str, Any]


def load() -> dict[str, Result]:
    """Return every study's result, and those that say what pays at a tuned rate."""
    files = {name: f"study-{name}" for name in (*LETTERS, "verdicts", "rates", "collapse")}
    files |= {"ways": "ways", "recipes": "recipes"}
    paths = {name: RESULTS / f"{file}.json" for name, file in files.items()}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in paths.items() if path.exists()}


def findings(results: Mapping[str, Result]) -> str:
    """Return the page."""
    study = results["leap-verify"]
    parts = [
        "# Findings",
        "This page says which findings of Leap+Verify (McEntire 2026) we reproduce, which we do not, and where its "
        "published code differs from its text. `python benchmarks/findings.py` writes the page from the files in "
        "`benchmarks/results/`. The letter after a sentence names the command that shows it.",
        *_commands(results),
        "## What we reproduce",
        *_list(_reproduces(results)),
        "## What we do not reproduce",
        *_list(_differs(results)),
        "## What the code does and the text does not say",
        "The code is public, so none of this was hidden. The published figures are those of the code.",
        *_departures(results),
        "## What a leap is worth",
        "The paper compares the loss of a candidate with the loss at *t*. The same training also has a loss at *t + K*, "
        "and this section compares with that loss.",
        *_list(_worth(study)),
        "## What predicts the end, and what pays at a tuned rate",
        "The trainings above are at a rate far too low. This section is about trainings at their best rate, whose rate "
        "falls to zero at the end (WSD). [Results](results.md) has the tables.",
        *_list([*_ends(results), *_pays(results), *_rates(results), *_collapse(results)]),
        "## What was not tried",
        *_list(_limits(study)),
        "## The paper's tables",
        *(_table(results, "leap-verify", name) for name in SHOWN),
        "![Regimes by seed](figures/leap-verify-regimes.png)",
        "![First snapshot of each seed that is not chaotic, and first stable one](figures/leap-verify-boundaries.png)",
        "![Strict acceptance by K and regime](figures/leap-verify-acceptance.png)",
        "![Loss predicted by momentum over current loss, by K](figures/leap-verify-momentum.png)",
        "## Tables that the paper does not have",
        *(_table(results, "leap-verify", name) for name in BEYOND),
        "![Fall of the loss by a leap, against the fall by as many real steps](figures/leap-verify-gain.png)",
        _table(results, "cascades", "cascades"),
        "## Differences between code and text, in numbers",
        *(_table(results, "departures", name) for name in ("padding", "moments", "phantom")),
    ]
    return "\n\n".join(parts) + "\n"


def momentum(results: Mapping[str, Result]) -> str:
    """Return the tables of the page on momentum."""
    return "\n\n".join(
        [
            *_list(_exploded(results)),
            "![Predicted over current loss, by K, formula and precision](figures/momentum-momentum.png)",
            *(_table(results, name, "momentum") for name in _MOMENTA),
        ]
    )


_MOMENTA = {
    "momentum": "GPT-2 at 124M weights, after 100 steps",
    "momentum-later": "The same after 150 steps",
    "momentum-small": "A small GPT-2, mean over 200, 400 and 600 steps",
}


# -- what was run


def _commands(results: Mapping[str, Result]) -> list[str]:
    rows = ["| | command | machine | torch |", "|---|---|---|---|"]
    for name, letter in LETTERS.items():
        result = results[name]
        machine = f"{result['machine']['cores']} cores, {result['machine']['processor']}"
        rows.append(f"| {letter} | `{result['origin']['command']}` | {machine} | {result['torch']} |")
    rows.append(f"| {LAWS} | `{LAW_COMMAND}` | any | any |")
    config = results["leap-verify"]["config"]
    about = (
        f"A trains {config['model']} from scratch by the paper's recipe (AdamW at 5e-5, {config['steps']:,} steps of "
        f"{config['batch']} × {config['length']} tokens) on Python's own standard library. That is neither the paper's "
        "model nor its corpus, so we expect other figures, and this page compares their direction only. `python "
        "benchmarks/studies.py` runs all studies."
    )
    notes = [
        f"{(note := results[name]['origin']['note'])[0].upper()}{note[1:]}. [{letter}]"
        for name, letter in LETTERS.items()
        if "note" in results[name]["origin"]
    ]
    return ["\n".join(rows), about, *_list(notes)] if notes else ["\n".join(rows), about]


# -- sentences


def _reproduces(results: Mapping[str, Result]) -> list[str]:
    study, large = results["leap-verify"], results["momentum"]
    coded, near = _row(large, "as coded", "float16"), _cell(study, "linear", _shortest(study))
    ks = study["config"]["horizons"]
    falls = {
        form: ", ".join(f"{_accepted(_cell(study, form, k, 'transition', 'published'), 'strict'):.0f} %" for k in ks)
        for form in ("linear", "quadratic-as-coded")
    }
    calm = [first for first, _ in study["data"]["regimes"]["published"]["boundaries"]]
    return [
        f"**Momentum as coded explodes** at GPT-2's 124M weights: its loss is {_ratios(coded)} times the current loss for "
        f"K = {_ks(coded)}. The paper has 122 at K = 5 and 10,764 at K = 100. [B]",
        f"**Momentum as coded is never accepted**: the strict criterion accepts "
        f"{_accepted(_cell(study, 'momentum-as-coded', _shortest(study)), 'strict'):.0f} % at K = {_shortest(study)} over "
        "all snapshots. [A]",
        f"**Linear leaps over short horizons stay close**: at K = {_shortest(study)}, "
        f"{_accepted(near, 'proximity'):.0f} % are within 5 % of the current loss, and the loss changes by "
        f"{near['predicted']:+.4f} nats a token on average. [A]",
        f"**Acceptance falls with K**: in transition by the published limits, for K = {', '.join(map(str, ks))}, the strict "
        f"criterion accepts {falls['linear']} of linear leaps and {falls['quadratic-as-coded']} of quadratic leaps as coded. "
        "The paper's GPT-2 has 9.3 %, 3.3 % and 0.7 % of linear leaps at K = 5, 10 and 25. [A]",
        f"**Seeds agree on where regimes start**: by the published limits, the first snapshot that is not chaotic is at "
        f"steps {', '.join(map(str, calm))}. The paper has ± 50 steps. By limits that are percentiles of the same "
        "trainings, seeds would agree in any case. [A]",
    ]


def _differs(results: Mapping[str, Result]) -> list[str]:
    study = results["leap-verify"]
    held, held_later, held_small = (_row(results[name], "corrected, held", "float32") for name in _MOMENTA)
    limits = study["data"]["regimes"]["published"]["counts"]
    snapshots = sum(seed["snapshots"] for seed in study["data"]["seeds"])
    near = _shortest(study)
    chaotic = _cell(study, "linear", near, "chaotic", "published")
    calm = _cell(study, "linear", near, "transition", "published")
    return [
        f"**Momentum is poor, but not catastrophic.** K steps of AdamW in single precision, with its bias-corrected moments "
        f"held, give {_ratios(held)} times the current loss for K = {_ks(held)} at 124M weights after 100 steps [B], "
        f"{_ratios(held_later)} for K = {_ks(held_later)} after 150 steps [C], and {_ratios(held_small)} for K = "
        f"{_ks(held_small)} on a small model after 200 to 600 steps [D]. We expected at most 1.1 times up to K = 10. That "
        f"holds for {_within(held_later)} horizons of C and {_within(held_small)} of D, but for {_within(held)} of B: there "
        "the warm-up has just ended, and the learning rate is at its peak. See [momentum](momentum.md).",
        f"**Leaps are accepted in the chaotic regime too**: of linear leaps at K = {near} from snapshots that are chaotic by "
        f"the published limits, {_accepted(chaotic, 'strict'):.0f} % are strictly accepted, more than the "
        f"{_accepted(calm, 'strict'):.0f} % in transition. Early in training, almost any step in the direction of training "
        "helps. The paper did not try leaps in this regime. [A]",
        f"**Acceptance is higher than published**: {_accepted(calm, 'strict'):.0f} % of linear leaps at K = {near} in "
        "transition; the paper has 9.3 %. Model, corpus and loss differ (no padding is scored here), and we did not test "
        "which of them is the cause. [A]",
        f"**The published limits do not transfer**: by them, of {snapshots} snapshots {sum(limits['chaotic'])} are "
        f"chaotic, {sum(limits['transition'])} in transition and {sum(limits['stable'])} stable. Regimes follow the "
        "learning rate, which falls to a tenth by the end. [A]",
    ]


def _departures(results: Mapping[str, Result]) -> list[str]:
    study, large = results["leap-verify"], results["momentum"]
    arms = results["departures"]["data"]["arms"]
    padded, packed = arms["padded"], arms["packed"]
    counts = study["data"]["regimes"]["recalibrated"]["counts"]
    known = sum(sum(counts[regime]) for regime in ("chaotic", "transition", "stable"))
    shares = " / ".join(f"{sum(counts[regime]) / known:.0%}" for regime in ("chaotic", "transition", "stable"))
    printed = _row(large, "as printed", "float32")
    long = _longest(study)
    exact, as_printed = (_cell(study, form, long) for form in ("quadratic", "quadratic-as-printed"))
    zeroed, reset = (packed["treatments"][name] for name in ("zeroed", "reset"))
    phantom = packed["phantom"]
    noisy, taken = _gate(study)
    verdict = "is accepted" if phantom["after"] < phantom["stored"] else "is rejected"
    rows = [
        (
            "Padding is scored",
            "Passages are padded to 256 tokens, and the loss counts the padding.",
            f"A model trained this way has a loss of {padded['every_position']:.2f} nats a token with padding scored, and of "
            f"{padded['text_only']:.2f} over the text alone; {padded['padding']:.0%} of the positions are padding. The paper "
            f"prints 1.62. A model trained on packed text for as many steps has {packed['text_only']:.2f} over the text. [E]",
        ),
        (
            "Limits are percentiles",
            "The limits of the regimes are the mean 30th and 70th percentiles of five trainings.",
            f"By limits found this way on these trainings, {shares} of the snapshots are chaotic / in transition / stable: "
            "the shares are chosen, not found. [A]",
        ),
        (
            "The learning rate is missing",
            "Eq. 3 in the text is θ + K m/(√v + ε): η is missing, and the sign is that of ascent. The code has both right.",
            f"As printed, in single precision, the loss at 124M is {_ratios(printed)} times the current loss. [B]",
        ),
        (
            "The sign in the quadratic term",
            "Eq. 5 has K(K - Δ), and the code K² with a clamp. The parabola through the points has K(K + Δ).",
            f"On an exact parabola only K(K + Δ) is right [{LAWS}]. On these trainings that is no advantage: at K = {long} "
            f"the exact parabola changes the loss by {_change(exact)} nats, and the printed form by {_change(as_printed)}. "
            "The weights do not follow a parabola, and a damped second-order term does less harm. [A]",
        ),
        (
            "The gate is also the report",
            "One batch accepts a candidate, chooses momentum's scale, and is reported.",
            f"Of {taken} candidates that one set of sequences strictly accepts, {noisy} do not lower the loss on another "
            "set. [A]",
        ),
        (
            "Moments are zeroed after a leap",
            "m and v are set to zero, and AdamW's step count is kept.",
            f"The first update then moves a weight by {zeroed['update'][0]:.2f} learning rates on average, and by "
            f"{reset['update'][0]:.2f} if the step count is reset too. The next momentum prediction does not move the "
            f"weights: its loss is {phantom['after']:.4f} at every K. It is compared with {phantom['stored']:.4f} from before "
            f"the leap, and {verdict} at every K. [E]",
        ),
    ]
    lines = ["| departure | what the code does | effect |", "|---|---|---|"]
    return ["\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])]


def _worth(study: Result) -> list[str]:
    sentences = []
    for horizon in study["config"]["horizons"]:
        linear, exact, held = (_cell(study, form, horizon) for form in ("linear", "quadratic", "momentum"))
        net = "unknown" if linear["net"] is None else f"{linear['net']:+.1f} steps (over {linear['net_n']} snapshots)"
        sentences.append(
            f"K = {horizon}: {horizon} real steps change the loss by {linear['true']:+.4f} nats a token. A linear leap "
            f"achieves {_share(linear)} of that, the exact parabola {_share(exact)}, momentum {_share(held)}. If linear leaps "
            "are taken only where they lower the judging loss, the net gain of a leap on another set of sequences is "
            f"{net}, after {linear['cost']:.1f} steps for its prediction and gate pass. [A]"
        )
    sentences.append(
        "A lower loss now is not progress yet. Each gain above is that of one leap, after which training does not continue, "
        "at a learning rate far too low for training from scratch. [Results](results.md) shows what whole runs gain, beside "
        "controls: `python benchmarks/recipes.py`."
    )
    sentences.append(
        "A cascade of linear leaps, or of exact quadratic leaps, ends at the weights of one leap of D·K steps: it only adds "
        f"a verdict on each link. [{LAWS}]"
    )
    return sentences


def _ends(results: Mapping[str, Result]) -> list[str]:
    """Return what the study of verdicts says, if it has been measured."""
    if "verdicts" not in results:
        return []
    tables = {table["name"]: table for table in results["verdicts"]["tables"]}
    verdicts, kinds = (
        {row[0]: dict(zip(tables[name]["columns"], row, strict=True)) for row in tables[name]["rows"]}
        for name in ("verdicts", "candidates")
    )
    states, now, always = next(iter(kinds.values()))["states"], verdicts["now"], verdicts["always worse"]
    later = [name for name in verdicts if name.startswith("after")]
    average, ways = kinds["average of 4 snapshots"], [name for name in kinds if name.startswith("ema-nesterov")]
    source = "`asc study verdicts`"
    return [
        f"**The loss of the moment**: at {states} states, its sign is that of the end for {now['right']} of "
        f"{now['candidates']} candidates that it has an opinion on and whose end is clear. To refuse everything would be "
        f"right for {always['right']} of {always['candidates']}. It accepts {now['accepted']}, of which "
        f"{now['accepted and better']} end better. {source}",
        "**Real steps from both sides**: the sign of the change after them is that of the end for "
        + ", ".join(f"{verdicts[name]['right']} ({name}; {verdicts[name]['price']} plain steps)" for name in later)
        + f". {source}",
        "**With a margin**, chosen by the candidates of the other trainings, that sign is right for "
        + ", ".join(
            f"{verdicts[name]['right with it']} ({name}; {verdicts[name]['price']} plain steps; margin "
            f"{verdicts[name]['margin']})"
            for name in later
        )
        + ". The margin makes up for what a way costs before it pays. But to know the kind, and look at no loss, is right "
        f"for {verdicts['its kind']['right']}. {source}",
        f"**What is accepted after them** ends better in {verdicts[later[-1]]['accepted and better']} of "
        f"{verdicts[later[-1]]['accepted']} ({later[-1]}); that is {verdicts[later[-1]]['better and accepted']} of what "
        f"ends better. {source}",
        f"**Averages as states to go on from**: they change the held-out loss by {average['now']} nats at once and the end "
        f"by {average['end']}; the end is clearly better at {average['better']} and worse at {average['worse']} of "
        f"{average['states']} states. {source}",
        *(
            f"**A way of going on, {name}**: nothing changes at once, and the end changes by {kinds[name]['end']} nats; it "
            f"is clearly better at {kinds[name]['better']} and worse at {kinds[name]['worse']} of {kinds[name]['states']} "
            f"states. {source}"
            for name in ways
        ),
        f"**A switchback**, stretches of the run with a way and without it: right for {verdicts['switchback']['right']} of "
        f"{verdicts['switchback']['candidates']}. The noise of a way is in the loss at once, and its progress only after "
        f"the rate has fallen. {source}",
    ]


def _pays(results: Mapping[str, Result]) -> list[str]:
    """Return what ways of going on gain over tuned WSD, if that has been measured."""
    sentences = []
    rows = results["ways"]["rows"] if "ways" in results else []
    for row in (row for row in rows if "net_speedup" in row):
        net, less = row["net_speedup"], row["loss_difference"]
        if net is None or less is None:
            continue
        sentences.append(
            f"**EMA-Nesterov over tuned WSD**, {row['row']}, {row['steps']:,} steps, {net['n']} seeds: the final loss of "
            f"plain WSD {net['mean']:.2f} times as soon ({net['low']:.2f} to {net['high']:.2f}), or {less['mean']:+.3f} nats "
            "at the same length. `python benchmarks/going_on.py`"
        )
        for name, found in row["controls"].items():
            if found["loss_difference"] is not None:
                sentences.append(
                    f"Control, {name}, over the same plain runs: {found['loss_difference']['mean']:+.3f} nats. "
                    "`python benchmarks/going_on.py`"
                )
    for row in (row for row in rows if "conditions" in row):
        by_condition = ", ".join(
            f"{found['loss_difference']['mean']:+.3f} ({name})"
            for name, found in row["conditions"].items()
            if found["loss_difference"]
        )
        sentences.append(
            f"**When EMA-Nesterov pays**, {row['model']}, {row['steps']} steps, 3 seeds: the final loss less that of plain "
            f"WSD, by sequences a batch and by γ: {by_condition}. `python benchmarks/going_on.py conditions`"
        )
    for row in results["recipes"]["rows"] if "recipes" in results else ():
        if "planned" in row:
            ends = "; ".join(
                f"at {step} steps {found['difference']['mean']:+.3f} nats" for step, found in row["planned"].items()
            )
            shares, over = row["share_of_planned"], row["over_live_first"]
            sooner = (
                f" They have the loss that its live weights end with {over['mean']:.2f} times as soon." if over else ""
            )
            sentences.append(
                f"**Read-outs of one run at a constant rate, instead of a WSD run for each number of steps**, {row['model']}, "
                f"{len(row['seeds'])} seeds: {shares['steps']:.2f} of the steps and {shares['seconds']['mean']:.2f} of the "
                f"seconds; their test losses less those of the WSD runs: {ends}.{sooner} "
                "`python benchmarks/recipes.py constant`"
            )
    return sentences


def _rates(results: Mapping[str, Result]) -> list[str]:
    """Return what the study of rates says, if it has been measured."""
    if "rates" not in results:
        return []
    table = next(each for each in results["rates"]["tables"] if "regret" in each["columns"])
    ways = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    return [
        f"**Choosing a learning rate, {way['way']}**: regret {way['regret']} nats, for {way['steps']} of the steps and "
        f"{way['seconds']} of the seconds of a full sweep. `asc study rates --full`"
        for way in ways[1:]
    ]


def _collapse(results: Mapping[str, Result]) -> list[str]:
    """Return what the study of ensemble collapse says, if it has been measured."""
    if "collapse" not in results:
        return []
    table = next(each for each in results["collapse"]["tables"] if each["name"] == "arms")
    arms = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    one, parallel, *others = arms
    return [
        f"**Ensemble collapse**: one training ends at {one['test loss']} after {one['steps']} steps. "
        + "; ".join(
            f"{arm['arm']}, {arm['shared steps']} shared steps: {arm['minus one']} nats, {arm['steps']} steps"
            for arm in others
        )
        + f"; data parallel with as many processes: {parallel['minus one']} nats, {parallel['steps']} steps, in the time "
        f"of {parallel['in parallel']:,}. `asc study collapse`"
    ]


def _limits(study: Result) -> list[str]:
    return [
        "The paper's models at their size, its corpus and its number of seeds. `asc study leap-verify --model gpt2` and "
        "`--model qwen2.5-1.5b` need a GPU; the page [on a GPU](gpu.md) lists the commands.",
        f"More than {len(study['data']['seeds'])} seeds, although a claim of difference needs at least five. Standard "
        "deviations are over these seeds. [A]",
        "Other things that the code does and the text does not say: it starts from pretrained weights; its proximity "
        "criterion is one-sided, +0.5 %, and its adaptive criterion uses the run's future (both are in Table 7) [A]; its "
        "gate set is cut from the end of the training split; linear leaps start from half precision too; Qwen's sweep uses "
        "the last 15 of 40 checkpoints.",
    ]


def _exploded(results: Mapping[str, Result]) -> list[str]:
    sentences = []
    for name, what in _MOMENTA.items():
        result, letter = results[name], LETTERS[name]
        coded, single = _row(result, "as coded", "float16"), _row(result, "as coded", "float32")
        printed, held = _row(result, "as printed", "float32"), _row(result, "corrected, held", "float32")
        near = [held["ratio"][k] for k in held["ratio"] if int(k) <= 10]
        sentences += [
            f"**{what}**: in half precision, {coded['flushed']:.1%} of v becomes zero. In bfloat16, which has the exponents "
            f"of single precision, {_row(result, 'as coded', 'bfloat16')['flushed']:.1%} does. [{letter}]",
            f"As coded, in half precision: {_ratios(coded)} times the current loss for K = {_ks(coded)}. The same formula "
            f"in single precision: {_ratios(single)}. [{letter}]",
            f"As printed, in single precision: {_ratios(printed)}. [{letter}]",
            f"Corrected with held moments, in single precision: {_ratios(held)}; at most {max(near):.3f} up to K = 10. "
            f"[{letter}]",
        ]
    return sentences


# -- figures


def _row(result: Result, form: str, precision: str) -> Mapping[str, Any]:
    (found,) = [r for r in result["data"]["rows"] if (r["form"], r["precision"]) == (form, precision)]
    return found


def _cell(
    study: Result, form: str, horizon: int, regime: str = "any", thresholds: str = "recalibrated"
) -> Mapping[str, Any]:
    wanted = {"form": form, "horizon": horizon, "regime": regime, "thresholds": thresholds}
    (found,) = [cell for cell in study["data"]["cells"] if wanted.items() <= cell.items()]
    return found


def _gate(study: Result) -> tuple[int, int]:
    """Return how many strictly accepted candidates are not better on other sequences, and how many there are."""
    (table,) = [table for table in study["tables"] if table["name"] == "table-8"]
    counts = [row[-1].split(" of ") for row in table["rows"]]
    return sum(int(noisy) for noisy, _ in counts), sum(int(taken) for _, taken in counts)


def _shortest(study: Result) -> int:
    return min(study["config"]["horizons"])


def _longest(study: Result) -> int:
    return max(study["config"]["horizons"])


def _accepted(cell: Mapping[str, Any], criterion: str) -> float:
    return 100 * cell["accepted"][criterion]["mean"]


def _within(row: Mapping[str, Any]) -> str:
    """Return how many of the horizons up to 10 stay within 1.1 times the current loss."""
    near = [value for k, value in row["ratio"].items() if int(k) <= 10]
    return f"{sum(value is not None and value <= 1.1 for value in near)} of {len(near)}"


def _ratios(row: Mapping[str, Any]) -> str:
    return ", ".join(number(value) for value in row["ratio"].values())


def _ks(row: Mapping[str, Any]) -> str:
    return ", ".join(row["ratio"])


def number(value: float | None) -> str:
    """Return a ratio in as many digits as it needs."""
    if value is None:
        return "not finite"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _change(cell: Mapping[str, Any]) -> str:
    return "not finite" if cell["predicted"] is None else f"{cell['predicted']:+.3f}"


def _share(cell: Mapping[str, Any]) -> str:
    return "none" if cell["share"] is None else f"{cell['share']:.0%}"


# -- Markdown


def _list(sentences: Sequence[str]) -> list[str]:
    return ["\n".join(f"- {sentence}" for sentence in sentences)]


def _table(results: Mapping[str, Result], of: str, name: str) -> str:
    return study_table(results[of], name, f" [{LETTERS[of]}]")


def study_table(result: Result, name: str, mark: str = "") -> str:
    """Return a table of a study with its notes, as Markdown."""
    (table,) = [table for table in result["tables"] if table["name"] == name]
    parts = [f"**{table['title']}**{mark}"]
    if table["rows"]:
        lines = ["| " + " | ".join(table["columns"]) + " |", "|---" * len(table["columns"]) + "|"]
        lines += ["| " + " | ".join(_cell_text(cell) for cell in row) + " |" for row in table["rows"]]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, " ".join(table["notes"])])


def _cell_text(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|")


def main() -> None:
    """Write the page of findings, and the text between the markers of the page on momentum."""
    results = load()
    PAGE.write_text(findings(results), encoding="utf-8")
    text = EXPLAINED.read_text(encoding="utf-8")
    before, rest = text.split("<!-- momentum -->")
    after = rest.split("<!-- /momentum -->")[1]
    written = f"{before}<!-- momentum -->\n{momentum(results)}\n<!-- /momentum -->{after}"
    EXPLAINED.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
