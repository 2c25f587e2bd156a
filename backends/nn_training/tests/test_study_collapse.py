"""`asc study collapse`: members in step, barriers between them, and what goes on after a collapse."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image

from asc.config.validate import validate
from asc.errors import AscError
from asc.types import EngineState
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.studies.candidates import gate_loss
from asc_nn_training.studies.collapse import Collapse
from asc_nn_training.studies.collapse_plan import barriers
from asc_nn_training.studies.collapse_results import (
    BEST,
    PARALLEL,
    SINGLE,
    TO_AVERAGE,
    TO_ONE,
    CollapseResults,
    load_results,
)
from asc_nn_training.studies.collapse_run import ensemble_folder, reached_position
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.lines import barrier, losses_between, mean
from asc_nn_training.studies.recipe import backend
from asc_nn_training.studies.results import seed_folder

SEED, MEMBERS, STEPS, EVERY, SHARED = 3, 3, 40, 10, 10
JOURNALS = ("journal.jsonl", "together-0/journal.jsonl", f"together-{SHARED}/journal.jsonl")
ALL_CALM = {"name": "fixed", "chaotic": -1.0, "stable": 1.0}


class Whole(NamedTuple):
    """A study that was never stopped."""

    study: Collapse
    folder: Path
    reports: list[tuple[str, float, float]]

    @property
    def results(self) -> CollapseResults:
        config = self.study.config
        return load_results(self.folder, config.seeds, config.together, config.plan)

    def records(self, together: int, kind: str) -> list[dict[str, Any]]:
        journal = Journal(ensemble_folder(self.folder, SEED, together) / JOURNAL)
        return [record for record in journal if record["kind"] == kind]


@pytest.fixture(scope="module")
def settings(recipe: dict[str, Any], tiny: Path) -> dict[str, Any]:
    """Ensembles that collapse at their second inspection: everything is calm, and any two are connected."""
    own = {"model": str(tiny), "steps": STEPS, "members": MEMBERS, "every": EVERY, "together": (0, SHARED)}
    return {**recipe, **own, "seeds": (SEED,), "thresholds": ALL_CALM, "barrier": 100.0, "points": 2}


@pytest.fixture(scope="module")
def config(settings: dict[str, Any]) -> Collapse.Config:
    return validate(Collapse.Config, settings)


@pytest.fixture(scope="module")
def whole(config: Collapse.Config, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder, reports = tmp_path_factory.mktemp("collapse"), list[tuple[str, float, float]]()
    study = Collapse(config)
    assert study.run(folder, lambda part, done, total, doing="": reports.append((part, done, total)), lambda: False)
    return Whole(study, folder, reports)


@pytest.fixture(scope="module")
def backends(config: Collapse.Config) -> list[NetworkBackend]:
    return [backend(config, SEED + 10_000 * number) for number in range(MEMBERS)]


@pytest.fixture
def members(backends: list[NetworkBackend], tmp_path: Path) -> list[NetworkComputation]:
    """The members that share their first steps, where they part."""
    found = [network.computation(plain=False) for network in backends]
    found[0].advance(SHARED)
    backends[0].save(found[0], tmp_path / "start", EngineState())
    for network, computation in zip(backends[1:], found[1:], strict=True):
        network.load(computation, tmp_path / "start")
    return found


def quiet(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing."""


def after(calls: int) -> Callable[[], bool]:
    """Return a function that is true from this call on."""
    count = iter(range(1, 10**9))
    return lambda: next(count) >= calls


def run_until(config: Collapse.Config, folder: Path, reached: Callable[[float, str], bool]) -> None:
    """Run a study until a report says what is waited for, and stop it there."""
    asked = list[bool]()

    def tell(part: str, done: float, total: float, doing: str = "") -> None:
        if reached(done, doing):
            asked.append(True)

    assert not Collapse(config).run(folder, tell, lambda: bool(asked))


def journals(folder: Path) -> list[str]:
    """Return the text of every journal of the seed, those of ensembles last."""
    return [path.read_text() for name in JOURNALS if (path := seed_folder(folder, SEED) / name).exists()]


# -- lines


