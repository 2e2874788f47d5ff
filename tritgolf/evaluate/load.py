"""From files to networks that can be scored."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from tritgolf.artifact.header import Artifact
from tritgolf.config.transformer import TransformerConfig
from tritgolf.model.build import build_network, default_device
from tritgolf.model.network import Network
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import quantizers


def trained_network(model: Any, weights: Mapping[str, Tensor], attention: str = "auto") -> Network:
    """The network as it was trained: master weights by name, on their grids as the training forward pass has them."""
    return build_network(as_scored(model), weights, quantizers(model, parameters_of(model)), attention=attention)


def reloaded_network(artifact: Artifact, attention: str = "auto") -> Network:
    """The network that an artifact of either format describes."""
    model = as_scored(artifact.header.model)
    return build_network(model, artifact.restore(default_device()).weights(), attention=attention)


def as_scored(model: Any) -> Any:
    """``model`` with the rotary base of its context whatever a call's length: #1019's code pads windows to it."""
    if isinstance(model, TransformerConfig) and model.rotary_stretch is not None:
        stretch = model.rotary_stretch.model_copy(update={"of": "context"})
        return model.model_copy(update={"rotary_stretch": stretch})
    return model
