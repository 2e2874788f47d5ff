"""A checkpoint on the bench: its own score once, then the score of whatever form of it was stored and reloaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tritgolf.artifact.statistics import difference
from tritgolf.artifact.storage import Restored
from tritgolf.evaluate.load import trained_network
from tritgolf.evaluate.roundtrip import Gap, paired_gap
from tritgolf.evaluate.score import Score, WindowNats
from tritgolf.evaluate.text import ScoredText
from tritgolf.model.network import device_of
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.plan import quantize_all, quantizers


@dataclass(frozen=True)
class Reloaded:
    """A stored form of the checkpoint after reload, against the trained model.

    ``max_weight_error`` is that of a quantized matrix, ``max_tensor_error`` that of any other number.
    """

    nats: WindowNats
    score: Score
    gap: Gap
    trits_changed: int | None
    max_weight_error: float
    max_tensor_error: float


class Bench:
    """Holds the trained model on its device and one network that takes other weights in turn."""

    def __init__(self, model: Any, weights: Mapping[str, Tensor], text: ScoredText, attention: str) -> None:
        self.model, self.text = model, text
        self._network = trained_network(model, weights, attention)
        self.device = device_of(self._network)
        self.weights = {name: tensor.to(self.device) for name, tensor in weights.items()}
        self.quantized = quantize_all(self.weights, quantizers(model, parameters_of(model)))
        self.others = {name: tensor for name, tensor in self.weights.items() if name not in self.quantized}
        self.nats, self.score = text.score(self._network, "trained")

    def reload(self, restored: Restored, what: str, against: WindowNats | None = None) -> Reloaded:
        """Score what ``restored`` (on any device) gives the model; its codes are compared with the forward pass's.

        The gap is to the trained model, or to ``against``.
        """
        restored = restored.to(self.device)
        self._network.load_state_dict(restored.weights())
        nats, score = self.text.score(self._network, what)
        # A matrix that was trained on no grid is compared as it was trained.
        plain = {name: self.weights[name] for name in restored.quantized if name not in self.quantized}
        weights = difference(self.quantized, restored.quantized, plain, restored.weights() if plain else {})
        rest = {name: tensor for name, tensor in self.others.items() if name not in plain}
        others = difference({}, {}, rest, restored.tensors)
        return Reloaded(
            nats=nats,
            score=score,
            gap=paired_gap(against or self.nats, nats, self.score.bytes),
            trits_changed=weights.trits_changed,
            max_weight_error=weights.max_weight_error,
            max_tensor_error=others.max_weight_error,
        )
