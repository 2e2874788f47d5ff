"""From hidden states to nats: softcap, cross-entropy, z-loss. The plain definition; ``fused_loss`` is the fast path."""

import torch
import torch.nn.functional as F
from torch import Tensor


def softcap(logits: Tensor, cap: float) -> Tensor:
    """cap·clamp(z·(1 − z²/3 + z⁴/15), −1, 1) with z = clamp(logits/cap, −2, 2): the record's polynomial tanh."""
    z = (logits / cap).clamp(-2, 2)
    square = z * z
    return cap * (z * (1 - square / 3 + square * square / 15)).clamp(-1, 1)


def capped_logits(hidden: Tensor, table: Tensor, bias: Tensor, cap: float) -> Tensor:
    """Softcapped logits, at least FP32: ``hidden`` (tokens, embed) · ``table`` (vocabulary, embed)ᵀ + ``bias``."""
    logits = F.linear(hidden, table.to(hidden.dtype))
    return softcap((logits.double() if logits.dtype == torch.float64 else logits.float()) + bias, cap)


def token_nats(
    hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor, cap: float, temperature: float | Tensor = 1.0
) -> tuple[Tensor, Tensor]:
    """Per token: cross-entropy in nats and logsumexp of the softcapped logits divided by ``temperature``; (tokens,)."""
    logits = capped_logits(hidden, table, bias, cap) / temperature
    lse = logits.logsumexp(-1)
    return lse - logits.gather(-1, targets[:, None]).squeeze(-1), lse


def training_loss(
    hidden: Tensor, table: Tensor, bias: Tensor, targets: Tensor, cap: float, z_loss: float
) -> tuple[Tensor, Tensor]:
    """(mean cross-entropy + z_loss · mean logsumexp², mean cross-entropy), in nats; the first is what is minimized."""
    nats, lse = token_nats(hidden, table, bias, targets, cap)
    cross_entropy = nats.mean()
    return cross_entropy + z_loss * lse.square().mean(), cross_entropy.detach()
