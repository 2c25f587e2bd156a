"""Links to files and headings lead somewhere: in the repository's own pages here, in the site as it is built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "examples").glob("**/README.md"),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+:")


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = [heading.lower() for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_local_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        found = page.parent / target if target else page
        if ELSEWHERE.match(link) or target.startswith("generated/") or (not target and page.parent.name == "docs"):
            continue  # an address; or what only the site has, which checks it as it is built
        if not found.exists() or (anchor and anchor not in slugs(found)):
            broken.append(link)
    assert broken == []


def test_links_of_the_repository_are_made_to_fit_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    from asc_reference.borrowed import Borrowed

    fitted = Borrowed(ROOT, "generated").fitted
    assert fitted("[a](../examples/hello.py)", "docs/plugins.md", "plugins.md") == "[a](generated/examples/hello.md)"
    assert fitted("[a](hello.py)", "examples/README.md", "generated/examples.md") == "[a](examples/hello.md)"
    assert fitted("[a](../docs/networks.md#data)", "examples/README.md", "generated/examples.md") == (
        "[a](../networks.md#data)"
    )
    for same in ("[a](networks.md#data)", "[a](https://example.org/a.md)", "`[a](../examples/hello.py)`"):
        assert fitted(same, "docs/plugins.md", "plugins.md") == same


def build(source: Path, page: str) -> subprocess.CompletedProcess[str]:
    """Build a site of one page with the settings of ours, its own extension apart."""
    source.mkdir()
    (source / "index.md").write_text(page, encoding="utf-8")
    options = ["-q", "-W", "--keep-going", "-c", str(ROOT / "docs"), "-D", "extensions=myst_nb"]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(source.parent / "site")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_the_site_is_built_only_with_links_that_lead_somewhere(tmp_path: Path) -> None:
    pytest.importorskip("myst_nb")
    bad = ("nowhere.md", "#no-such-heading", "no-such-picture.png")
    links = "[a]({}) [b]({}) ![c]({})".format(*bad)
    found = build(tmp_path / "pages", f"# A page\n\n[to its heading](#a-page) {links}\n")
    assert found.returncode == 1
    warnings = [line for line in found.stderr.splitlines() if "WARNING" in line]
    assert len(warnings) == len(bad), found.stderr
    for name in bad:
        assert any(name.removeprefix("#") in line for line in warnings)