@pytest.mark.parametrize(
    ("between", "ends", "expected"),
    [
        ([2.0, 2.0, 2.0], (2.0, 2.0), 0.0),
        ([2.0, 3.0, 2.0], (2.0, 2.0), 1.0),
        ([2.5, 3.0, 3.5], (2.0, 4.0), 0.0),
        ([1.9, 1.5, 1.7], (2.0, 2.0), -0.1),
        ([2.0, None, 2.0], (2.0, 2.0), math.inf),
    ],
)
def test_a_barrier_is_the_highest_rise_above_the_line_through_both_ends(
    between: list[float | None], ends: tuple[float, float], expected: float
) -> None:
    assert barrier(between, *ends) == pytest.approx(expected)


def test_losses_between_two_trainings_are_those_of_weighted_sums_and_change_neither(
    members: list[NetworkComputation],
) -> None:
    for member in members:
        member.advance(5)
    one, other = members[:2]
    before = one.digest(), other.digest()
    found = losses_between(one, other, 3)
    assert (one.digest(), other.digest()) == before
    left, right = one.weights.copy(), other.weights.copy()
    for share, loss in zip((0.25, 0.5, 0.75), found, strict=True):
        with one.excursion():
            one.weights.put([torch.lerp(a, b, share) for a, b in zip(left, right, strict=True)])
            one.changed()
            assert gate_loss(one) == pytest.approx(loss, abs=1e-6)


# -- members


def test_there_is_an_inspection_every_few_steps_and_at_the_end(whole: Whole) -> None:
    for together, positions in ((0, [10, 20, 30, 40]), (SHARED, [20, 30, 40])):
        inspections = whole.records(together, "inspection")
        assert [inspection["position"] for inspection in inspections] == positions
        for inspection in inspections:
            assert len(inspection["regimes"]) == len(inspection["gate"]) == MEMBERS
            assert [len(line) for line in inspection["lines"]] == [2] * 3, "two points between every two"
            assert inspection["gate"][inspection["best"]] == min(inspection["gate"])


def test_the_first_member_is_a_plain_training_bit_for_bit(whole: Whole, backends: list[NetworkBackend]) -> None:
    plain = backends[0].computation(plain=True)
    plain.advance(STEPS)
    for together in (0, SHARED):
        first = whole.records(together, "member")[0]
        assert first["digest"] == plain.digest()
        assert first["outcome"] == backends[0].outcome(plain)


def test_members_share_their_first_steps_and_then_differ_in_the_order_of_data(
    whole: Whole, members: list[NetworkComputation]
) -> None:
    assert len({member.digest() for member in members}) == 1
    for member in members:
        member.advance(STEPS - SHARED)
    digests = [record["digest"] for record in whole.records(SHARED, "member")]
    assert digests == [member.digest() for member in members]
    assert len(set(digests)) == MEMBERS


def test_without_shared_steps_the_random_weights_differ_too(whole: Whole, backends: list[NetworkBackend]) -> None:
    for record, network in zip(whole.records(0, "member"), backends, strict=True):
        plain = network.computation(plain=True)
        plain.advance(STEPS)
        assert record["digest"] == plain.digest()


def test_an_inspection_has_the_lines_between_all_members(whole: Whole, members: list[NetworkComputation]) -> None:
    for member in members:
        member.advance(10)
    inspection = whole.records(SHARED, "inspection")[0]
    assert inspection["gate"] == [gate_loss(member) for member in members]
    assert inspection["lines"] == [losses_between(*pair, 2) for pair in combinations(members, 2)]
    assert inspection["average"] == gate_loss(members[0], mean(members))


# -- collapse


def test_an_ensemble_collapses_at_the_first_inspection_that_is_calm_and_connected(config: Collapse.Config) -> None:
    def inspection(position: int, regimes: str, height: float) -> dict[str, Any]:
        names = {"c": "chaotic", "t": "transition", "s": "stable", "u": "unknown"}
        lines = [[2.0, 2.0], [2.0, 2.0 + height], [2.0, 2.0]]
        return {"position": position, "regimes": [names[r] for r in regimes], "gate": [2.0] * 3, "lines": lines}

    plan = config.plan._replace(calm=0.6, barrier=0.1)
    early, rough, first = inspection(10, "stc", 0.2), inspection(20, "ucs", 0.0), inspection(30, "tsc", 0.09)
    assert plan.collapse([early, rough, first, inspection(35, "sss", 0.0)]) is first
    assert plan.collapse([early, rough]) is None
    assert plan.collapse([inspection(STEPS, "sss", 0.0)]) is None, "nothing is left to train"
    assert barriers(early) == pytest.approx([0.0, 0.2, 0.0])


