"""Predictors asked along a run again: an exact one by walking it, a judged one from the places that it kept."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asc.allocator import Allocator
from asc.cli.answer_tables import conclusions, data, verdicts
from asc.computation import History, Predictor
from asc.config.run import Component, RunConfig
from asc.errors import AscError
from asc.plugins import Plugins, load
from asc.predictors.affine import Affine
from asc.predictors.cascade import Cascade
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.reference.programs import Descent, machine
from asc.run.replay import positions as places
from asc.run.replay.answers import Answers, Tally, Try
from asc.run.replay.conclude import GAIN_NOT_KNOWN, conclude
from asc.run.replay.positions import Place
from asc.run.replay.revisit import Revisit
from asc.run.replay.walk import ask, walk
from asc.run.run import Run
from asc.testing.stand_ins import Raising, Silent
from asc.trajectory import Trajectory
from asc.types import Combination, Memory, Outcome, Plan, Snapshot
from asc.validators.strict import Strict

STEPS = 100
SLOW: dict[str, Any] = {"rate": 0.001, "noise": 0.01}  # so slow that a straight line leads on


def asked(program: str, predictor: Predictor, **settings: Any) -> Answers:
    computation = machine(program, 30_000)
    answers = Answers("p")
    ask(computation, walk(computation, 0.2, 1e-4), answers, predictor, **settings)
    return answers


@pytest.mark.parametrize("predictor", [Affine(), Linear()])
def test_a_count_is_foretold_by_those_who_extrapolate(predictor: Predictor) -> None:
    answers = asked("count", predictor)
    for horizon in answers.horizons():
        tally = Tally.of(answers.at(horizon))
        assert (tally.share, tally.silent, tally.of_real) == (1.0, 0, 1.0)
        assert tally.gain % horizon == 0
    assert Tally.of(answers.at(4)).gain == 4 * Tally.of(answers.at(1)).gain
    assert answers.calls >= len(answers.tries) > 0
    assert answers.seconds > 0


def test_what_stays_as_it_is_is_wrong_about_a_count() -> None:
    tally = Tally.of(asked("count", LastValue(), horizons=(2,)).tries)
    assert (tally.accepted, tally.gain, tally.guess) == (0, 0.0, 0.0)
    assert tally.asked > 10


@pytest.mark.parametrize("predictor", [Affine(), Linear(), LastValue()])
def test_nobody_foretells_a_digest(predictor: Predictor) -> None:
    answers = asked("digest", predictor)
    assert answers.tries
    assert not any(one.taken for one in answers.tries)


def test_one_that_raises_is_not_asked_again() -> None:
    answers = asked("count", Raising())
    assert answers.fault == "RuntimeError: this predictor always raises"
    assert (answers.calls, answers.tries) == (1, [])


def test_silence_is_counted_and_asking_can_be_stopped() -> None:
    silent = asked("count", Silent(), horizons=(1,))
    assert {one.outcome for one in silent.tries} == {Outcome.SILENT}
    assert Tally.of(silent.tries).share is None
    assert asked("count", Silent(), stopped=lambda: True).tries == []


class Reported(Descent):
    """A descent with sequences that neither judge nor tune."""

    def report(self, state: Any | None) -> NDArray[np.float64]:
        vector = self.vector if state is None else state.vector
        return np.array([float(vector @ vector), 2 * float(vector @ vector)])


class Descents:
    """A judged backend whose checkpoints are files of numbers."""

    def __init__(self, config: RunConfig, make: Callable[[], Descent] = lambda: Reported(STEPS, **SLOW)) -> None:
        self.config, self._make = config, make
        self.full = False  # the disk

    def computation(self, plain: bool) -> Descent:
        return self._make()

    def pool(self, computation: Descent) -> None:
        return None

    def save(self, computation: Descent, folder: Path, memory: Memory) -> None:
        if self.full:
            raise OSError("no space left on device")
        folder.mkdir(parents=True, exist_ok=True)
        position, _, (vector, velocity, random), _ = computation.snapshot()
        written = [position, vector.tolist(), velocity.tolist(), random, memory.state.get("engine")]
        (folder / "walk.json").write_text(json.dumps(written, default=lambda value: value.tolist()))

    def load(self, computation: Descent, folder: Path) -> Memory | None:
        file = folder / "walk.json"
        if not file.exists():
            return None
        position, vector, velocity, random, _ = json.loads(file.read_text())
        snapshot = computation.snapshot()
        frame = snapshot.state._replace(vector=np.array(vector), velocity=np.array(velocity), random=random)
        computation.restore(Snapshot(position, 0, frame, snapshot.nbytes))
        return Memory()

    def outcome(self, computation: Descent) -> Mapping[str, Any]:
        return {}


KEEPING = RunConfig(
    recognizer=Component(name="every", steps=10),
    validator=Component(name="strict"),
    allocator=Allocator.Config(horizons=(10,)),
    keep_trajectory=6,
)


@pytest.fixture
def plugins() -> Plugins:
    return load(environ={"ASC_LOAD_PLUGINS": ""})


def recorded(plugins: Plugins, folder: Path, *, shadow: bool = True) -> tuple[Descents, dict[str, Any]]:
    backend = Descents(KEEPING)
    return backend, Run(backend, "descent", plugins, folder=folder, shadow=shadow).execute()


def revisited(backend: Descents, kept: list[Place], horizons: tuple[int, ...] = (10, 20), **predictors: Any) -> Any:
    computation = backend.computation(plain=False)
    again = Revisit(backend, computation, predictors, Strict, horizons, Trajectory.Config())
    again.go(kept, lambda: False, lambda place: None)
    answers = {name: Answers(name) for name in predictors}
    again.into(answers)
    return answers


def test_the_first_places_are_kept_and_booked_as_checkpoints(plugins: Plugins, tmp_path: Path) -> None:
    _, summary = recorded(plugins, tmp_path)
    kept = places.places(tmp_path)
    assert [place.position for place in kept] == [0, 10, 20, 30, 40, 50]
    assert {place.segment for place in kept} == {0}
    assert summary["trajectory"] == {"places": 6, "bytes": places.nbytes(tmp_path)}
    assert summary["ledger"]["checkpoint"]["count"] == 7  # and the one at the end
    assert summary["warnings"] == []


def test_a_run_ends_the_same_whether_or_not_it_keeps_places(plugins: Plugins, tmp_path: Path) -> None:
    keeping = Run(Descents(KEEPING), "descent", plugins, folder=tmp_path / "a").execute()
    without = KEEPING.model_copy(update={"keep_trajectory": 0})
    plain = Run(Descents(without), "descent", plugins, folder=tmp_path / "b").execute()
    assert keeping["final_digest"] == plain["final_digest"]
    assert "trajectory" not in plain
    assert not (tmp_path / "b" / places.TRAJECTORY).exists()


def test_a_leap_begins_a_new_segment(plugins: Plugins, tmp_path: Path) -> None:
    backend, summary = recorded(plugins, tmp_path, shadow=False)
    assert summary["accepted"] > 0
    kept = places.places(tmp_path)
    segments = [place.segment for place in kept]
    assert segments == sorted(segments)
    assert segments[-1] > 0
    answers = revisited(backend, kept, linear=Linear())
    first = {place.position for place, before in zip(kept, [None, *segments], strict=False) if place.segment != before}
    silent = {one.position for one in answers["linear"].tries if one.outcome is Outcome.SILENT}
    assert silent == first


def test_a_full_disk_is_a_warning(plugins: Plugins, tmp_path: Path) -> None:
    backend = Descents(KEEPING)
    backend.full = True
    summary = Run(backend, "descent", plugins, folder=tmp_path, shadow=True).execute()
    assert summary["state"] == "finished"
    said = [warning for warning in summary["warnings"] if "could not be kept" in warning]
    assert len(said) == 1
    assert "no space left" in said[0]
    assert places.places(tmp_path) == []


def test_what_keeps_nothing_says_so(plugins: Plugins, tmp_path: Path) -> None:
    summary = Run(Descents(KEEPING), "descent", plugins, folder=tmp_path, speculate=False).execute()
    assert any("keeps nothing of a plain run" in warning for warning in summary["warnings"])


def test_values_are_those_found_by_hand(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    answers = revisited(backend, places.places(tmp_path), linear=Linear())
    by_place = {(one.position, one.horizon): one for one in answers["linear"].tries}
    assert by_place[0, 10].outcome is Outcome.SILENT
    walk = Reported(STEPS, **SLOW)
    states = [walk.observe()]
    while walk.position() < 50:
        walk.advance(10)
        states.append(walk.observe())
    for before, here in itertools.pairwise(states):
        for horizon in (10, 20):
            walk.restore(here)
            share = horizon / 10
            candidate = walk.materialise(Combination((-share, 1 + share)), (before, here), Plan("linear", horizon))
            assert candidate is not None
            one = by_place[here.position, horizon]
            now = walk.report(None).mean()
            assert one.gain == pytest.approx(now - walk.report(candidate.state).mean())
            verdict = Strict().judge(walk, candidate)
            assert (one.outcome is Outcome.ACCEPTED) is verdict.accepted
            if here.position + horizon <= 50:
                walk.advance(horizon)
                assert one.real == pytest.approx(now - walk.report(None).mean())
            else:
                assert one.real is None


def test_a_chain_is_measured_where_its_links_end(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    chain = Cascade(Cascade.Config(step=10))
    found = revisited(backend, places.places(tmp_path), (20,), chain=chain, linear=Linear())
    assert {one.horizon for one in found["chain"].tries} == {20}
    assert next(one.outcome for one in found["chain"].tries) is Outcome.SILENT
    assert len(found["chain"].tries) == len(found["linear"].tries)


class Outer(Silent):
    """Updates in place, and hears whether it was taken."""

    in_place = True

    def __init__(self) -> None:
        self.heard: list[bool] = []

    def predict(self, history: History, horizon: int) -> Combination:
        assert horizon == 0
        return Combination((1,))

    def settle(self, taken: bool) -> None:
        self.heard.append(taken)


def test_in_place_ones_are_asked_once_and_never_taken(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    outer = Outer()
    found = revisited(backend, places.places(tmp_path), outer=outer, raising=Raising(), silent=Silent())
    assert [one.horizon for one in found["outer"].tries] == [0] * 6
    assert {one.gain for one in found["outer"].tries} == {0.0}
    assert outer.heard == [False] * 6
    assert found["raising"].fault == "RuntimeError: this predictor always raises"
    assert found["raising"].tries == []
    assert len(found["silent"].tries) == 12


def test_without_sequences_to_report_on_there_is_no_gain(plugins: Plugins, tmp_path: Path) -> None:
    backend = Descents(KEEPING, lambda: Descent(STEPS, **SLOW))
    Run(backend, "descent", plugins, folder=tmp_path, shadow=True).execute()
    found = revisited(backend, places.places(tmp_path), linear=Linear())
    assert any(one.outcome is Outcome.ACCEPTED for one in found["linear"].tries)
    assert {one.gain for one in found["linear"].tries} == {None}


def test_a_damaged_trajectory_says_what_is_wrong(plugins: Plugins, tmp_path: Path) -> None:
    backend, _ = recorded(plugins, tmp_path)
    kept = places.places(tmp_path)
    (kept[2].folder / "walk.json").unlink()
    with pytest.raises(AscError, match="has no checkpoint"):
        revisited(backend, kept, linear=Linear())
    (kept[1].folder / "place.json").write_text("{}")
    with pytest.raises(AscError, match="is damaged"):
        places.places(tmp_path)


def answers(name: str, *gains: float, new: bool = False) -> Answers:
    outcomes = [Outcome.ACCEPTED if gain > 0 else Outcome.REJECTED for gain in gains]
    tries = [Try(i, 10, "", outcome, gain) for i, (outcome, gain) in enumerate(zip(outcomes, gains, strict=True))]
    return Answers(name, tries, new)


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ((2.0,) * 8, "it is better"),
        ((0.5,) * 8, "it is worse"),
        ((2.0, 2.0, 0.5), "too few to tell them apart"),
        ((1.0,) * 8, "no difference"),
        ((2.0,) * 9 + (-50.0,) * 1, "it is better"),  # what is refused does no harm
        ((1.1,) * 9 + (-1.0,) * 1, "few places outweigh many"),
    ],
)
def test_the_conclusion(gains: tuple[float, ...], told: str) -> None:
    beside = answers("known", *(1.0 if i < 9 else 3.0 for i in range(len(gains))))
    (sentence,) = conclude([answers("mine", *gains)], [beside], lambda h: f"{h} ahead", lambda g: f"{g:g} nats")
    assert told in sentence
    assert sentence.startswith("mine does best 10 ahead")


def test_the_conclusion_where_there_is_little_to_say() -> None:
    def said(new: Answers) -> str:
        return " ".join(conclude([new], [], lambda h: f"{h} ahead", str))

    assert said(answers("mine", -1.0, -2.0)) == "No guess of mine is accepted, so a run gains nothing by it."
    assert "never asked" in said(Answers("mine"))
    assert "silent all 1 times" in said(Answers("mine", [Try(0, 10, "", Outcome.SILENT)]))
    raising = Answers("mine")
    raising.fault = "ValueError: no"
    assert "a run would have switched it off: ValueError: no." in said(raising)


def test_of_several_new_ones_the_others_best_is_told_once() -> None:
    new = [answers("one", *[2.0] * 8), answers("two", *[0.5] * 8), answers("three", *[-1.0] * 8)]
    told = conclude(new, [answers("known", *[1.0] * 8)], lambda h: f"{h} ahead", lambda g: f"{g:g} nats")
    assert [sentence.split()[0] for sentence in told[:3]] == ["one", "two", "No"]
    assert told[0].endswith("Beside known, the new one gains more at 8 and less at 0 of 8 places: it is better.")
    assert told[3] == "The best of the others, known 10 ahead, gains 1 nats."
    assert sum("best of the others" in sentence for sentence in told) == 1


def unknown(name: str, *outcomes: Outcome) -> Answers:
    return Answers(name, [Try(i, 10, "", outcome) for i, outcome in enumerate(outcomes)], name == "mine")


def test_a_gain_that_is_not_known_is_not_nought() -> None:
    taken, refused = Outcome.ACCEPTED, Outcome.REJECTED
    mine, known = unknown("mine", taken, taken, refused), unknown("known", taken, refused, refused)
    assert Tally.of(mine.tries).gain is None
    assert Tally.of(unknown("mine", refused).tries).gain == 0.0
    told = conclude([mine], [known], lambda h: f"{h} ahead", lambda g: f"{g:g} nats")
    assert told == [
        "mine does best 10 ahead: 2 of 3 guesses are accepted. The best of the others, known 10 ahead, has 1 of 3 "
        "guesses accepted.",
        GAIN_NOT_KNOWN,
    ]
    (row,) = data([mine], exact=False)["predictors"][0]["rows"]
    assert (row["gain"], row["gain_of_a_guess"]) == (None, None)
    cells = {column.header: str(next(iter(column.cells))) for column in verdicts([mine], exact=False).columns}
    assert (cells["taken"], cells["gain"], cells["guess"]) == ("67%", "–", "–")


def test_one_row_where_all_horizons_are_the_same() -> None:
    def shown(name: str, outcomes: Sequence[Outcome], new: bool) -> list[list[str]]:
        tries = [
            Try(i, ahead, "", outcome, 8.0 * ahead if outcome is Outcome.ACCEPTED else 0.0)
            for ahead in (1, 2, 4)
            for i, outcome in enumerate(outcomes)
        ]
        columns = verdicts([Answers(name, tries, new)], exact=True).columns
        return [[str(cell) for cell in row] for row in zip(*(column.cells for column in columns), strict=True)]

    for new, name in ((True, "* right"), (False, "right")):
        assert shown("right", [Outcome.ACCEPTED] * 3, new) == [[name, "1–4", "9", "0", "100%", "8–32"]]
    assert shown("wrong", [Outcome.REJECTED, Outcome.SILENT], False) == [["wrong", "1–4", "6", "3", "0%", "0"]]
    assert len(shown("mixed", [Outcome.REJECTED, Outcome.ACCEPTED], True)) == 3


def test_gains_of_an_exact_run_are_in_steps_in_the_table_and_in_the_sentence() -> None:
    tries = [Try(i, 4, "", Outcome.ACCEPTED, 1024.0) for i in range(3)]
    mine = Answers("mine", tries, new=True)
    assert "gains 1,024 steps each time it is asked" in conclusions([mine], exact=True)[0]
    assert str(next(iter(verdicts([mine], exact=True).columns[-1].cells))) == "1,024"


def test_the_reach_of_a_walk_is_the_largest_horizon_that_is_ever_asked_for() -> None:
    computation = machine("count", 30_000)
    walked = walk(computation, 0.2, 1e-4)
    there, beyond = Answers("p"), Answers("p")
    ask(computation, walked, there, Linear(), (walked.reach,))
    ask(computation, walked, beyond, Linear(), (walked.reach + 1,))
    assert there.tries
    assert not beyond.tries


def test_so_many_places_that_numbers_end_are_counted_all_the_same() -> None:
    from asc.run.replay.conclude import _by_chance

    assert _by_chance(600, 500) == pytest.approx(0.0028, rel=0.05)
    assert _by_chance(5, 0) == pytest.approx(2 / 32)


def test_a_run_that_goes_on_lets_go_of_places_that_it_has_yet_to_come_by(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True)

    for position in (0, 10, 20, 30):
        places.keep(tmp_path, position, 0, "", write)
    write(tmp_path / places.TRAJECTORY / "5")  # a kill has left it
    (tmp_path / places.TRAJECTORY / "somebody's own").mkdir()
    places.forget_beyond(tmp_path, 10)
    assert [place.position for place in places.places(tmp_path)] == [0, 10]
    assert sorted(path.name for path in (tmp_path / places.TRAJECTORY).iterdir()) == ["0", "10", "somebody's own"]
