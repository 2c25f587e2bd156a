"""Training that predicts its own weights, checks them on held-out data, and leaps.

from asc_nn_training import Speculation

speculation = Speculation(model, optimizer, gate=held_out_batches, loss=loss)
for batch in batches:
    ...                              # forward, backward, optimizer.step()
    speculation.step(training_loss)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asc_nn_training.integrations.attach import attach
    from asc_nn_training.integrations.callback import SpeculationCallback
    from asc_nn_training.integrations.lightning import LightningSpeculation as LightningSpeculation  # needs an extra
    from asc_nn_training.integrations.read_outs import ReadOuts
    from asc_nn_training.integrations.rollouts import SpeculativeRollouts
    from asc_nn_training.integrations.speculation import Speculation
    from asc_nn_training.integrations.texts import TextsCallback
    from asc_nn_training.integrations.tracking import Tracking
    from asc_nn_training.optimizers.moments import Moments
    from asc_nn_training.recognizers.probes import Probes

__all__ = [
    "Moments",
    "Probes",
    "ReadOuts",
    "Speculation",
    "SpeculationCallback",
    "SpeculativeRollouts",
    "TextsCallback",
    "Tracking",
    "attach",
]

_HOMES = {
    "LightningSpeculation": "integrations.lightning",
    "Moments": "optimizers.moments",
    "Probes": "recognizers.probes",
    "ReadOuts": "integrations.read_outs",
    "Speculation": "integrations.speculation",
    "SpeculationCallback": "integrations.callback",
    "SpeculativeRollouts": "integrations.rollouts",
    "TextsCallback": "integrations.texts",
    "Tracking": "integrations.tracking",
    "attach": "integrations.attach",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that finding the plugin stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'asc_nn_training' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 -- not needed before the first use

    return getattr(import_module(f"asc_nn_training.{_HOMES[name]}"), name)