def test_the_best_member_goes_on_alone(whole: Whole) -> None:
    inspection = whole.results.ensembles[SEED][SHARED].collapse(whole.study.config.plan)
    assert inspection is not None
    assert inspection["position"] == 20, "where each is known to be calm"
    best = whole.records(SHARED, "member")[inspection["best"]]
    [alone] = whole.records(SHARED, "to one")
    assert alone["outcome"] == best["outcome"], "as it would have gone on beside the others"


def test_the_mean_of_weights_and_moments_goes_on(whole: Whole, members: list[NetworkComputation]) -> None:
    for member in members:
        member.advance(10)
    first, states = members[0], [member.training.optimizer.state_dict()["state"] for member in members]
    weights = [torch.stack(parts).mean(0) for parts in zip(*(m.weights.copy() for m in members), strict=True)]
    moments = {
        (key, name): torch.stack([state[key][name] for state in states]).mean(0)
        for key in states[0]
        for name in ("exp_avg", "exp_avg_sq")
    }
    first.weights.put(weights)
    for (key, name), value in moments.items():
        states[0][key][name].copy_(value)
    first.changed()
    first.advance(STEPS)
    expected = first.training.evaluate(first.data.test)
    assert whole.records(SHARED, "to average")[0]["outcome"]["test_loss"] == pytest.approx(expected, abs=1e-5)


def test_the_average_at_the_end_is_that_of_all_members(whole: Whole, members: list[NetworkComputation]) -> None:
    for member in members:
        member.advance(STEPS)
    first = members[0]
    mean(members).put(first.weights)
    expected = first.training.evaluate(first.data.test)
    assert whole.records(SHARED, "average")[0]["outcome"]["test_loss"] == pytest.approx(expected, abs=1e-6)


def test_data_parallel_has_as_large_a_batch_as_all_members_at_two_rates(whole: Whole, config: Collapse.Config) -> None:
    found = whole.results.parallel[SEED]
    assert found["as given"]["rate"] == config.lr
    assert found["scaled"]["rate"] == pytest.approx(math.sqrt(MEMBERS) * (config.lr or 0))
    large = config.model_copy(update={"batch": MEMBERS * config.batch, "lr": found["scaled"]["rate"]})
    network = backend(large, SEED)
    plain = network.computation(plain=True)
    plain.advance(STEPS)
    assert found["scaled"]["outcome"]["test_loss"] == pytest.approx(network.outcome(plain)["test_loss"], abs=1e-5)


def test_steps_are_counted_over_all_members_and_inspections_are_priced(whole: Whole) -> None:
    results = whole.results
    steps = {name: results.arm(name, SHARED)[SEED].steps for name in (TO_ONE, TO_AVERAGE, BEST)}
    assert steps == {TO_ONE: 10 + 3 * 10 + 20, TO_AVERAGE: 60, BEST: 10 + 3 * 30}
    assert (results.arm(SINGLE)[SEED].steps, results.arm(PARALLEL)[SEED].steps) == (STEPS, MEMBERS * STEPS)
    priced = whole.records(SHARED, "inspection")[0]["prices"]
    assert results.arm(TO_ONE, SHARED)[SEED].inspections == pytest.approx(sum(priced.values()))
    assert priced["gate"] == pytest.approx(3 * 4 / (3 * 4)), "4 sequences each; a step has 4, at three times the price"
    assert priced["lines"] > 6 / 3


# -- stops


def test_stopped_and_resumed_it_writes_the_same_journals(whole: Whole, config: Collapse.Config, tmp_path: Path) -> None:
    """Stopped in shared steps, among members, in inspections and after the collapse; resumed by a new study."""
    stops = 0
    while not Collapse(config).run(tmp_path, quiet, after(61)):
        stops += 1
    assert stops > 5
    assert journals(tmp_path) == journals(whole.folder)
    assert not list(tmp_path.rglob("checkpoints"))


