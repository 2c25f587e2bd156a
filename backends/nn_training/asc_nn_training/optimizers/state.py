"""What happens to an optimiser's state when the weights leap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from asc.errors import AscError
from asc_nn_training.optimizers.layouts import Layout, layout_of, links, name_of, states_of
from asc_nn_training.optimizers.own_weights import OwnWeights
from asc_nn_training.weights.weights import local

Policy = Literal["keep", "reset", "decay"]


@contextmanager
def leaping(
    optimizer: Optimizer,
    parameters: Sequence[Tensor],
    before: Callable[[], Sequence[Tensor]],
    policy: Policy = "keep",
    steps: int = 0,
) -> Iterator[None]:
    """Within, the caller writes the weights of a leap of `steps` steps; afterwards, the optimiser's state fits them.

    `before` returns the weights before the leap. Weights of the optimiser's own go along. Moments are kept; or they are
    reset with their counts, to the values before the first step; or the first moments decay as in `steps` steps without
    gradient, at least one. Raises AscError, before anything has moved, for a state that is not known well enough.
    """
    own = OwnWeights(optimizer, parameters)
    require_known(optimizer, policy, parameters, own.names)
    start = before() if own.found else ()
    yield
    if own.found:
        own.follow(start, [local(parameter) for parameter in parameters])
    treat(optimizer, parameters, policy, steps)


def require_known(
    optimizer: Optimizer, policy: Policy, parameters: Sequence[Tensor] = (), own: set[str] | None = None
) -> None:
    """Raise AscError if the policy changes moments and the optimiser, or an entry of its state, is not known.

    An optimiser makes its state at its first step, so the entries are checked again at a leap. `own` are entries that
    are weights, and no moments.
    """
    if policy == "keep":
        return
    layout = layout_of(optimizer)
    if layout is None:
        names = " around ".join(type(link).__name__ for link in reversed(links(optimizer)))
        raise AscError(
            f"leap_moments={policy} changes the moments of the optimiser, and what the state of {names} means is not "
            "known. Choose leap_moments=keep, or an optimiser of torch.optim."
        )
    entries = {name for state in states_of(optimizer) for each in parameters for name in state.get(each) or ()}
    unknown = sorted(entries - layout.entries - (own or set()))
    if unknown:
        raise AscError(
            f"leap_moments={policy} changes the moments of the optimiser, and what {unknown[0]!r} in the state of "
            f"{name_of(optimizer)} means is not known. Choose leap_moments=keep."
        )


@torch.no_grad()
def treat(optimizer: Optimizer, parameters: Sequence[Tensor], policy: Policy, steps: int) -> None:
    """Change the moments of these parameters, each by the settings of its group."""
    layout = layout_of(optimizer)
    if layout is None:  # require_known has refused it, unless its moments are kept
        return
    given, states = {id(parameter) for parameter in parameters}, states_of(optimizer)
    for group in links(optimizer)[-1].param_groups:
        treated = [parameter for parameter in group["params"] if id(parameter) in given]
        if treated and layout.together:
            treated = group["params"]
        for entries in (state.get(parameter) for state in states for parameter in treated):
            if entries:
                _treat_entries(entries, layout, group, policy, steps)
        if treated and policy == "reset":
            _put(group, layout.group_start, group)


def _treat_entries(
    entries: MutableMapping[str, Any], layout: Layout, group: Mapping[str, Any], policy: Policy, steps: int
) -> None:
    _put(entries, layout.at_leap, group)
    if policy == "reset":
        _put(entries, {**dict.fromkeys(layout.first, 0), **layout.start}, group)
    elif policy == "decay":
        for name, setting in layout.first.items():
            entry = entries.get(name)
            if isinstance(entry, Tensor) and entry.is_floating_point():  # a code of 8 bits scales by its largest value
                entry.mul_(_factor(group[setting]) ** max(1, steps))


def _put(entries: MutableMapping[str, Any], values: Mapping[str, float | str | None], group: Mapping[str, Any]) -> None:
    """Set entries that exist, each in its own type; a value may be the name of a setting of the group."""
    for name in values.keys() & entries.keys():
        value, entry = values[name], entries[name]
        number = group[value] if isinstance(value, str) else value
        if number is None:
            del entries[name]
        elif isinstance(entry, Tensor):
            entry.fill_(float(number))
        elif entry is not None:
            entries[name] = type(entry)(number)


def _factor(setting: Any) -> float:
    """Return a decay factor from a setting that holds it, or several of which it is the first."""
    return float(setting[0] if isinstance(setting, tuple | list) else setting)
