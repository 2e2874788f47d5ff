"""Rotary positions: frequencies, tables of cosines and sines, and the turn of all or the first channels of a head.

The published frequencies are a buffer of a model cast to BF16. Compiled on a GPU, in training and scoring, its tables
are those of the rounded frequencies at exact positions, with exact angles (measured): so are ours. Where published code
runs eagerly, positions and angles are BF16 too: ``eager_tables``.
"""

import torch
from torch import Tensor

from tritgolf.config.transformer import TransformerConfig
from tritgolf.config.types import Precision


def plain_frequencies(dims: int, base: float) -> Tensor:
    """base^(−i/dims) for i = 0, 2 … dims − 2; FP32 (dims / 2,)."""
    return 1.0 / base ** (torch.arange(0, dims, 2, dtype=torch.float32) / dims)


def in_precision(frequencies: Tensor, precision: Precision) -> Tensor:
    """``frequencies`` in FP32, rounded to BF16 where ``precision`` says so."""
    return frequencies.bfloat16().float() if precision == "bfloat16" else frequencies


def position_tables(frequencies: Tensor, positions: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (positions, dims / 2) in ``dtype``; angles are computed in FP32."""
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def eager_tables(frequencies: Tensor, positions: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The same with frequencies, positions and angles each rounded to BF16: from 256 on, neighbours are one position.

    So the published code of #1019 and #1722 generates its calibration text (trinity-spec, row 18).
    """
    angles = torch.outer(torch.arange(positions, dtype=torch.bfloat16), frequencies.bfloat16())
    return angles.cos().to(dtype), angles.sin().to(dtype)


def stretched_base(base: float, dims: int, length: int, from_length: int) -> float:
    """base·(length/from_length)^(dims/(dims − 2)) beyond ``from_length`` positions: 22,081.79 for 2,048 (#1019)."""
    return base if length <= from_length else base * (length / from_length) ** (dims / (dims - 2))


def tables_of_call(model: TransformerConfig, length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of a call with ``length`` positions, each (length, rotary_dims / 2) in ``dtype``, on the CPU.

    Of a stretched base, frequencies are exact beyond its ``from_length``; the published code computes them anew there.
    """
    base, stretch = model.rotary_base, model.rotary_stretch
    if stretch is None:
        return position_tables(_frequencies(model, base), length, dtype)
    reach = length if stretch.of == "call" else model.context
    if reach <= stretch.from_length:
        make = eager_tables if model.rotary_frequencies == "bfloat16" else position_tables
        return make(_frequencies(model, base), length, dtype)
    base = stretched_base(base, model.rotary_dims, reach, stretch.from_length)
    return position_tables(plain_frequencies(model.rotary_dims, base), length, dtype)


def _frequencies(model: TransformerConfig, base: float) -> Tensor:
    return in_precision(plain_frequencies(model.rotary_dims, base), model.rotary_frequencies)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate (batch, positions, heads, head_dim), first half against second: (x₁·cos + x₂·sin, −x₁·sin + x₂·cos)."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos[:, None, :], sin[:, None, :]
    return torch.cat((first * cos + second * sin, second * cos - first * sin), dim=-1)


def rotate_first(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``rotate`` the first channels of (batch, positions, heads, head_dim), as many as the tables are for (#1716)."""
    rotated = 2 * cos.shape[-1]
    return torch.cat((rotate(x[..., :rotated], cos, sin), x[..., rotated:]), dim=-1)
