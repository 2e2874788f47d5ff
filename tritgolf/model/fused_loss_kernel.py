"""The Triton kernel of ``fused_loss``: one program a token, its row of logits in registers, read and written once.

Softcap, bias and scale are compile-time choices. Its time is arithmetic's, not the memory's: of the polynomial it
divides once a row, not once a logit. Softcapped logits lie in ±cap · scale, so exp needs no running maximum (up to 80
FP32 stays finite). Beyond the polynomial's first clamp (|z| > 2) the second is past its bound too: that one alone tells
where the slope is 0.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from tritgolf.model.loss import SoftcapKind

WARPS = 16
LOG2_E = tl.constexpr(math.log2(math.e))
NAN = tl.constexpr(tl.PropagateNan.ALL)  # else a NaN becomes a bound, and a run that diverged has a finite loss


@triton.jit
def _shape(ratio, TANH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Of z = ``ratio``: what the slope is made of besides, and the softcap by its cap, before the last clamp.

    Tanh: r = (1 − tanh z)/2 and 1 − 2·r, which need no clamp: exp2 is 0 or infinite far out, so r is 1 or 0.
    Polynomial: z² and z·(1 − z²/3 + z⁴/15), z within ±2.
    """
    if TANH:
        inner = 1.0 / (1.0 + tl.exp2(ratio * (2.0 * LOG2_E)))
        shape = 1.0 - 2.0 * inner
    else:
        z = tl.minimum(tl.maximum(ratio, -2.0, NAN), 2.0, NAN)
        inner = z * z
        shape = z * (1.0 + inner * (inner * (1.0 / 15.0) - 1.0 / 3.0))
    return inner, shape


@triton.jit
def _bounded(shape, TANH: tl.constexpr):  # type: ignore[no-untyped-def]
    return shape if TANH else tl.minimum(tl.maximum(shape, -1.0, NAN), 1.0, NAN)


@triton.jit
def _slope(inner, shape, TANH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Of what ``_shape`` gave: 1 − tanh² z = 4·r·(1 − r), or 1 − z² + z⁴/3 within the clamp."""
    if TANH:
        slope = 4.0 * inner * (1.0 - inner)
    else:
        slope = tl.where(tl.abs(shape) <= 1.0, 1.0 + inner * (inner * (1.0 / 3.0) - 1.0), 0.0)
    return slope


@triton.jit
def _row_kernel(  # type: ignore[no-untyped-def]
    logits, bias, scale, targets, nats, lses, cap, z_loss, weight, stride,
    VOCABULARY: tl.constexpr, BLOCK: tl.constexpr, TANH: tl.constexpr,
):  # fmt: skip
    """``bias``, ``scale`` and ``weight`` may be None, a compile-time choice too; without the last no gradient."""
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    known = columns < VOCABULARY
    target = tl.load(targets + row)
    at_target = tl.load(logits + row * stride + target).to(tl.float32)
    if bias is not None:
        at_target += tl.load(bias + target)
    pointers = logits + row * stride + columns
    biased = tl.load(pointers, mask=known, other=0.0).to(tl.float32)
    if bias is not None:
        biased += tl.load(bias + columns, mask=known, other=0.0)
    bound = cap
    if scale is not None:
        factor = tl.load(scale).to(tl.float32)
        bound = cap * factor
        if weight is not None:
            weight = weight * factor
    inner, shape = _shape(biased * (1.0 / cap), TANH)
    exponentials = tl.exp2(_bounded(shape, TANH) * (bound * LOG2_E))
    if BLOCK != VOCABULARY:
        exponentials = tl.where(known, exponentials, 0.0)
    total = tl.sum(exponentials, 0)
    lse = tl.log(total)
    _, shape_of_target = _shape(at_target * (1.0 / cap), TANH)
    tl.store(nats + row, lse - bound * _bounded(shape_of_target, TANH))
    tl.store(lses + row, lse)
    if weight is not None:
        gradient = exponentials * ((1.0 + 2.0 * z_loss * lse) * weight / total)
        gradient = tl.where(columns == target, gradient - weight, gradient)
        tl.store(pointers, (gradient * _slope(inner, shape, TANH)).to(logits.dtype.element_ty), mask=known)


def nats_and_gradient_on_gpu(
    logits: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    cap: float,
    z_loss: float,
    weight: float | None,
    kind: SoftcapKind = "polynomial",
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``fused_loss.nats_and_gradient`` on a GPU: same arguments, same results, ``logits`` overwritten likewise."""
    tokens, vocabulary = logits.shape
    nats = torch.empty(tokens, dtype=torch.float32, device=logits.device)
    lse = torch.empty_like(nats)
    _row_kernel[(tokens,)](
        logits, bias, scale, targets, nats, lse, cap, z_loss, weight, logits.stride(0), VOCABULARY=vocabulary,
        BLOCK=triton.next_power_of_2(vocabulary), TANH=kind == "tanh", num_warps=WARPS,
    )  # fmt: skip
    return nats, lse
