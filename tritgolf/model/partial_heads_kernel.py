"""The Triton kernels of ``partial_heads``, made as those of ``heads_kernel`` are.

A program takes a tile of tokens through all heads. A channel that turns meets its partner, half of the turning ones
away, which is read again from the cache: all else is whole rows. FP32 between loads and stores. With t the gradient
turned back and n the normalized head, one sum a head and token, t·n, is both its share of the gain's gradient and what
RMSNorm's takes off.
"""

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON, split_heads
from tritgolf.model.masked import load, store

ROWS, WARPS = 16, 4  # tokens of a tile


@triton.jit
def _partners(COLUMNS: tl.constexpr, HALF: tl.constexpr, VECTOR: tl.constexpr):  # type: ignore[no-untyped-def]
    """Of each channel, (1, columns), the one it turns with; the compiler hears that they lie in runs of ``VECTOR``."""
    columns = tl.arange(0, COLUMNS)
    found = tl.where(columns < HALF, columns + HALF, tl.maximum(columns - HALF, 0))
    return tl.max_contiguous(tl.multiple_of(found, VECTOR), VECTOR)[None, :]


@triton.jit
def _angles(cos, sin, rows, there, positions, COLUMNS: tl.constexpr, HALF: tl.constexpr, VECTOR: tl.constexpr):  # type: ignore[no-untyped-def]
    """What a channel is multiplied with, and what its partner is: 1 and 0 of those that don't turn."""
    columns = tl.arange(0, COLUMNS)
    angle = tl.where(columns < HALF, columns, tl.maximum(columns - HALF, 0))
    angle = tl.max_contiguous(tl.multiple_of(angle, VECTOR), VECTOR)[None, :]
    turning = columns[None, :] < 2 * HALF
    at = (rows % positions) * HALF + angle
    c = tl.load(cos + at, mask=there & turning, other=1.0).to(tl.float32)
    s = load(sin + at, there & turning)
    return c, tl.where(columns[None, :] < HALF, s, -s)


@triton.jit
def _turned_head(  # type: ignore[no-untyped-def]
    source, target, there, c, s, g, epsilon,
    WIDTH: tl.constexpr, HALF: tl.constexpr, COLUMNS: tl.constexpr, VECTOR: tl.constexpr,
):  # fmt: skip
    columns = tl.arange(0, COLUMNS)[None, :]
    x = load(source + columns, there & (columns < WIDTH))
    partner = load(source + _partners(COLUMNS, HALF, VECTOR), there & (columns < 2 * HALF))
    scale = g * tl.rsqrt(tl.sum(x * x, 1) / WIDTH + epsilon)[:, None]
    store(target + columns, scale * (x * c + partner * s), there & (columns < WIDTH))


