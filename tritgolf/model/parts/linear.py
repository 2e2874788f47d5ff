"""A matrix without a quantizer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Module):
    """y = x·Wᵀ with an FP32 master ``weight`` (outputs × inputs), cast to the dtype of ``x`` where it is used.

    A layer that runs several times casts in each run, so that its gradients add up in FP32, as in the published code.
    Compiled, equal casts are one.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        """``x``: (…, inputs) → (…, outputs), in the dtype of ``x``."""
        return F.linear(x, self.weight.to(x.dtype))
