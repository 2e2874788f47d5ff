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

from tritgolf.model.fp8_kernel import empty_codes, paired, power_and_seen, power_of
from tritgolf.model.mlp_kernel import described, processors, tile_of

ROWS, COLUMNS, DEPTH = 128, 256, 128  # a tile, and how much of the common dimension is loaded at a time
BAND = 8  # tiles high
SETTINGS = {"num_warps": 8, "num_stages": 3}


@triton.jit
def _turned(stored, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """A tile of e4m3 (rows, columns), a pair of its rows in 16 bits: (columns, rows / 2)."""
    apart = tl.permute(tl.reshape(stored, (ROWS // 16, 2, 8, COLUMNS)), (0, 2, 3, 1))
    low, high = tl.split(apart)
    return tl.reshape(paired(low, high), (ROWS // 2, COLUMNS)).T


@triton.jit
def _turned_back(pairs, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """What ``_turned`` made, as FP32 (rows, columns)."""
    both = pairs.T.to(tl.uint16, bitcast=True)
    low, high = (both & 255).to(tl.uint8), (both >> 8).to(tl.uint8)
    apart = tl.reshape(tl.join(low, high), (ROWS // 16, 8, COLUMNS, 2))
    stored = tl.reshape(tl.permute(apart, (0, 3, 1, 2)), (ROWS, COLUMNS))
    return stored.to(tl.float8e4nv, bitcast=True).to(tl.float32)


@triton.jit
def _relu_kernel(  # type: ignore[no-untyped-def]
    x, weight, codes, turned, squares, seen, power_used, x_power, weight_power, largest, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    across: tl.constexpr = (WIDTH + COLUMNS - 1) // COLUMNS
    factor = tl.load(x_power) * tl.load(weight_power)
    power, inverse_power = power_of(tl.load(largest))
    tl.store(power_used, power)
    peak = tl.zeros((ROWS,), tl.float32)
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(x.load([row, k]), weight.load([column, k]).T, product)
        positive = tl.maximum(product * factor, 0.0, tl.PropagateNan.ALL)
        activated = positive * positive
        peak = tl.maximum(peak, tl.max(activated, 1))
        stored = (activated * inverse_power).to(tl.float8e4nv)
        codes.store([row, column], stored)
        turned.store([column, row // 2], _turned(stored, ROWS, COLUMNS))
        numbers = stored.to(tl.float32)
        rows = row + tl.arange(0, ROWS)
        known = (rows < tokens) & (column < WIDTH)
        tl.store(squares + rows.to(tl.int64) * across + column // COLUMNS, tl.sum(numbers * numbers, 1), mask=known)
    tl.atomic_max(seen, tl.max(peak, 0))


@triton.jit
def _slope(product, pairs, factor, a_power, along, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    a = _turned_back(pairs, ROWS, COLUMNS) * a_power
    return 2.0 * tl.sqrt(a) * (product * factor - along * a)


@triton.jit
def _slope_kernel(  # type: ignore[no-untyped-def]
    upstream, weight, activated, along, codes, turned, seen, power_used,
    upstream_power, weight_power, activated_power, largest, tokens,
    COMMON: tl.constexpr, WIDTH: tl.constexpr, TURNS: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    HALF: tl.constexpr = COLUMNS // 2  # two halves in turn: whole tiles beside the operands would not fit
    factor = tl.load(upstream_power) * tl.load(weight_power)
    a_power = tl.load(activated_power)
    power, inverse_power = power_of(tl.load(largest + 1))
    tl.store(power_used, power)
    peak = tl.zeros((ROWS,), tl.float32)
    for turn in tl.range(0, TURNS, flatten=True):
        row, column = tile_of(turn, tokens, WIDTH, ROWS, COLUMNS, BAND)
        product = tl.zeros((ROWS, COLUMNS), tl.float32)
        for k in tl.range(0, COMMON, DEPTH):
            product = tl.dot(upstream.load([row, k]), weight.load([column, k]).T, product)
        rows = row + tl.arange(0, ROWS)
        of_row = tl.load(along + rows, mask=rows < tokens, other=0.0)[:, None]
        left, right = tl.split(tl.permute(tl.reshape(product, (ROWS, 2, HALF)), (0, 2, 1)))
        gradient = _slope(left, activated.load([column, row // 2]), factor, a_power, of_row, ROWS, HALF)
        peak = tl.maximum(peak, tl.max(tl.abs(gradient), 1))
        stored = (gradient * inverse_power).to(tl.float8e4nv)
        codes.store([row, column], stored)
        turned.store([column, row // 2], _turned(stored, ROWS, HALF))
        far = column + HALF
        gradient = _slope(right, activated.load([far, row // 2]), factor, a_power, of_row, ROWS, HALF)
        peak = tl.maximum(peak, tl.max(tl.abs(gradient), 1))
        stored = (gradient * inverse_power).to(tl.float8e4nv)
        codes.store([row, far], stored)
        turned.store([far, row // 2], _turned(stored, ROWS, HALF))
    tl.atomic_max(seen + 1, tl.max(peak, 0))


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
    (codes, turned), (power, seen) = empty_codes(tokens, width, x.device), power_and_seen(x.device)
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
    return *empty_codes(*sizes), *power_and_seen(x.device), _parts(*sizes)


@torch.library.custom_op("tritgolf::slope_codes", mutates_args=())
def slope_codes_on_gpu(
    upstream: Tensor, weight: Tensor, activated: Tensor, along: Tensor,
    upstream_power: Tensor, weight_power: Tensor, activated_power: Tensor, largest: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """``fp8_operands.slope_codes`` on a GPU: same arguments, same results."""
    tokens, common = upstream.shape
    width = weight.shape[0]
    device = upstream.device
    (codes, turned), (power, seen) = empty_codes(tokens, width, device), power_and_seen(device)
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
    codes = empty_codes(upstream.shape[0], weight.shape[0], upstream.device)
    return *codes, *power_and_seen(upstream.device)
