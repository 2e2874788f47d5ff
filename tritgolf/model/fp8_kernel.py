"""The Triton kernels of ``fp8_operands``: passes over memory that leave e4m3 numbers in both layouts.

A program takes a tile of tokens, chunk by chunk of their columns: once for what is known of a whole row, once to round.
The second time the chunks come out of the cache. Tokens of the other layout lie as ``fp8_operands.turned`` has them:
r and r + 8 of every 16 side by side, so that two bytes travel together.

The kernels are operators that torch.compile leaves whole and CUDA graphs can record.
"""

from collections.abc import Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON
from tritgolf.model.masked import load
from tritgolf.quantize.powers import HIGHEST, LOWEST, PLACE

E4M3 = torch.float8_e4m3fn
NORM, ROUND = (32, 256, 8), (64, 64, 4)  # a kernel's tokens, columns at a time, and warps: of seven timed on an H200

INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)  # there is no assembly to be had then
_PLACE, _LOWEST, _HIGHEST = tl.constexpr(PLACE), tl.constexpr(LOWEST), tl.constexpr(HIGHEST)


@triton.jit
def power_of(largest):  # type: ignore[no-untyped-def]
    """``quantize.powers.power_of`` of a loaded number, and one over it."""
    exponent = ((largest.to(tl.int32, bitcast=True) + (1 << 19)) >> 23) - 127 - _PLACE
    exponent = tl.minimum(tl.maximum(exponent, _LOWEST), _HIGHEST)
    power = ((exponent + 127) << 23).to(tl.float32, bitcast=True)
    return power, ((127 - exponent) << 23).to(tl.float32, bitcast=True)


@triton.jit
def paired(low, high):  # type: ignore[no-untyped-def]
    """Two tiles of FP32 in e4m3 as one of 16 bits, ``low`` first in memory: one instruction a pair on a GPU."""
    if INTERPRETED:
        first = low.to(tl.float8e4nv).to(tl.uint8, bitcast=True).to(tl.uint16)
        second = high.to(tl.float8e4nv).to(tl.uint8, bitcast=True).to(tl.uint16)
        return (first | (second << 8)).to(tl.int16, bitcast=True)
    return tl.inline_asm_elementwise(
        "cvt.rn.satfinite.e4m3x2.f32 $0, $2, $1;", "=h,f,f", [low, high], dtype=tl.int16, is_pure=True, pack=1
    )


