"""The way back of ``heads_kernel`` for FP8 products: the fused product's gradient in e4m3, in both layouts, alone.

A program takes pairs of tokens, r and r + 8 of every 16, through all heads, as ``fp8_kernel`` does.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.fp8_kernel import empty_codes, paired, pairs_of_tokens, power_and_seen, power_of
from tritgolf.model.heads_kernel import _head_gradient, _load
from tritgolf.model.layers import RMS_EPSILON

TOKENS, WARPS = 64, 8  # of a program


@triton.jit
def _store_head(  # type: ignore[no-untyped-def]
    a, b, c, d, codes, turned, low, pairs, column, known, tokens, inverse_power, peak,
    HALF: tl.constexpr, STRIDE: tl.constexpr,
):  # fmt: skip
    """Both halves of a head, of the first tokens (a, b) and the second (c, d); the largest magnitudes so far."""
    peak = tl.maximum(peak, tl.maximum(tl.maximum(tl.abs(a), tl.abs(b)), tl.maximum(tl.abs(c), tl.abs(d))))
    a, b, c, d = a * inverse_power, b * inverse_power, c * inverse_power, d * inverse_power
    at = codes + low * STRIDE + column
    tl.store(at, a.to(tl.float8e4nv), mask=known)
    tl.store(at + 8 * STRIDE, c.to(tl.float8e4nv), mask=known)
    tl.store(at + HALF, b.to(tl.float8e4nv), mask=known)
    tl.store(at + HALF + 8 * STRIDE, d.to(tl.float8e4nv), mask=known)
    at = turned + column.to(tl.int64) * (tokens // 2) + pairs
    tl.store(at, paired(a, c), mask=known)
    tl.store(at + HALF * (tokens // 2), paired(b, d), mask=known)
    return peak


@triton.jit
def _angles(table, low, positions, columns, known, HALF: tl.constexpr):  # type: ignore[no-untyped-def]
    """Cosines or sines of both tokens of each pair."""
    first = tl.load(table + low % positions * HALF + columns, mask=known, other=0.0).to(tl.float32)
    second = tl.load(table + (low + 8) % positions * HALF + columns, mask=known, other=0.0).to(tl.float32)
    return first, second


@triton.jit
def _backward_kernel(  # type: ignore[no-untyped-def]
    dq, dk, dv, fused, gain, cos, sin, largest, codes, turned, seen, power_used, shares, tokens, positions, epsilon,
    HEADS: tl.constexpr, KV_HEADS: tl.constexpr, HALF: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    pairs, low, high = pairs_of_tokens(ROWS)
    columns = tl.arange(0, COLUMNS)[None, :]
    known = (low < tokens) & (columns < HALF)
    power, inverse = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    c_low, c_high = _angles(cos, low, positions, columns, known, HALF)
    s_low, s_high = _angles(sin, low, positions, columns, known, HALF)
    WIDTH: tl.constexpr = 2 * HALF
    STRIDE: tl.constexpr = (HEADS + 2 * KV_HEADS) * WIDTH
    in_low, in_high = fused + low * STRIDE, fused + high * STRIDE
    peak = tl.zeros((ROWS // 2, COLUMNS), tl.float32)
    for head in tl.range(0, HEADS):
        column, g = head * WIDTH + columns, tl.load(gain + head).to(tl.float32)
        above = dq + low * (HEADS * WIDTH) + column
        a, b, first = _head_gradient(in_low + column, above, c_low, s_low, g, known, epsilon, HALF)
        above += 8 * HEADS * WIDTH
        c, d, second = _head_gradient(in_high + column, above, c_high, s_high, g, known, epsilon, HALF)
        tl.store(shares + head * tl.num_programs(0) + tl.program_id(0), tl.sum(first + second, 0))
        peak = _store_head(a, b, c, d, codes, turned, low, pairs, column, known, tokens, inverse, peak, HALF, STRIDE)
    for head in tl.range(0, KV_HEADS):
        column = (HEADS + head) * WIDTH + columns
        above = dk + low * (KV_HEADS * WIDTH) + head * WIDTH + columns
        a, b, _ = _head_gradient(in_low + column, above, c_low, s_low, 1.0, known, epsilon, HALF)
        above += 8 * KV_HEADS * WIDTH
        c, d, _ = _head_gradient(in_high + column, above, c_high, s_high, 1.0, known, epsilon, HALF)
        peak = _store_head(a, b, c, d, codes, turned, low, pairs, column, known, tokens, inverse, peak, HALF, STRIDE)
    for head in tl.range(0, KV_HEADS):
        column = (HEADS + KV_HEADS + head) * WIDTH + columns
        above = dv + low * (KV_HEADS * WIDTH) + head * WIDTH + columns
        a, b = _load(above, known, HALF)
        c, d = _load(above + 8 * KV_HEADS * WIDTH, known, HALF)
        peak = _store_head(a, b, c, d, codes, turned, low, pairs, column, known, tokens, inverse, peak, HALF, STRIDE)
    tl.atomic_max(seen + 1, tl.max(tl.max(peak, 1), 0))


@torch.library.custom_op("tritgolf::heads_gradient_codes", mutates_args=())
def heads_gradient_codes_on_gpu(
    dq: Tensor, dk: Tensor, dv: Tensor, fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.gradient_codes`` of the fused product's gradient; and the gain's.

    Arguments as those of the functions of ``heads``, ``fused`` (batch, positions, …); the codes are of all tokens.
    """
    positions, half = fused.shape[1], cos.shape[1]
    tokens = fused.shape[0] * positions
    programs = triton.cdiv(tokens, TOKENS)
    (codes, turned), (power, seen) = empty_codes((tokens, fused.shape[2]), fused.device), power_and_seen(fused.device)
    shares = torch.empty((gain.shape[0], programs), dtype=torch.float32, device=fused.device)
    tensors = (tensor.contiguous() for tensor in (dq, dk, dv, fused, gain, cos, sin, largest))
    _backward_kernel[(programs,)](
        *tensors, codes, turned.view(torch.int16), seen, power, shares, tokens, positions, RMS_EPSILON,
        HEADS=gain.shape[0], KV_HEADS=dk.shape[2], HALF=half, ROWS=TOKENS, COLUMNS=triton.next_power_of_2(half),
        num_warps=WARPS,
    )  # fmt: skip
    return codes, turned, power, seen, shares.sum(1).to(gain.dtype)


@heads_gradient_codes_on_gpu.register_fake
def _(
    dq: Tensor, dk: Tensor, dv: Tensor, fused: Tensor, gain: Tensor, cos: Tensor, sin: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    codes = empty_codes((fused.shape[0] * fused.shape[1], fused.shape[2]), fused.device)
    return *codes, *power_and_seen(fused.device), gain.new_empty(gain.shape)
