"""Softcap, cross-entropy and z-loss in one pass over chunks of tokens: the logits never exist whole.

The same function as ``tritgolf.model.loss.training_loss`` (its plain reference, to which the tests compare it), with
the gradient made in the forward pass: a chunk's logits are overwritten by their own gradient, which is contracted with
the table and the hidden states at once. The elementwise part is plain PyTorch, on GPUs a Triton kernel
(``fused_loss_kernel``).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from tritgolf.model.loss import SOFTCAPS, SoftcapKind

CHUNK_TOKENS = 8192
CHUNK_TOKENS_IN_CACHE = 256  # on a CPU the logits of a chunk had better stay in its cache (1.3× a step of the demo)


def softcap_and_slope(logits: Tensor, cap: float) -> tuple[Tensor, Tensor]:
    """``softcap`` and its derivative, 1 − z² + z⁴/3 inside both clamps, 0 outside.

    The polynomial rises everywhere and is 1.47 at the clamp of z, so it is outside wherever z is.
    """
    z = (logits / cap).clamp_(-2, 2)
    square = z * z
    fourth = square * square
    tanh = (1 - square / 3).add_(fourth / 15).mul_(z)
    slope = torch.where(tanh.abs() <= 1, (1 - square).add_(fourth / 3), 0.0)
    return tanh.clamp_(-1, 1).mul_(cap), slope


def tanh_and_slope(logits: Tensor, cap: float) -> tuple[Tensor, Tensor]:
    """``tanh_softcap`` and its derivative, 1 − tanh²(logits/cap)."""
    tanh = (logits / cap).tanh()
    return cap * tanh, 1 - tanh.square()


SLOPES: Mapping[SoftcapKind, Callable[[Tensor, float], tuple[Tensor, Tensor]]] = {
    "polynomial": softcap_and_slope,
    "tanh": tanh_and_slope,
}


def nats_and_gradient(
    logits: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    cap: float,
    z_loss: float,
    weight: float | Tensor | None,
    kind: SoftcapKind = "polynomial",
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Per token nats and logsumexp, (tokens,) FP32; ``logits`` (tokens, vocabulary) is overwritten by its gradient.

    The gradient is that of ``weight`` · Σ (nats + z_loss · logsumexp²); with None the logits stay.
    """
    biased = logits.float() if bias is None else logits.float() + bias
    capped, slope = (SOFTCAPS[kind](biased, cap), None) if weight is None else SLOPES[kind](biased, cap)
    capped = capped if scale is None else capped * scale
    lse = capped.logsumexp(-1)
    nats = lse - capped.gather(-1, targets[:, None]).squeeze(-1)
    if weight is None or slope is None:
        return nats, lse
    weight = weight if scale is None else weight * scale.float()
    gradient = capped.sub_(lse[:, None]).exp_().mul_((1 + 2 * z_loss * lse)[:, None])
    gradient.scatter_add_(-1, targets[:, None], torch.full_like(lse[:, None], -1.0))
    logits.copy_(gradient.mul_(slope).mul_(weight))
    return nats, lse


class _FusedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        table: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        cap: float,
        z_loss: float,
        kind: SoftcapKind,
        scale: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        elementwise = functools.partial(_elementwise(hidden.device), kind=kind, scale=scale)
        tokens = hidden.shape[0]
        same_table = table.to(hidden.dtype)
        hidden_gradient = torch.empty_like(hidden)
        table_gradient = torch.zeros(table.shape, dtype=torch.float32, device=table.device)
        bias_gradient = None if bias is None else torch.zeros_like(bias)
        nats_sum = torch.zeros((), dtype=torch.float32, device=hidden.device)
        square_sum = torch.zeros_like(nats_sum)
        chunk = CHUNK_TOKENS if hidden.device.type == "cuda" else min(CHUNK_TOKENS, CHUNK_TOKENS_IN_CACHE)
        for start in range(0, tokens, chunk):
            rows = slice(start, start + chunk)
            logits = hidden[rows] @ same_table.T
            nats, lse = elementwise(logits, bias, targets[rows], cap, z_loss, 1 / tokens)
            nats_sum += nats.sum()
            square_sum += lse.square().sum()
            torch.mm(logits, same_table, out=hidden_gradient[rows])
            table_gradient += logits.T @ hidden[rows]
            if bias_gradient is not None:
                bias_gradient += logits.sum(0, dtype=torch.float32)
        ctx.save_for_backward(hidden_gradient, table_gradient.to(table.dtype), bias_gradient)
        cross_entropy = nats_sum / tokens
        ctx.mark_non_differentiable(cross_entropy)
        return cross_entropy + z_loss * square_sum / tokens, cross_entropy

    @staticmethod
    def backward(ctx: Any, loss_gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, table_gradient, bias_gradient = ctx.saved_tensors
        scale = loss_gradient.to(hidden_gradient.dtype)
        table_scale = loss_gradient.to(table_gradient.dtype)
        of_bias = None if bias_gradient is None else bias_gradient * loss_gradient
        return hidden_gradient * scale, table_gradient * table_scale, of_bias, None, None, None, None, None


def fused_training_loss(
    hidden: Tensor,
    table: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    cap: float,
    z_loss: float,
    kind: SoftcapKind = "polynomial",
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``training_loss`` without whole logits: (minimized loss, mean cross-entropy), FP32 scalars."""
    return _FusedLoss.apply(hidden, table, bias, targets, cap, z_loss, kind, scale)


def nats_at(
    temperature: Tensor,
    hidden: Tensor,
    targets: Tensor,
    table: Tensor,
    bias: Tensor | None,
    cap: float,
    kind: SoftcapKind = "polynomial",
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """``loss.nats_of`` the head's logits divided by ``temperature`` (), each (tokens,) FP32: on a GPU in one pass."""
    by = (1 if scale is None else scale) / temperature
    logits = hidden @ table.to(hidden.dtype).T
    return _elementwise(hidden.device)(logits, bias, targets, cap, 0.0, None, kind, by.float())


def _elementwise(device: torch.device) -> Callable[..., tuple[Tensor, Tensor]]:
    """``nats_and_gradient``, on a GPU by its kernel."""
    if device.type != "cuda":
        return nats_and_gradient
    from tritgolf.model.fused_loss_kernel import nats_and_gradient_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

    return nats_and_gradient_on_gpu
