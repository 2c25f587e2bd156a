"""What the state of known optimisers means, as data: which entries are moments, counts, or weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from torch.optim import Optimizer

_NOTHING: Mapping[str, Any] = {}


class Layout(NamedTuple):
    """The entries of an optimiser's state, by what a leap does with them."""

    first: Mapping[str, str] = _NOTHING
    """First moments, each with the setting of its group that holds its factor: "betas", whose first counts, or one."""
    start: Mapping[str, float | str | None] = _NOTHING
    """Other moments and counts, with their values before the first step: a number, a setting of the group, or none."""
    group_start: Mapping[str, float] = _NOTHING
    """The same for counts that a parameter group holds for all its parameters."""
    at_leap: Mapping[str, float] = _NOTHING
    """Entries that every leap sets, whatever happens to the moments."""
    moving: frozenset[str] = frozenset()
    """Weights of the optimiser's own that later steps return to: each moves as far as the parameter leaps."""
    kept: frozenset[str] = frozenset()
    """Entries that no leap touches: code books, learnt step sizes, averages that no step reads."""
    together: bool = False
    """Whether all parameters of a group are treated together, because they share a count or a history."""
    adam: Literal["", "coupled", "decoupled"] = ""
    """Whether the steps are those of Adam, and how the weight decay enters them."""

    @property
    def entries(self) -> frozenset[str]:
        """All entries whose meaning is known."""
        return frozenset({*self.first, *self.start, *self.at_leap, *self.moving, *self.kept})

    def __or__(self, other: Layout) -> Layout:
        """Return the layout of an optimiser inside a wrapper; the steps are those of neither."""
        return Layout(
            {**self.first, **other.first},
            {**self.start, **other.start},
            {**self.group_start, **other.group_start},
            {**self.at_leap, **other.at_leap},
            self.moving | other.moving,
            self.kept | other.kept,
            self.together or other.together,
        )


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SECOND = {"exp_avg_sq": 0, "step": 0}
_ADAM = Layout({"exp_avg": "betas"}, {**_SECOND, "max_exp_avg_sq": 0})
_GROUP_ADAM = Layout({"exp_avg": "betas"}, _SECOND, group_start={"step": 0}, together=True)
_LION = Layout({"exp_avg": "betas"})
_SCHEDULE_FREE = Layout(moving=_names("z"))
_SCHEDULE_FREE_ADAM = Layout(start=_SECOND, group_start={"k": 0}, moving=_names("z"), together=True)
# An 8-bit state is a code, whose book (qmap) and largest value a block (absmax) give its number.
_BOOKS = _names("qmap1 qmap2 gnorm_vec unorm_vec")
_EIGHT_BIT = {"state2": 0, "absmax2": 0, "max2": 0, "new_max2": 0, "max1": 0, "new_max1": 0, "step": 0}
_EIGHT_BIT_FIRST = {"state1": "betas", "absmax1": "betas"}
_BITSANDBYTES = Layout(_EIGHT_BIT_FIRST, _EIGHT_BIT, kept=_BOOKS)

