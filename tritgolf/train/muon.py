"""Muon: momentum, row normalization, Newton–Schulz steps (Jordan et al., 2024; as in #640 and, "MuonEq-R", #1716).

Written for stacks of equal matrices, (matrices, rows, columns): one batched product serves ten layers.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from tritgolf.model.layers import rms_norm

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SMALLEST = 1e-7  # of a norm that is divided by


class Rounding(NamedTuple):
    """Where one published form of it rounds to BF16.

    ``normalized``: divides rows, then each matrix by its Frobenius norm. ``square``: the last coefficient times gram².
    ``result``: what is scaled by the root of rows/columns.
    """

    normalized: Callable[[Tensor], Tensor]
    square: Callable[[Tensor], Tensor]
    result: Callable[[Tensor], Tensor] = lambda x: x


def _by_rms(gradient: Tensor) -> Tensor:
    x = rms_norm(gradient.float())
    return (x / (x.norm(dim=(-2, -1), keepdim=True) + SMALLEST)).bfloat16()


def _by_l2(gradient: Tensor) -> Tensor:
    rows = gradient.float()
    x = (rows / rows.norm(dim=-1, keepdim=True).clamp_min(SMALLEST)).bfloat16()
    return x / (x.norm(dim=(-2, -1), keepdim=True) + SMALLEST)


def _by_none(gradient: Tensor) -> Tensor:
    x = gradient.bfloat16()
    return x / (x.norm(dim=(-2, -1), keepdim=True) + SMALLEST)


# What rows are divided by → how that record rounds; to the bit of the published code in #1716 and #1019 ("none").
ROWS = {
    "rms": Rounding(_by_rms, lambda gram: COEFFICIENTS[2] * (gram @ gram)),
    "l2": Rounding(_by_l2, lambda gram: (COEFFICIENTS[2] * gram) @ gram),
    "none": Rounding(_by_none, lambda gram: COEFFICIENTS[2] * (gram @ gram), Tensor.float),
}


def orthogonalize(gradient: Tensor, iterations: int, rows_by: str = "rms") -> Tensor:
    """Approximate the nearest semi-orthogonal matrix of each of (matrices, rows, columns), BF16 Newton–Schulz.

    Rows are normalized first, by what ``ROWS`` has; the result is BF16, times √max(1, rows/columns).
    """
    return scaled(newton_schulz(gradient, iterations, rows_by), rows_by)


def scaled(x: Tensor, rows_by: str) -> Tensor:
    """What ``newton_schulz`` found, times √max(1, rows/columns)."""
    rows, columns = x.shape[-2:]
    return ROWS[rows_by].result(x) * max(1.0, rows / columns) ** 0.5


def newton_schulz(gradient: Tensor, iterations: int, rows_by: str) -> Tensor:
    """``orthogonalize`` without its last factor, BF16."""
    rows, columns = gradient.shape[-2:]
    normalized, square, _ = ROWS[rows_by]
    x = normalized(gradient)
    if rows > columns:
        x = x.transpose(-1, -2)
    a, b, _ = COEFFICIENTS
    for _ in range(iterations):
        gram = x @ x.transpose(-1, -2)
        x = a * x + (b * gram + square(gram)) @ x
    if rows > columns:
        x = x.transpose(-1, -2)
    return x


@torch.no_grad()
def muon_step(
    weight: Tensor,
    gradient: Tensor,
    momentum_buffer: Tensor,
    *,
    lr: Tensor,
    momentum: Tensor,
    iterations: int,
    rows: str = "rms",
    weight_decay: float = 0.0,
) -> None:
    """Update ``weight`` and ``momentum_buffer`` in place: buf ← m·buf + g; g ← g + m·buf; w ← w − lr·orthogonal(g).

    All three are (matrices, rows, columns) and FP32; a BF16 buffer has the gradient rounded to BF16 too (#1019). ``lr``
    and ``momentum`` are FP32 scalars. Before that, w ← w·(1 − lr·``weight_decay``) (#1716).
    """
    found = direction(gradient, momentum_buffer, momentum=momentum, iterations=iterations, rows=rows)
    move(weight, found, lr=lr, rows=rows, weight_decay=weight_decay)


def direction(gradient: Tensor, momentum_buffer: Tensor, *, momentum: Tensor, iterations: int, rows: str) -> Tensor:
    """The first half of ``muon_step``: updates ``momentum_buffer``; where the weights go, BF16, not yet ``scaled``.

    Both halves are for ``no_grad``, but not decorated: compiled, all functions that are would share one limit of forms.
    """
    gradient = gradient.to(momentum_buffer.dtype)
    momentum_buffer.mul_(momentum).add_(gradient)
    nesterov = gradient.float() + momentum * momentum_buffer.float()
    return newton_schulz(nesterov, iterations, rows)


def move(weight: Tensor, found: Tensor, *, lr: Tensor, rows: str, weight_decay: float) -> None:
    """The other half: ``weight`` goes in the direction that was ``found``."""
    if weight_decay:
        weight.mul_(1 - lr * weight_decay)
    weight.sub_(scaled(found, rows).float() * lr)
