"""Gates by a sigmoid: on the output of attention heads, and on the U-Net's skip connections."""

import torch
from torch import Tensor


def gate_heads(mixed: Tensor, gate: Tensor) -> Tensor:
    """Head h of ``mixed`` × 2σ(gate_h), so × 1 at gate 0 (#1667).

    ``mixed``: (batch, positions, heads, head_dim); ``gate``: (batch, positions, heads).
    """
    return mixed * (2 * gate.sigmoid())[..., None]


def blend_skip(x: Tensor, skip: Tensor, gate: Tensor) -> Tensor:
    """s + σ(gate)·(x − s): half ``x``, half ``skip`` at gate 0 (#1394). Shapes (…, width), the same, (width,)."""
    return torch.lerp(skip, x, gate.sigmoid())
