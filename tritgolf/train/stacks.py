"""Matrices of equal shape side by side in memory, so that one call quantizes or orthogonalizes them all.

A network's matrices become views into the stacks; nothing else about the network changes. Ternary matrices are
quantized once a step into leaves that collect the (straight-through) gradient in the compute dtype; a hook adds it to
the FP32 gradient, so accumulation over micro-batches is FP32 and backward never quantizes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tritgolf.model.layers import QuantizedLinear, quantizer_arguments
from tritgolf.model.network import Network
from tritgolf.model.specs import parameters_of
from tritgolf.parameters import MATRICES
from tritgolf.quantize.base import dequantize
from tritgolf.quantize.ternary import ternarize


@dataclass
class Stack:
    """``weight``, ``gradient``, ``momentum``: FP32 (matrices, rows, columns); ``effective``: q·s, compute dtype."""

    names: list[str]
    weight: Tensor
    gradient: Tensor
    momentum: Tensor
    effective: Tensor | None


class Stacks:
    """All matrices that Muon trains, by shape and kind; built once from a network that is already on its device."""

    def __init__(self, network: Network, compile_functions: bool = False) -> None:
        layers = dict(network.linears())
        groups: dict[tuple[bool, tuple[int, ...]], list[str]] = {}
        for name, parameter in parameters_of(network.model).items():
            if parameter.role in MATRICES:
                groups.setdefault((parameter.is_quantized, parameter.shape), []).append(name)
        quantizer = network.model.quantizer
        self.group_size = quantizer.group_size
        self.quantize = _quantizes(quantizer_arguments(quantizer))
        if compile_functions:
            self.quantize = torch.compile(self.quantize)
        self.stacks = [_stack(network, names, layers, ternary) for (ternary, _), names in groups.items()]

    @torch.no_grad()
    def requantize(self) -> None:
        """Write q·s of the master weights into the leaves that the forward pass reads."""
        for stack in self.stacks:
            if stack.effective is not None:  # a group a row: one kernel, which reads and writes each once
                groups = (-1, self.group_size)
                self.quantize(stack.effective.view(groups), stack.weight.view(groups))

    def momenta(self) -> dict[str, Tensor]:
        """Name of a matrix → its momentum buffer (a view)."""
        return {name: stack.momentum[i] for stack in self.stacks for i, name in enumerate(stack.names)}


def _stack(network: Network, names: list[str], layers: dict[str, QuantizedLinear], ternary: bool) -> Stack:
    parameters = [network.get_parameter(name) for name in names]
    weight = torch.stack([p.detach() for p in parameters])
    gradient, momentum = torch.zeros_like(weight), torch.zeros_like(weight)
    effective = torch.zeros_like(weight, dtype=network.dtype) if ternary else None
    for i, (name, parameter) in enumerate(zip(names, parameters, strict=True)):
        parameter.data = weight[i]
        parameter.grad = gradient[i]
        if effective is not None:
            leaf = effective[i].detach().requires_grad_(True)
            leaf.register_post_accumulate_grad_hook(_adds_into(gradient[i]))
            layers[name].effective = leaf
    return Stack(names, weight, gradient, momentum, effective)


def _quantizes(arguments: dict[str, Any]) -> Callable[[Tensor, Tensor], object]:
    """What writes q·s of its second argument into its first."""

    def quantize(effective: Tensor, weight: Tensor) -> None:
        effective.copy_(dequantize(ternarize(weight, **arguments)))

    return quantize


def _adds_into(gradient: Tensor) -> Callable[[Tensor], None]:
    def hook(leaf: Tensor) -> None:
        assert leaf.grad is not None
        gradient.add_(leaf.grad)
        leaf.grad = None

    return hook
