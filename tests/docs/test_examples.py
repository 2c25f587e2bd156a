"""Every example runs as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asc_toy")

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def output(tmp_path: Path, *arguments: str) -> str:
    found = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_from_python_in_an_unguarded_script(tmp_path: Path) -> None:
    found = output(tmp_path, str(EXAMPLES / "accelerate.py"), "2000")
    assert "17984 primes below 200003" in found
    assert "net" in found


def test_the_tour(tmp_path: Path) -> None:
    found = output(tmp_path, str(EXAMPLES / "tour.py"), "logistic")
    assert "The same states came back" in found
    assert "bit for bit" in found


def test_a_single_file_plugin(tmp_path: Path) -> None:
    asc = str(Path(sys.executable).with_name("asc"))
    plugin = ["--plugin", str(EXAMPLES / "my_predictor.py"), "--predictors", "halfway"]
    found = subprocess.run(
        [asc, "run", "toy", "--program", "collatz", "--n", "2000", *plugin, "--compare"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert found.returncode == 0, found.stderr
    assert "identical end" in found.stdout


def test_training_in_a_loop_of_one_s_own(tmp_path: Path) -> None:
    pytest.importorskip("asc_nn_training")
    found = output(tmp_path, str(EXAMPLES / "train_cnn.py"))
    assert "leapt by linear" in found
    assert "estimated" in found
