"""From files to networks that can be scored."""

from collections.abc import Mapping

from torch import Tensor

from tritgolf.artifact.header import Artifact
from tritgolf.artifact.storage import forward_ternary
from tritgolf.config import ModelConfig
from tritgolf.model.build import build_network
from tritgolf.model.ternary import Ternary
from tritgolf.model.unet import TernaryUNet


def trained_network(model: ModelConfig, weights: Mapping[str, Tensor], attention: str = "auto") -> TernaryUNet:
    """The network as it was trained: master weights by name, quantized as the training forward pass does."""
    return build_network(model, weights, attention=attention)


def reloaded_network(artifact: Artifact, attention: str = "auto") -> TernaryUNet:
    """The network that an artifact, ours or a published one, describes."""
    restored = artifact.restore()
    return build_network(artifact.header.model, restored.tensors, restored.ternary, attention=attention)


def reloaded_ternary(artifact: Artifact) -> dict[str, Ternary]:
    """Trits and scales that the reloaded network computes with, on the CPU."""
    restored = artifact.restore()
    return restored.ternary or forward_ternary(restored.tensors, artifact.header.model.quantizer)
