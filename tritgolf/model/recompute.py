"""Activations that are made again on the way back instead of being kept."""

from collections.abc import Callable

from torch import Tensor
from torch.utils.checkpoint import checkpoint


def recomputed(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """``function``, keeping its argument alone for the backward pass; for one that draws no random numbers."""

    def call(x: Tensor) -> Tensor:
        return checkpoint(function, x, use_reentrant=False, preserve_rng_state=False)

    return call
