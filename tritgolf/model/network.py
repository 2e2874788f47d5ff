"""What trainer, scorer and exporter may ask of a network, and nothing else: they know no class of one."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from tritgolf.model.fused_loss import fused_training_loss
from tritgolf.model.layers import QuantizedLinear
from tritgolf.model.loss import SoftcapKind, capped_logits
from tritgolf.model.phase import Phase
from tritgolf.quantize.base import Quantizer


class Head(NamedTuple):
    """What turns hidden states into logits: ``table`` (vocabulary, embed), ``bias`` (vocabulary,), softcap ``cap``.

    ``kind``: which softcap. ``scale``: a constant () that all capped logits are multiplied with, where there is one.
    """

    table: Tensor
    bias: Tensor | None
    cap: float
    kind: SoftcapKind = "polynomial"
    scale: Tensor | None = None

    def logits(self, hidden: Tensor) -> Tensor:
        """Softcapped logits (tokens, vocabulary), at least FP32, of ``hidden`` (tokens, embed)."""
        return capped_logits(hidden, *self)

    def loss(self, hidden: Tensor, targets: Tensor, z_loss: float) -> tuple[Tensor, Tensor]:
        """(mean cross-entropy + z_loss · mean logsumexp², mean cross-entropy) of ``targets`` (tokens,), by chunks."""
        table, bias, cap, kind, scale = self
        return fused_training_loss(hidden, table, bias, targets, cap, z_loss, kind, scale)


class Network(Protocol):
    """A model: an ``nn.Module`` with these besides. ``model``: its settings; ``dtype``: what it computes in."""

    model: Any
    dtype: torch.dtype

    def __call__(self, tokens: Tensor, tail: int | None = None) -> Tensor:
        """Token ids (batch, positions ≤ context) → hidden states for the head; of the last ``tail`` positions alone."""

    def head(self) -> Head:
        """The head as the loss is to use it."""

    def linears(self) -> Iterator[tuple[str, QuantizedLinear]]:
        """(name of its weight, layer) of every matrix that a quantizer may sit on, in state-dict order."""

    def enter(self, phase: Phase) -> None:
        """Compute as in this phase of training, from the next call on."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...  # noqa: D102  (nn.Module's, as those below)

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]: ...  # noqa: D102

    def parameters(self) -> Iterator[nn.Parameter]: ...  # noqa: D102

    def modules(self) -> Iterator[nn.Module]: ...  # noqa: D102

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...  # noqa: D102

    def get_parameter(self, target: str) -> nn.Parameter: ...  # noqa: D102

    def get_submodule(self, target: str) -> Any: ...  # noqa: D102

    def state_dict(self) -> dict[str, Tensor]: ...  # noqa: D102

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> Any: ...  # noqa: D102

    def to(self, device: torch.device) -> Any: ...  # noqa: D102

    def eval(self) -> Any: ...  # noqa: D102


def use_quantizers(network: Network, quantizers: Mapping[str, Quantizer]) -> None:
    """Let ``network``, which is built plain, compute on the grids of ``quantizers`` (by name): to train it on them.

    Matrices that none of them is for are plain (again).
    """
    for name, layer in network.named_modules():
        if isinstance(layer, QuantizedLinear):
            layer.quantizer = quantizers.get(f"{name}.weight")


def layer_of(network: Network, weight: str) -> QuantizedLinear:
    """The layer that has the matrix of this name."""
    return network.get_submodule(weight.removesuffix(".weight"))


def device_of(network: Network) -> torch.device:
    """The device that a network is on."""
    return next(network.parameters()).device
