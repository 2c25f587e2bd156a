"""The single-file plugins of the documentation keep the laws that it names."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asc_nn_training")

from asc import Predictor, Recognizer
from asc.testing import PredictorLaws, RecognizerLaws, ReferenceRun, Registers
from asc.words import Word
from asc_nn_training.testing import WeightPredictorLaws

ROOT = Path(__file__).parent.parent.parent


def loaded(path: Path) -> Any:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lights(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Traffic lights: red, amber, green, and red again."""
    return {"light": (words["light"] + 1) % 3}


class TestPeriodic(PredictorLaws):
    def predictor(self) -> Predictor:
        made: Predictor = loaded(ROOT / "examples" / "periodic.py").Periodic()
        return made

    def reference_runs(self) -> Sequence[ReferenceRun]:
        run = ReferenceRun("lights", lambda steps: Registers(lights, {"light": 0}, steps), every=10)
        return [*super().reference_runs(), run]


class TestFewMoving(RecognizerLaws):
    example = loaded(ROOT / "examples" / "my_recognizer.py")

    def recognizer(self) -> Recognizer:
        made: Recognizer = self.example.FewMoving(self.example.FewMoving.Config(steps=4))
        return made


@pytest.mark.parametrize("name", ["Signs", "BestReach"])
def test_the_predictors_for_trainings_predict_weights(name: str) -> None:
    """They keep the other laws as well, which take half a minute."""

    class Laws(WeightPredictorLaws):
        def predictor(self) -> Predictor:
            made: Predictor = getattr(loaded(ROOT / "docs" / "snippets" / "training_predictors.py"), name)()
            return made

    laws = Laws()
    laws.test_predicts_somewhere()
    laws.test_keeps_the_shape_of_the_state()
    laws.test_leaves_the_history_untouched()


def test_the_laws_beside_a_single_file(tmp_path: Path) -> None:
    """As the tutorial shows it."""
    shutil.copy(ROOT / "examples" / "my_predictor.py", tmp_path)
    shutil.copy(ROOT / "docs" / "snippets" / "test_halfway.py", tmp_path)
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert found.returncode == 0, found.stdout
