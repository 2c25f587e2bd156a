"""Writes `docs/findings.md` and the tables of `docs/momentum.md` from the committed results of the studies.

Every sentence with a figure ends in the letter of the command that shows it: `python benchmarks/findings.py`. The
figures are the files'; what is concluded from them is to be read again when they change.
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
    """Return every study's result."""
    return {name: json.loads((RESULTS / f"study-{name}.json").read_text(encoding="utf-8")) for name in LETTERS}


def findings(results: Mapping[str, Result]) -> str:
    """Return the page."""
    study = results["leap-verify"]
    parts = [
        "# Findings",
        "What of Leap+Verify (McEntire 2026) reproduces, what does not, and what its published code does beside its "
        "text. Written by `python benchmarks/findings.py` from the files in `benchmarks/results/`; the letter after a "
        "sentence is the command that shows it.",
        *_commands(results),
        "## What reproduces",
        *_list(_reproduces(results)),
        "## What does not",
        *_list(_differs(results)),
        "## What the code does beside the text",
        "None of this was hidden: the code is public, which is how it could be found. The published figures are those "
        "of the code.",
        *_departures(results),
        "## What a leap is worth",
        "The paper compares a candidate with the loss at *t*. The same training, gone on with, has a loss at *t + K* to "
        "compare it with as well.",
        *_list(_worth(study)),
        "## What was not tried",
        *_list(_limits(study)),
        "## The paper's tables",
        *(_table(results, "leap-verify", name) for name in SHOWN),
        "![Regimes by seed](figures/leap-verify-regimes.png)",
        "![Where each seed is first calm and first stable](figures/leap-verify-boundaries.png)",
        "![Strict acceptance by K and regime](figures/leap-verify-acceptance.png)",
        "![Momentum's predicted over current loss by K](figures/leap-verify-momentum.png)",
        "## Beyond the paper's tables",
        *(_table(results, "leap-verify", name) for name in BEYOND),
        "![The fall of the loss by a leap, against that by as many real steps](figures/leap-verify-gain.png)",
        _table(results, "cascades", "cascades"),
        "## Departures in figures",
        *(_table(results, "departures", name) for name in ("padding", "moments", "phantom")),
    ]
    return "\n\n".join(parts) + "\n"


