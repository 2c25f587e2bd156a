"""Pages of the repository that live outside `docs/`: they are read there too, so their links are made to fit here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from asc_reference.markdown import page, toctree

_LINK = re.compile(r"```.*?```|`[^`\n]*`|(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))", re.DOTALL)
"""The target of a link, and its anchor; what stands in code is found as well, to be passed over."""

_OUTSIDE = re.compile(r"[a-z]+:|/")  # an address, or a path from a root


class Borrowed:
    """Which page of the site shows which file of the repository; pages are named below the generated ones."""

    def __init__(self, root: Path, generated: str) -> None:
        self.root, self.generated = root, generated
        self.pages: dict[str, str] = {
            "CONTRIBUTING.md": "contributing.md",
            "CHANGELOG.md": "changelog.md",
            "examples": "examples.md",
            "examples/README.md": "examples.md",
        }
        self.code = sorted(path.name for path in (root / "examples").glob("*.py"))
        self.packages = sorted(path.parent.name for path in (root / "examples").glob("*/pyproject.toml"))
        self.notebooks = sorted(path.name for path in (root / "examples" / "notebooks").glob("*.ipynb"))
        self.pages |= {f"examples/{name}": f"examples/{Path(name).stem}.md" for name in self.code}
        for name in self.packages:
            self.pages |= dict.fromkeys((f"examples/{name}", f"examples/{name}/README.md"), f"examples/{name}.md")
        self.pages |= {f"examples/notebooks/{name}": f"notebooks/{name}" for name in self.notebooks}

    def fitted(self, text: str, source: str, shown: str) -> str:
        """Return Markdown of the file `source` with its links as they have to be on the page `shown`."""

        def link(found: re.Match[str]) -> str:
            target, anchor = found.groups(default="")
            if not target or _OUTSIDE.match(target):
                return found[0]
            path = os.path.normpath(Path(source).parent / target)
            page = f"docs/{self.generated}/{self.pages[path]}" if path in self.pages else path
            return os.path.relpath(page, Path("docs", shown).parent) + anchor

        return _LINK.sub(link, text)

    def written(self) -> Iterator[tuple[str, str]]:
        """Yield the pages, below the folder of generated ones."""
        for source in ("CONTRIBUTING.md", "CHANGELOG.md"):
            yield self.pages[source], self._read(source)
        for name in self.packages:
            yield f"examples/{name}.md", self._read(f"examples/{name}/README.md")
        for name in self.code:
            include = f"```{{literalinclude}} ../../../examples/{name}\n:language: python\n```"
            yield f"examples/{Path(name).stem}.md", page(f"# {name}", include)
        for name in self.notebooks:
            yield f"notebooks/{name}", self._notebook(f"examples/notebooks/{name}")
        listed = (self.root / "examples" / "README.md").is_file()
        overview = self._read("examples/README.md") if listed else "# Examples"
        below = [*(Path(name).stem for name in self.code), *self.packages]
        yield "examples.md", page(overview.strip(), toctree(f"examples/{name}" for name in below))
        notebooks = toctree((f"notebooks/{Path(name).stem}" for name in self.notebooks), hidden=False)
        yield "notebooks.md", page("# Notebooks", notebooks if self.notebooks else "")

    def _read(self, source: str) -> str:
        text = (self.root / source).read_text(encoding="utf-8")
        return self.fitted(text, source, f"{self.generated}/{self.pages[source]}")

    def _notebook(self, source: str) -> str:
        notebook = json.loads((self.root / source).read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = "".join(cell["source"])
                cell["source"] = self.fitted(text, source, f"{self.generated}/{self.pages[source]}")
        return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
