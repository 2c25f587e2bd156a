"""The network backend of `asc run nn_training`: makes trainings from a configuration, saves them, reports results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import nn

from asc.backend import Backend
from asc.errors import AscError
from asc.types import EngineState, Transition
from asc_nn_training.computation import Fingerprint, LeapConfig, TrainingComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.costs import Costs
from asc_nn_training.data.prepare import Data, prepare
from asc_nn_training.data.tokenizer import BPE
from asc_nn_training.models.models import make_model
from asc_nn_training.models.quiet import quiet
from asc_nn_training.optimizers.optimizer import make_optimizer
from asc_nn_training.ranks.batches import RankBatches
from asc_nn_training.ranks.launch import join, local_device
from asc_nn_training.ranks.parallel import Parallel, placed, reshard
from asc_nn_training.ranks.random_states import of_all, of_rank, seed_rank
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.ranks.whole import to_parts, to_whole
from asc_nn_training.recognizers.probes import Probes
from asc_nn_training.training import checkpoint
from asc_nn_training.training.board import Board
from asc_nn_training.training.device import autocast, be_deterministic, preserved_randomness, seed_everything
from asc_nn_training.training.loss import evaluation
from asc_nn_training.training.memory import peak_memory
from asc_nn_training.training.schedule import Schedule
from asc_nn_training.training.texts import RunTexts
from asc_nn_training.training.training import Training
from asc_nn_training.training.tree import transformed
from asc_nn_training.training.watch import LossWatch
from asc_nn_training.validators.gate import Gate, TokenGate
from asc_nn_training.weights.averages import Averages
from asc_nn_training.weights.cache import WeightCache
from asc_nn_training.weights.candidate import CandidateWeights
from asc_nn_training.weights.store import WeightStore
from asc_nn_training.weights.weights import Weights, local

MODEL, READ_OUT = "model", "read-out"  # folders beside the checkpoints, written at the end of a run
_REPORTED = 16  # dev sequences that measure a candidate; spread out, because neighbours come from one document


class NetworkComputation(TrainingComputation):
    """A training from a configuration, with its data and what measures it."""

    training: Training

    def __init__(
        self,
        training: Training,
        gate: Gate,
        fingerprint: Fingerprint,
        costs: Costs,
        config: LeapConfig,
        watch: LossWatch,
        store: WeightStore,
        *,
        data: Data,
        reporting: Gate,
        board: Board | None,
    ) -> None:
        """`reporting` is held-out data that neither judges nor tunes."""
        super().__init__(training, gate, fingerprint, costs, config, watch, store)
        self.watch, self.data, self.reporting, self.board = watch, data, reporting, board
        self.final: tuple[int, dict[str, Any]] | None = None  # a position and the outcome there, which takes a while

    def measures(self) -> dict[str, float]:
        """Return the newest losses."""
        return self.watch.measures()

    def report(self, state: CandidateWeights | None) -> NDArray[np.float64]:
        """Return losses of dev sequences, nats a token, under a candidate or, for None, the present weights."""
        here = self.present()
        try:
            if state is not None:
                state.put(self.weights, here)
            with evaluation(self.training.model):
                losses: NDArray[np.float64] = self.reporting.losses(self.training.model, 0).double().cpu().numpy()
        finally:
            if state is not None:
                self.weights.put(here.values())
        return losses

    def apply(self, transition: Transition) -> None:
        """Leap, and write the leap to TensorBoard."""
        super().apply(transition)
        if self.board is not None:
            gain = transition.gain_steps or 0.0
            self.board.measured(self.position(), leap__gain_steps=gain, leap__steps_skipped=self.skipped)


class NetworkBackend(Backend[NetworkComputation]):
    """Language models trained by AdamW, with leaps that are judged on held-out data."""

    Config = NetworkConfig
    config: NetworkConfig

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self._boards = Counter[str]()

    @cached_property
    def group(self) -> Ranks:
        """The processes that torchrun has started, or this one alone."""
        ranks = join(self.config.device)
        if ranks.count == 1 and self.config.shard != "none":
            raise AscError(
                f"--shard {self.config.shard} divides a model among several processes, and this is one alone: start it "
                "with torchrun --nproc-per-node N -m asc run nn_training ..., or add --set shard=none."
            )
        return ranks

    @cached_property
    def data(self) -> Data:
        """The corpus, prepared once for all computations of this backend; the other ranks read what the first cached.

        Raises AscError if the ranks find different texts.
        """
        config, ranks = self.config, self.group
        data = prepare(config, config.seed, config.own_tokenizer) if ranks.first else None
        digest = ranks.agree("" if data is None else data.digest)
        if data is None:
            data = prepare(config, config.seed, config.own_tokenizer)
        if data.digest != digest:
            raise AscError(
                f"Rank {ranks.number} found another corpus than the first rank (its digest begins with "
                f"{data.digest[:12]}, and the first rank's with {digest[:12]}): give every rank the same --data."
            )
        return data

    def computation(self, plain: bool) -> NetworkComputation:
        """Make a training at its start."""
        config, ranks = self.config, self.group
        device = local_device(config.device)
        data = self.data  # takes a while to prepare
        batches = RankBatches(data.train, ranks, accumulation=config.accumulation, size=config.batch)
        if config.deterministic and device.type != "cpu":
            be_deterministic()
        seed_everything(config.seed)
        bpe = config.tokenizer == BPE and config.init == "scratch"  # which may learn fewer tokens than it may have
        model = make_model(
            config.model,
            init=config.init,
            vocabulary=max(data.vocabulary, config.vocabulary) if bpe else data.vocabulary,
            length=config.length,
            seed=config.seed,
            end=data.end,
            dropout=config.dropout,
        )
        parallel = Parallel(model, device, ranks, config.shard)
        cast = autocast(device, config.precision)
        optimizer = self.optimizer(model)
        training = Training(
            model,
            optimizer,
            Schedule(optimizer.param_groups[0]["lr"], config),
            batches,
            config.steps,
            accumulation=batches.own_accumulation,
            clip=config.clip,
            autocast=cast,
            compile=config.compile,
            parallel=parallel,
        )
        weights = Weights(model)
        probes = Probes(data.probes.to(device), autocast=cast, ranks=ranks)
        at_a_time = config.gate_batch or config.batch
        gate = TokenGate(data.gate.to(device), cast, at_a_time, ranks)
        step_tokens = config.batch * config.length * config.accumulation
        costs = Costs(step_tokens, gate.tokens, probes.tokens, weights.numel, weights.nbytes)
        board = self._board("plain" if plain else "speculative")
        dev = data.dev.to(device)
        every, on_host = config.average_every, config.average_on_host
        watch = LossWatch(
            training,
            dev,
            data.gate.to(device).flatten(0, 1)[:: len(data.gate)],  # as many as a subset has, from all of them
            every=config.evaluate_every,
            until_loss=config.until_loss,
            averages=Averages(weights, config.spans, every=every, on_host=on_host) if every else None,
            anytime=config.anytime,
            board=board,
            texts=None
            if config.sample_prompts is None
            else RunTexts(
                config.sample_prompts, config.sampling, config.sample_every or 100, data.tokenizer, training, board
            ),
        )
        reporting = TokenGate(dev[:: max(1, len(dev) // _REPORTED)].unsqueeze(0), cast, at_a_time, ranks)
        store = WeightStore(device, config.cache)
        leap = config.model_copy(update={"way": "plain"}) if plain else config
        with preserved_randomness(device):  # what is drawn at a boundary is the same on all ranks
            seed_rank(config.seed, ranks.number)  # and what training draws is not
            made = NetworkComputation(
                training, gate, probes, costs, leap, watch, store, data=data, reporting=reporting, board=board
            )
        made.remarks += data.remarks
        if device.type == "cpu" and weights.numel > 30e6:
            made.remarks.append(
                f"A model of {weights.numel / 1e6:.0f} million weights is slow on a CPU: expect seconds to minutes a "
                "step. For a first look take --model gpt2-nano, or run this model on a machine with a GPU."
            )
        return made

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Make the optimiser that trains the model; its rate is the peak of the schedule."""
        return make_optimizer(model, self.config)

    def prepare(self, computation: NetworkComputation, where: Callable[[], Path | None]) -> None:
        """Read the prompts of the texts, and see that the model can continue them."""
        if computation.watch.texts is not None:
            computation.watch.texts.begin(where, self.group, computation.remark)

    def cache(self, computation: NetworkComputation) -> WeightCache:
        """Make the trajectory cache, whose transitions stay on the device."""
        return WeightCache(computation, self.config.cache)

    def save(self, computation: NetworkComputation, folder: Path, state: EngineState) -> None:
        """Write a checkpoint, which any number of ranks can resume."""
        training, weights, ranks = computation.training, computation.weights, self.group
        own = computation.training_state()
        saved = {
            "data": self.data.digest,
            "model": _tensors(training.model),
            "training": own | {"random": of_all(own["random"], ranks)},
            "watch": computation.watch.state_dict(),
            "speculation": computation.speculation_state(state),
        }
        saved = to_whole(saved, weights)
        if ranks.first:
            checkpoint.save(folder, training.position, saved)

    def finish(self, computation: NetworkComputation, folder: Path) -> None:
        """Write the model and its read-out, as folders that `from_pretrained` reads."""
        watch = computation.watch
        try:
            self._write_model(computation, folder / MODEL)
        finally:  # the other ranks gather the read-out in any case
            if watch.averages is not None:
                with watch.read_out():
                    self._write_model(computation, folder / READ_OUT)

    def load(self, computation: NetworkComputation, folder: Path) -> EngineState | None:
        """Go to the newest checkpoint."""
        training, weights, ranks = computation.training, computation.weights, self.group
        on_cpu = weights.sharded or self.config.average_on_host  # the device may have no room for the averages
        found = checkpoint.load(folder, "cpu" if on_cpu else training.device)
        if found is None:
            return None
        _, saved = found
        if saved["data"] != self.data.digest:
            raise AscError(
                f"The checkpoint in {folder} is of another corpus (its digest begins with {saved['data'][:12]}, and "
                f"this corpus's with {self.data.digest[:12]}). Resume it with the data that the run began with."
            )
        _put_tensors(training.model, saved["model"], folder)
        drawn = of_rank(saved["training"]["random"], ranks.number, self.config.seed, training.device)
        computation.load_training_state(saved["training"] | {"random": drawn})
        computation.watch.load_state_dict(to_parts(saved["watch"], weights))
        return computation.load_speculation_state(_on(training.device, to_parts(saved["speculation"], weights)))

    def outcome(self, computation: NetworkComputation) -> Mapping[str, Any]:
        """Return losses in nats a token: of the last training steps, and on the gate, dev and test sets.

        `read_out` names the weights that the gate picked at the end, of which the losses after it are.
        """
        watch, training = computation.watch, computation.training
        if computation.final is not None and computation.final[0] == computation.position():
            return computation.final[1]
        newest = watch.evaluate(last=True)
        gate = computation.data.gate.flatten(0, 1)
        found = {
            "train_loss": _number(newest.train_loss),
            "gate_loss": _number(training.evaluate(gate)),
            "dev_loss": _number(newest.dev_loss),
            "test_loss": _number(training.evaluate(computation.data.test)),
            **self._read_out(computation, newest.read_out_dev_loss),
            "parameters": computation.weights.numel,
            "corpus": computation.data.digest,
        }
        computation.final = computation.position(), found
        return found

    def figures(self, computation: NetworkComputation) -> Mapping[str, Any]:
        """Return the losses once more, the steps skipped, the loss curves, and the peak memory."""
        points, outcome = computation.watch.curve, self.outcome(computation)
        texts = None if computation.watch.texts is None else computation.watch.texts.figures()
        curves = {
            "train_loss": [[p.position, p.seconds, _number(p.train_loss)] for p in points],
            "dev_loss": [[p.position, p.seconds, _number(p.dev_loss)] for p in points],
        }
        if picked := [point for point in points if point.read_out_dev_loss is not None]:
            curves["read_out_dev_loss"] = [[p.position, p.seconds, _number(p.read_out_dev_loss)] for p in picked]
        return {
            **{name: value for name, value in outcome.items() if name.endswith("_loss")},
            "steps_skipped": computation.skipped,
            "curves": curves,
            **({} if texts is None else {"texts": texts}),
            "peak_memory_bytes": self.group.largest(peak_memory(computation.training.device)),
        }

    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return how much sooner the speculative run reached the plain run's final dev loss, and both outcomes.

        With `anytime`, these losses are those of the read-outs.
        """
        which = "read_out_dev_loss" if self.config.anytime else "dev_loss"
        goal = plain["outcome"][which]
        points = [(seconds, loss) for _, seconds, loss in speculative["curves"][which] if loss is not None]
        reached = None if goal is None else _when(points, goal)
        spent = plain["curves"][which][-1][1]
        return {
            "net_speedup": spent / reached if reached else None,
            "seconds_to_plain_dev_loss": reached,
            "speculative_outcome": speculative["outcome"],
            "plain_outcome": plain["outcome"],
        }

    def _write_model(self, computation: NetworkComputation, folder: Path) -> None:
        """Write the model as it is now; all ranks gather it, and the first writes."""
        model, state = computation.training.model, None
        if computation.weights.sharded:
            names = model.state_dict().keys()
            own = {name: tensor for name, tensor in _tensors(model).items() if name in names}
            state = to_whole(own, computation.weights)
        if not self.group.first:
            return
        with quiet():
            try:
                model.save_pretrained(folder, state_dict=state)  # type: ignore[operator]
                computation.data.tokenizer.save(folder)
            except SafetensorError as error:  # raised for a full disk
                raise OSError(str(error)) from error

    def _read_out(self, computation: NetworkComputation, dev_loss: float | None) -> dict[str, Any]:
        """Return the read-out's name, and its losses on the dev and test sets; nothing of each without averages."""
        if computation.watch.averages is None:
            return dict.fromkeys(("read_out", "read_out_dev_loss", "read_out_test_loss"))
        with computation.watch.read_out() as name:
            test_loss = computation.training.evaluate(computation.data.test)
        return {"read_out": name, "read_out_dev_loss": _number(dev_loss), "read_out_test_loss": _number(test_loss)}

    def _board(self, kind: str) -> Board | None:
        """Return the board of a new run: each run of a comparison has its own folder."""
        if self.config.tensorboard is None or not self.group.first:
            return None
        self._boards[kind] += 1
        number = self._boards[kind]
        return Board(self.config.tensorboard / (kind if number == 1 else f"{kind}-{number}"))


