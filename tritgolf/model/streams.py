"""A block's beginning: residual streams mixed channel by channel, and the RMSNorm of the mix (#1716).

The fused form is the same formula with a way back of its own: one kernel makes the gradients of all streams, and those
of the weights beside them. The compiler's reads the streams again for each sum over tokens, and carries the first
stream's gradient, to which every block adds, through the arithmetic of several blocks at once.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from tritgolf.model.layers import RMS_EPSILON, rms_norm
from tritgolf.model.residual import at_least_fp32


class Streams(NamedTuple):
    """One or two tensors (batch, positions, width) and their weights (width,), None for 1; to be added up."""

    x: Tensor
    weight: Tensor | None = None
    skip: Tensor | None = None
    skip_weight: Tensor | None = None


class Beginning(NamedTuple):
    """u, n = c · RMSNorm(u), the ``channels`` of n that gates read, if any, and n for the MLP of a parallel block."""

    mixed: Tensor
    normed: Tensor
    channels: Tensor | None
    for_mlp: Tensor | None


def blended(x: Tensor, skip: Tensor, weight: Tensor, gate: Tensor | None) -> Streams:
    """``parts.gates.blend_skip`` of ``x`` and weight·skip, or their sum where there is no ``gate``, as streams."""
    if gate is None:
        return Streams(x, None, skip, weight)
    share = gate.sigmoid()
    return Streams(x, share, skip, (1 - share) * weight)


def begin_fused(
    streams: Streams, x0: Tensor, mix: Tensor, scale: float, channels: int | None, parallel: bool
) -> Beginning:
    """u = mix₀·(all ``streams``) + mix₁·``x0`` and its norm times ``scale``; ``mix``: (2, width).

    Who reads n has a result of its own: their gradients come in apart, and are added up where they are read.
    """
    x, weight, skip, skip_weight = streams
    # The first block's streams are one, and the first decoder block's: the compiler takes no argument twice.
    x0, skip = x0.view_as(x) if x0 is x else x0, x.view_as(x) if skip is x else skip
    of_x = mix[0] if weight is None else mix[0] * weight
    of_skip = None if skip_weight is None else mix[0] * skip_weight
    mixed, normed, *more = _MixedAndNormed.apply(x, x0, skip, of_x, mix[1], of_skip, scale, channels, parallel)
    return Beginning(mixed, normed, more[0] if channels else None, more[-1] if parallel else None)


def _mix(x: Tensor, x0: Tensor, skip: Tensor | None, a: Tensor, b: Tensor, c: Tensor | None) -> Tensor:
    mixed = a * x + b * x0
    return mixed if skip is None or c is None else mixed + c * skip


class _MixedAndNormed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, x0: Tensor, skip: Tensor | None, a: Tensor, b: Tensor, c: Tensor | None, scale: float,
        channels: int | None, parallel: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        ctx.save_for_backward(x, x0, skip, a, b, c)
        ctx.scale, ctx.gated, ctx.parallel = scale, bool(channels), parallel
        u = _mix(x, x0, skip, a, b, c).to(x.dtype)
        n = scale * rms_norm(u)
        return (u, n, *([n[..., :channels]] if channels else []), *([n.view_as(n)] if parallel else []))

    @staticmethod
    def backward(ctx: Any, of_u: Tensor, of_n: Tensor, *more: Tensor) -> tuple[Tensor | None, ...]:
        x, x0, skip, a, b, c = ctx.saved_tensors
        of_channels, again = more[0] if ctx.gated else None, more[-1] if ctx.parallel else None
        of_x, of_x0, of_skip, sums = streams_backward(of_u, of_n, of_channels, again, x, x0, skip, a, b, c, ctx.scale)
        if skip is None:
            return of_x, of_x0, None, sums[0], sums[1], None, None, None, None
        return of_x, of_x0, of_skip, sums[0], sums[1], sums[2], None, None, None


def streams_backward(
    of_u: Tensor, of_n: Tensor, of_channels: Tensor | None, again: Tensor | None, x: Tensor, x0: Tensor,
    skip: Tensor | None, a: Tensor, b: Tensor, c: Tensor | None, scale: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of x, x0 and the skip, and (2 or 3, width) of their weights, FP32 or wider; no skip's is empty."""
    if x.is_cuda and x.dtype == torch.bfloat16:
        from tritgolf.model.streams_kernel import streams_backward_on_gpu  # noqa: PLC0415  (Triton is on GPUs only)

        return streams_backward_on_gpu(of_u, of_n, of_channels, again, x, x0, skip, a, b, c, scale)
    upstream = at_least_fp32(of_n) if again is None else at_least_fp32(of_n) + again
    if of_channels is not None:
        upstream = upstream + F.pad(of_channels, (0, x.shape[-1] - of_channels.shape[-1]))
    u = at_least_fp32(_mix(x, x0, skip, a, b, c))
    inverse = (u.square().mean(-1, keepdim=True) + RMS_EPSILON).rsqrt()
    n = u * inverse
    gradient = of_u + scale * inverse * (upstream - n * (upstream * n).mean(-1, keepdim=True))
    streams = [stream for stream in (x, x0, skip) if stream is not None]
    found = [(weight * gradient).to(x.dtype) for weight in (a, b, c) if weight is not None]
    sums = torch.stack([(gradient * stream).flatten(0, -2).sum(0) for stream in streams])
    return found[0], found[1], found[2] if skip is not None else x.new_empty(0), sums