@triton.jit
def _forward_kernel(  # type: ignore[no-untyped-def]
    fused, gain, cos, sin, q, k, tokens, positions, epsilon, HEADS: tl.constexpr, KV_HEADS: tl.constexpr,
    WIDTH: tl.constexpr, HALF: tl.constexpr, COLUMNS: tl.constexpr, VECTOR: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
    there = rows < tokens
    c, s = _angles(cos, sin, rows, there, positions, COLUMNS, HALF, VECTOR)
    source = fused + rows * ((HEADS + 2 * KV_HEADS) * WIDTH)
    queries, keys = q + rows * (HEADS * WIDTH), k + rows * (KV_HEADS * WIDTH)
    for head in tl.static_range(HEADS):
        g = tl.load(gain + head).to(tl.float32)
        at = head * WIDTH
        _turned_head(source + at, queries + at, there, c, s, g, epsilon, WIDTH, HALF, COLUMNS, VECTOR)
    for head in tl.static_range(KV_HEADS):
        of_keys = source + (HEADS + head) * WIDTH
        _turned_head(of_keys, keys + head * WIDTH, there, c, s, 1.0, epsilon, WIDTH, HALF, COLUMNS, VECTOR)


@triton.jit
def _head_gradient(  # type: ignore[no-untyped-def]
    source, upstream, target, there, c, s, g, epsilon,
    WIDTH: tl.constexpr, HALF: tl.constexpr, COLUMNS: tl.constexpr, VECTOR: tl.constexpr,
):  # fmt: skip
    """Writes the gradient of a head as multiplied; returns t·n of each token."""
    columns = tl.arange(0, COLUMNS)[None, :]
    known = there & (columns < WIDTH)
    x, up = load(source + columns, known), load(upstream + columns, known)
    partner = load(upstream + _partners(COLUMNS, HALF, VECTOR), there & (columns < 2 * HALF))
    inverse = tl.rsqrt(tl.sum(x * x, 1) / WIDTH + epsilon)[:, None]
    n, t = inverse * x, up * c - partner * s
    along = tl.sum(t * n, 1)
    store(target + columns, (inverse * g) * (t - n * (along / WIDTH)[:, None]), known)
    return along


@triton.jit
def _backward_kernel(  # type: ignore[no-untyped-def]
    dq, dk, dv, fused, gain, cos, sin, dfused, shares, tokens, positions, epsilon,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr,
    HALF: tl.constexpr, COLUMNS: tl.constexpr, VECTOR: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
    there = rows < tokens
    c, s = _angles(cos, sin, rows, there, positions, COLUMNS, HALF, VECTOR)
    across = rows * ((HEADS + 2 * KV_HEADS) * WIDTH)
    source, target = fused + across, dfused + across
    queries, keys, values = dq + rows * (HEADS * WIDTH), dk + rows * (KV_HEADS * WIDTH), dv + rows * (KV_HEADS * WIDTH)
    for head in tl.static_range(HEADS):
        g = tl.load(gain + head).to(tl.float32)
        at = head * WIDTH
        along = _head_gradient(
            source + at, queries + at, target + at, there, c, s, g, epsilon, WIDTH, HALF, COLUMNS, VECTOR
        )
        tl.store(shares + head * tl.num_programs(0) + tl.program_id(0), tl.sum(along, 0))
    for head in tl.static_range(KV_HEADS):
        at = (HEADS + head) * WIDTH
        up = keys + head * WIDTH
        _head_gradient(source + at, up, target + at, there, c, s, 1.0, epsilon, WIDTH, HALF, COLUMNS, VECTOR)
    columns = tl.arange(0, COLUMNS)[None, :]
    known = there & (columns < WIDTH)
    for head in tl.static_range(KV_HEADS):
        at = (HEADS + KV_HEADS + head) * WIDTH
        store(target + at + columns, load(values + head * WIDTH + columns, known), known)


def _launch(fused: Tensor, gain: Tensor, cos: Tensor, kv_heads: int) -> tuple[int, dict[str, Any]]:
    """How many programs, and what else a kernel is told."""
    batch, positions, across = fused.shape
    heads, half, tokens = gain.shape[0], cos.shape[1], batch * positions
    width = across // (heads + 2 * kv_heads)
    padded = {"COLUMNS": triton.next_power_of_2(width), "VECTOR": math.gcd(half, 8)}
    sizes = {"HEADS": heads, "KV_HEADS": kv_heads, "WIDTH": width, "HALF": half, **padded, "ROWS": ROWS}
    scalars = {"tokens": tokens, "positions": positions, "epsilon": RMS_EPSILON}
    return triton.cdiv(tokens, ROWS), {**scalars, **sizes, "num_warps": WARPS}


def _empty_heads(fused: Tensor, gain: Tensor, kv_heads: int) -> tuple[Tensor, Tensor]:
    heads = gain.shape[0]
    head_dim = fused.shape[-1] // (heads + 2 * kv_heads)
    return fused.new_empty((*fused.shape[:2], heads, head_dim)), fused.new_empty((*fused.shape[:2], kv_heads, head_dim))


@torch.library.custom_op("tritgolf::partial_heads_forward", mutates_args=())
def _forward(fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, kv_heads: int) -> tuple[Tensor, Tensor]:
    q, k = _empty_heads(fused, gain, kv_heads)
    programs, settings = _launch(fused, gain, cos, kv_heads)
    tensors = (tensor.contiguous() for tensor in (fused, gain, cos, sin))
    _forward_kernel[(programs,)](*tensors, q, k, **settings)
    return q, k


@_forward.register_fake
def _(fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, kv_heads: int) -> tuple[Tensor, Tensor]:
    return _empty_heads(fused, gain, kv_heads)


@torch.library.custom_op("tritgolf::partial_heads_backward", mutates_args=())
def _backward(
    dq: Tensor, dk: Tensor, dv: Tensor, fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor]:
    dfused = fused.new_empty(fused.shape)
    programs, settings = _launch(fused, gain, cos, dk.shape[2])
    shares = torch.empty((gain.shape[0], programs), dtype=torch.float32, device=fused.device)
    tensors = (tensor.contiguous() for tensor in (dq, dk, dv, fused, gain, cos, sin))
    _backward_kernel[(programs,)](*tensors, dfused, shares, **settings)
    return dfused, shares.sum(1).to(gain.dtype)


@_backward.register_fake
def _(
    dq: Tensor, dk: Tensor, dv: Tensor, fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor
) -> tuple[Tensor, Tensor]:
    return fused.new_empty(fused.shape), gain.new_empty(gain.shape)


class _PartialHeads(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(fused, gain, cos, sin)
        q, k = _forward(fused, gain, cos, sin, kv_heads)
        return q, k, split_heads(fused, heads + 2 * kv_heads)[:, :, heads + kv_heads :]

    @staticmethod
    def backward(ctx: Any, dq: Tensor, dk: Tensor, dv: Tensor) -> tuple[Tensor | None, ...]:
        return (*_backward(dq, dk, dv, *ctx.saved_tensors), None, None, None, None)


def partial_heads_on_gpu(
    fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``partial_heads.make_partial_heads`` on a GPU: same arguments, same results in BF16 or FP32, rounded once."""
    return _PartialHeads.apply(fused, gain, cos, sin, heads, kv_heads)
