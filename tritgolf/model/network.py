"""What trainer, scorer and exporter may ask of a network, and nothing else: they know no class of one."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from tritgolf.model.layers import QuantizedLinear
from tritgolf.model.loss import capped_logits
from tritgolf.quantize.base import Quantizer


class Head(NamedTuple):
    """What turns hidden states into logits: ``table`` (vocabulary, embed), ``bias`` (vocabulary,), softcap ``cap``."""

    table: Tensor
    bias: Tensor
    cap: float

    def logits(self, hidden: Tensor) -> Tensor:
        """Softcapped logits (tokens, vocabulary), at least FP32, of ``hidden`` (tokens, embed)."""
        return capped_logits(hidden, *self)


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

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...  # noqa: D102  (nn.Module's, as those below)

    def parameters(self) -> Iterator[nn.Parameter]: ...  # noqa: D102

    def modules(self) -> Iterator[nn.Module]: ...  # noqa: D102

    def get_parameter(self, target: str) -> nn.Parameter: ...  # noqa: D102

    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> Any: ...  # noqa: D102

    def to(self, device: torch.device) -> Any: ...  # noqa: D102

    def eval(self) -> Any: ...  # noqa: D102


def use_quantizers(network: Network, quantizers: Mapping[str, Quantizer]) -> None:
    """Let ``network``, which is built plain, compute on the grids of ``quantizers`` (by name): to train it on them."""
    for name, layer in network.linears():
        layer.quantizer = quantizers.get(name)


def device_of(network: Network) -> torch.device:
    """The device that a network is on."""
    return next(network.parameters()).device
