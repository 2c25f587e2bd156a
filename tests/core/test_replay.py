"""Predictors are asked along a run that is over: its first supersteps again, or the positions that it kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asc.backend import Backend
from asc.cli.bench.layouts import ExecutedLayout, JudgedLayout
from asc.cli.bench.tables import conclusions, data, verdicts
from asc.config.run import Component, JudgedConfig
from asc.errors import AscError
from asc.plugins import Plugins, load
from asc.predictor import History, Predictor
from asc.predictors.affine import Affine
from asc.predictors.cascade import Cascade
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.run.replay import positions
from asc.run.replay.conclude import GAIN_NOT_KNOWN, conclude
from asc.run.replay.evaluations import Evaluation, Evaluations, Totals
from asc.run.replay.positions import KeptPosition
from asc.run.replay.profile import Profile, evaluate, profile_run
from asc.run.replay.revisit import Revisit
from asc.run.run import Run
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.stand_ins import Break, Raising, Silent
from asc.trajectory import Trajectory
from asc.types import Combination, Direct, EngineState, Outcome, Plan, Snapshot
from asc.validator import Validator
from asc.validators.strict import Strict

STEPS = 100
SLOW: dict[str, Any] = {"rate": 0.001, "noise": 0.01}  # so slow that a straight line leads on


def evaluated(program: str, predictor: Predictor, **settings: Any) -> Evaluations:
    computation = machine(program, 30_000)
    found = Evaluations("p")
    evaluate(computation, profile_run(computation, 0.2, 1e-4), found, predictor, **settings)
    return found


@pytest.mark.parametrize("predictor", [Affine(), Linear()])
def test_a_count_is_predicted_by_those_that_extrapolate(predictor: Predictor) -> None:
    found = evaluated("count", predictor)
    gains = {}
    for horizon in found.horizons():
        totals = Totals.of(found.at(horizon))
        assert (totals.acceptance_rate, totals.silent, totals.share_of_plain) == (1.0, 0, 1.0)
        assert totals.applied_gain == totals.candidate_gain
        gains[horizon] = totals.applied_gain or 0.0
    assert gains[1] > 0
    assert gains == {horizon: horizon * gains[1] for horizon in gains}
    assert found.calls >= len(found.entries) > 0
    assert found.seconds > 0


def test_what_stays_as_it_is_is_wrong_about_a_count() -> None:
    totals = Totals.of(evaluated("count", LastValue(), horizons=(2,)).entries)
    assert (totals.accepted, totals.applied_gain, totals.candidate_gain) == (0, 0.0, 0.0)
    assert totals.asked > 10


class Floats(Predictor):
    """Predicts floats where words are integers."""

    needs = frozenset({"words"})

    def predict(self, history: History, horizon: int) -> Direct:
        return Direct({name: float(value) for name, value in history.read("words")[-1].items()})


def test_a_word_of_another_type_is_named() -> None:
    found = evaluated("count", Floats(), horizons=(2,))
    assert dict(found.doubts) == {"`n` was predicted as a float, and is an int": len(found.entries)}
    (sentence,) = conclude([found], [], ahead, nats)
    assert sentence == (
        "No candidate of p is accepted, so a run gains nothing by it. In "
        f"{len(found.entries)} of its rejected candidates, `n` was predicted as a float, and is an int."
    )


@pytest.mark.parametrize("predictor", [Affine(), Linear(), LastValue()])
def test_no_predictor_is_right_about_a_digest(predictor: Predictor) -> None:
    found = evaluated("digest", predictor)
    assert found.entries
    assert not any(one.applied_gain for one in found.entries)


def test_one_that_raises_is_not_asked_again() -> None:
    found = evaluated("count", Raising())
    assert found.fault == "RuntimeError: this predictor always raises"
    assert (found.calls, found.entries) == (1, [])


def test_silence_is_counted_and_asking_can_be_stopped() -> None:
    silent = evaluated("count", Silent(), horizons=(1,))
    assert {one.outcome for one in silent.entries} == {Outcome.SILENT}
    assert Totals.of(silent.entries).acceptance_rate is None
    assert evaluated("count", Silent(), stopped=lambda: True).entries == []


@pytest.mark.parametrize(("depth", "shown"), [(None, 3), (5, 5)])
def test_a_predictor_sees_as_many_snapshots_as_it_looks_back_on_or_as_the_run_keeps(
    depth: int | None, shown: int
) -> None:
    class Watching(Silent):
        depth = 3

        def __init__(self) -> None:
            super().__init__()
            self.shown: set[int] = set()

        def predict(self, history: History, horizon: int) -> None:
            self.shown.add(len(history.positions))

    watching = Watching()
    evaluated("count", watching, depth=depth)
    assert max(watching.shown) == shown


def test_a_computation_without_state_words_has_no_profile() -> None:
    with pytest.raises(AscError, match='this computation provides fingerprint, losses, vector: let it read "words"'):
        profile_run(Descent(100), 0.1, 1e-4)


class Reported(Descent):
    """A descent with sequences that neither judge nor tune."""

    def report(self, state: Any | None) -> NDArray[np.float64]:
        vector = self.vector if state is None else state.vector
        return np.array([float(vector @ vector), 2 * float(vector @ vector)])


class Descents(Backend[Descent]):
    """A backend whose candidates are judged, and whose checkpoints are files of numbers."""

    Config = JudgedConfig

    def __init__(self, config: JudgedConfig, make: Callable[[], Descent] = lambda: Reported(STEPS, **SLOW)) -> None:
        super().__init__(config)
        self._make = make
        self.full = False  # the disk

    def computation(self, plain: bool) -> Descent:
        return self._make()

    def save(self, computation: Descent, folder: Path, state: EngineState) -> None:
        if self.full:
            raise OSError("no space left on device")
        folder.mkdir(parents=True, exist_ok=True)
        position, _, (vector, velocity, random), _ = computation.snapshot()
        written = [position, vector.tolist(), velocity.tolist(), random, state.state.get("engine")]
        (folder / "walk.json").write_text(json.dumps(written, default=lambda value: value.tolist()))

    def load(self, computation: Descent, folder: Path) -> EngineState | None:
        file = folder / "walk.json"
        if not file.exists():
            return None
        position, vector, velocity, random, _ = json.loads(file.read_text())
        snapshot = computation.snapshot()
        frame = snapshot.state._replace(vector=np.array(vector), velocity=np.array(velocity), random=random)
        computation.restore(Snapshot(position, 0, frame, snapshot.nbytes))
        return EngineState()

    def outcome(self, computation: Descent) -> Mapping[str, Any]:
        return {}


KEEPING = JudgedConfig(
    recognizer=Component(name="every", steps=10),
    validator=Component(name="strict"),
    scheduler=JudgedScheduler.Config(horizons=(10,)),
    keep_trajectory=6,
)


@pytest.fixture
def plugins() -> Plugins:
    return load(environ={"ASC_LOAD_PLUGINS": ""})


def recorded(plugins: Plugins, folder: Path, *, shadow: bool = True) -> tuple[Descents, dict[str, Any]]:
    backend = Descents(KEEPING)
    return backend, Run(backend, "descent", plugins, folder=folder, shadow=shadow).execute()


def revisited(
    backend: Descents,
    kept: list[KeptPosition],
    horizons: tuple[int, ...] = (10, 20),
    validator: Callable[[], Validator] = Strict,
    **predictors: Predictor,
) -> dict[str, Evaluations]:
    computation = backend.computation(plain=False)
    again = Revisit(backend, computation, predictors, validator, horizons, Trajectory.Config())
    again.run(kept, lambda: False, lambda here: None)
    found = {name: Evaluations(name) for name in predictors}
    again.fill(found)
    return found


def test_the_first_positions_are_kept_and_booked_as_checkpoints(plugins: Plugins, tmp_path: Path) -> None:
    _, summary = recorded(plugins, tmp_path)
    kept = positions.kept_positions(tmp_path)
    assert [one.position for one in kept] == [0, 10, 20, 30, 40, 50]
    assert {one.segment for one in kept} == {0}
    assert summary["trajectory"] == {"positions": 6, "bytes": positions.nbytes(tmp_path)}
    assert summary["ledger"]["checkpoint"]["count"] == 6  # the one at the end is after the clock
    assert summary["warnings"] == []


def test_a_run_ends_the_same_whether_or_not_it_keeps_positions(plugins: Plugins, tmp_path: Path) -> None:
    keeping = Run(Descents(KEEPING), "descent", plugins, folder=tmp_path / "a").execute()
    without = KEEPING.model_copy(update={"keep_trajectory": 0})
    plain = Run(Descents(without), "descent", plugins, folder=tmp_path / "b").execute()
    assert keeping["final_digest"] == plain["final_digest"]
    assert "trajectory" not in plain
    assert not (tmp_path / "b" / positions.TRAJECTORY).exists()


def test_a_leap_begins_a_new_segment(plugins: Plugins, tmp_path: Path) -> None:
    backend, summary = recorded(plugins, tmp_path, shadow=False)
    assert summary["accepted"] > 0
    kept = positions.kept_positions(tmp_path)
    segments = [one.segment for one in kept]
    assert segments == sorted(segments)
    assert segments[-1] > 0
    found = revisited(backend, kept, linear=Linear())["linear"]
    first = {one.position for one, before in zip(kept, [None, *segments], strict=False) if one.segment != before}
    silent = {one.position for one in found.entries if one.outcome is Outcome.SILENT}
    assert silent == first


def test_a_full_disk_is_a_warning(plugins: Plugins, tmp_path: Path) -> None:
    backend = Descents(KEEPING)
    backend.full = True
    summary = Run(backend, "descent", plugins, folder=tmp_path, shadow=True).execute()
    assert summary["state"] == "finished"
    (warning,) = [warning for warning in summary["warnings"] if "could not be kept" in warning]
    assert warning == (
        "Position 0 could not be kept for a replay, so no later one is kept either: no space left on device."
    )
    assert positions.kept_positions(tmp_path) == []


def test_a_plain_run_warns_that_it_keeps_nothing(plugins: Plugins, tmp_path: Path) -> None:
    summary = Run(Descents(KEEPING), "descent", plugins, folder=tmp_path, speculate=False).execute()
    assert any("keeps nothing of a plain run" in warning for warning in summary["warnings"])


def test_values_are_those_found_by_hand(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    found = revisited(backend, positions.kept_positions(tmp_path), linear=Linear())["linear"]
    by_position = {(one.position, one.horizon): one for one in found.entries}
    assert by_position[0, 10].outcome is Outcome.SILENT
    plain = Reported(STEPS, **SLOW)
    states = [plain.observe()]
    while plain.position() < 50:
        plain.advance(10)
        states.append(plain.observe())
    for before, here in itertools.pairwise(states):
        for horizon in (10, 20):
            plain.restore(here)
            share = horizon / 10
            candidate = plain.materialise(Combination((-share, 1 + share)), (before, here), Plan("linear", horizon))
            assert candidate is not None
            one = by_position[here.position, horizon]
            now = plain.report(None).mean()
            assert one.gain == pytest.approx(now - plain.report(candidate.state).mean())
            verdict = Strict().judge(plain, candidate)
            assert (one.outcome is Outcome.ACCEPTED) is verdict.accepted
            if here.position + horizon <= 50:
                plain.advance(horizon)
                assert one.plain_gain == pytest.approx(now - plain.report(None).mean())
            else:
                assert one.plain_gain is None


def test_a_chain_is_measured_where_its_links_end(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    chain = Cascade(Cascade.Config(step=10))
    found = revisited(backend, positions.kept_positions(tmp_path), (20,), chain=chain, linear=Linear())
    assert {one.horizon for one in found["chain"].entries} == {20}
    assert next(one.outcome for one in found["chain"].entries) is Outcome.SILENT
    assert len(found["chain"].entries) == len(found["linear"].entries)


class Outer(Silent):
    """Updates in place, and keeps whether its updates were applied."""

    in_place = True

    def __init__(self) -> None:
        super().__init__()
        self.settled: list[bool] = []

    def predict(self, history: History, horizon: int) -> Combination:
        assert horizon == 0
        return Combination((1,))

    def settle(self, accepted: bool) -> None:
        self.settled.append(accepted)


def test_updates_in_place_are_asked_for_once_and_never_applied(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    outer = Outer()
    found = revisited(backend, positions.kept_positions(tmp_path), outer=outer, raising=Raising(), silent=Silent())
    assert [one.horizon for one in found["outer"].entries] == [0] * 6
    assert {one.gain for one in found["outer"].entries} == {0.0}
    assert outer.settled == [False] * 6
    assert found["raising"].fault == "RuntimeError: this predictor always raises"
    assert found["raising"].entries == []
    assert len(found["silent"].entries) == 12


class Forgetful(Linear):
    """Raises where it learns whether its candidate was used."""

    def settle(self, accepted: bool) -> None:
        raise ValueError("what was it?")


def test_a_component_that_raises_is_not_asked_again_and_nothing_counts_as_rejected(
    plugins: Plugins, tmp_path: Path
) -> None:
    backend, _ = recorded(plugins, tmp_path)
    kept = positions.kept_positions(tmp_path)
    found = revisited(backend, kept, validator=Break, linear=Linear())["linear"]
    assert found.fault == "the validator raised RuntimeError: this validator always raises"
    assert {one.outcome for one in found.entries} == {Outcome.SILENT}
    found = revisited(backend, kept, forgetful=Forgetful())["forgetful"]
    assert found.fault.startswith("ValueError: what was it? (test_replay.py, line ")
    assert {one.position for one in found.entries} == {0, 10}


def test_without_sequences_to_report_on_there_is_no_gain(plugins: Plugins, tmp_path: Path) -> None:
    backend = Descents(KEEPING, lambda: Descent(STEPS, **SLOW))
    Run(backend, "descent", plugins, folder=tmp_path, shadow=True).execute()
    found = revisited(backend, positions.kept_positions(tmp_path), linear=Linear())
    assert any(one.outcome is Outcome.ACCEPTED for one in found["linear"].entries)
    assert {one.gain for one in found["linear"].entries} == {None}


def test_a_damaged_trajectory_says_what_is_wrong(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    kept = positions.kept_positions(tmp_path)
    (kept[2].folder / "walk.json").unlink()
    with pytest.raises(AscError, match="has no checkpoint"):
        revisited(backend, kept, linear=Linear())
    (kept[1].folder / "position.json").write_text("{}")
    with pytest.raises(AscError, match="is damaged"):
        positions.kept_positions(tmp_path)


def given(name: str, *gains: float, new: bool = False) -> Evaluations:
    """Return evaluations with these gains, where a gain is accepted and a loss rejected."""
    entries = [
        Evaluation(i, 10, "", Outcome.ACCEPTED if gain > 0 else Outcome.REJECTED, gain) for i, gain in enumerate(gains)
    ]
    return Evaluations(name, entries, new)


def ahead(horizon: int) -> str:
    return f"{horizon} ahead"


def nats(gain: float) -> str:
    return f"{gain:g} nats"


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ((2.0,) * 8, "it is better"),
        ((0.5,) * 8, "it is worse"),
        ((2.0, 2.0, 0.5), "too few to tell them apart"),
        ((1.0,) * 8, "no difference"),
        ((2.0,) * 9 + (-50.0,) * 1, "it is better"),  # a rejected candidate does no harm
        ((1.1,) * 9 + (-1.0,) * 1, "few positions outweigh many"),
    ],
)
def test_the_conclusion(gains: tuple[float, ...], expected: str) -> None:
    other = given("known", *(1.0 if i < 9 else 3.0 for i in range(len(gains))))
    (sentence,) = conclude([given("mine", *gains)], [other], ahead, nats)
    assert expected in sentence
    assert sentence.startswith("mine does best 10 ahead")


def test_the_conclusion_where_there_is_little_to_say() -> None:
    def concluded(new: Evaluations) -> str:
        return " ".join(conclude([new], [], ahead, str))

    rejected = "No candidate of mine is accepted, so a run gains nothing by it."
    assert concluded(given("mine", -1.0, -2.0)) == rejected
    assert "never asked" in concluded(Evaluations("mine"))
    assert "silent all 1 times" in concluded(Evaluations("mine", [Evaluation(0, 10, "", Outcome.SILENT)]))
    raising = Evaluations("mine")
    raising.fault = "ValueError: no"
    assert concluded(raising) == "mine was not asked again: ValueError: no."


def test_of_several_new_ones_the_best_of_the_others_is_described_once() -> None:
    new = [given("one", *[2.0] * 8), given("two", *[0.5] * 8), given("three", *[-1.0] * 8)]
    sentences = conclude(new, [given("known", *[1.0] * 8)], ahead, nats)
    assert [sentence.split()[0] for sentence in sentences[:3]] == ["one", "two", "No"]
    assert sentences[0].endswith(
        "Compared with known, the new one gains more at 8 and less at 0 of 8 positions: it is better."
    )
    assert sentences[3] == "The best of the others, known 10 ahead, gains 1 nats."
    assert sum("best of the others" in sentence for sentence in sentences) == 1


def unknown(name: str, *outcomes: Outcome) -> Evaluations:
    return Evaluations(name, [Evaluation(i, 10, "", outcome) for i, outcome in enumerate(outcomes)], name == "mine")


def test_a_gain_that_is_not_known_is_not_zero() -> None:
    yes, no = Outcome.ACCEPTED, Outcome.REJECTED
    mine, known = unknown("mine", yes, yes, no), unknown("known", yes, no, no)
    assert Totals.of(mine.entries).applied_gain is None
    assert Totals.of(unknown("mine", no).entries).applied_gain == 0.0
    assert conclude([mine], [known], ahead, nats) == [
        "mine does best 10 ahead: 2 of 3 candidates are accepted. The best of the others, known 10 ahead, has 1 of 3 "
        "candidates accepted.",
        GAIN_NOT_KNOWN,
    ]
    (row,) = data([mine], JudgedLayout())["predictors"][0]["rows"]
    assert (row["gain"], row["candidate_gain"]) == (None, None)
    cells = {column.header: str(next(iter(column.cells))) for column in verdicts([mine], JudgedLayout()).columns}
    assert (cells["accepted"], cells["gain"], cells["candidate"]) == ("67%", "–", "–")


def test_one_row_where_all_horizons_are_the_same() -> None:
    def shown(name: str, outcomes: Sequence[Outcome], new: bool) -> list[list[str]]:
        entries = [
            Evaluation(i, horizon, "", outcome, 8.0 * horizon if outcome is Outcome.ACCEPTED else 0.0)
            for horizon in (1, 2, 4)
            for i, outcome in enumerate(outcomes)
        ]
        columns = verdicts([Evaluations(name, entries, new)], ExecutedLayout()).columns
        return [[str(cell) for cell in row] for row in zip(*(column.cells for column in columns), strict=True)]

    for new, name in ((True, "* right"), (False, "right")):
        assert shown("right", [Outcome.ACCEPTED] * 3, new) == [[name, "1–4", "9", "0", "100%", "8–32"]]
    assert shown("wrong", [Outcome.REJECTED, Outcome.SILENT], False) == [["wrong", "1–4", "6", "3", "0%", "0"]]
    assert len(shown("mixed", [Outcome.REJECTED, Outcome.ACCEPTED], True)) == 3


def test_gains_of_an_executed_run_are_in_steps_in_the_table_and_in_the_sentence() -> None:
    mine = Evaluations("mine", [Evaluation(i, 4, "", Outcome.ACCEPTED, 1024.0) for i in range(3)], new=True)
    assert "gains 1,024 steps each time it is asked" in conclusions([mine], ExecutedLayout())[0]
    assert str(next(iter(verdicts([mine], ExecutedLayout()).columns[-1].cells))) == "1,024"


def test_the_reach_of_a_profile_is_the_largest_horizon_that_is_ever_asked_for() -> None:
    computation = machine("count", 30_000)
    profile: Profile = profile_run(computation, 0.2, 1e-4)
    there, beyond = Evaluations("p"), Evaluations("p")
    evaluate(computation, profile, there, Linear(), (profile.reach,))
    evaluate(computation, profile, beyond, Linear(), (profile.reach + 1,))
    assert there.entries
    assert not beyond.entries


def test_a_count_that_is_beyond_every_float_is_compared_all_the_same() -> None:
    few = [given("mine", *[2.0] * 5), given("known", *[1.0] * 5)]
    assert "too few to tell them apart" in conclude(few[:1], few[1:], ahead, nats)[0]
    gains = [2.0] * 600 + [1.0] * 500
    many = [given("mine", *gains), given("known", *[3.0 - gain for gain in gains])]
    (sentence,) = conclude(many[:1], many[1:], ahead, nats)
    assert sentence.endswith("the new one gains more at 600 and less at 500 of 1100 positions: it is better.")


def test_a_resumed_run_removes_positions_that_it_will_reach_again(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True)

    for position in (0, 10, 20, 30):
        positions.keep(tmp_path, position, 0, "", write)
    write(tmp_path / positions.TRAJECTORY / "5")  # a kill has left it
    (tmp_path / positions.TRAJECTORY / "notes of the user").mkdir()
    positions.forget_beyond(tmp_path, 10)
    assert [one.position for one in positions.kept_positions(tmp_path)] == [0, 10]
    assert sorted(path.name for path in (tmp_path / positions.TRAJECTORY).iterdir()) == ["0", "10", "notes of the user"]
