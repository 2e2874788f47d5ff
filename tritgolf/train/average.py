"""A moving average of the weights (#1716)."""

from collections.abc import Mapping

import torch
from torch import Tensor


class Average:
    """``state``: name → FP32 average, at first the weights themselves (copies), and once more at ``from_step``."""

    def __init__(self, weights: Mapping[str, Tensor], decay: float, from_step: int = 0) -> None:
        self.decay, self.from_step = decay, from_step
        self.state = {name: weight.detach().to(torch.float32, copy=True) for name, weight in weights.items()}

    def begin(self, weights: Mapping[str, Tensor]) -> None:
        """Begin anew at the weights, in place: what a GPU has recorded goes on."""
        for name, average in self.state.items():
            average.copy_(weights[name].detach())

    @torch.no_grad()
    def update(self, weights: Mapping[str, Tensor]) -> None:
        """e ← decay·e + (1 − decay)·w, in place, for all names at once."""
        averages = list(self.state.values())
        torch._foreach_mul_(averages, self.decay)
        torch._foreach_add_(averages, [weights[name].float() for name in self.state], alpha=1 - self.decay)

    def weights(self, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The averages in the dtypes of the weights ``like`` them."""
        return {name: average.to(like[name].dtype) for name, average in self.state.items()}


AVERAGES = {"ema": Average}