def test_members_whose_checkpoints_differ_in_age_are_brought_in_step(
    whole: Whole, config: Collapse.Config, tmp_path: Path
) -> None:
    """After a kill, each member has the checkpoint that it wrote last."""
    config = config.model_copy(update={"together": (SHARED,)})
    for position in (15, 27):
        run_until(config, tmp_path, lambda done, doing, at=position: doing == "members" and done > at)
    ensemble = ensemble_folder(tmp_path, SEED, SHARED)
    shutil.rmtree(sorted((ensemble / "checkpoints" / "member-2").glob("step-*"))[-1])
    newest = [max((ensemble / "checkpoints" / f"member-{n}").glob("step-*")).name for n in (1, 2)]
    assert newest[0] > newest[1]
    assert Collapse(config).run(tmp_path, quiet, lambda: False)
    assert journals(tmp_path)[-1] == journals(whole.folder)[-1]


def test_a_study_that_is_done_needs_neither_device_nor_data(whole: Whole, settings: dict[str, Any]) -> None:
    study = Collapse(validate(Collapse.Config, {**settings, "device": "cuda:9", "data": str(whole.folder / "gone")}))
    assert study.run(whole.folder, quiet, lambda: True)


def test_a_lost_checkpoint_of_the_collapse_is_reported_in_a_sentence(config: Collapse.Config, tmp_path: Path) -> None:
    run_until(config, tmp_path, lambda done, doing: doing == "collapse to one")
    shutil.rmtree(ensemble_folder(tmp_path, SEED, 0) / "checkpoints" / "to-one")
    with pytest.raises(AscError, match=r"has no checkpoint of the collapse\. Restore it, or delete the folder"):
        Collapse(config).run(tmp_path, quiet, lambda: False)


def test_a_lost_inspection_is_reported_in_a_sentence(config: Collapse.Config, tmp_path: Path) -> None:
    run_until(config, tmp_path, lambda done, doing: doing == "members" and done > 25)
    Journal(ensemble_folder(tmp_path, SEED, 0) / JOURNAL).keep(lambda record: record["position"] != 20)
    with pytest.raises(AscError, match=r"has no record of step 20, and the checkpoint beside it is past that step\. "):
        Collapse(config).run(tmp_path, quiet, lambda: False)


def test_progress_is_reported_to_its_end(whole: Whole, config: Collapse.Config) -> None:
    parts = [f"seed {SEED}, together 0", f"seed {SEED}, together {SHARED}", f"seed {SEED}, data parallel"]
    assert list(dict.fromkeys(part for part, _, _ in whole.reports)) == parts
    for name in parts:
        assert [(done, total) for part, done, total in whole.reports if part == name][-1] == (STEPS, STEPS)
    assert reached_position(whole.folder, SEED, config.together) == STEPS


