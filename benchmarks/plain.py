"""The plain faithful trainer that the fast one is compared with: the specification written straight.

One network (a U-Net quantizes in every forward pass), whole logits, gradients by autograd, one Muon product a matrix
and, of the U-Net's records, PyTorch's Adam. On a GPU its functions are compiled, as the published code is.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.record import RecordConfig
from tritgolf.model.attention import choose_attention
from tritgolf.model.initialize import initialize
from tritgolf.model.loss import training_loss
from tritgolf.model.network import Network, use_quantizers
from tritgolf.model.specs import network_class, parameters_of
from tritgolf.parameters import MATRICES
from tritgolf.quantize.plan import quantizers
from tritgolf.quantize.rounding import DTYPES
from tritgolf.train.muon import muon_step
from tritgolf.train.schedule import muon_momentum


class PlainTrainer:
    """``step`` does what ``Trainer.step`` does of a U-Net's records, one micro-batch a step."""

    def __init__(self, record: RecordConfig, seed: int, device: torch.device) -> None:
        model, self.train, table = record.model, record.train, parameters_of(record.model)
        attend = choose_attention(self.train.attention, device, DTYPES[model.compute])[1]
        self.network: Network = network_class(model)(model, attend)
        use_quantizers(self.network, quantizers(model, table))
        initialize(self.network, seed)
        self.network.to(device)
        named = dict(self.network.named_parameters())
        self.matrices = [p for name, p in named.items() if table[name].role in MATRICES]
        self.momenta = [torch.zeros_like(matrix) for matrix in self.matrices]
        others = {name: p for name, p in named.items() if table[name].role not in MATRICES}
        tables = [p for name, p in others.items() if table[name].role == "embedding"]
        vectors = [p for name, p in others.items() if table[name].role != "embedding"]
        groups: list[dict[str, Any]] = [{"params": tables}, {"params": vectors}]
        self.adam = torch.optim.Adam(groups, betas=self.train.adam.betas, eps=self.train.adam.epsilon)
        self._loss = _compiled(self._loss_of, device)
        self._muon = _compiled(muon_step, device)

    def gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Gradients of all parameters anew; the mean cross-entropy before any update, nats a token."""
        for parameter in self.network.parameters():
            parameter.grad = None
        loss, nats = self._loss(inputs, targets)
        loss.backward()
        return nats

    def update_matrices(self, lr: float, momentum: float) -> None:
        """Muon, one matrix after the other."""
        rate, keep = (torch.tensor(value, device=self.matrices[0].device) for value in (lr, momentum))
        muon = self.train.muon
        form: dict[str, Any] = {"iterations": muon.iterations, "rows": muon.rows, "weight_decay": muon.weight_decay}
        for matrix, buffer in zip(self.matrices, self.momenta, strict=True):
            assert matrix.grad is not None
            one = (tensor.unsqueeze(0) for tensor in (matrix.data, matrix.grad, buffer))
            self._muon(*one, lr=rate, momentum=keep, **form)

    def step(self, index: int, lr_scale: float, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """As ``Trainer.step``; both results are the mean cross-entropy."""
        nats = self.gradients(inputs, targets)
        self.update_matrices(self.train.muon.lr * lr_scale, muon_momentum(self.train.muon, index))
        rates = (self.train.adam.table_lr, self.train.adam.vector_lr)
        for group, lr in zip(self.adam.param_groups, rates, strict=True):
            group["lr"] = lr * lr_scale
        self.adam.step()
        return nats, nats

    def _loss_of(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.network(inputs).flatten(0, 1)
        table, bias, cap, kind, scale = self.network.head()
        return training_loss(hidden, table, bias, targets.reshape(-1), cap, self.train.z_loss, kind, scale)


def _compiled(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False) if device.type == "cuda" else function
