"""The network backend as `asc run nn_training` knows it: how trainings are made from a configuration, kept and told."""

from __future__ import annotations

import math
import resource
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import nn

from asc.errors import AscError
from asc.types import Memory, Snapshot, Transition
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.costs import Costs
from asc_nn_training.data.prepare import Data, prepare
from asc_nn_training.data.tokenizer import BPE
from asc_nn_training.predictors.average import Average
from asc_nn_training.recognizers.probes import Probes
from asc_nn_training.training import checkpoint
from asc_nn_training.training.board import Board
from asc_nn_training.training.device import autocast, be_deterministic, choose, seed_everything
from asc_nn_training.training.loss import evaluation
from asc_nn_training.training.models import make_model, quiet
from asc_nn_training.training.optimizer import make_optimizer
from asc_nn_training.training.schedule import Schedule
from asc_nn_training.training.training import Training
from asc_nn_training.training.watch import LossWatch
from asc_nn_training.validators.gate import Gate, TokenGate
from asc_nn_training.weights.cache import WeightCache
from asc_nn_training.weights.proposal import Frame, Proposal
from asc_nn_training.weights.store import WeightStore
from asc_nn_training.weights.weights import Weights

MODEL, AVERAGE = "model", "average"  # folders beside the checkpoints, written at the end
_REPORTED = 16  # dev sequences that tell what a candidate is worth; spread out, since neighbours are of one document


class Session(TrainingComputation):
    """One training and what it is watched by."""

    training: Training
    watch: LossWatch
    data: Data
    reporting: Gate  # of the dev set, which neither judges nor tunes
    board: Board | None = None
    told: tuple[int, dict[str, Any]] | None = None  # the outcome at a position, which takes a while to find

    def measures(self) -> dict[str, float]:
        """The newest losses."""
        return self.watch.measures()

    def report(self, state: Proposal | None) -> NDArray[np.float64]:
        """Return losses of dev sequences, nats a token, under a proposal or, for None, the present weights."""
        kept = self.present()
        try:
            if state is not None:
                state.put(self.weights, kept)
            with evaluation(self.training.model):
                losses: NDArray[np.float64] = self.reporting.losses(self.training.model, 0).double().cpu().numpy()
        finally:
            if state is not None:
                self.weights.put(kept.values())
        return losses

    def apply(self, transition: Transition) -> None:
        """Leap, and tell the board."""
        super().apply(transition)
        if self.board is not None:
            gain = transition.gain_steps or 0.0
            self.board.measured(self.position(), leap__gain_steps=gain, leap__steps_skipped=self.skipped)


