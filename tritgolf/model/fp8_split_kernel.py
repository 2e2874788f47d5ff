"""A small matrix's gradient in FP8: a product of few tiles, whose long sum over tokens is split among all processors.

cuBLAS leaves most of them idle there. The parts are added up in FP32, in a fixed order.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.mlp_kernel import described, processors

ROWS, COLUMNS, DEPTH = 128, 256, 128  # a tile, and how much of the common dimension is loaded at a time
SETTINGS = {"num_warps": 8, "num_stages": 4}


@triton.jit
def _split_kernel(  # type: ignore[no-untyped-def]
    a, b, parts, a_power, b_power, rows,
    STEPS: tl.constexpr, WIDTH: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    across: tl.constexpr = (WIDTH + COLUMNS - 1) // COLUMNS
    row, column = tl.program_id(0) // across * ROWS, tl.program_id(0) % across * COLUMNS
    first = tl.program_id(1) * STEPS * DEPTH
    product = tl.zeros((ROWS, COLUMNS), tl.float32)
    for k in tl.range(0, STEPS * DEPTH, DEPTH):
        product = tl.dot(a.load([row, first + k]), b.load([column, first + k]).T, product)
    product *= tl.load(a_power) * tl.load(b_power)
    at = row + tl.arange(0, ROWS)[:, None]
    columns = column + tl.arange(0, COLUMNS)[None, :]
    part = parts + tl.program_id(1).to(tl.int64) * rows * WIDTH
    tl.store(part + at * WIDTH + columns, product, mask=(at < rows) & (columns < WIDTH))


def splits_of(a: Tensor, b: Tensor) -> int:
    """How many parts of the sum of a·bᵀ make as many programs as there are processors; 1: leave it whole."""
    tiles = triton.cdiv(a.shape[0], ROWS) * triton.cdiv(b.shape[0], COLUMNS)
    return max(1, min(processors(a.device) // tiles, a.shape[1] // (8 * DEPTH)))


@torch.library.custom_op("tritgolf::fp8_split_product", mutates_args=())
def split_product_on_gpu(a: Tensor, b: Tensor, a_power: Tensor, b_power: Tensor, splits: int) -> Tensor:
    """a·bᵀ · both powers of e4m3 (m, k), (n, k) → (splits, m, n) FP32, whose sum is the product."""
    steps = triton.cdiv(triton.cdiv(a.shape[1], DEPTH), splits)
    parts = torch.empty((splits, a.shape[0], b.shape[0]), dtype=torch.float32, device=a.device)
    tiles = triton.cdiv(a.shape[0], ROWS) * triton.cdiv(b.shape[0], COLUMNS)
    _split_kernel[(tiles, splits)](
        described(a.contiguous(), ROWS, DEPTH),
        described(b.contiguous(), COLUMNS, DEPTH),
        *(parts, a_power, b_power, a.shape[0]),
        **{"STEPS": steps, "WIDTH": b.shape[0], "ROWS": ROWS, "COLUMNS": COLUMNS, "DEPTH": DEPTH, **SETTINGS},
    )
    return parts


@split_product_on_gpu.register_fake
def _(a: Tensor, b: Tensor, a_power: Tensor, b_power: Tensor, splits: int) -> Tensor:
    return torch.empty((splits, a.shape[0], b.shape[0]), dtype=torch.float32, device=a.device)
