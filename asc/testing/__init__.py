"""For authors of plugins and backends: laws to subclass, small computations to try things on, histories by hand.

Install what the kit needs from a checkout of asc: `pip install -e '.[testing]'`.
"""

from asc.reference.descent import Descent
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Registers
from asc.reference.runs import ReferenceRun, Visit, reference_runs
from asc.testing.histories import WordHistory
from asc.testing.installed import installed
from asc.testing.laws import (
    BackendLaws,
    CacheLaws,
    ComponentLaws,
    ComputationLaws,
    ExactLaws,
    JudgedLaws,
    PredictorLaws,
    RecognizerLaws,
    ValidatorLaws,
)
from asc.testing.laws.validators import Trial
from asc.testing.leaping import Match

__all__ = [
    "PROGRAMS",
    "BackendLaws",
    "CacheLaws",
    "ComponentLaws",
    "ComputationLaws",
    "Descent",
    "ExactLaws",
    "JudgedLaws",
    "Match",
    "PredictorLaws",
    "RecognizerLaws",
    "ReferenceRun",
    "Registers",
    "Trial",
    "ValidatorLaws",
    "Visit",
    "WordHistory",
    "installed",
    "machine",
    "reference_runs",
]
