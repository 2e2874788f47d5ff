"""An embedding of each token with the one before it, by a hash of both (#1019, #1716)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tritgolf.model.layers import QuantizedLinear

CURRENT, PREVIOUS = 36_313, 27_191  # factors of the hash, as published
START = 0.05  # the scalar's initial value, as published


def bigram_rows(tokens: Tensor, buckets: int) -> Tensor:
    """Row of each position: ((36313·cur) XOR (27191·prev)) mod (buckets − 1); the first position's is buckets − 1.

    ``tokens``: integers (batch, positions) → int64, the same shape. The published code computes it in int32, which
    overflows from id 59,139 on: beyond all vocabularies it was used with.
    """
    ids = tokens.long()
    hashed = ((CURRENT * ids[:, 1:]) ^ (PREVIOUS * ids[:, :-1])) % (buckets - 1)
    return F.pad(hashed, (1, 0), value=buckets - 1)


class Bigram(nn.Module):
    """scale · W·(row of the table); the table in ``dtype``, matrix and scalar FP32 masters."""

    def __init__(self, buckets: int, inner: int, width: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(START))
        self.embed = nn.Embedding(buckets, inner, dtype=dtype)
        self.proj = QuantizedLinear(inner, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, positions) ids → (batch, positions, width)."""
        rows = bigram_rows(tokens, self.embed.num_embeddings)
        projected = self.proj(F.embedding(rows, self.embed.weight))
        return self.scale.to(projected.dtype) * projected
