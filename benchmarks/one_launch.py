"""A weighted sum of weights by one launch over all tensors, in Triton: what a kernel of our own would give.

Only measured here, beside what the backend does: `python benchmarks/gpu.py sums`. Every element is read once a term and
written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 4096  # elements of a program


@triton.jit
def _kernel(  # type: ignore[no-untyped-def]
    targets,
    terms,
    coefficients,
    sizes,
    places,
    starts,
    tensors,
    count: tl.constexpr,
    block: tl.constexpr,
):
    program = tl.program_id(0)
    place, start = tl.load(places + program), tl.multiple_of(tl.load(starts + program), block)
    offsets, size = start + tl.arange(0, block), tl.load(sizes + place)
    target = tl.multiple_of(tl.load(targets + place).to(tl.pointer_type(tl.float32)), 16)
    total = tl.zeros((block,), tl.float32)
    if start + block <= size:  # whole: read and written four at a time
        for term in tl.static_range(count):
            address = tl.load(terms + term * tensors + place).to(tl.pointer_type(tl.float32))
            total += tl.load(coefficients + term) * tl.load(tl.multiple_of(address, 16) + offsets)
        tl.store(target + offsets, total)
    else:
        for term in tl.static_range(count):
            address = tl.load(terms + term * tensors + place).to(tl.pointer_type(tl.float32))
            total += tl.load(coefficients + term) * tl.load(address + offsets, mask=offsets < size)
        tl.store(target + offsets, total, mask=offsets < size)


def prepared(out: Sequence[Tensor]) -> Callable[[Sequence[float], Sequence[Sequence[Tensor]]], None]:
    """Return what puts a weighted sum of contiguous fp32 tensors into `out`, which may be one of the terms."""
    device = out[0].device
    blocks = [(place, start) for place, tensor in enumerate(out) for start in range(0, tensor.numel(), _BLOCK)]
    places = torch.tensor([place for place, _ in blocks], device=device)
    starts = torch.tensor([start for _, start in blocks], device=device)
    sizes = torch.tensor([tensor.numel() for tensor in out], device=device)
    targets = torch.tensor([tensor.data_ptr() for tensor in out], device=device)

    def summed(coefficients: Sequence[float], terms: Sequence[Sequence[Tensor]]) -> None:
        addresses = torch.tensor([tensor.data_ptr() for term in terms for tensor in term], device=device)
        shares = torch.tensor(coefficients, dtype=torch.float32, device=device)
        _kernel[(len(blocks),)](
            targets, addresses, shares, sizes, places, starts, len(out), count=len(terms), block=_BLOCK
        )

    return summed
