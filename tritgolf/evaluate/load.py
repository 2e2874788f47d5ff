"""From files to networks that can be scored."""

from collections.abc import Mapping

from torch import Tensor

from tritgolf.artifact.header import Artifact
from tritgolf.artifact.storage import Restored
from tritgolf.config.model import UNetConfig
from tritgolf.model.build import build_network
from tritgolf.model.layers import quantizer_arguments
from tritgolf.model.network import Network
from tritgolf.model.unet_parameters import described
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.ternary import ternarize


def trained_network(model: UNetConfig, weights: Mapping[str, Tensor], attention: str = "auto") -> Network:
    """The network as it was trained: master weights by name, quantized as the training forward pass does."""
    return build_network(model, weights, attention=attention)


def reloaded_network(artifact: Artifact, attention: str = "auto") -> Network:
    """The network that an artifact, ours or a published one, describes."""
    restored = artifact.restore()
    return build_network(artifact.header.model, restored.tensors, restored.ternary, attention=attention)


def used_ternary(restored: Restored, model: UNetConfig) -> dict[str, Quantized]:
    """Trits and scales that a model computes with once it has loaded ``restored``, on the device of its tensors."""
    if restored.ternary:
        return restored.ternary
    arguments = quantizer_arguments(model.quantizer)
    return {
        name: ternarize(weight, **arguments)
        for name, weight in restored.tensors.items()
        if described(name).is_quantized
    }
