"""The smear gate of #1667 and #1716: a share of the token before. Other smears: ``layers.Smear`` (#923)."""

import torch.nn.functional as F
from torch import Tensor


def add_previous(x: Tensor, gate: Tensor, strength: Tensor) -> Tensor:
    """x_t ← x_t + strength·σ(gate_t)·x_{t−1}, with 0 before the first position. Causal.

    ``x``: (batch, positions, width); ``gate``: (batch, positions, 1); ``strength``: (1,). All of one dtype.
    """
    previous = F.pad(x[:, :-1], (0, 0, 1, 0))
    return x + strength * gate.sigmoid() * previous
