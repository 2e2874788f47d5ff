"""Smears: a share of the token before, on the input. The running mean of #923 is ``layers.Smear``."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def add_previous(x: Tensor, gate: Tensor, strength: Tensor) -> Tensor:
    """x_t ← x_t + strength·σ(gate_t)·x_{t−1}, with 0 before the first position. Causal (#1667, #1716).

    ``x``: (batch, positions, width); ``gate``: (batch, positions, 1); ``strength``: (1,). All of one dtype.
    """
    return x + strength * gate.sigmoid() * previous(x)


class BlendPrevious(nn.Module):
    """x_t ← (1 − g)·x_t + g·x_{t−1}, g = σ(gate) of each channel, with 0 before the first position (#1019). Causal."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """``x``: (batch, positions, width) → the same."""
        share = self.gate.to(x.dtype).sigmoid()
        return (1 - share) * x + share * previous(x)


def previous(x: Tensor) -> Tensor:
    """x_{t−1} of (batch, positions, width): 0 before the first position."""
    return F.pad(x[:, :-1], (0, 0, 1, 0))
