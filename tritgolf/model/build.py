"""Networks ready to be scored."""

from collections.abc import Mapping

import torch
from torch import Tensor

from tritgolf.config.models import ModelConfig
from tritgolf.errors import InputError
from tritgolf.model.attention import choose_attention
from tritgolf.model.counts import parameter_shapes
from tritgolf.model.network import Network
from tritgolf.model.phase import Phase
from tritgolf.model.specs import network_class
from tritgolf.quantize.base import Quantizer, quantize
from tritgolf.quantize.rounding import DTYPES


def default_device() -> torch.device:
    """The GPU of this process (the first, unless it is a rank of several), else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def build_network(
    model: ModelConfig,
    weights: Mapping[str, Tensor],
    quantizers: Mapping[str, Quantizer] | None = None,
    *,
    attention: str = "auto",
    device: torch.device | None = None,
) -> Network:
    """A plain network in evaluation mode, with these ``weights`` by name (any float dtype) and no quantizer.

    ``quantizers``, by name, are for a checkpoint's master weights: each matrix is put on its grid here, once, as the
    forward pass of training does. Raises ``InputError`` for a missing, unknown or misshapen tensor.
    """
    device = device or default_device()
    _check_shapes(model, {name: tuple(tensor.shape) for name, tensor in weights.items()})
    network: Network = network_class(model)(model, choose_attention(attention, device, DTYPES[model.compute])[1])
    network.to(device).eval()
    network.enter(Phase(recurrence=True))  # as training ends
    network.load_state_dict(weights)
    with torch.no_grad():
        for name, quantizer in (quantizers or {}).items():
            weight = network.get_parameter(name)
            weight.copy_(quantizer.dequantize(quantize(weight, quantizer)))
    return network


def _check_shapes(model: ModelConfig, shapes: dict[str, tuple[int, ...]]) -> None:
    wanted = parameter_shapes(model)
    for name in sorted(wanted.keys() | shapes.keys()):
        if wanted.get(name) != shapes.get(name):
            raise InputError(
                f"tensor {name}",
                f"has shape {shapes.get(name, 'missing')}, the model wants {wanted.get(name, 'none')}",
                "use the record that the weights were trained with",
            )