class NetworkBackend:
    """Language models trained by AdamW, with leaps that are judged on held-out data."""

    Config = NetworkConfig

    def __init__(self, config: NetworkConfig) -> None:
        self.config = config
        self._boards = Counter[str]()

    @cached_property
    def data(self) -> Data:
        """The corpus, prepared once for all runs of this backend."""
        return prepare(self.config, self.config.seed)

    def computation(self, plain: bool) -> Session:
        """Make a training at its start."""
        config, device = self.config, choose(self.config.device)
        data = self.data  # which takes a while to prepare
        if config.deterministic and device.type != "cpu":
            be_deterministic()
        seed_everything(config.seed)
        model = make_model(
            config.model,
            init=config.init,
            vocabulary=max(data.vocabulary, config.vocabulary) if config.tokenizer == BPE else data.vocabulary,
            length=config.length,
            seed=config.seed,
            end=data.end,
            dropout=config.dropout,
        ).to(device)
        cast = autocast(device, config.precision)
        optimizer = make_optimizer(model, config)
        training = Training(
            model,
            optimizer,
            Schedule(optimizer.param_groups[0]["lr"], config),
            data.train,
            config.steps,
            accumulation=config.accumulation,
            clip=config.clip,
            autocast=cast,
            compile=config.compile,
        )
        weights = Weights(model)
        probes = Probes(data.probes.to(device), autocast=cast)
        at_a_time = config.gate_batch or config.batch
        gate = TokenGate(data.gate.to(device), cast, at_a_time)
        step_tokens = config.batch * config.length * config.accumulation
        costs = Costs(step_tokens, gate.tokens, probes.tokens, weights.numel, weights.nbytes)
        span = config.average_span / max(1, config.average_every)
        board = self._board("plain" if plain else "speculative")
        dev = data.dev.to(device)
        watch = LossWatch(
            training,
            weights,
            dev,
            every=config.evaluate_every,
            until_loss=config.until_loss,
            average=Average(1 - 1 / max(1.0, span)) if config.average_every else None,
            average_every=config.average_every or 1,
            board=board,
        )
        made = Session(training, gate, probes, costs, config, watch, WeightStore(device, config.cache))
        made.watch, made.data, made.board = watch, data, board
        made.reporting = TokenGate(dev[:: max(1, len(dev) // _REPORTED)].unsqueeze(0), cast, at_a_time)
        if device.type == "cpu" and weights.numel > 30e6:
            made.remarks.append(
                f"A model of {weights.numel / 1e6:.0f} million weights is slow on a CPU: expect seconds to minutes a "
                "step. For a first look take --model gpt2-nano, or run it where there is a GPU."
            )
        return made

    def cache(self, computation: Session) -> WeightCache:
        """The trajectory cache, of transitions that lie on the device."""
        return WeightCache(computation, self.config.cache)

    def pool(self, computation: Session) -> None:
        """Nothing is executed elsewhere: guesses are judged."""

    def save(self, computation: Session, folder: Path, memory: Memory) -> None:
        """Write a checkpoint; at the end also the model and its average, as transformers reads them."""
        self.checkpoint(computation, folder, memory)
        if computation.finished() or computation.stopping:
            self._export(computation, folder.parent)

    def checkpoint(self, computation: Session, folder: Path, memory: Memory) -> None:
        """Write a checkpoint, and nothing else."""
        training = computation.training
        history = [
            {"position": s.position, "segment": s.segment, "values": s.state.kept.peek(), "nbytes": s.nbytes}
            for s in memory.history
        ]
        state = {
            "data": self.data.digest,
            "model": _tensors(training.model),
            "training": computation.training_state(),
            "losses": list(computation.progress.losses),
            "skipped": computation.skipped,
            "moved": computation.store.pending,
            "watch": computation.watch.state_dict(),
            "memory": {"state": dict(memory.state), "history": history},
        }
        checkpoint.save(folder, training.position, state)

    def load(self, computation: Session, folder: Path) -> Memory | None:
        """Go to where the newest checkpoint is."""
        training = computation.training
        found = checkpoint.load(folder, training.device)
        if found is None:
            return None
        _, state = found
        if state["data"] != self.data.digest:
            raise AscError(
                f"The checkpoint in {folder} is of another corpus (its digest begins with {state['data'][:12]}, this "
                f"one's with {self.data.digest[:12]}). Resume it with the data that it was begun with."
            )
        _put_tensors(training.model, state["model"], folder)
        computation.go_on(state["training"], state["losses"])
        computation.watch.load_state_dict(state["watch"])
        memory = state["memory"]
        keep = computation.store.keep
        history = tuple(
            Snapshot(s["position"], s["segment"], Frame(keep(s["values"])), s["nbytes"]) for s in memory["history"]
        )
        computation.go_on_from(history, state["moved"])
        computation.skipped = state["skipped"]
        return Memory(memory["state"], history)

    def outcome(self, computation: Session) -> Mapping[str, Any]:
        """Losses in nats a token: of the last training steps, and on the gate, dev and test sets."""
        watch, training = computation.watch, computation.training
        if computation.told is not None and computation.told[0] == computation.position():
            return computation.told[1]
        newest = watch.evaluate()
        gate = computation.data.gate.flatten(0, 1)
        found = {
            "train_loss": _number(newest.train_loss),
            "gate_loss": _number(training.evaluate(gate)),
            "dev_loss": _number(newest.dev_loss),
            "test_loss": _number(training.evaluate(computation.data.test)),
            "average_test_loss": _number(watch.averaged_loss(computation.data.test)),
            "parameters": computation.weights.numel,
            "corpus": computation.data.digest,
        }
        computation.told = computation.position(), found
        return found

    def figures(self, computation: Session) -> Mapping[str, Any]:
        """What the summary holds beside the outcome: the loss curve, and the memory that it took."""
        points, outcome = computation.watch.curve, self.outcome(computation)
        return {
            **{name: value for name, value in outcome.items() if name.endswith("_loss")},
            "steps_skipped": computation.skipped,
            "curves": {
                "train_loss": [[p.position, p.seconds, _number(p.train_loss)] for p in points],
                "dev_loss": [[p.position, p.seconds, _number(p.dev_loss)] for p in points],
            },
            "peak_memory_bytes": _peak_memory(computation.training.device),
        }

    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """How much sooner the speculative run had the plain one's final dev loss; and the plain run's test losses."""
        goal = plain["outcome"]["dev_loss"]
        points = [(seconds, loss) for _, seconds, loss in speculative["curves"]["dev_loss"] if loss is not None]
        reached = None if goal is None else _when(points, goal)
        spent = plain["curves"]["dev_loss"][-1][1]
        return {
            "net_speedup": spent / reached if reached else None,
            "seconds_to_plain_dev_loss": reached,
            "speculative_outcome": speculative["outcome"],
            "plain_outcome": plain["outcome"],
        }

    def _board(self, kind: str) -> Board | None:
        """Each run of a comparison has a folder of its own."""
        if self.config.tensorboard is None:
            return None
        self._boards[kind] += 1
        number = self._boards[kind]
        return Board(self.config.tensorboard / (kind if number == 1 else f"{kind}-{number}"))

    def _export(self, computation: Session, folder: Path) -> None:
        """Write the model, and the average under its own name, as folders that `from_pretrained` reads."""
        model, weights, watch = computation.training.model, computation.weights, computation.watch
        _write_model(model, folder / MODEL, computation.data)
        values = None if watch.average is None else watch.average.values()
        if values is not None:
            kept = weights.copy()
            try:
                weights.put(values)
                _write_model(model, folder / AVERAGE, computation.data)
            finally:
                weights.put(kept)


def _when(points: Sequence[tuple[float, float]], goal: float) -> float | None:
    """The second at which a curve first came down to the goal, on the line between two points; None if never."""
    before: tuple[float, float] | None = None
    for seconds, loss in points:
        if loss <= goal:
            if before is None or before[1] == loss:
                return seconds
            return before[0] + (seconds - before[0]) * (before[1] - goal) / (before[1] - loss)
        before = seconds, loss
    return None


def _write_model(model: nn.Module, folder: Path, data: Data) -> None:
    with quiet():
        try:
            model.save_pretrained(folder)  # type: ignore[operator]
            data.tokenizer.save(folder)
        except SafetensorError as error:  # what it makes of a full disk
            raise OSError(str(error)) from error


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and buffer once, tied ones under their first name."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


@torch.no_grad()
def _put_tensors(model: nn.Module, saved: Mapping[str, torch.Tensor], folder: Path) -> None:
    own = _tensors(model)
    if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in saved.items()}:
        raise AscError(
            f"The checkpoint in {folder} is of a model with other tensors. Resume with the settings of the run that "
            "saved it, or start anew."
        )
    for name, tensor in own.items():
        tensor.copy_(saved[name])


def _number(value: float | None) -> float | None:
    """What JSON can hold, and people can read."""
    return round(value, 6) if value is not None and math.isfinite(value) else None


def _peak_memory(device: torch.device) -> int:
    """Bytes at the highest: of the device where it counts them, of the process elsewhere."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    status = Path("/proc/self/status")
    if status.exists():  # what `getrusage` says begins with the parent's peak
        lines = status.read_text(encoding="utf-8").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