def _when(points: Sequence[tuple[float, float]], goal: float) -> float | None:
    """Return the second at which a curve first reached the goal, on the line between two points; None if never."""
    before: tuple[float, float] | None = None
    for seconds, loss in points:
        if loss <= goal:
            if before is None or before[1] == loss:
                return seconds
            return before[0] + (seconds - before[0]) * (before[1] - goal) / (before[1] - loss)
        before = seconds, loss
    return None


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return every parameter and buffer once, tied ones under their first name."""
    reshard(model)
    return dict(model.named_parameters()) | dict(model.named_buffers())


@torch.no_grad()
def _put_tensors(model: nn.Module, saved: Mapping[str, torch.Tensor], folder: Path) -> None:
    own = _tensors(model)
    if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in saved.items()}:
        raise AscError(
            f"The checkpoint in {folder} is of a model with other tensors. Resume it with the settings of the run that "
            "saved it, or begin a new run without --resume."
        )
    for name, tensor in own.items():
        local(tensor).copy_(local(placed(saved[name], tensor)))


def _on(device: torch.device, state: Any) -> Any:
    """Return a state whose tensors are on the device."""
    return transformed(state, lambda tensor: tensor.to(device))


def _number(value: float | None) -> float | None:
    """Return a loss with six digits; None if JSON cannot hold it."""
    return round(value, 6) if value is not None and math.isfinite(value) else None
