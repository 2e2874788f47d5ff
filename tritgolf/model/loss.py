"""From hidden states to nats: softcap, cross-entropy, z-loss. The plain definition; ``fused_loss`` is the fast path."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

SoftcapKind = Literal["polynomial", "tanh"]


def softcap(logits: Tensor, cap: float) -> Tensor:
    """cap·clamp(z·(1 − z²/3 + z⁴/15), −1, 1) with z = clamp(logits/cap, −2, 2): the record's polynomial tanh."""
    z = (logits / cap).clamp(-2, 2)
    square = z * z
    return cap * (z * (1 - square / 3 + square * square / 15)).clamp(-1, 1)


def tanh_softcap(logits: Tensor, cap: float) -> Tensor:
    """cap·tanh(logits/cap) (#1019, #1716)."""
    return cap * (logits / cap).tanh()


SOFTCAPS: Mapping[SoftcapKind, Callable[[Tensor, float], Tensor]] = {"polynomial": softcap, "tanh": tanh_softcap}


def capped_logits(
    hidden: Tensor,
    table: Tensor,
    bias: Tensor | None,
    cap: float,
    kind: SoftcapKind = "polynomial",
    scale: Tensor | None = None,
) -> Tensor:
    """Softcapped logits, at least FP32: ``hidden`` (tokens, embed) · ``table`` (vocabulary, embed)ᵀ + ``bias``.

    ``bias`` (vocabulary,) may be absent, and ``scale`` (), by which all are multiplied after the softcap.
    """
    logits = F.linear(hidden, table.to(hidden.dtype))
    logits = logits.double() if logits.dtype == torch.float64 else logits.float()
    capped = SOFTCAPS[kind](logits if bias is None else logits + bias, cap)
    return capped if scale is None else capped * scale


def nats_of(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Per token: cross-entropy in nats and logsumexp; ``logits`` (tokens, vocabulary), ``targets`` int64 (tokens,)."""
    lse = logits.logsumexp(-1)
    return lse - logits.gather(-1, targets[:, None]).squeeze(-1), lse


def training_loss(
    hidden: Tensor,
    table: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    cap: float,
    z_loss: float,
    kind: SoftcapKind = "polynomial",
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """(mean cross-entropy + z_loss · mean logsumexp², mean cross-entropy), in nats; the first is what is minimized."""
    nats, lse = nats_of(capped_logits(hidden, table, bias, cap, kind, scale), targets)
    cross_entropy = nats.mean()
    return cross_entropy + z_loss * lse.square().mean(), cross_entropy.detach()
