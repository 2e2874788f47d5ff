"""The Triton kernel of ``fused_loss``: one program a token, its row of logits in registers, read and written once.

Its time is arithmetic's, not the memory's: it divides once a row and not once a logit. Softcapped logits lie in ±cap,
so exp needs no running maximum (cap ≤ 80 keeps FP32 finite), and beyond the first clamp (|z| > 2) the second is past
its bound too: that one alone tells where the slope is 0.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

WARPS = 16
LOG2_E = tl.constexpr(math.log2(math.e))
NAN = tl.constexpr(tl.PropagateNan.ALL)  # else a NaN becomes a bound, and a run that diverged has a finite loss


@triton.jit
def _polynomial(ratio):  # type: ignore[no-untyped-def]
    """z² and z·(1 − z²/3 + z⁴/15), z = ``ratio`` within ±2."""
    z = tl.minimum(tl.maximum(ratio, -2.0, NAN), 2.0, NAN)
    square = z * z
    return square, z * (1.0 + square * (square * (1.0 / 15.0) - 1.0 / 3.0))


@triton.jit
def _bounded(shape):  # type: ignore[no-untyped-def]
    return tl.minimum(tl.maximum(shape, -1.0, NAN), 1.0, NAN)


@triton.jit
def _row_kernel(  # type: ignore[no-untyped-def]
    logits, bias, targets, nats, lses, cap, z_loss, weight, stride, VOCABULARY: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    known = columns < VOCABULARY
    target = tl.load(targets + row)
    at_target = tl.load(logits + row * stride + target).to(tl.float32) + tl.load(bias + target)
    pointers = logits + row * stride + columns
    biased = tl.load(pointers, mask=known, other=0.0).to(tl.float32) + tl.load(bias + columns, mask=known, other=0.0)
    square, shape = _polynomial(biased * (1.0 / cap))
    exponentials = tl.exp2(_bounded(shape) * (cap * LOG2_E))
    if BLOCK != VOCABULARY:
        exponentials = tl.where(known, exponentials, 0.0)
    total = tl.sum(exponentials, 0)
    lse = tl.log(total)
    _, shape_of_target = _polynomial(at_target * (1.0 / cap))
    tl.store(nats + row, lse - cap * _bounded(shape_of_target))
    tl.store(lses + row, lse)
    gradient = exponentials * ((1.0 + 2.0 * z_loss * lse) * weight / total)
    gradient = tl.where(columns == target, gradient - weight, gradient)
    slope = tl.where(tl.abs(shape) <= 1.0, 1.0 + square * (square * (1.0 / 3.0) - 1.0), 0.0)
    tl.store(pointers, (gradient * slope).to(logits.dtype.element_ty), mask=known)


def nats_and_gradient_on_gpu(
    logits: Tensor, bias: Tensor, targets: Tensor, cap: float, z_loss: float, weight: float
) -> tuple[Tensor, Tensor]:
    """``fused_loss.nats_and_gradient`` on a GPU: same arguments, same results, ``logits`` overwritten likewise."""
    tokens, vocabulary = logits.shape
    nats = torch.empty(tokens, dtype=torch.float32, device=logits.device)
    lse = torch.empty_like(nats)
    _row_kernel[(tokens,)](
        logits, bias, targets, nats, lse, cap, z_loss, weight, logits.stride(0),
        VOCABULARY=vocabulary, BLOCK=triton.next_power_of_2(vocabulary), num_warps=WARPS,
    )  # fmt: skip
    return nats, lse
