"""What GPTQ knows of a calibration text: XᵀX of the inputs X of each matrix (#1019, #1716)."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from tritgolf.errors import InputError
from tritgolf.model.network import Network, device_of
from tritgolf.model.specs import parameters_of


@torch.no_grad()
def collect_hessians(network: Network, batches: Iterable[Tensor]) -> dict[str, Tensor]:
    """Weight's name → H, FP32 (inputs, inputs), of every matrix of ``linears()`` and of the head's table.

    H is XᵀX, summed over the tokens of a batch and all runs of a repeated layer: its mean over the batches.
    ``batches``: token ids (sequences, positions ≤ context). ``network``: plain (not ``fused``, not compiled), in the
    phase to calibrate, which calls each of these layers as a module; it stays as it is. Products are FP32, on its
    device. Raises ``InputError`` if there is no batch.
    """
    sums: dict[str, Tensor] = {}
    layers = dict(network.linears())
    table = next(name for name, parameter in parameters_of(network.model).items() if parameter.role == "embedding")
    count = 0
    with ExitStack() as hooks:
        for name, layer in layers.items():
            hooks.callback(layer.register_forward_pre_hook(_adding(sums, name)).remove)
        for count, tokens in enumerate(batches, start=1):  # noqa: B007  (counted for after the loop)
            _add(sums, table, network(tokens.to(device_of(network))))
    if count == 0:
        raise InputError("calibration", "has no batch", "give at least one")
    if unseen := layers.keys() - sums.keys():
        raise RuntimeError(f"the network has not called {sorted(unseen)}: their inputs are not known")
    return {name: total / count for name, total in sums.items()}


def _adding(sums: dict[str, Tensor], name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    """A hook that adds what its layer is given."""
    return lambda _, arguments: _add(sums, name, arguments[0])


def _add(sums: dict[str, Tensor], name: str, inputs: Tensor) -> None:
    """Add XᵀX of ``inputs`` (…, features) to the sum ``name``."""
    rows = inputs.flatten(0, -2).float()
    if name not in sums:
        sums[name] = rows.new_zeros(rows.shape[1], rows.shape[1])
    sums[name].addmm_(rows.T, rows)
