"""The reference pages of the site, written from the code each time the site is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent.parent
GENERATED = "generated"
"""Folder below `docs` that the pages are written into; nothing else is kept there."""

DISTRIBUTED = "builtin,toy,nn_training,riscv"
"""The plugins of the project's own distributions: what else is installed here is no part of its reference."""


def pages(root: Path = ROOT) -> dict[str, str]:
    """Return every generated page by its path below the folder of generated ones."""
    from asc.plugins import load  # noqa: PLC0415
    from asc_reference import api, commands, components, hooks, laws  # noqa: PLC0415 - they import the backends
    from asc_reference.borrowed import Borrowed  # noqa: PLC0415

    plugins = load((), {"ASC_LOAD_PLUGINS": DISTRIBUTED})
    return {
        **dict(components.pages(plugins)),
        **dict(commands.pages(plugins)),
        **dict(hooks.pages()),
        **dict(laws.pages()),
        **dict(api.pages()),
        **dict(Borrowed(root, GENERATED).written()),
    }


def write(folder: Path) -> None:
    """Bring a folder up to date; a page that is as it was keeps its time, so that it need not be rendered again."""
    made = {folder / name: text for name, text in pages().items()}
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.is_file() and path not in made:
            path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Let Sphinx write the pages first, and fit the links of the others, which are read in the repository too."""
    from asc_reference import members  # noqa: PLC0415
    from asc_reference.borrowed import Borrowed  # noqa: PLC0415

    borrowed = Borrowed(ROOT, GENERATED)

    def fit(_: Sphinx, name: str, content: list[str]) -> None:
        if not name.startswith(f"{GENERATED}/"):
            content[0] = borrowed.fitted(content[0], f"docs/{name}.md", f"{name}.md")

    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / GENERATED))
    app.connect("source-read", fit)
    app.connect("autodoc-skip-member", members.skip)
    app.connect("autodoc-process-docstring", members.examples, priority=400)  # before napoleon reads sections
    app.connect("autodoc-process-docstring", members.describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
