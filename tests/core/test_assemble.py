"""Assembling an engine: which settings each mode has, and what is refused before the first step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import asc
from asc.assemble import assemble
from asc.cache import TrajectoryCache
from asc.computation import Computation
from asc.config.run import Component, ExecutedConfig, JudgedConfig, RunConfig
from asc.engine import Engine
from asc.errors import AscError
from asc.predictor import Predictor
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.predictors.quadratic import Quadratic
from asc.recognizers.every import Every
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.settings import NO_SETTINGS
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.pool import Pool
from asc.testing.executors import Inline
from asc.testing.stand_ins import Accept
from asc.validator import Validator
from asc.validators.strict import Strict


class Average(Mean):
    """Updates the present state."""

    in_place = True


PARTS: dict[tuple[str, str], type[Any]] = {
    ("predictor", "linear"): Linear,
    ("predictor", "quadratic"): Quadratic,
    ("predictor", "average"): Average,
    ("recognizer", "every"): Every,
    ("validator", "accept"): Accept,
}


def create(kind: str, name: str, settings: Any = NO_SETTINGS) -> Any:
    return PARTS[kind, name]()


def executed(*predictors: str, **settings: Any) -> ExecutedConfig:
    return ExecutedConfig.model_validate({"recognizer": "every", "predictors": predictors or ("linear",), **settings})


def judged(*predictors: str, **settings: Any) -> JudgedConfig:
    return JudgedConfig.model_validate(
        {"recognizer": "every", "validator": "accept", "predictors": predictors or ("linear",), **settings}
    )


def engine(computation: Computation, config: RunConfig, pool: Pool | None = None) -> Engine:
    return assemble(computation, config, create, cache=TrajectoryCache(), pool=pool)


NO_WORKERS = Pool(Inline, 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"validator": "strict"},
        {"keep_trajectory": 20},
        {"scheduler": {"horizons": [8]}},
        {"scheduler": {"candidates": 4}},
    ],
)
def test_an_executed_run_has_no_settings_of_judged_speculation(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ExecutedConfig.model_validate(settings)
    JudgedConfig.model_validate(settings)


@pytest.mark.parametrize("settings", [{"lookahead": 9}, {"task_length": 4}, {"memoise": False}])
def test_a_judged_run_has_no_settings_of_executed_speculation(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        JudgedConfig.model_validate({"scheduler": settings})
    ExecutedConfig.model_validate({"scheduler": settings})


def test_an_update_in_place_is_refused_where_candidates_are_executed() -> None:
    with pytest.raises(AscError, match=r"^The predictor average updates the present state rather than looking ahead"):
        engine(machine("count", 100), executed("linear", "average"), NO_WORKERS)
    engine(Descent(100), judged("linear", "average"))


def test_a_backend_whose_candidates_are_executed_needs_a_pool() -> None:
    with pytest.raises(AscError, match=r"no pool of workers: let pool\(computation\) return an asc.Pool, or"):
        engine(machine("count", 100), executed())
    engine(Descent(100), judged())


def test_a_judged_run_has_no_workers() -> None:
    for horizons in ((), (4, 8)):
        config = judged("linear", "average", scheduler=JudgedScheduler.Config(horizons=horizons))
        found = engine(Descent(400), config)
        found.run()
        assert found.ledger.leaps > 0
        assert found.speculator.workers == 0
        assert not {"dispatch", "collect", "wait"} & set(found.ledger.accounts())
        assert "sent to a worker" not in found.speculator.outcomes.counts
    with pytest.raises(AscError) as caught:
        engine(Descent(400), judged("linear"), Pool(Inline, 2))
    assert str(caught.value) == (
        "This backend's candidates are judged, and its pool has 2 workers, which would have nothing to do: leave "
        "pool(computation) out, or extend asc.ExecutedConfig."
    )


def test_a_history_that_is_too_short_for_a_predictor_is_refused() -> None:
    with pytest.raises(AscError) as caught:
        engine(Descent(100), judged("linear", "quadratic", history={"max_snapshots": 2}))
    assert str(caught.value) == (
        "The predictor quadratic looks back on 3 snapshots, and history.max_snapshots is 2: set it to 3 or more, or "
        "leave it out."
    )
    engine(Descent(100), judged("linear", "quadratic", history={"max_snapshots": 3}))


@pytest.mark.parametrize(("history", "kept"), [({}, 3), ({"max_snapshots": 7}, 7)])
def test_a_history_is_as_deep_as_the_deepest_predictor_or_the_setting(history: dict[str, int], kept: int) -> None:
    found = engine(Descent(2000), judged("linear", "quadratic", history=history))
    for _ in range(9):
        found.computation.advance(50)
        found.trajectory.append(found.computation.observe())
    assert len(found.trajectory.snapshots()) == kept


@pytest.mark.parametrize("make", [executed, judged])
def test_a_predictor_that_is_named_twice_is_refused(make: Any) -> None:
    with pytest.raises(AscError, match="The predictor linear is named twice, and outcomes are kept by name: leave one"):
        engine(Descent(100), make("linear", "quadratic", "linear"), NO_WORKERS)


def test_needs_that_the_backend_cannot_meet_are_refused() -> None:
    class Needy(Predictor):
        needs = frozenset({"optimizer"})

        def predict(self, history: Any, horizon: int) -> None:
            return None

    def with_needy(kind: str, name: str, settings: Any = NO_SETTINGS) -> Any:
        return Needy() if name == "needy" else create(kind, name)

    with pytest.raises(AscError, match='The predictor "needy" needs optimizer, which this backend does not provide'):
        assemble(Descent(100), judged("linear", "needy"), with_needy, cache=TrajectoryCache())


class Bare(Descent):
    """Provides no held-out losses."""

    provides = frozenset({"vector"})


class Trying(Accept):
    """Needs steps on trial as well."""

    needs = frozenset({"losses", "trial"})


@pytest.mark.parametrize(
    ("validator", "make", "sentence"),
    [
        (
            Strict,
            Bare,
            'The validator "accept" needs losses, which this backend does not provide (it offers vector). Let the '
            "computation have score(state, look) and gain_steps(improvement), as asc.validators.scores.Scores "
            'describes them, and name "losses" in its provides; or choose a validator that needs no held-out losses '
            "(type: asc new validator NAME).",
        ),
        (
            Trying,
            Descent,
            'The validator "accept" needs trial, which this backend does not provide (it offers fingerprint, losses, '
            "vector). Choose one that needs no steps on trial: `asc explain NAME` says what each needs.",
        ),
    ],
)
def test_a_validator_that_needs_what_the_computation_lacks_is_refused(
    validator: type[Validator], make: type[Descent], sentence: str
) -> None:
    def with_it(kind: str, name: str, settings: Any = NO_SETTINGS) -> Any:
        return validator() if kind == "validator" else create(kind, name)

    with pytest.raises(AscError) as caught:
        assemble(make(100), judged(), with_it, cache=TrajectoryCache())
    assert str(caught.value) == sentence


def test_no_code_asks_which_mode_a_computation_has() -> None:
    """What depends on the mode lives in the speculators and in the configuration: nothing has an `exact` to ask for."""
    folder = Path(asc.__file__).parent
    found = [
        f"{path.relative_to(folder)}:{number}"
        for path in sorted(folder.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\.exact\b", line)
    ]
    assert found == []


def test_a_component_is_a_name_or_a_name_with_settings() -> None:
    config = judged(recognizer={"name": "every", "steps": 10})
    assert config.recognizer == Component(name="every", steps=10)
    assert config.recognizer.settings == {"steps": 10}
