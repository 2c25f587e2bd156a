"""Every component that the project's distributions register: what it does, how it is chosen, and its settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from asc.cli.explain import CHOSEN, reads
from asc.config.fields import settings
from asc.plugins import Entry, Plugins
from asc.plugins.registry import KINDS, Registry
from asc_reference.markdown import code, escaped, page, prose, table, toctree

TITLES = {
    "backend": ("Backends", "Where a computation comes from: what is run, and how its state is copied and advanced."),
    "predictor": ("Predictors", "Predict where the computation will be some steps from now."),
    "recognizer": ("Recognizers", "Decide where to stop, and whether that is a good place to predict from."),
    "validator": ("Validators", "Decide whether a candidate is good enough to leap to."),
    "study": ("Studies", "Many runs that answer one question."),
}
"""Title of each kind's page, and what the components of the kind are for."""


def pages(plugins: Plugins) -> Iterator[tuple[str, str]]:
    """Yield a page for each kind, and one that lists all components."""
    rows = []
    for kind in KINDS:
        title, purpose = TITLES[kind]
        entries = plugins.registry.entries(kind)
        yield (
            f"{title.lower()}.md",
            page(f"# {title}", purpose, *(part for entry in entries for part in _one(plugins.registry, entry))),
        )
        for entry in entries:
            rows.append((f"[{entry.name}](#{label(entry)})", escaped(entry.summary), kind, entry.source.distribution))
    yield (
        "components.md",
        page(
            "# Components and settings",
            "Everything that can be chosen by name. `asc explain NAME` says the same on the command line.",
            table(("name", "in a line", "kind", "distribution"), rows),
            toctree(title.lower() for title, _ in TITLES.values()),
        ),
    )


def label(entry: Entry) -> str:
    """Return the name by which other pages link to a component."""
    return f"{entry.kind}-{entry.name}"


def _one(registry: Registry, entry: Entry) -> Iterator[str]:
    component, found = entry.load(), list(settings(entry.load_config()))
    choose, change = CHOSEN[entry.kind]
    yield f"({label(entry)})=\n## {entry.name}"
    yield f"*{entry.source.distribution}*, {code(f'{component.__module__}.{component.__qualname__}')}"
    yield prose(inspect.cleandoc(component.__doc__ or entry.summary))
    chosen = " ".join([f"Choose it with {code(choose.format(entry.name))}.", *reads(registry, entry)])
    if not found:
        yield f"{chosen} It has no settings."
        return
    yield f"{chosen} Change its settings with {code(change.format(found[0].path))}."
    yield table(
        ("setting", "type", "default", "description"),
        ((code(path), escaped(kind), code(value), escaped(text)) for path, kind, value, text in found),
    )
