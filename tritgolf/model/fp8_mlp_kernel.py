"""The two products of an MLP in FP8 that have an epilogue, as Triton kernels; tiles go as those of ``mlp_kernel``.

Each rounds what it makes to e4m3 and stores it in both layouts. In a product's tile a thread has the tokens r and r + 8
of every 16, in that order they are turned (``fp8_operands.turned``): two bytes of a thread go as one number of 16 bits,
which the hardware transposes as it stores tiles. relu² is read back out of its turned copy, so no other one is kept.

The kernels are operators that torch.compile leaves whole and CUDA graphs can record.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.fp8_kernel import INTERPRETED, empty_codes, paired, power_and_seen, power_of
from tritgolf.model.mlp_kernel import described, processors, tile_of

ROWS, COLUMNS, DEPTH = 128, 256, 128  # a tile, and how much of the common dimension is loaded at a time
BAND = 8  # tiles high
SETTINGS = {"num_warps": 8, "num_stages": 3}


@triton.jit
def _turned(numbers, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """A tile of FP32 (rows, columns) in e4m3, a pair of its rows in 16 bits: (columns, rows / 2)."""
    low, high = tl.split(tl.permute(tl.reshape(numbers, (ROWS // 16, 2, 8, COLUMNS)), (0, 2, 3, 1)))
    return tl.reshape(paired(low, high), (ROWS // 2, COLUMNS)).T


@triton.jit
def _unpaired(pairs):  # type: ignore[no-untyped-def]
    """What ``paired`` made, as FP32."""
    if INTERPRETED:
        both = pairs.to(tl.uint16, bitcast=True)
        low, high = (both & 255).to(tl.uint8), (both >> 8).to(tl.uint8)
        low, high = low.to(tl.float8e4nv, bitcast=True), high.to(tl.float8e4nv, bitcast=True)
        return low.to(tl.float32), high.to(tl.float32)
    return tl.inline_asm_elementwise(
        "{ .reg .b32 both; .reg .b16 low, high; cvt.rn.f16x2.e4m3x2 both, $2; mov.b32 {low, high}, both; "
        "cvt.f32.f16 $0, low; cvt.f32.f16 $1, high; }",
        "=f,=f,h", [pairs], dtype=(tl.float32, tl.float32), is_pure=True, pack=1,
    )  # fmt: skip


@triton.jit
def _turned_back(pairs, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """What ``_turned`` made, as FP32 (rows, columns)."""
    low, high = _unpaired(tl.reshape(pairs.T, (ROWS // 16, 8, COLUMNS)))
    return tl.reshape(tl.permute(tl.join(low, high), (0, 3, 1, 2)), (ROWS, COLUMNS))


@triton.jit
def _relu_kernel(  # type: ignore[no-untyped-def]
    x, weight, codes, turned, squares, seen, power_used, x_power, weight_power, largest, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    across: tl.constexpr = (WIDTH + COLUMNS - 1) // COLUMNS
    power, inverse_power = power_of(tl.load(largest))
    tl.store(power_used, power)
    factor = tl.load(x_power) * tl.load(weight_power) * tl.sqrt(inverse_power)
    peak = tl.zeros((ROWS,), tl.float32)
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(x.load([row, k]), weight.load([column, k]).T, product)
        positive = tl.maximum(product * factor, 0.0, tl.PropagateNan.ALL)
        peak = tl.maximum(peak, tl.max(positive, 1))
        activated = positive * positive  # over its power
        turned.store([column, row // 2], _turned(activated, ROWS, COLUMNS))
        stored = activated.to(tl.float8e4nv)
        codes.store([row, column], stored)
        numbers = stored.to(tl.float32)
        rows = row + tl.arange(0, ROWS)
        known = (rows < tokens) & (column < WIDTH)
        tl.store(squares + rows.to(tl.int64) * across + column // COLUMNS, tl.sum(numbers * numbers, 1), mask=known)
    highest = tl.max(peak, 0)
    tl.atomic_max(seen, highest * highest * power)


@triton.jit
def _slope_kernel(  # type: ignore[no-untyped-def]
    upstream, weight, activated, along, codes, turned, seen, power_used,
    upstream_power, weight_power, activated_power, largest, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    HALF: tl.constexpr = COLUMNS // 2  # two halves in turn: whole tiles beside the operands would not fit
    a_power = tl.load(activated_power)
    power, inverse_power = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    twice = 2.0 * tl.sqrt(a_power) * inverse_power  # of the root of relu² as it is stored, over the result's power
    factor = tl.load(upstream_power) * tl.load(weight_power) * twice
    peak = tl.zeros((ROWS,), tl.float32)
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(upstream.load([row, k]), weight.load([column, k]).T, product)
        rows = row + tl.arange(0, ROWS)
        of_row = (tl.load(along + rows, mask=rows < tokens, other=0.0) * (twice * a_power))[:, None]
        left, right = tl.split(tl.permute(tl.reshape(product, (ROWS, 2, HALF)), (0, 2, 1)))
        for half in tl.static_range(2):
            at = column + half * HALF
            a = _turned_back(activated.load([at, row // 2]), ROWS, HALF)
            gradient = tl.sqrt(a) * ((left if half == 0 else right) * factor - of_row * a)
            peak = tl.maximum(peak, tl.max(tl.abs(gradient), 1))
            turned.store([at, row // 2], _turned(gradient, ROWS, HALF))
            codes.store([row, at], gradient.to(tl.float8e4nv))
    tl.atomic_max(seen + 1, tl.max(peak, 0) * power)


def _launch(tokens: int, common: int, width: int, device: torch.device) -> tuple[int, dict[str, int]]:
    """How many programs, and what else a kernel is told."""
    tiles = triton.cdiv(tokens, ROWS) * triton.cdiv(width, COLUMNS)
    programs = min(tiles, processors(device))
    sizes = {"COMMON": common, "WIDTH": width, "TURNS": triton.cdiv(tiles, programs)}
    return programs, {**sizes, "ROWS": ROWS, "COLUMNS": COLUMNS, "DEPTH": DEPTH, "BAND": BAND, **SETTINGS}


def _parts(tokens: int, width: int, device: torch.device) -> Tensor:
    return torch.empty((tokens, -(-width // COLUMNS)), dtype=torch.float32, device=device)


@torch.library.custom_op("tritgolf::relu_codes", mutates_args=())
def relu_codes_on_gpu(
    x: Tensor, weight: Tensor, x_power: Tensor, weight_power: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """``fp8_operands.relu_codes`` on a GPU: same arguments, same results."""
    tokens, common = x.shape
    width = weight.shape[0]
    (codes, turned), (power, seen) = empty_codes((tokens, width), x.device), power_and_seen(x.device)
    squares = _parts(tokens, width, x.device)
    programs, settings = _launch(tokens, common, width, x.device)
    _relu_kernel[(programs,)](
        described(x.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), COLUMNS, DEPTH),
        described(codes, ROWS, COLUMNS),
        described(turned.view(torch.int16), COLUMNS, ROWS // 2),
        *(squares, seen, power, x_power, weight_power, largest, tokens),
        **settings,
    )
    return codes, turned, power, seen, squares


@relu_codes_on_gpu.register_fake
def _(
    x: Tensor, weight: Tensor, x_power: Tensor, weight_power: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    sizes = (x.shape[0], weight.shape[0], x.device)
    return *empty_codes(sizes[:2], x.device), *power_and_seen(x.device), _parts(*sizes)


@torch.library.custom_op("tritgolf::slope_codes", mutates_args=())
def slope_codes_on_gpu(
    upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor,
    upstream_power: Tensor, weight_power: Tensor, activated_power: Tensor, largest: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """``fp8_operands.slope_codes`` on a GPU: same arguments, same results."""
    tokens, common = upstream.shape
    width = weight.shape[0]
    device = upstream.device
    (codes, turned), (power, seen) = empty_codes((tokens, width), device), power_and_seen(device)
    programs, settings = _launch(tokens, common, width, upstream.device)
    _slope_kernel[(programs,)](
        described(upstream.contiguous(), ROWS, DEPTH),
        described(weight.contiguous(), COLUMNS, DEPTH),
        described(activated.contiguous().view(torch.int16), COLUMNS // 2, ROWS // 2),
        along.contiguous(),
        described(codes, ROWS, COLUMNS // 2),
        described(turned.view(torch.int16), COLUMNS // 2, ROWS // 2),
        *(seen, power, upstream_power, weight_power, activated_power, largest, tokens),
        **settings,
    )
    return codes, turned, power, seen


@slope_codes_on_gpu.register_fake
def _(
    upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor,
    upstream_power: Tensor, weight_power: Tensor, activated_power: Tensor, largest: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    codes = empty_codes((upstream.shape[0], weight.shape[0]), upstream.device)
    return *codes, *power_and_seen(upstream.device)
