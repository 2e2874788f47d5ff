"""The product of ``joined`` with an epilogue, as a Triton kernel of the form of ``mlp_kernel``'s."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.mlp_kernel import COLUMNS, DEPTH, ROWS, described, launch, tile_of


@triton.jit
def _join_kernel(  # type: ignore[no-untyped-def]
    inputs, weight, residual, of_product, of_residual, scale, joined, squares, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    """``scale`` may be None, which is a compile-time choice: it is forward that has one, and sums of squares."""
    across: tl.constexpr = (WIDTH + COLUMNS - 1) // COLUMNS
    HALF: tl.constexpr = COLUMNS // 2
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            if scale is not None:
                product = tl.dot(inputs.load([row, k]), weight.load([column, k]).T, product, input_precision="ieee")
            else:
                product = tl.dot(inputs.load([row, k]), weight.load([k, column]), product, input_precision="ieee")
        rows = row + tl.arange(0, ROWS)
        known = rows < tokens
        product *= tl.load(of_product + rows, mask=known, other=0.0)[:, None]
        if scale is not None:
            columns = column + tl.arange(0, COLUMNS)
            product *= tl.load(scale + columns, mask=columns < WIDTH, other=0.0).to(tl.float32)[None, :]
        factor = tl.load(of_residual + rows, mask=known, other=0.0)[:, None]
        left, right = tl.split(tl.permute(tl.reshape(product, (ROWS, 2, HALF)), (0, 2, 1)))
        first = (left + factor * residual.load([row, column]).to(tl.float32)).to(joined.dtype)
        joined.store([row, column], first)
        second = (right + factor * residual.load([row, column + HALF]).to(tl.float32)).to(joined.dtype)
        joined.store([row, column + HALF], second)
        if scale is not None:
            seen = first.to(tl.float32) * first.to(tl.float32) + second.to(tl.float32) * second.to(tl.float32)
            place = squares + rows.to(tl.int64) * across + column // COLUMNS
            tl.store(place, tl.sum(seen, 1), mask=known & (column < WIDTH))


def _sums(residual: Tensor) -> Tensor:
    return residual.new_empty((residual.shape[0], triton.cdiv(residual.shape[1], COLUMNS)), dtype=torch.float32)


@torch.library.custom_op("tritgolf::join", mutates_args=())
def join_on_gpu(
    inputs: Tensor, weight: Tensor, residual: Tensor, of_product: Tensor, of_residual: Tensor, scale: Tensor | None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """``joined.join`` on a GPU: same arguments, same results in BF16, rounded once; without ``scale`` no sums."""
    tokens, width = residual.shape
    joined, squares = residual.new_empty(residual.shape), _sums(residual)
    programs, settings = launch(tokens, inputs.shape[1], width, inputs.device)
    _join_kernel[(programs,)](
        described(inputs.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), *((DEPTH, COLUMNS) if scale is None else (COLUMNS, DEPTH))),
        described(residual.contiguous(), ROWS, COLUMNS // 2),
        of_product.contiguous(),
        of_residual.contiguous(),
        scale if scale is None else scale.contiguous(),
        described(joined, ROWS, COLUMNS // 2),
        squares,
        tokens,
        **settings,
    )
    return joined, squares


@join_on_gpu.register_fake
def _(
    inputs: Tensor, weight: Tensor, residual: Tensor, of_product: Tensor, of_residual: Tensor, scale: Tensor | None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return residual.new_empty(residual.shape), _sums(residual)
