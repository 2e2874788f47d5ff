"""The Triton kernel of ``shared_input``: a program takes a strip of channels through all gradients, token by token.

A thread keeps its channels' sums over tokens, of all gradients, to the end: no barriers, and the loads of a token go
out together. Strips that lie side by side run side by side, so that whole rows are read.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.mlp_kernel import processors

COLUMNS, WARPS = 256, 2  # of a strip: each thread four channels
PROGRAMS = 3  # of a strip on each multiprocessor; registers leave room for ten


@triton.jit
def _input_kernel(  # type: ignore[no-untyped-def]
    gradients, x0, weights, of_x0, shares, tokens,
    BLOCKS: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """``gradients``: a tuple of them. Tuples grow by sums: Triton unpacks none."""
    columns = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < WIDTH
    sums = ()
    for _ in tl.static_range(BLOCKS):
        sums = sums + (tl.zeros((COLUMNS,), tl.float32),)  # type: ignore[assignment]  # noqa: RUF005
    for turn in tl.range(0, TURNS):
        row = turn * tl.num_programs(1) + tl.program_id(1)
        known = inside & (row < tokens)
        at = row.to(tl.int64) * WIDTH + columns
        read = tl.load(x0 + at, mask=known, other=0.0).to(tl.float32)
        total = tl.zeros((COLUMNS,), tl.float32)
        more = ()
        for block in tl.static_range(BLOCKS):
            gradient = tl.load(gradients[block] + at, mask=known, other=0.0).to(tl.float32)
            total += gradient * tl.load(weights + block * WIDTH + columns, mask=inside, other=0.0).to(tl.float32)
            more = more + (sums[block] + gradient * read,)  # type: ignore[assignment]  # noqa: RUF005
        sums = more
        tl.store(of_x0 + at, total.to(of_x0.dtype.element_ty), mask=known)
    for block in tl.static_range(BLOCKS):
        share = shares + (block * tl.num_programs(1) + tl.program_id(1)) * WIDTH + columns
        tl.store(share, sums[block], mask=inside)


@torch.library.custom_op("tritgolf::input_gradients", mutates_args=())
def input_gradients_on_gpu(gradients: list[Tensor], x0: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """``shared_input.input_gradients`` on a GPU: same arguments, same results, rounded once."""
    blocks, width = weights.shape
    tokens = x0.numel() // width
    of_x0 = x0.new_empty(x0.shape)
    programs = min(PROGRAMS * processors(x0.device), tokens)
    shares = torch.empty((blocks, programs, width), dtype=torch.float32, device=x0.device)
    read = tuple(gradient.contiguous() for gradient in gradients)
    _input_kernel[(triton.cdiv(width, COLUMNS), programs)](
        read, x0.contiguous(), weights.contiguous(), of_x0, shares, tokens, BLOCKS=blocks, WIDTH=width,
        TURNS=triton.cdiv(tokens, programs), COLUMNS=COLUMNS, num_warps=WARPS,
    )  # fmt: skip
    return of_x0, shares.sum(1).to(weights.dtype)


@input_gradients_on_gpu.register_fake
def _(gradients: list[Tensor], x0: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    return x0.new_empty(x0.shape), weights.new_empty(weights.shape)
