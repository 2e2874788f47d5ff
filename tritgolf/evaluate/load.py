"""From files to networks that can be scored."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tritgolf.artifact.header import Artifact
from tritgolf.model.build import build_network, default_device
from tritgolf.model.network import Network
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import quantizers


def trained_network(model: Any, weights: Mapping[str, Tensor], attention: str = "auto") -> Network:
    """The network as it was trained: master weights by name, on their grids as the training forward pass has them."""
    return build_network(model, weights, quantizers(model, parameters_of(model)), attention=attention)


def reloaded_network(artifact: Artifact, attention: str = "auto") -> Network:
    """The network that an artifact, ours or a published one, describes."""
    return build_network(artifact.header.model, artifact.restore(default_device()).weights(), attention=attention)
