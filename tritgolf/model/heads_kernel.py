"""The Triton kernels of ``heads``: one reads the product and writes q and k, one writes the product's whole gradient.

A program takes a tile of tokens, with their cosines and sines, through all heads, each as two halves, in FP32 between
loads and stores. With t the gradient turned back and n the normalized head, one sum a head and token, t·n, is both its
share of the gain's gradient and what RMSNorm's takes off. Tiles leave their shares to one sum in a fixed order.
The kernels are operators that torch.compile leaves whole and CUDA graphs can record. v is no output of theirs, which
must not be views, but of the autograd function around them, so that its gradient comes back to the same kernel.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON, split_heads

TILE = 1024  # elements of a half: 16 tokens of a head of up to 128
WARPS = 4


@triton.jit
def _tile(tokens, positions, HALF: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Tokens (64 bits), columns of a half, which of them exist, and where their cosines and sines are."""
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    columns = tl.arange(0, COLUMNS)
    known = (rows < tokens)[:, None] & (columns < HALF)[None, :]
    return rows.to(tl.int64), columns[None, :], known, (rows % positions)[:, None] * HALF + columns[None, :]


@triton.jit
def _load(pointers, known, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    first = tl.load(pointers, mask=known, other=0.0).to(tl.float32)
    second = tl.load(pointers + HALF, mask=known, other=0.0).to(tl.float32)
    return first, second


@triton.jit
def _store(pointers, first, second, known, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    tl.store(pointers, first.to(pointers.dtype.element_ty), mask=known)
    tl.store(pointers + HALF, second.to(pointers.dtype.element_ty), mask=known)


@triton.jit
def _normalized(first, second, epsilon, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    """Both halves over their common RMS, and one over it, (rows, 1)."""
    inverse = tl.rsqrt(tl.sum(first * first + second * second, 1) / (2 * HALF) + epsilon)[:, None]
    return first * inverse, second * inverse, inverse


@triton.jit
def _forward_kernel(  # type: ignore[no-untyped-def]
    fused, gain, cos, sin, q, k, tokens, positions, epsilon,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    rows, columns, known, angles = _tile(tokens, positions, HALF, ROWS, COLUMNS)
    c = tl.load(cos + angles, mask=known, other=0.0).to(tl.float32)
    s = tl.load(sin + angles, mask=known, other=0.0).to(tl.float32)
    WIDTH: tl.constexpr = 2 * HALF
    source = fused + rows[:, None] * ((HEADS + 2 * KV_HEADS) * WIDTH) + columns
    queries = q + rows[:, None] * (HEADS * WIDTH) + columns
    keys = k + rows[:, None] * (KV_HEADS * WIDTH) + columns
    for head in tl.static_range(HEADS):
        first, second = _load(source + head * WIDTH, known, HALF)
        first, second, _ = _normalized(first, second, epsilon, HALF)
        g = tl.load(gain + head).to(tl.float32)
        _store(queries + head * WIDTH, g * (first * c + second * s), g * (second * c - first * s), known, HALF)
    for head in tl.static_range(KV_HEADS):
        first, second = _load(source + (HEADS + head) * WIDTH, known, HALF)
        first, second, _ = _normalized(first, second, epsilon, HALF)
        _store(keys + head * WIDTH, first * c + second * s, second * c - first * s, known, HALF)


@triton.jit
def _head_gradient(x, upstream, c, s, g, known, epsilon, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    """The gradients of both halves of a head as multiplied, and t·n of each token."""
    first, second = _load(x, known, HALF)
    first, second, inverse = _normalized(first, second, epsilon, HALF)
    up_first, up_second = _load(upstream, known, HALF)
    t_first, t_second = up_first * c - up_second * s, up_first * s + up_second * c
    along = tl.sum(t_first * first + t_second * second, 1)
    mean = (along / (2 * HALF))[:, None]
    scale = inverse * g
    return scale * (t_first - first * mean), scale * (t_second - second * mean), along


@triton.jit
def _backward_kernel(  # type: ignore[no-untyped-def]
    dq, dk, dv, fused, gain, cos, sin, dfused, shares, tokens, positions, epsilon,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    rows, columns, known, angles = _tile(tokens, positions, HALF, ROWS, COLUMNS)
    c = tl.load(cos + angles, mask=known, other=0.0).to(tl.float32)
    s = tl.load(sin + angles, mask=known, other=0.0).to(tl.float32)
    WIDTH: tl.constexpr = 2 * HALF
    in_fused = rows[:, None] * ((HEADS + 2 * KV_HEADS) * WIDTH) + columns
    in_queries = rows[:, None] * (HEADS * WIDTH) + columns
    in_keys = rows[:, None] * (KV_HEADS * WIDTH) + columns
    for head in tl.static_range(HEADS):
        at = in_fused + head * WIDTH
        g = tl.load(gain + head).to(tl.float32)
        first, second, along = _head_gradient(fused + at, dq + in_queries + head * WIDTH, c, s, g, known, epsilon, HALF)
        _store(dfused + at, first, second, known, HALF)
        tl.store(shares + head * tl.num_programs(0) + tl.program_id(0), tl.sum(along, 0))
    for head in tl.static_range(KV_HEADS):
        at = in_fused + (HEADS + head) * WIDTH
        first, second, _ = _head_gradient(fused + at, dk + in_keys + head * WIDTH, c, s, 1.0, known, epsilon, HALF)
        _store(dfused + at, first, second, known, HALF)
    for head in tl.static_range(KV_HEADS):
        first, second = _load(dv + in_keys + head * WIDTH, known, HALF)
        _store(dfused + in_fused + (HEADS + KV_HEADS + head) * WIDTH, first, second, known, HALF)


def _launch(fused: Tensor, gain: Tensor, cos: Tensor, kv_heads: int) -> tuple[int, dict[str, int]]:
    """How many programs, and what else a kernel is told."""
    batch, positions, _ = fused.shape
    half = cos.shape[1]
    columns = triton.next_power_of_2(half)
    rows = max(1, TILE // columns)
    sizes = {"HEADS": gain.shape[0], "KV_HEADS": kv_heads, "HALF": half, "ROWS": rows, "COLUMNS": columns}
    tokens = batch * positions
    scalars = {"tokens": tokens, "positions": positions, "epsilon": RMS_EPSILON}
    return triton.cdiv(tokens, rows), {**scalars, **sizes, "num_warps": WARPS}


def _empty_heads(fused: Tensor, heads: int, head_dim: int) -> Tensor:
    return fused.new_empty((*fused.shape[:2], heads, head_dim))


@torch.library.custom_op("tritgolf::heads_forward", mutates_args=())
def _forward(fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, kv_heads: int) -> tuple[Tensor, Tensor]:
    q, k = (_empty_heads(fused, heads, 2 * cos.shape[1]) for heads in (gain.shape[0], kv_heads))
    programs, settings = _launch(fused, gain, cos, kv_heads)
    tensors = (tensor.contiguous() for tensor in (fused, gain, cos, sin))
    _forward_kernel[(programs,)](*tensors, q, k, **settings)
    return q, k


@_forward.register_fake
def _(fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, kv_heads: int) -> tuple[Tensor, Tensor]:
    head_dim = 2 * cos.shape[1]
    return _empty_heads(fused, gain.shape[0], head_dim), _empty_heads(fused, kv_heads, head_dim)


@torch.library.custom_op("tritgolf::heads_backward", mutates_args=())
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


class _Heads(torch.autograd.Function):
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


def heads_on_gpu(
    fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, heads: int, kv_heads: int
) -> tuple[Tensor, Tensor, Tensor]:
    """``heads.make_heads`` on a GPU: same arguments, same results in BF16 or FP32, rounded once."""
    return _Heads.apply(fused, gain, cos, sin, heads, kv_heads)