LAYOUTS: Mapping[str, Layout] = {
    "torch.Adam": _ADAM._replace(adam="coupled"),
    "torch.AdamW": _ADAM._replace(adam="decoupled"),
    "torch.NAdam": Layout({"exp_avg": "betas"}, {**_SECOND, "mu_product": 1}),
    "torch.RAdam": _ADAM,
    "torch.SparseAdam": _ADAM,
    "torch.Adamax": Layout({"exp_avg": "betas"}, {"exp_inf": 0, "step": 0}),
    "torch.Adagrad": Layout(start={"sum": "initial_accumulator_value", "step": 0}),
    "torch.Adadelta": Layout(start={"square_avg": 0, "acc_delta": 0, "step": 0}),
    "torch.Adafactor": Layout(start={"row_var": 0, "col_var": 0, "variance": 0, "step": 0}),
    "torch.RMSprop": Layout({"momentum_buffer": "momentum"}, {"square_avg": 0, "grad_avg": 0, "step": 0}),
    "torch.Rprop": Layout(start={"prev": 0, "step": 0}, kept=_names("step_size")),
    # Without a buffer, the first step is not dampened.
    "torch.SGD": Layout({"momentum_buffer": "momentum"}, {"momentum_buffer": None}, together=True),
    "torch.Muon": Layout({"momentum_buffer": "momentum"}),
    "torch.ASGD": Layout(start={"step": 0, "eta": "lr", "mu": 1}, kept=_names("ax")),
    # Without a step length, L-BFGS leaves out the pair of gradients between which the leap lies.
    "torch.LBFGS": Layout(
        start={"n_iter": 0, "func_evals": 0},
        at_leap={"t": 0},
        kept=_names("al d old_dirs old_stps ro H_diag prev_flat_grad prev_loss"),
        together=True,
    ),
    "transformers.Adafactor": Layout(
        {"exp_avg": "beta1"}, {**_SECOND, "exp_avg_sq_row": 0, "exp_avg_sq_col": 0}, kept=_names("RMS")
    ),
    "torchdistx.AnyPrecisionAdamW": _ADAM._replace(kept=_names("compensation")),
    "apex.FusedAdam": _GROUP_ADAM,
    "apex.FusedLAMB": _GROUP_ADAM,
    "deepspeed.FusedAdam": _GROUP_ADAM,
    "deepspeed.DeepSpeedCPUAdam": _ADAM,
    "timm.Lamb": _GROUP_ADAM,
    "timm.Lion": _LION,
    "lion_pytorch.Lion": _LION,
    **{
        f"bitsandbytes.{paged}{name}{bits}": _BITSANDBYTES
        for name in ("Adam", "AdamW", "LAMB", "Lion", "SGD")
        for paged in ("", "Paged")
        for bits in ("", "8bit", "32bit")
    },
    **{f"schedulefree.{name}": _SCHEDULE_FREE_ADAM for name in ("AdamWScheduleFree", "RAdamScheduleFree")},
    **{f"schedulefree.{name}": _SCHEDULE_FREE for name in ("SGDScheduleFree", "ScheduleFreeWrapper")},
    **{f"{package}.Lookahead": Layout(moving=_names(slow), kept=_names("slow_momentum")) for package, slow in (
        ("pytorch_optimizer", "slow_params"), ("timm", "lookahead_slow_buff"), ("torch_optimizer", "slow_param"),
    )},
    "SAM": Layout(kept=_names("old_p e_w")),
}  # fmt: skip
"""By package and class; a class without package is known by its name alone, because people copy its file."""

_INNER = ("optimizer", "optim", "base_optimizer", "_base_optimizer", "base")


def links(optimizer: Optimizer) -> list[Any]:
    """Return an optimiser and, one inside the other, those that it wraps; the last one takes the steps."""
    found: list[Any] = [optimizer]
    while True:
        inside = (getattr(found[-1], name, None) for name in _INNER)
        inner = next((each for each in inside if getattr(each, "param_groups", None) and each not in found), None)
        if inner is None:
            return found
        found.append(inner)


def states_of(optimizer: Optimizer) -> list[Mapping[Any, Any]]:
    """Return the states of an optimiser and of what it wraps, each once."""
    states = (getattr(link, "state", None) for link in links(optimizer))
    return list({id(state): state for state in states if state}.values())


def layout_of(optimizer: Optimizer) -> Layout | None:
    """Return what the state of an optimiser and of its wrappers means; None if a part of it is not known.

    A wrapper without state of its own adds nothing: Accelerate's, Lightning's, Fabric's.
    """
    *wrappers, inner = links(optimizer)
    found = known(inner)
    for wrapper in wrappers:
        around, state = known(wrapper), getattr(wrapper, "state", None)
        if around is None and state and state is not inner.state:
            return None
        if found is not None and around is not None and around is not found:
            found |= around
    return found


def known(optimizer: Any) -> Layout | None:
    """Return the layout of one optimiser, without what it wraps: that of the nearest class in the table."""
    for kind in type(optimizer).__mro__:
        layout = LAYOUTS.get(f"{kind.__module__.partition('.')[0]}.{kind.__name__}") or LAYOUTS.get(kind.__name__)
        if layout is not None:
            return layout
    return None


def name_of(optimizer: Optimizer) -> str:
    """Return the class of the optimiser that takes the steps."""
    return type(links(optimizer)[-1]).__name__
