"""Networks ready to be scored: from a checkpoint's master weights, or from what an artifact restores."""

from collections.abc import Mapping

import torch
from torch import Tensor

from tritgolf.config.models import ModelConfig
from tritgolf.errors import InputError
from tritgolf.model.attention import choose_attention
from tritgolf.model.counts import parameter_shapes
from tritgolf.model.network import Network
from tritgolf.model.phase import Phase
from tritgolf.model.specs import network_class, parameters_of
from tritgolf.quantize.rounding import DTYPES
from tritgolf.quantize.ternary import Quantized


def default_device() -> torch.device:
    """The first GPU, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def build_network(
    model: ModelConfig,
    tensors: Mapping[str, Tensor],
    ternary: Mapping[str, Quantized] | None = None,
    *,
    attention: str = "auto",
    device: torch.device | None = None,
) -> Network:
    """A network in evaluation mode that quantizes nothing any more.

    ``tensors``: weights by name. Ternary matrices among them are masters, quantized here once as the forward pass
    would; those in ``ternary`` are used as they are. Raises ``InputError`` for a missing, unknown or misshapen tensor.
    """
    device = device or default_device()
    ternary = ternary or {}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    _check_shapes(model, shapes | {name: tuple(trits.q.shape) for name, trits in ternary.items()})
    dtype = DTYPES[model.compute]
    network: Network = network_class(model)(model, choose_attention(attention, device, dtype)[1])
    missing_masters = {name: torch.zeros(shape) for name, shape in parameter_shapes(model).items() if name in ternary}
    network.load_state_dict({**missing_masters, **tensors})
    network.to(device).eval()
    network.enter(Phase(recurrence=True))  # as training ends
    masters = {name: trits for name, trits in network.ternarized().items() if name not in ternary}
    network.use_ternary(masters | {n: Quantized(t.q.to(device), t.scale.to(device)) for n, t in ternary.items()})
    return network


@torch.no_grad()
def replace_weights(network: Network, tensors: Mapping[str, Tensor], ternary: Mapping[str, Quantized]) -> None:
    """Let ``network`` (of ``build_network``) compute with other weights: much faster than to build another one.

    ``tensors``: all that are not ternary matrices (these are passed over); ``ternary``: every ternary matrix.
    """
    for name, parameter in network.named_parameters():
        if name not in ternary:
            parameter.copy_(tensors[name])
    network.use_ternary(dict(ternary))


def _check_shapes(model: ModelConfig, found: dict[str, tuple[int, ...]]) -> None:
    table = parameters_of(model)
    wanted = {name: parameter.shape for name, parameter in table.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            kind = "ternary matrix" if name in table and table[name].is_quantized else "tensor"
            raise InputError(
                f"{kind} {name}",
                f"has shape {found.get(name, 'missing')}, the model wants {wanted.get(name, 'none')}",
                "use the record that the weights were trained with",
            )
