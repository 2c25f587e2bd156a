"""What a plugin's distribution requires of the core, beside the core that is running."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import asc
from asc.errors import AscError
from asc.plugins import load
from asc.plugins.entry import Source
from asc.plugins.requires import require_core

SOURCE = Source("mine", "asc-mine", "3.1")


@pytest.mark.parametrize(
    "requirement",
    [
        "asc-core",
        "asc-core[testing]",
        "asc-core<0.2,>=0.1",
        "asc-core >=0.1, <0.2",
        "asc_core (>=0.1,<0.2)",
        "ASC.Core~=0.1.2",
        "asc-core!=0.1.4",
        'asc-core>=2; extra == "future"',
        'asc-core>=2; python_version < "3"',
        "asc-core-extras>=2",
        "asc-corex>=2",
        "numpy>=2",
    ],
)
def test_what_fits_passes(requirement: str) -> None:
    require_core(SOURCE, ["pydantic>=2", requirement], "0.1.5")


@pytest.mark.parametrize(
    ("requirement", "running"),
    [
        ("asc-core>=2", "0.1.5"),
        ("asc-core<0.2,>=0.1", "0.2.0"),
        ("asc-core<0.2,>=0.1", "1.1.0"),
        ("asc-core[testing]>=2", "1.9"),
        ("asc-core==0.1.4", "0.1.5"),
        ("Asc_Core>=0.3 ; python_version > '3'", "0.2.1"),
        ("asc-core>=0.2", "0.2.0.dev1"),
    ],
)
def test_what_does_not_fit_names_both_versions_and_what_to_type(requirement: str, running: str) -> None:
    with pytest.raises(AscError) as caught:
        require_core(SOURCE, [requirement], running)
    text = str(caught.value)
    assert text.startswith('The plugin "mine" of asc-mine 3.1 requires asc-core ')
    assert text.endswith(
        f", and this is asc-core {running}. To get versions that fit, type: pip install --upgrade asc-core asc-mine"
    )


def test_a_core_that_was_never_installed_has_no_version_to_compare() -> None:
    require_core(SOURCE, ["asc-core>=2"], "0+unknown")


def test_a_requirement_that_cannot_be_read_is_told() -> None:
    with pytest.raises(AscError, match='has a requirement that cannot be read, "asc-core>=two": InvalidRequirement: '):
        require_core(SOURCE, ["asc-core>=two"], "0.1.5")


def test_a_plugin_for_another_core_is_not_even_imported_and_the_rest_are_loaded(
    install: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(asc), "__version__", "1.2.3")
    module = "raise RuntimeError('imported all the same')\n"
    install("asc-later", "7", {"later": "asc_later"}, {"asc_later": module}, ["numpy", "asc-core>=2"])
    watcher = "import asc\n@asc.hookimpl\ndef asc_progress(run): pass\n"
    install("asc-fine", "1", {"fine": "asc_fine"}, {"asc_fine": watcher}, ["asc-core<1.3,>=1.2"])
    plugins = load(environ={"ASC_LOAD_PLUGINS": "later,fine"})
    told = {status.name: (status.status, status.error) for status in plugins.statuses}
    sentence = (
        'The plugin "later" of asc-later 7 requires asc-core >=2, and this is asc-core 1.2.3. '
        "To get versions that fit, type: pip install --upgrade asc-core asc-later"
    )
    assert told == {"builtin": ("ok", None), "later": ("failed", sentence), "fine": ("ok", None)}
    with pytest.raises(AscError, match="requires asc-core >=2"):
        plugins.registry.get("backend", "later")


def test_the_usual_range_is_recognised_without_the_library_that_reads_ranges() -> None:
    code = (
        "import sys\nfrom asc.plugins.entry import Source\nfrom asc.plugins.requires import require_core\n"
        "require_core(Source('a', 'b'), ['asc-core<0.2,>=0.1'], '0.1.7')\n"
        "sys.exit('packaging.requirements' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
