"""Every notebook runs from top to bottom, quietly, and is kept without outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
kernelspec = pytest.importorskip("ipykernel.kernelspec")
pytest.importorskip("matplotlib")

NOTEBOOKS = sorted((Path(__file__).parent.parent.parent / "examples" / "notebooks").glob("*.ipynb"))
NEEDS = {"speculation-from-first-principles": "asc_toy", "speculative-training": "asc_nn_training"}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def kernel_of_this_python() -> Any:
    """Return a kind of kernel manager that runs this very interpreter, whatever kernels are installed."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(**kernelspec.get_kernel_dict())

    return ThisPython


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(NEEDS)


@every_notebook
def test_a_notebook_is_kept_as_it_was_written(path: Path) -> None:
    """Format 4.5, with an id for every cell and nothing that only a run leaves behind."""
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(notebook))


@every_notebook
def test_answers_are_folded_in_jupyter_and_on_the_site(path: Path) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    answers = [cell for cell in notebook.cells if "answer" in cell.metadata.get("tags", [])]
    assert answers
    for cell in answers:
        assert "hide-cell" in cell.metadata.tags
        assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}


@every_notebook
def test_what_is_called_identical_bit_for_bit_is_asserted(path: Path) -> None:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    claims = [cell for cell in code(notebook) if re.search(r"bit for bit|same weights", cell.source)]
    assert claims
    assert all(re.search(r"^ *assert |def ", cell.source, re.MULTILINE) for cell in claims)


@every_notebook
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter's own affair
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(NEEDS[path.stem])
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # nobody's own settings
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(
        notebook, timeout=200, resources=resources, kernel_manager_class=kernel_of_this_python()
    ).execute()
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    said = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert said == []  # no warning clutters it
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    text = "".join(output.text for output in outputs if output.output_type == "stream")
    assert TOLD[path.stem] in text


TOLD = {
    "speculation-from-first-principles": "identical to the plain loop, bit for bit: True",
    "speculative-training": "rate 0.002: 0 leaps",
}
