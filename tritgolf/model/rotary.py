"""Rotary positions with the record's YaRN-like frequency ramp.

The published runs round the inverse frequencies to BF16 (1.0, 0.8359375, 0.703125 …): by position 1023 the angles are
up to 1.9 rad from those of FP32 frequencies, so a published artifact scores right only with the rounded ones.
"""

import torch
from torch import Tensor

from tritgolf.config.model import UNetConfig


def inverse_frequencies(model: UNetConfig) -> Tensor:
    """Inverse frequencies, FP32 (head_dim / 2,), rounded to BF16 in the faithful mode."""
    even = torch.arange(0, model.head_dim, 2, dtype=torch.float32)
    plain = 1.0 / model.rotary_base ** (even / model.head_dim)
    scale = model.context / model.yarn_max
    ramp = ((even / model.head_dim - 0.25) / 0.75).clamp(0, 1)
    frequencies = plain / (ramp * (1.0 / scale - 1.0) + 1.0)
    return frequencies.bfloat16().float() if model.rotary_frequencies == "bfloat16" else frequencies


def rotary_tables(model: UNetConfig, positions: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (positions, head_dim / 2) in ``dtype``; angles are computed in FP32."""
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), inverse_frequencies(model))
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate (batch, positions, heads, head_dim), first half against second: (x₁·cos + x₂·sin, −x₁·sin + x₂·cos)."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos[:, None, :], sin[:, None, :]
    return torch.cat((first * cos + second * sin, second * cos - first * sin), dim=-1)
