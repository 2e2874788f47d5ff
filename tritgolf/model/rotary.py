"""Rotary positions with the record's YaRN-like frequency ramp.

The published runs round the inverse frequencies to BF16 (1.0, 0.8359375, 0.703125 …): by position 1023 the angles are
up to 1.9 rad from those of FP32 frequencies, so a published artifact scores right only with the rounded ones.
"""

import torch
from torch import Tensor

from tritgolf.config.model import UNetConfig
from tritgolf.model.parts.rotary import in_precision, plain_frequencies, position_tables


def inverse_frequencies(model: UNetConfig) -> Tensor:
    """Inverse frequencies, FP32 (head_dim / 2,), rounded to BF16 in the faithful mode."""
    even = torch.arange(0, model.head_dim, 2, dtype=torch.float32)
    scale = model.context / model.yarn_max
    ramp = ((even / model.head_dim - 0.25) / 0.75).clamp(0, 1)
    frequencies = plain_frequencies(model.head_dim, model.rotary_base) / (ramp * (1.0 / scale - 1.0) + 1.0)
    return in_precision(frequencies, model.rotary_frequencies)


def rotary_tables(model: UNetConfig, positions: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (positions, head_dim / 2) in ``dtype``; angles are computed in FP32."""
    return position_tables(inverse_frequencies(model), positions, dtype)
