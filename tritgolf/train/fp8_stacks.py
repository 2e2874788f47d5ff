"""Stacks whose matrices of trits are multiplied in FP8, and the largest magnitudes that these products expect."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.train import TrainConfig
from tritgolf.model.fp8 import E4M3, Fp8Weight, write_weights
from tritgolf.model.network import layer_of
from tritgolf.quantize.base import Quantizer
from tritgolf.quantize.rounding import DTYPES
from tritgolf.quantize.ternary import ScaledE4m3Quantizer
from tritgolf.ranks import Ranks
from tritgolf.train.stacks import Stack, Stacks

# What the first step expects, which has none before it: of relu², and of gradients, times the tokens of a step. As they
# are initialized relu² comes to 5 at full size, and of `tiny` to 0.2; its gradients, times tokens, to 0.007 and 0.4.
FIRST_INPUT, FIRST_GRADIENT = 16.0, 0.25


class Fp8Stack:
    """``codes``, ``turned``, ``power``: of all matrices of ``stack``, as ``Fp8Weight`` has those of one.

    ``largest``: (matrices, 2) FP32, of each matrix what ``Fp8Weight.largest`` is; ``seen``: what this step has seen.
    """

    def __init__(self, stack: Stack, tokens: int) -> None:
        self.stack = stack
        self.codes = torch.zeros_like(stack.weight, dtype=E4M3)
        self.turned = torch.zeros_like(self.codes.transpose(1, 2), memory_format=torch.contiguous_format)
        self.power = torch.ones(len(stack.names), 4, device=stack.weight.device)[:, 0]  # cuBLAS wants whole 16 bytes
        first = torch.tensor([FIRST_INPUT, FIRST_GRADIENT / tokens], device=stack.weight.device)
        self.largest = first.repeat(len(stack.names), 1)
        self.seen = torch.zeros_like(self.largest)

    def weight(self, index: int, leaf: Tensor) -> Fp8Weight:
        """The matrix at ``index``, whose gradient ``leaf`` collects."""
        largest = self.largest[index].detach().requires_grad_()
        largest.register_post_accumulate_grad_hook(_is_seen(self.seen[index]))
        return Fp8Weight(self.codes[index], self.turned[index], self.power[index], leaf, largest)


class Fp8Stacks(Stacks):
    """As ``Stacks``, of a network (``use``) whose matrices of trits are on their grids from the first step on.

    What products expect is what the last step that had any saw, on all ranks: so these round alike, and a run that goes
    on rounds as it would have.
    """

    def __init__(self, network: Any, names: Iterable[str], train: TrainConfig, compile_functions: bool) -> None:
        super().__init__(network, names, compile_functions, DTYPES[train.muon.momentum_dtype])
        self.on_grid = [Fp8Stack(stack, train.batch_tokens) for stack in self.stacks if stack.quantizer is not None]
        self._writes = [_writes(one.stack, compile_functions) for one in self.on_grid]
        weights: dict[str, Fp8Weight] = {}
        for one in self.on_grid:
            for index, name in enumerate(one.stack.names):
                layer = layer_of(network, name)
                assert layer.effective is not None
                weights[name] = one.weight(index, leaf=layer.effective)
                layer.effective = None  # it is never written
        network.use(weights)

    @classmethod
    def of(cls, network: Any, names: Iterable[str], train: TrainConfig, compile_functions: bool) -> "Fp8Stacks":
        """The stacks of a training with these settings."""
        return cls(network, names, train, compile_functions)

    @torch.no_grad()
    def requantize(self) -> None:
        """Write the master weights, on their grids, where the products read them."""
        for one, write in zip(self.on_grid, self._writes, strict=True):
            write(one.codes, one.turned, one.power, one.stack.weight, one.stack.quantizer)

    @torch.no_grad()
    def after_gradients(self, ranks: Ranks) -> None:
        """Expect from now on what this step has seen on any rank."""
        for one in self.on_grid:
            ranks.largest_(one.seen)
            one.largest.copy_(torch.where(one.seen > 0, one.seen, one.largest))
            one.seen.zero_()

    def state(self) -> dict[str, Tensor]:
        """What the products expect, by the name of the matrix (views)."""
        return {f"fp8.{name}": one.largest[i] for one in self.on_grid for i, name in enumerate(one.stack.names)}


def _writes(stack: Stack, compiled: bool) -> Callable[..., None]:
    """``fp8.write_weights`` of such a stack's weights, to the bit."""
    if has_kernel(stack.weight, stack.quantizer):
        from tritgolf.model.fp8_weights_kernel import write_weights_on_gpu  # noqa: PLC0415  (Triton is there on GPUs only)

        return write_weights_on_gpu
    return torch.compile(write_weights) if compiled else write_weights


def has_kernel(weight: Tensor, quantizer: Quantizer | None) -> bool:
    """On a GPU, on a grid whose scales are means in FP64 of FP32 weights, and in whole fours of rows."""
    known = isinstance(quantizer, ScaledE4m3Quantizer) and quantizer.arithmetic == "float64"
    return known and weight.is_cuda and weight.shape[1] % 4 == 0


def _is_seen(seen: Tensor) -> Callable[[Tensor], None]:
    def hook(largest: Tensor) -> None:
        assert largest.grad is not None
        torch.maximum(seen, largest.grad, out=seen)
        largest.grad = None

    return hook
