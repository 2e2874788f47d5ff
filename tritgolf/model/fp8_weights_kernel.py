"""The Triton kernels of ``fp8.write_weights``: the master weights are read twice, and all else moves once.

The first finds the scales, and of each matrix the largest, which decides its power; it computes in FP64 as
``quantize.ternary.mean_in_any_order`` does, whose sums are exact in any order. The second compares and writes. It takes
four rows at a time: their codes of a column travel to the turned copy as one number of 32 bits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.fp8_kernel import empty_fp32, power_of
from tritgolf.quantize.ternary import MIN_SCALE, TernaryQuantizer

GROUPS, SCALE_WARPS = 16, 4  # of a program of the first kernel; these and the next are the fastest of some on an H200
QUADS, CODE_WARPS = 32, 4  # fours of rows of a program of the second, of one group of columns each


@triton.jit
def _scale_kernel(  # type: ignore[no-untyped-def]
    weight, scales, largest, groups, smallest,
    GROUP: tl.constexpr, COLUMNS: tl.constexpr, GROUPS: tl.constexpr, SQUARES: tl.constexpr,
):  # fmt: skip
    """``groups``: of a matrix."""
    matrix = tl.program_id(1)
    index = tl.program_id(0) * GROUPS + tl.arange(0, GROUPS)
    known = index < groups
    at = matrix.to(tl.int64) * groups + index
    columns = tl.arange(0, COLUMNS)[None, :]
    read = tl.load(weight + at[:, None] * GROUP + columns, mask=known[:, None] & (columns < GROUP), other=0.0)
    wide = read.to(tl.float64)
    terms = wide * wide if SQUARES else tl.abs(wide)
    ceiling = tl.max(terms, 1)[:, None] * (2 * COLUMNS)
    mean = tl.sum((terms + ceiling) - ceiling, 1) * tl.full((), 1.0 / GROUP, tl.float64)
    scale = (tl.sqrt(mean) if SQUARES else mean).to(tl.float32)
    scale = tl.maximum(scale, smallest, tl.PropagateNan.ALL)
    tl.store(scales + at, scale, mask=known)
    tl.atomic_max(largest + matrix, tl.max(tl.where(known, scale, 0.0), 0))


@triton.jit
def _code_kernel(  # type: ignore[no-untyped-def]
    weight, scales, largest, codes, turned, powers, rows, stride,
    WIDTH: tl.constexpr, GROUP: tl.constexpr, COLUMNS: tl.constexpr, QUADS: tl.constexpr,
):  # fmt: skip
    """``turned``: fours of codes; ``stride``: of ``powers``."""
    matrix, group = tl.program_id(2).to(tl.int64), tl.program_id(0)
    power, inverse = power_of(tl.load(largest + matrix))
    tl.store(powers + matrix * stride, power)
    quad = (tl.program_id(1) * QUADS + tl.arange(0, QUADS))[:, None]
    within = tl.arange(0, COLUMNS)[None, :]
    columns = group * GROUP + within
    known = (4 * quad < rows) & (within < GROUP)
    four = tl.zeros((QUADS, COLUMNS), tl.int32)
    for place in tl.static_range(4):
        row = matrix * rows + 4 * quad + place
        read = tl.load(weight + row * WIDTH + columns, mask=known, other=0.0)
        scale = tl.load(scales + row * (WIDTH // GROUP) + group, mask=4 * quad < rows, other=0.0)
        code = (scale * inverse).to(tl.float8e4nv).to(tl.uint8, bitcast=True).to(tl.int32)
        found = tl.where(tl.abs(read) <= scale * 0.5, 0, tl.where(read < 0, code + 128, code))
        tl.store(codes + row * WIDTH + columns, found.to(tl.uint8), mask=known)
        four |= found << (8 * place)
    tl.store(turned + (matrix * WIDTH + columns) * (rows // 4) + quad, four, mask=known)


def write_weights_on_gpu(
    codes: Tensor, turned: Tensor, power: Tensor, weight: Tensor, quantizer: TernaryQuantizer
) -> None:
    """``fp8.write_weights`` on a GPU, to the bit; ``weight`` contiguous, rows in whole fours."""
    (matrices, rows, width), group = weight.shape, quantizer.group_size
    groups = rows * width // group
    scales, largest = empty_fp32(matrices, groups, device=weight.device), weight.new_zeros(matrices)
    sizes = {"GROUP": group, "COLUMNS": triton.next_power_of_2(group)}
    _scale_kernel[(triton.cdiv(groups, GROUPS), matrices)](
        weight, scales, largest, groups, MIN_SCALE, **sizes, GROUPS=GROUPS, SQUARES=quantizer.estimator == "rms",
        num_warps=SCALE_WARPS,
    )  # fmt: skip
    written = codes.view(torch.uint8), turned.view(torch.int32), power
    _code_kernel[(width // group, triton.cdiv(rows // 4, QUADS), matrices)](
        weight, scales, largest, *written, rows, power.stride(0), **sizes, WIDTH=width, QUADS=QUADS,
        num_warps=CODE_WARPS,
    )  # fmt: skip
