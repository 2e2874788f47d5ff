"""Rotary positions of the first channels of a head, without a ramp (#1716).

The published frequencies are a buffer of a model cast to BF16. Compiled on a GPU, in training and scoring, its tables
are those of the rounded frequencies at exact positions, with exact angles (measured): so are ours.
"""

import torch
from torch import Tensor

from tritgolf.config.types import Precision
from tritgolf.model.rotary import rotate


def plain_frequencies(dims: int, base: float, precision: Precision) -> Tensor:
    """base^(−i/dims) for i = 0, 2 … dims − 2; FP32 (dims / 2,), rounded to BF16 where ``precision`` says so."""
    frequencies = 1.0 / base ** (torch.arange(0, dims, 2, dtype=torch.float32) / dims)
    return frequencies.bfloat16().float() if precision == "bfloat16" else frequencies


def position_tables(frequencies: Tensor, positions: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (positions, dims / 2) in ``dtype``; angles are computed in FP32."""
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate_first(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``rotate`` the first channels of (batch, positions, heads, head_dim), as many as the tables are for."""
    rotated = 2 * cos.shape[-1]
    return torch.cat((rotate(x[..., :rotated], cos, sin), x[..., rotated:]), dim=-1)
