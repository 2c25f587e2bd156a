"""The report's section on the texts that a run generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from asc.records.numbers import finite
from asc.records.texts import TEXTS, TextsAt, read_prompts, read_texts
from asc.report.charts import bar
from asc.report.markup import Html, join, section, table, tag
from asc.report.run_data import RunData
from asc.views import figures
from asc.views.encodable import printable

PROMPTS, POSITIONS, CHARACTERS = 12, 8, 1000
"""Prompts, positions of each, and characters of each text that are shown at most."""


def texts(run: RunData) -> Html:
    """Return how the texts of each prompt changed, and what speculation on them was worth."""
    prompts, counted = read_prompts(run.folder), [(each.position, each.counts) for each in read_texts(run.folder)]
    if not counted:
        return Html()
    chosen = _spread([position for position, _ in counted], POSITIONS)
    shown = [each for each in read_texts(run.folder) if each.position in chosen]
    seconds = sum(finite(counts.get("seconds")) or 0.0 for _, counts in counted)
    sentence = (
        f"{_number(len(prompts), 'prompt')} continued at {_number(len(counted), 'position')}, which took "
        f"{figures.duration(seconds)} of the run. A part of a text that is grey is that of the text above it. "
    )
    left_out = [f"{figures.count(len(prompts) - PROMPTS)} prompts"] if len(prompts) > PROMPTS else []
    left_out += [f"{figures.count(len(counted) - len(shown))} positions"] if len(counted) > len(shown) else []
    if left_out:
        sentence += f"All texts are in {TEXTS}; {' and '.join(left_out)} are left out here."
    return section(
        "Texts",
        tag("p", {"class": "soft"}, sentence),
        *(_of_prompt(number, prompt, shown) for number, prompt in enumerate(prompts[:PROMPTS])),
        _counts(run, counted, shown[-1].reason),
        _lengths(counted),
    )


def _of_prompt(number: int, prompt: str, shown: Sequence[TextsAt]) -> Html:
    rows: list[tuple[str, str]] = []
    before, since = None, 0
    for each in shown:
        text = printable(each.texts[number]) if number < len(each.texts) else ""
        if text == before:
            said = tag("span", {"class": "soft"}, f"as at {figures.count(since)}")
        else:
            same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before or "", text, strict=False)))
            grey = tag("span", {"class": "soft"}, text[: min(same, CHARACTERS)])
            said = tag("span", {"class": "said"}, grey, _cut(text, same))
            before, since = text, each.position
        rows.append((figures.count(each.position), said))
    heading = tag("p", None, f"Prompt {number + 1}: ", tag("b", {"class": "said"}, _cut(printable(prompt))))
    return join([heading, table("Its texts by position.", ("position", "text"), rows, numbers_from=2)])


def _cut(text: str, since: int = 0) -> str:
    """Return a text from a character on, and how long it is where it is too long to be shown."""
    if len(text) <= CHARACTERS:
        return text[since:]
    return f"{text[since:CHARACTERS]}… ({len(text):,} characters)"


def _counts(run: RunData, counted: Sequence[tuple[int, Mapping[str, Any]]], newest: str) -> Html:
    chosen = _spread([position for position, _ in counted], POSITIONS)
    rows = [_row(figures.count(position), counts) for position, counts in counted if position in chosen]
    if len(counted) > 1:
        names = {name for _, counts in counted for name, value in counts.items() if finite(value) is not None}
        total = {name: sum(finite(counts.get(name)) or 0 for _, counts in counted) for name in names}
        rows.append(_row(tag("b", None, "in all"), {**total, "blocks": _blocks(counted)}))
    head = ("position", "texts", "departures", "acceptance rate", "mean accepted length", "passes saved", "time")
    caption = (
        "What drafts were worth. A text departs where it first differs from the text that its prompt gave before. The "
        "acceptance rate is the share of verified tokens of drafts that were accepted, and the mean accepted length is "
        "how many of them a block had. Passes saved is a share of plain decoding's passes: without drafts, a batch has "
        "as many as its longest text has tokens."
    )
    said = (run.summary.get("texts") or {}).get("reason") or newest
    return join([tag("p", None, str(said)), table(caption, head, rows)])


def _row(name: str, counts: Mapping[str, Any]) -> tuple[str, ...]:
    get = {key: finite(value) or 0.0 for key, value in counts.items()}.get
    drafted, accepted, plain = get("drafted", 0.0), get("accepted", 0.0), get("without_drafts", 0.0)
    blocks = sum(_blocks([(0, counts)]).values())
    return (
        name,
        figures.count(get("texts")),
        figures.count(get("departures")),
        figures.percent(accepted / drafted if drafted else None),
        figures.amount(accepted / blocks if blocks else None),
        figures.percent(1 - get("passes", 0.0) / plain if plain else None),
        figures.duration(get("seconds")),
    )


def _lengths(counted: Sequence[tuple[int, Mapping[str, Any]]]) -> Html:
    """Return how many blocks of drafts had how many accepted tokens; from 8 on, by powers of two."""
    groups = Counter[int]()
    for length, number in _blocks(counted).items():
        groups[length if length < 8 else 2 ** (length.bit_length() - 1)] += number
    if not groups:
        return Html()
    most = max(groups.values())
    rows = [
        (str(low) if low < 8 else f"{low} to {2 * low - 1}", figures.count(number), bar((number / most, "gain")))
        for low, number in sorted(groups.items())
    ]
    return table("Blocks of drafts by accepted tokens.", ("accepted tokens", "blocks", ""), rows)


def _blocks(counted: Sequence[tuple[int, Mapping[str, Any]]]) -> Counter[int]:
    found = Counter[int]()
    for _, counts in counted:
        for length, number in (counts.get("blocks") or {}).items():
            found[int(length)] += int(number)
    return found


def _spread(positions: Sequence[int], most: int) -> set[int]:
    """Return the first and the last position, and others between them, evenly spread."""
    if len(positions) <= most:
        return set(positions)
    return {positions[round(index * (len(positions) - 1) / (most - 1))] for index in range(most)}


def _number(number: int, what: str) -> str:
    return f"{figures.count(number)} {what}" + ("s" * (number != 1))
