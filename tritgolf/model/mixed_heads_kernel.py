"""The Triton kernels of ``mixed_heads``: all of XSA and the heads' gates between two readings of memory.

A program takes a tile of tokens, key head by key head with its query heads; the gates' product is so narrow that it is
made here too, and so is its way back. FP32 between loads and stores. Tiles leave their shares of the gates' matrix to
one sum in a fixed order. ``v`` and ``channels`` are read where they are, as parts of wider rows.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.masked import load, store

ROWS, WARPS = 8, 2  # tokens of a tile
SMALLEST = 1e-12  # of a value's norm, as F.normalize has it


@triton.jit
def _row_sum(values):  # type: ignore[no-untyped-def]
    return tl.sum(values, 1)[:, None]


@triton.jit
def _gate(read, gates, column, CHANNELS: tl.constexpr):  # type: ignore[no-untyped-def]
    """σ of a head's gate, (rows, 1), and the head's row of the matrix."""
    weight = load(gates + column, column < CHANNELS)
    return tl.sigmoid(_row_sum(read * weight)), weight


@triton.jit
def _forward_kernel(  # type: ignore[no-untyped-def]
    mixed, v, channels, gates, result, tokens, v_stride, channel_stride, smallest,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    COLUMNS: tl.constexpr, SPAN: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
    columns, column = tl.arange(0, COLUMNS)[None, :], tl.arange(0, SPAN)[None, :]
    known = (rows < tokens) & (columns < WIDTH)
    read = load(channels + rows * channel_stride + column, (rows < tokens) & (column < CHANNELS))
    GROUP: tl.constexpr = HEADS // KV_HEADS
    for kv_head in tl.static_range(KV_HEADS):
        own = load(v + rows * v_stride + kv_head * WIDTH + columns, known)
        own *= 1.0 / tl.maximum(tl.sqrt(_row_sum(own * own)), smallest)
        for member in tl.static_range(GROUP):
            head = kv_head * GROUP + member
            at = rows * (HEADS * WIDTH) + head * WIDTH + columns
            y = load(mixed + at, known)
            opening, _ = _gate(read, gates + head * CHANNELS, column, CHANNELS)
            store(result + at, 2.0 * opening * (y - _row_sum(y * own) * own), known)


@triton.jit
def _backward_kernel(  # type: ignore[no-untyped-def]
    upstream, mixed, v, channels, gates, dmixed, dv, dchannels, shares, tokens, v_stride, channel_stride, smallest,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr,
    COLUMNS: tl.constexpr, SPAN: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(0) * ROWS + tl.arange(0, ROWS))[:, None].to(tl.int64)
    columns, column = tl.arange(0, COLUMNS)[None, :], tl.arange(0, SPAN)[None, :]
    known, readable = (rows < tokens) & (columns < WIDTH), (rows < tokens) & (column < CHANNELS)
    read = load(channels + rows * channel_stride + column, readable)
    of_read = tl.zeros((ROWS, SPAN), tl.float32)
    GROUP: tl.constexpr = HEADS // KV_HEADS
    for kv_head in tl.static_range(KV_HEADS):
        own = load(v + rows * v_stride + kv_head * WIDTH + columns, known)
        norm = tl.sqrt(_row_sum(own * own))
        inverse = 1.0 / tl.maximum(norm, smallest)
        own *= inverse
        of_own = tl.zeros((ROWS, COLUMNS), tl.float32)
        for member in tl.static_range(GROUP):
            head = kv_head * GROUP + member
            at = rows * (HEADS * WIDTH) + head * WIDTH + columns
            y, up = load(mixed + at, known), load(upstream + at, known)
            opening, weight = _gate(read, gates + head * CHANNELS, column, CHANNELS)
            along, up_along = _row_sum(y * own), _row_sum(up * own)
            # The gate's factor is 2σ; without it the result is y − along·own, so up·that is up·y − along·up_along.
            of_gate = 2.0 * opening * (1.0 - opening) * (_row_sum(up * y) - along * up_along)
            of_read += of_gate * weight
            share = shares + (tl.program_id(0) * HEADS + head) * CHANNELS + column
            tl.store(share, tl.sum(of_gate * read, 0)[None, :], mask=column < CHANNELS)
            store(dmixed + at, 2.0 * opening * (up - up_along * own), known)
            of_own -= 2.0 * opening * (along * up + up_along * y)
        sideways = tl.where(norm >= smallest, _row_sum(of_own * own), 0.0)
        store(dv + rows * (KV_HEADS * WIDTH) + kv_head * WIDTH + columns, inverse * (of_own - sideways * own), known)
    store(dchannels + rows * CHANNELS + column, of_read, readable)


def _in_rows(x: Tensor, inner: int) -> Tensor:
    """``x`` or a copy whose last ``inner`` dimensions are dense, and whose tokens are at one stride."""
    dense = x[0, 0].is_contiguous() and x.stride(0) == x.shape[1] * x.stride(1)
    return x if dense and x.dim() == inner + 2 else x.contiguous()


def _launch(mixed: Tensor, v: Tensor, channels: Tensor) -> tuple[int, dict[str, Any]]:
    """How many programs, and what else a kernel is told."""
    batch, positions, heads, width = mixed.shape
    tokens, read = batch * positions, channels.shape[-1]
    sizes = {"HEADS": heads, "KV_HEADS": v.shape[2], "WIDTH": width, "CHANNELS": read, "ROWS": ROWS}
    padded = {"COLUMNS": triton.next_power_of_2(width), "SPAN": triton.next_power_of_2(read)}
    strides = {"v_stride": v.stride(1), "channel_stride": channels.stride(1)}
    return triton.cdiv(tokens, ROWS), {
        "tokens": tokens, **strides, "smallest": SMALLEST, **sizes, **padded, "num_warps": WARPS,
    }  # fmt: skip


@torch.library.custom_op("tritgolf::exclusive_gated", mutates_args=())
def _forward(mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor) -> Tensor:
    mixed, v, channels = mixed.contiguous(), _in_rows(v, 2), _in_rows(channels, 1)
    result = torch.empty_like(mixed)
    programs, settings = _launch(mixed, v, channels)
    _forward_kernel[(programs,)](mixed, v, channels, gates.contiguous(), result, **settings)
    return result


@_forward.register_fake
def _(mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor) -> Tensor:
    return mixed.new_empty(mixed.shape)


@torch.library.custom_op("tritgolf::exclusive_gated_backward", mutates_args=())
def _backward(
    upstream: Tensor, mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mixed, v, channels = mixed.contiguous(), _in_rows(v, 2), _in_rows(channels, 1)
    programs, settings = _launch(mixed, v, channels)
    of_mixed, of_v, of_channels = (x.new_empty(x.shape) for x in (mixed, v, channels))
    shares = torch.empty((programs, *gates.shape), dtype=torch.float32, device=mixed.device)
    _backward_kernel[(programs,)](
        upstream.contiguous(), mixed, v, channels, gates.contiguous(), of_mixed, of_v, of_channels, shares, **settings
    )
    return of_mixed, of_v, of_channels, shares.sum(0).to(gates.dtype)


@_backward.register_fake
def _(
    upstream: Tensor, mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    of_mixed, of_v, of_channels, of_gates = (x.new_empty(x.shape) for x in (mixed, v, channels, gates))
    return of_mixed, of_v, of_channels, of_gates


class _ExclusiveGated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor) -> Tensor:
        ctx.save_for_backward(mixed, v, channels, gates)
        return _forward(mixed, v, channels, gates)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, ...]:
        return _backward(upstream, *ctx.saved_tensors)


def exclusive_gated_on_gpu(mixed: Tensor, v: Tensor, channels: Tensor, gates: Tensor) -> Tensor:
    """``mixed_heads.exclusive_gated`` on a GPU: same arguments, the same result in BF16 or FP32, rounded once."""
    return _ExclusiveGated.apply(mixed, v, channels, gates)
