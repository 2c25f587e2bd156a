"""HTML that is escaped where it is made: a string is text unless `tag` or `join` made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape


class Html(str):
    """Markup that `tag` or `join` made; every other string is escaped on its way into a document."""

    __slots__ = ()


def tag(name: str, attributes: Mapping[str, str] | None = None, *children: str) -> Html:
    """Return an element."""
    written = "".join(f' {key}="{escape(value)}"' for key, value in (attributes or {}).items())
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Sequence[str]) -> Html:
    """Return the children one after the other, and escape those that are text."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> Html:
    """Return a table that scrolls by itself on a narrow screen. Columns from `numbers_from` on hold numbers."""

    def cells(name: str, row: Sequence[str]) -> list[Html]:
        styles = ["number" if index >= numbers_from else "text" for index in range(len(row))]
        return [tag(name, {"class": style}, cell) for style, cell in zip(styles, row, strict=True)]

    inner = tag(
        "table",
        None,
        tag("thead", None, tag("tr", None, *cells("th", head))),
        tag("tbody", None, *(tag("tr", None, *cells("td", row)) for row in rows)),
    )
    # The caption does not scroll with the table: it is a sentence and has to wrap.
    scrolls = tag("div", {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption}, inner)
    return join([tag("p", {"class": "soft"}, caption), scrolls])


def section(heading: str, *children: str) -> Html:
    """Return a section under its heading."""
    return tag("section", None, tag("h2", None, heading), *children)


def document(title: str, *body: str) -> str:
    """Return a whole document that loads nothing: the policy in its head forbids it."""
    head = (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="color-scheme" content="light dark">'
    )
    style = Html(f"<style>{STYLE}</style>")
    content = tag("main", None, *body)
    head += tag("title", None, title) + style
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{content}</body></html>\n'


STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2126; --soft: #59636e; --line: #d5dade; --panel: #f4f6f8;
  --work: #5b7ba6; --boundary: #c2571a; --gain: #1b7f5c; --miss: #8f3fa8; --worker: #2b7a9b; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #e6eaee; --soft: #a0abb6; --line: #343c44;
  --panel: #1d2329; --work: #7f9fc9; --boundary: #f0935a; --gain: #45c191; --miss: #cf8fe2; --worker: #62b3d4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; }
.soft, .axis, .legend { color: var(--soft); font-size: .875rem; }
.lead { font-size: 1.1rem; margin: .8rem 0; }
.warning { border-left: 4px solid var(--boundary); background: var(--panel); padding: .5rem .8rem; margin: .6rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.cards div { background: var(--panel); border-radius: 6px; padding: .6rem .75rem; }
.cards dt { color: var(--soft); font-size: .8rem; }
.cards dd { margin: 0; overflow-wrap: anywhere; }
.cards dd.figure { font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.cards dd.note { color: var(--soft); font-size: .8rem; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
svg { display: block; width: 100%; background: var(--panel); border-radius: 3px; }
.lanes { display: grid; grid-template-columns: minmax(4.5rem, max-content) minmax(0, 1fr); gap: 3px .75rem; }
.lanes > span { font-size: .8rem; color: var(--soft); align-self: center; overflow-wrap: anywhere; max-width: 11rem; }
.lane { height: 24px; } .marks { height: 12px; } .tall { height: 190px; }
.axis { display: flex; justify-content: space-between; grid-column: 2; font-variant-numeric: tabular-nums; }
.lanes > .scale { align-self: stretch; display: flex; flex-direction: column; text-align: right; line-height: 1; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; list-style: none; padding: 0; margin: .5rem 0; }
.legend .soft { background: var(--soft); }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.work { fill: var(--work); background: var(--work); } .boundary { fill: var(--boundary); background: var(--boundary); }
.gain { fill: var(--gain); background: var(--gain); } .miss { fill: var(--miss); background: var(--miss); }
.worker { fill: var(--worker); background: var(--worker); }
.line { fill: none; stroke-width: 2px; vector-effect: non-scaling-stroke; }
.work.line { stroke: var(--work); } .boundary.line { stroke: var(--boundary); } .gain.line { stroke: var(--gain); }
.miss.line { stroke: var(--miss); } .soft.line { stroke: var(--soft); } .worker.line { stroke: var(--worker); }
.dashed { stroke-dasharray: 5 4; } .stroke { fill: none; vector-effect: non-scaling-stroke; opacity: .55; }
.gain.stroke { stroke: var(--gain); }
.legend .dashed { background: repeating-linear-gradient(90deg, var(--ink) 0 3px, transparent 3px 5px); height: 2px;
  vertical-align: middle; border-radius: 0; width: 1.1em; }
.legend .stroke { width: 2px; opacity: 1; }
.rule { stroke: var(--line); fill: none; vector-effect: non-scaling-stroke; }
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } th.number, td.number { text-align: right; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; } td.text { overflow-wrap: break-word; }
td.text + td.text { overflow-wrap: anywhere; }
.bar { display: flex; gap: 1px; min-width: 12rem; }
.bar i { display: block; height: .8em; margin-top: .35em; border-radius: 2px; min-width: 1px; }
@media (max-width: 32rem) { th, td { padding-right: .55rem; } .bar { min-width: 2.2rem; } }
.said { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; } .said .soft { font-size: inherit; }
.words { columns: 11rem; padding-left: 1.1rem; margin: .4rem 0; } .words li { overflow-wrap: anywhere; }
"""
