"""The Triton kernel of ``unet_pass.begin``: a program takes a few tokens."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON

ROWS, WARPS = 4, 4


@triton.jit
def _begin_kernel(  # type: ignore[no-untyped-def]
    y, product, by_row, scale, x0, mix, skip, skip_weight, summed, mixed, normed, tokens, epsilon,
    WIDTH: tl.constexpr, COLUMNS: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """``skip`` and ``summed`` may be None, which is a compile-time choice."""
    columns = tl.arange(0, COLUMNS)[None, :]
    inside = columns < WIDTH
    rows = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
    known = (rows < tokens) & inside
    at = rows * WIDTH + columns
    factor = tl.load(by_row + rows, mask=rows < tokens, other=0.0) * tl.load(scale + columns, mask=inside, other=0.0)
    x = tl.load(y + at, mask=known, other=0.0).to(tl.float32) + factor * tl.load(product + at, mask=known, other=0.0)
    stored = x.to(y.dtype.element_ty)
    if summed is not None:
        tl.store(summed + at, stored, mask=known)
    x = stored.to(tl.float32)
    if skip is not None:
        x += tl.load(skip_weight + columns, mask=inside, other=0.0).to(tl.float32) * tl.load(
            skip + at, mask=known, other=0.0
        )
    first = tl.load(mix + columns, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(mix + WIDTH + columns, mask=inside, other=0.0).to(tl.float32)
    u = (first * x + second * tl.load(x0 + at, mask=known, other=0.0)).to(y.dtype.element_ty)
    tl.store(mixed + at, u, mask=known)
    wide = u.to(tl.float32)
    inverse = tl.rsqrt(tl.sum(wide * wide, 1) / WIDTH + epsilon)[:, None]
    tl.store(normed + at, (wide * inverse).to(y.dtype.element_ty), mask=known)


def begin_on_gpu(
    y: Tensor, product: Tensor, by_row: Tensor, scale: Tensor, x0: Tensor, mix: Tensor, skip: Tensor | None,
    skip_weight: Tensor | None, keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """``unet_pass.begin`` on a GPU: ``Ended`` and its other arguments, contiguous, same results, each rounded once.

    Without ``keep`` the first result is empty.
    """
    tokens, width = y.shape
    summed = torch.empty_like(x0) if keep else x0.new_empty(0)
    mixed, normed = torch.empty_like(x0), torch.empty_like(x0)
    _begin_kernel[(triton.cdiv(tokens, ROWS),)](
        y, product, by_row, scale, x0, mix, skip, skip_weight, summed if keep else None, mixed, normed, tokens,
        RMS_EPSILON, WIDTH=width, COLUMNS=triton.next_power_of_2(width), ROWS=ROWS, num_warps=WARPS,
    )  # fmt: skip
    return summed, mixed, normed
