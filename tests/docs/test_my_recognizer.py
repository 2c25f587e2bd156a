"""The example of a recognizer keeps the laws of recognizers."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from asc.computation import Recognizer
from asc.testing import RecognizerLaws

SOURCE = Path(__file__).parent.parent.parent / "examples" / "my_recognizer.py"


def load() -> Any:
    spec = spec_from_file_location("my_recognizer", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestFewMoving(RecognizerLaws):
    example = load()

    def recognizer(self) -> Recognizer:
        return self.example.FewMoving(self.example.FewMoving.Config(steps=4))
