"""The Triton kernel of ``shared_input``: a program takes a tile of tokens and channels through all gradients."""

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS, COLUMNS, WARPS = 64, 64, 8


@triton.jit
def _input_kernel(  # type: ignore[no-untyped-def]
    gradients, x0, weights, of_x0, shares, tokens,
    BLOCKS: tl.constexpr, WIDTH: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """``gradients``: a tuple of them."""
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < WIDTH
    rows = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None]
    known = (rows < tokens) & inside[None, :]
    at = rows.to(tl.int64) * WIDTH + columns[None, :]
    read = tl.load(x0 + at, mask=known, other=0.0).to(tl.float32)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for block in tl.static_range(BLOCKS):
        gradient = tl.load(gradients[block] + at, mask=known, other=0.0).to(tl.float32)
        total += gradient * tl.load(weights + block * WIDTH + columns, mask=inside, other=0.0).to(tl.float32)[None, :]
        share = shares + (block * tl.num_programs(0) + tl.program_id(0)) * WIDTH + columns
        tl.store(share, tl.sum(gradient * read, 0), mask=inside)
    tl.store(of_x0 + at, total.to(of_x0.dtype.element_ty), mask=known)


@torch.library.custom_op("tritgolf::input_gradients", mutates_args=())
def input_gradients_on_gpu(gradients: list[Tensor], x0: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """``shared_input.input_gradients`` on a GPU: same arguments, same results, rounded once."""
    blocks, width = weights.shape
    tokens = x0.numel() // width
    of_x0 = x0.new_empty(x0.shape)
    grid = (triton.cdiv(tokens, ROWS), triton.cdiv(width, COLUMNS))
    shares = torch.empty((blocks, grid[0], width), dtype=torch.float32, device=x0.device)
    read = tuple(gradient.contiguous() for gradient in gradients)
    _input_kernel[grid](
        read, x0.contiguous(), weights.contiguous(), of_x0, shares, tokens, BLOCKS=blocks, WIDTH=width, ROWS=ROWS,
        COLUMNS=COLUMNS, num_warps=WARPS,
    )  # fmt: skip
    return of_x0, shares.sum(1).to(weights.dtype)


@input_gradients_on_gpu.register_fake
def _(gradients: list[Tensor], x0: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    return x0.new_empty(x0.shape), weights.new_empty(weights.shape)
