"""A second embedding of each token, which the values of some layers get added (#1019)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.model.layers import QuantizedLinear

START = 0.1  # the scalar's initial value, as published


class ValueEmbedding(nn.Module):
    """scale · W·(row of the table); the table in ``dtype``, matrix and scalar FP32 masters."""

    def __init__(self, vocabulary: int, inner: int, values: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(START))
        self.embed = nn.Embedding(vocabulary, inner, dtype=dtype)
        self.proj = QuantizedLinear(inner, values)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, positions) ids → (batch, positions, values: all heads of keys side by side)."""
        projected = self.proj(F.embedding(tokens, self.embed.weight))
        return self.scale.to(projected.dtype) * projected


def layer_scales(layers: int) -> nn.ParameterList:
    """What each of so many layers multiplies the value embedding with: (1,), at first 1."""
    return nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in range(layers))
