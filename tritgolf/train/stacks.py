"""Matrices of equal shape side by side in memory, so that one call quantizes or orthogonalizes them all.

A network's matrices become views into the stacks; nothing else about the network changes. Those with a quantizer are
quantized once a step into leaves that collect the (straight-through) gradient in the compute dtype; a hook adds it to
the FP32 gradient, so accumulation over micro-batches is FP32 and backward never quantizes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from tritgolf.config.train import TrainConfig
from tritgolf.model.network import Network, layer_of, use_quantizers
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.base import Quantizer, quantize
from tritgolf.quantize.plan import quantizers
from tritgolf.quantize.rounding import DTYPES
from tritgolf.ranks import Ranks


@dataclass
class Stack:
    """``weight``, ``gradient``, ``momentum``: (matrices, rows, columns), FP32; the momentum in what it is asked in.

    ``effective``: the same on the grid of ``quantizer``, in the compute dtype; None where there is none.
    ``scale_columns``: how many columns share a scale of that grid.
    """

    names: list[str]
    weight: Tensor
    gradient: Tensor
    momentum: Tensor
    quantizer: Quantizer | None
    effective: Tensor | None
    scale_columns: int


class Stacks:
    """All matrices that Muon trains, by quantizer and shape; built once from a network that lies on its device.

    ``names``: which they are. Other matrices that are trained on a grid are put on it by each forward pass.
    """

    def __init__(
        self,
        network: Network,
        names: Iterable[str],
        compile_functions: bool = False,
        momentum_dtype: torch.dtype = torch.float32,
    ) -> None:
        self.network = network
        table = parameters_of(network.model)
        self.plan = quantizers(network.model, table, training=True)
        groups: dict[tuple[Quantizer | None, tuple[int, ...]], list[str]] = {}
        for name in names:
            groups.setdefault((self.plan.get(name), table[name].shape), []).append(name)
        self.stacks = [
            _stack(network, of_shape, quantizer, momentum_dtype) for (quantizer, _), of_shape in groups.items()
        ]
        self._quantize = {quantizer: _quantizes(quantizer, compile_functions) for quantizer in set(self.plan.values())}
        self.enter(on_grids=True)

    @classmethod
    def of(cls, network: Network, names: Iterable[str], train: TrainConfig, compile_functions: bool) -> "Stacks":
        """The stacks of a training with these settings."""
        return cls(network, names, compile_functions, DTYPES[train.muon.momentum_dtype])

    def enter(self, on_grids: bool) -> None:
        """Let the network compute with its matrices on their grids, or with the master weights."""
        self.on_grids = on_grids
        use_quantizers(self.network, self.plan if on_grids else {})

    @torch.no_grad()
    def requantize(self) -> None:
        """Write the master weights, on their grids if they are to be, into the leaves that the forward pass reads."""
        for stack in self.stacks:
            if stack.quantizer is not None and stack.effective is not None:
                if not self.on_grids:
                    stack.effective.copy_(stack.weight)
                    continue
                # What shares a scale is a row: one kernel, which reads and writes each once.
                rows, matrices = (-1, stack.scale_columns), len(stack.names)
                self._quantize[stack.quantizer](stack.effective.view(rows), stack.weight.view(rows), matrices)

    def after_gradients(self, _ranks: Ranks) -> None:
        """What is to be done between the gradients of a step, averaged over ranks, and its update: nothing."""

    def state(self) -> dict[str, Tensor]:
        """What the next step depends on besides weights and momenta, by name (views): nothing."""
        return {}

    def momenta(self) -> dict[str, Tensor]:
        """Name of a matrix → its momentum buffer (a view)."""
        return {name: stack.momentum[i] for stack in self.stacks for i, name in enumerate(stack.names)}


def _stack(network: Network, names: list[str], quantizer: Quantizer | None, momentum_dtype: torch.dtype) -> Stack:
    parameters = [network.get_parameter(name) for name in names]
    weight = torch.stack([p.detach() for p in parameters])
    gradient, momentum = torch.zeros_like(weight), torch.zeros_like(weight, dtype=momentum_dtype)
    effective = torch.zeros_like(weight, dtype=network.dtype) if quantizer is not None else None
    for i, (name, parameter) in enumerate(zip(names, parameters, strict=True)):
        parameter.data = weight[i]
        parameter.grad = gradient[i]
        if effective is not None:
            leaf = effective[i].detach().requires_grad_(True)
            leaf.register_post_accumulate_grad_hook(_adds_into(gradient[i]))
            layer_of(network, name).effective = leaf
    columns = 0 if quantizer is None else _columns_of_a_scale(weight[0], quantizer)
    return Stack(names, weight, gradient, momentum, quantizer, effective, columns)


def _quantizes(quantizer: Quantizer, compiled: bool) -> Callable[[Tensor, Tensor, int], object]:
    """What writes its second argument, so many matrices, on the grid, into its first."""

    def write(effective: Tensor, weight: Tensor, matrices: int) -> None:
        effective.copy_(quantizer.dequantize(quantize(weight, quantizer, matrices)))

    return torch.compile(write) if compiled else write


def _adds_into(gradient: Tensor) -> Callable[[Tensor], None]:
    def hook(leaf: Tensor) -> None:
        assert leaf.grad is not None
        gradient.add_(leaf.grad)
        leaf.grad = None

    return hook


def _columns_of_a_scale(weight: Tensor, quantizer: Quantizer) -> int:
    """How many columns share a scale in such a matrix (rows, columns)."""
    rows, groups = quantizer.grid_scale(weight).shape
    if rows != weight.shape[0]:
        raise ValueError("a grid with one scale a tensor can't be trained: a stack holds many tensors")
    return weight.shape[1] // groups
