"""For authors of plugins and backends: laws to subclass, small computations to try things on, histories by hand.

Install what it needs from a checkout of asc: `pip install -e '.[testing]'`.
"""

from asc.reference.programs import PROGRAMS, Descent, Registers, machine
from asc.reference.runs import Course, Visit, courses
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
from asc.testing.laws.caches import Place
from asc.testing.laws.validators import Trial

__all__ = [
    "PROGRAMS",
    "BackendLaws",
    "CacheLaws",
    "ComponentLaws",
    "ComputationLaws",
    "Course",
    "Descent",
    "ExactLaws",
    "JudgedLaws",
    "Place",
    "PredictorLaws",
    "RecognizerLaws",
    "Registers",
    "Trial",
    "ValidatorLaws",
    "Visit",
    "WordHistory",
    "courses",
    "installed",
    "machine",
]