def momentum(results: Mapping[str, Result]) -> str:
    """Return the tables of the page on momentum."""
    return "\n\n".join(
        [
            *_list(_exploded(results)),
            "![Predicted over current loss by K, form and precision](figures/momentum-momentum.png)",
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
    told = (
        f"A is {config['model']} from scratch at the paper's recipe (AdamW at 5e-5, {config['steps']:,} steps of "
        f"{config['batch']} × {config['length']} tokens) on Python's own standard library: neither the paper's model nor "
        "its corpus, so that differences from its figures are expected, and only their direction is told here. "
        "`python benchmarks/studies.py` does all of them."
    )
    noted = [
        f"{(note := results[name]['origin']['note'])[0].upper()}{note[1:]}. [{letter}]"
        for name, letter in LETTERS.items()
        if "note" in results[name]["origin"]
    ]
    return ["\n".join(rows), told, *_list(noted)] if noted else ["\n".join(rows), told]


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
        f"**Momentum as coded explodes**, at GPT-2's 124M weights: {_ratios(coded)} times the current loss for K = "
        f"{_ks(coded)}; the paper has 122 at K = 5 and 10,764 at K = 100. [B]",
        f"**It is never accepted**: {_accepted(_cell(study, 'momentum-as-coded', _shortest(study)), 'strict'):.0f} % at K = "
        f"{_shortest(study)} over all snapshots, by the strict criterion. [A]",
        f"**Linear leaps over short horizons stay close**: at K = {_shortest(study)}, "
        f"{_accepted(near, 'proximity'):.0f} % are within 5 % of the current loss, and the loss changes by "
        f"{near['predicted']:+.4f} nats a token in the mean. [A]",
        f"**Acceptance falls with K**: strictly, in transition by the published limits and for K = "
        f"{', '.join(map(str, ks))}, {falls['linear']} of linear leaps and {falls['quadratic-as-coded']} of quadratic ones as "
        "coded; the paper's GPT-2 has 9.3 %, 3.3 % and 0.7 % of linear leaps at K = 5, 10 and 25. [A]",
        f"**Seeds agree on where regimes begin**: by the published limits training first is not chaotic at steps "
        f"{', '.join(map(str, calm))}; the paper has ± 50 steps. By limits that are percentiles of the same trainings they "
        "would agree in any case. [A]",
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
        f"**Momentum is poor, and not catastrophic.** K steps of AdamW with its bias-corrected moments held, in single "
        f"precision, give {_ratios(held)} times the current loss for K = {_ks(held)} at 124M weights after 100 steps [B], "
        f"{_ratios(held_later)} for K = {_ks(held_later)} after 150 [C], and {_ratios(held_small)} for K = {_ks(held_small)} on a "
        f"small model after 200 to 600 [D]. Within 1.1 times up to K = 10, as was "
        f"expected, are {_within(held_later)} of the second and {_within(held_small)} of the third, but {_within(held)} of the first: there "
        "the warm-up has just ended, with the rate at its peak. See [momentum](momentum.md).",
        f"**A chaotic regime is not one in which nothing is accepted**: of linear leaps at K = {near} from snapshots that are "
        f"chaotic by the published limits, {_accepted(chaotic, 'strict'):.0f} % are strictly accepted, more than the "
        f"{_accepted(calm, 'strict'):.0f} % in transition: early on, almost any step along the way helps. The paper did not try "
        "any. [A]",
        f"**Acceptance is higher than published**: {_accepted(calm, 'strict'):.0f} % of linear leaps at K = {near} in "
        "transition, where the paper has 9.3 %. Model, corpus and loss differ (no padding is scored here); which of them it "
        "is was not tried. [A]",
        f"**The published limits do not carry over**: by them, of {snapshots} snapshots {sum(limits['chaotic'])} are "
        f"chaotic, {sum(limits['transition'])} in transition and {sum(limits['stable'])} stable; regimes follow the rate, "
        "which falls to a tenth by the end. [A]",
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
    rows = [
        (
            "Padding is scored",
            "Passages are padded to 256 tokens and the padding counts in the loss.",
            f"Trained so, {padded['every_position']:.2f} nats a token with padding scored and "
            f"{padded['text_only']:.2f} over the text alone; {padded['padding']:.0%} of positions are padding. The paper prints 1.62. Trained on "
            f"packed text for as many steps, {packed['text_only']:.2f} over the text. [E]",
        ),
        (
            "Limits are percentiles",
            "Where regimes begin is the mean of five trainings' own 30th and 70th percentiles.",
            f"Found so on these trainings, regimes are {shares} of the snapshots: the shares are chosen, not found. [A]",
        ),
        (
            "The learning rate is missing",
            "Eq. 3 is θ + K m/(√v + ε), without η and with the sign of ascent; the code has both right.",
            f"As printed, in single precision, the loss at 124M is {_ratios(printed)} times the current one. [B]",
        ),
        (
            "The sign in the quadratic term",
            "Eq. 5 has K(K - Δ), the code K² with a clamp; the parabola through the points has K(K + Δ).",
            f"On an exact parabola only the last is true [{LAWS}]. On these trainings it is no better for that: at K = "
            f"{long} the exact parabola changes the loss by {_change(exact)} nats, as printed by {_change(as_printed)}: the "
            "way is no parabola, and what damps the bend helps. [A]",
        ),
        (
            "The gate is also the report",
            "The batch that accepts a candidate, and that chooses momentum's scale, is the one that is reported.",
            f"Of {taken} candidates accepted strictly on one set of sequences, {noisy} do not lower the loss on another. "
            "[A]",
        ),
        (
            "Moments are zeroed after a leap",
            "m and v are set to zero and AdamW's step count is kept.",
            f"The first update then moves a weight by {zeroed['update'][0]:.2f} learning rates in the mean, and by "
            f"{reset['update'][0]:.2f} where the count is reset as well. And momentum that is asked next predicts no move: "
            f"its loss is {phantom['after']:.4f} at every K, which is compared with {phantom['stored']:.4f} from before the "
            f"leap, and {'accepted' if phantom['after'] < phantom['stored'] else 'refused'} at every K. [E]",
        ),
    ]
    lines = ["| departure | what the code does | what that does |", "|---|---|---|"]
    return ["\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])]


def _worth(study: Result) -> list[str]:
    sentences = []
    for horizon in study["config"]["horizons"]:
        linear, exact, held = (_cell(study, form, horizon) for form in ("linear", "quadratic", "momentum"))
        net = "" if linear["net"] is None else f"{linear['net']:+.1f} steps (of {linear['net_n']} snapshots)"
        sentences.append(
            f"K = {horizon}: {horizon} real steps change the loss by {linear['true']:+.4f} nats a token; a linear leap has "
            f"{_share(linear)} of that, the exact parabola {_share(exact)}, momentum {_share(held)}. A linear leap that is taken "
            f"only where it lowers the judging loss gains, by losses of another set and after {linear['cost']:.1f} steps for "
            f"prediction and gate pass, {net}. [A]"
        )
    sentences.append(
        "A lower loss now is not progress: these are gains of one leap that is never gone on from, at a learning rate far "
        "too low for training from scratch. What whole runs gain, beside controls, is in the README: "
        "`python benchmarks/recipes.py`."
    )
    sentences.append(
        "A cascade of linear leaps, or of exact quadratic ones, is one leap of D·K: judging each link is all that it "
        f"adds. [{LAWS}]"
    )
    return sentences


def _limits(study: Result) -> list[str]:
    return [
        "The paper's models at their size, its corpus and its number of seeds: `asc study leap-verify --model gpt2` and "
        "`--model qwen2.5-1.5b` take a GPU, and whatever has been measured there is on the page [on a GPU](gpu.md).",
        f"{len(study['data']['seeds'])} seeds, where five are the least for a claim of difference; standard deviations "
        "are over these. [A]",
        "Other things that the code does beside the text: it starts from pretrained weights; its proximity criterion is "
        "+0.5 %, one-sided, and its adaptive one knows the run's future (both are in Table 7) [A]; its gate is cut from the "
        "end of the training split; linear leaps, too, start from half precision; Qwen's sweep sees the last 15 of 40 "
        "checkpoints.",
    ]


def _exploded(results: Mapping[str, Result]) -> list[str]:
    sentences = []
    for name, what in _MOMENTA.items():
        result, letter = results[name], LETTERS[name]
        coded, single = _row(result, "as coded", "float16"), _row(result, "as coded", "float32")
        printed, held = _row(result, "as printed", "float32"), _row(result, "corrected, held", "float32")
        near = [held["ratio"][k] for k in held["ratio"] if int(k) <= 10]
        sentences += [
            f"**{what}**: {coded['flushed']:.1%} of v becomes zero in half precision; none in bfloat16, whose exponents "
            f"are those of single precision ({_row(result, 'as coded', 'bfloat16')['flushed']:.1%}). [{letter}]",
            f"As coded, half precision: {_ratios(coded)} times the current loss for K = {_ks(coded)}. The same formula in "
            f"single precision: {_ratios(single)}. [{letter}]",
            f"As printed, single precision: {_ratios(printed)}. [{letter}]",
            f"Corrected, held, single precision: {_ratios(held)}; at most {max(near):.3f} at K up to 10. [{letter}]",
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
    """Of the candidates accepted strictly: how many are not better on other sequences, and how many there are."""
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
    """How many of the horizons up to 10 stay within 1.1 times the current loss."""
    near = [value for k, value in row["ratio"].items() if int(k) <= 10]
    return f"{sum(value is not None and value <= 1.1 for value in near)} of {len(near)}"


def _ratios(row: Mapping[str, Any]) -> str:
    return ", ".join(number(value) for value in row["ratio"].values())


def _ks(row: Mapping[str, Any]) -> str:
    return ", ".join(row["ratio"])


def number(value: float | None) -> str:
    """Return a ratio in as many digits as it needs."""
    if value is None:
        return "beyond all numbers"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _change(cell: Mapping[str, Any]) -> str:
    return "beyond all numbers" if cell["predicted"] is None else f"{cell['predicted']:+.3f}"


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
    """Write the page, and what stands between the markers of the other."""
    results = load()
    PAGE.write_text(findings(results), encoding="utf-8")
    text = EXPLAINED.read_text(encoding="utf-8")
    before, rest = text.split("<!-- momentum -->")
    after = rest.split("<!-- /momentum -->")[1]
    written = f"{before}<!-- momentum -->\n{momentum(results)}\n<!-- /momentum -->{after}"
    EXPLAINED.write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