@triton.jit
def pairs_of_tokens(TOKENS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Of a program: index of its pairs of tokens, and the first and the second of each, (pairs, 1), 64 bits."""
    pair = tl.program_id(0) * (TOKENS // 2) + tl.arange(0, TOKENS // 2)
    low = (pair // 8 * 16 + pair % 8).to(tl.int64)[:, None]
    return pair.to(tl.int64)[:, None], low, low + 8


@triton.jit
def store_both(codes, turned, low, high, pair, row, columns, known, tokens, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Numbers of the tokens ``row`` and ``row`` + 8 in e4m3, in both layouts."""
    first, second = low.to(tl.float8e4nv), high.to(tl.float8e4nv)
    tl.store(codes + row * WIDTH + columns, first, mask=known)
    tl.store(codes + (row + 8) * WIDTH + columns, second, mask=known)
    tl.store(turned + columns.to(tl.int64) * (tokens // 2) + pair, paired(low, high), mask=known)


@triton.jit
def _norm_kernel(  # type: ignore[no-untyped-def]
    x, codes, turned, inverses, power_used, tokens, power, epsilon,
    WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    pair, low, high = pairs_of_tokens(TOKENS)
    squares_low, squares_high = tl.zeros((TOKENS // 2, CHUNK), tl.float32), tl.zeros((TOKENS // 2, CHUNK), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        first, second = load(x + low * WIDTH + columns, known), load(x + high * WIDTH + columns, known)
        squares_low += first * first
        squares_high += second * second
    inverse_low = tl.rsqrt(tl.sum(squares_low, 1, keep_dims=True) / WIDTH + epsilon)
    inverse_high = tl.rsqrt(tl.sum(squares_high, 1, keep_dims=True) / WIDTH + epsilon)
    tl.store(power_used, power)
    inverse_power = 1.0 / power
    tl.store(inverses + low, inverse_low, mask=low < tokens)
    tl.store(inverses + high, inverse_high, mask=low < tokens)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        first, second = load(x + low * WIDTH + columns, known), load(x + high * WIDTH + columns, known)
        first, second = first * inverse_low * inverse_power, second * inverse_high * inverse_power
        store_both(codes, turned, first, second, pair, low, columns, known, tokens, WIDTH)


@triton.jit
def _round_kernel(  # type: ignore[no-untyped-def]
    x, factors, largest, codes, turned, seen, power_used, tokens,
    WIDTH: tl.constexpr, TOKENS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """``factors`` (a column's) may be None, which is a compile-time choice."""
    pair, low, high = pairs_of_tokens(TOKENS)
    power, inverse_power = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    peak = tl.zeros((TOKENS // 2, CHUNK), tl.float32)
    for start in tl.range(0, WIDTH, CHUNK):
        columns = (start + tl.arange(0, CHUNK))[None, :]
        known = (low < tokens) & (columns < WIDTH)
        first, second = load(x + low * WIDTH + columns, known), load(x + high * WIDTH + columns, known)
        if factors is not None:
            factor = load(factors + columns, columns < WIDTH)
            first, second = first * factor, second * factor
        peak = tl.maximum(peak, tl.maximum(tl.abs(first), tl.abs(second)))
        first, second = first * inverse_power, second * inverse_power
        store_both(codes, turned, first, second, pair, low, columns, known, tokens, WIDTH)
    tl.atomic_max(seen + 1, tl.max(tl.max(peak, 1), 0))


def empty_codes(shape: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Of both layouts, of numbers (tokens, width)."""
    tokens, width = shape
    return (
        torch.empty((tokens, width), dtype=E4M3, device=device),
        torch.empty((width, tokens), dtype=E4M3, device=device),
    )


def empty_fp32(*shape: int, device: torch.device) -> Tensor:
    """To be written."""
    return torch.empty(shape, dtype=torch.float32, device=device)


def power_and_seen(device: torch.device) -> tuple[Tensor, Tensor]:
    """To be written, and to be raised by whoever sees something larger."""
    return empty_fp32(device=device), torch.zeros(2, device=device)


def settings_of(x: Tensor, tile: tuple[int, int, int]) -> tuple[int, dict[str, int]]:
    """How many programs, and what else a kernel is told, of (tokens, columns at a time, warps)."""
    tokens, chunk, warps = tile
    return triton.cdiv(x.shape[0], tokens), {"WIDTH": x.shape[1], "TOKENS": tokens, "CHUNK": chunk, "num_warps": warps}


@torch.library.custom_op("tritgolf::normed_codes", mutates_args=())
def normed_codes_on_gpu(x: Tensor, power: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.normed_codes`` on a GPU: same results; ``power``: that of normalized rows."""
    tokens, width = x.shape
    codes, turned = empty_codes((tokens, width), x.device)
    power_used, inverses = empty_fp32(device=x.device), empty_fp32(tokens, 1, device=x.device)
    programs, settings = settings_of(x, NORM)
    tensors = (x.contiguous(), codes, turned.view(torch.int16), inverses, power_used)
    _norm_kernel[(programs,)](*tensors, tokens, power, RMS_EPSILON, **settings)
    return codes, turned, power_used, inverses


@normed_codes_on_gpu.register_fake
def _(x: Tensor, power: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    codes = empty_codes(x.shape, x.device)
    return *codes, empty_fp32(device=x.device), empty_fp32(x.shape[0], 1, device=x.device)


@torch.library.custom_op("tritgolf::gradient_codes", mutates_args=())
def gradient_codes_on_gpu(x: Tensor, factors: Tensor | None, largest: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.gradient_codes`` on a GPU: same arguments, same results."""
    tokens, width = x.shape
    codes, turned = empty_codes((tokens, width), x.device)
    power, seen = power_and_seen(x.device)
    programs, settings = settings_of(x, ROUND)
    _round_kernel[(programs,)](
        x.contiguous(), factors, largest, codes, turned.view(torch.int16), seen, power, tokens, **settings
    )
    return codes, turned, power, seen


@gradient_codes_on_gpu.register_fake
def _(x: Tensor, factors: Tensor | None, largest: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return *empty_codes(x.shape, x.device), *power_and_seen(x.device)


@torch.library.custom_op("tritgolf::fp8_product", mutates_args=())
def product_on_gpu(a: Tensor, b: Tensor, a_power: Tensor, b_power: Tensor, dtype: torch.dtype) -> Tensor:
    """``fp8_operands.product_of`` by cuBLAS: same arguments, same results; sums lose some bits on the way (fast)."""
    # cuBLAS takes factors at whole 16 bytes alone, and says that products with others are not supported.
    a_factor, b_factor = [power if power.data_ptr() % 16 == 0 else power.clone() for power in (a_power, b_power)]
    return torch._scaled_mm(a, b.T, a_factor, b_factor, out_dtype=dtype, use_fast_accum=True)


@product_on_gpu.register_fake
def _(a: Tensor, b: Tensor, a_power: Tensor, b_power: Tensor, dtype: torch.dtype) -> Tensor:
    return a.new_empty((a.shape[0], b.shape[0]), dtype=dtype)