# -- settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"together": (0, 40)}, r"members share their first 40 steps, and training ends after 40: lower together"),
        ({"together": (5, 5)}, r'"together" was given \[5, 5\]; give distinct whole numbers of 0 or more'),
        ({"together": (-1,)}, r'"together" was given \[-1\]; give distinct whole numbers of 0 or more'),
        ({"together": ()}, r'"together" was given \[\]; expected .*at least 1 long'),
        ({"members": 1}, r'"members" was given 1; expected .*at least 2'),
        ({"seeds": ["46-42"]}, "give it as 42-46"),
        ({"seeds": []}, "at least 1 long"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(
    settings: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(AscError, match=message):
        validate(Collapse.Config, {**settings, **given})


def test_the_default_recipe_is_tuned_and_the_published_one_is_cosine() -> None:
    assert (Collapse.Config().preset, Collapse.Config().schedule) == ("tuned", "wsd")
    assert validate(Collapse.Config, {"preset": "paper"}).schedule == "cosine"


# -- results


def test_before_anything_is_done_there_are_no_results(config: Collapse.Config, tmp_path: Path) -> None:
    study = Collapse(config)
    assert not study.tables(tmp_path)
    assert study.data(tmp_path) == {"seeds": [], "rates": None, "spread": None}
    assert not study.pictures(tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_tables_have_every_arm_and_every_inspect(whole: Whole, config: Collapse.Config) -> None:
    arms, lines = Collapse(config).tables(whole.folder)
    of_ensemble = ["collapse to one", "collapse to average", "average at the end", "best at the end"]
    assert [row[0] for row in arms.rows] == ["one", "data parallel", *of_ensemble, *of_ensemble]
    assert [row[5] for row in arms.rows[:3]] == ["40", "120", "60"]
    assert any(note.startswith("Dev losses of data parallel: ") for note in arms.notes)
    assert any(note.startswith("With 10 shared steps 1 of 1 ensembles collapsed, at step 20 ") for note in arms.notes)
    [saved] = [note for note in arms.notes if note.startswith("With 10 shared steps a collapse to one takes 60 steps")]
    assert "than data parallel, which takes 120 steps." in saved
    assert [row[:2] for row in lines.rows] == [(0, 10), (0, 20), (0, 30), (0, 40), (10, 20), (10, 30), (10, 40)]
    assert "of the 21 similarities would be calm" in lines.notes[-1]
    data = json.loads(json.dumps(Collapse(config).data(whole.folder), allow_nan=False))
    assert data["seeds"][0]["ensembles"][1]["collapse"] == 20


def test_an_ensemble_that_never_collapses_says_how_near_it_was(whole: Whole, config: Collapse.Config) -> None:
    arms, _ = Collapse(config.model_copy(update={"barrier": -100.0})).tables(whole.folder)
    assert [row[0] for row in arms.rows] == ["one", "data parallel", "best at the end", "best at the end"]
    [note] = [note for note in arms.notes if note.startswith("With different random weights no ensemble collapsed")]
    assert (
        "of 3 inspections before the end, enough members were calm at 3, and all were connected at 0. The highest"
        in note
    )


def test_a_training_that_diverges_is_shown_as_such(whole: Whole, config: Collapse.Config, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    journal = Journal(seed_folder(tmp_path, SEED) / JOURNAL)
    records = [{**record, "outcome": None} if "outcome" in record else record for record in journal]
    journal.keep(lambda _: False)
    for record in records:
        journal.add(record)
    arms, _ = Collapse(config).tables(tmp_path)
    assert arms.rows[1][3] == "not finite"
    assert any("not finite at a peak rate of 0.001 (as given)" in note for note in arms.notes)
    assert any("at a loss that cannot be compared with data parallel" in note for note in arms.notes)


def test_a_rate_at_which_training_diverges_ends_that_arm_only(
    config: Collapse.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asc_nn_training.studies import training_ensemble
    from asc_nn_training.training.training import NonFiniteError

    def diverge(self: Any, position: int) -> None:
        raise NonFiniteError("the loss is nan")

    monkeypatch.setattr(training_ensemble.ResumableTraining, "train_to", diverge)
    made = lambda *given, **more: training_ensemble.ResumableTraining(*given, **more, every_s=0, stopped=lambda: False)  # noqa: E731
    assert training_ensemble.train_to_end(backend(config, SEED), tmp_path, made, lambda _: None) == (None, config.lr)


def test_barriers_and_lines_are_drawn(whole: Whole, tmp_path: Path) -> None:
    files = whole.study.pictures(whole.folder, tmp_path)
    assert [file.name for file in files] == ["barriers.png", "lines.png"]
    for file in files:
        with Image.open(file) as image:
            assert min(image.size) > 300


def test_at_the_command_line_seeds_run_in_processes_and_more_are_added_later(
    recipe: dict[str, Any],
    tiny: Path,
    as_options: Callable[[dict[str, Any]], list[str]],
    asc: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    own = {"model": str(tiny), "steps": 8, "members": 2, "together": "2", "every": 4, "points": 1}
    options = as_options({**recipe, **own})
    first = asc("study", "collapse", *options, "--seeds", "1-2", "--workers", "2", "--quiet")
    assert first.returncode == 0, first.stderr
    assert "What a collapse saves and costs" in first.stdout
    more = asc("study", "collapse", "--resume", "--seeds", "1-3", "--workers", "1", "--quiet", "--json")
    assert more.returncode == 0, more.stderr
    assert [seed["seed"] for seed in json.loads(more.stdout)["data"]["seeds"]] == [1, 2, 3]
    assert (tmp_path / "studies" / "collapse" / "figures" / "lines.png").exists()
