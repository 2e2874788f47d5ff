"""The plain faithful trainer that the fast one is compared with: the specification written straight.

One network that quantizes in every forward pass, whole logits, gradients by autograd, one Muon product a matrix and
PyTorch's Adam. On a GPU its functions are compiled, as the published code is.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tritgolf.config.models import unet_of
from tritgolf.config.record import RecordConfig
from tritgolf.model.attention import choose_attention
from tritgolf.model.initialize import initialize
from tritgolf.model.loss import training_loss
from tritgolf.model.network import use_quantizers
from tritgolf.model.specs import parameters_of
from tritgolf.model.unet import UNet
from tritgolf.model.unet_parameters import described
from tritgolf.parameters import MATRICES
from tritgolf.quantize.plan import quantizers
from tritgolf.quantize.rounding import DTYPES
from tritgolf.train.muon import muon_step
from tritgolf.train.schedule import muon_momentum


class PlainTrainer:
    """``step`` does what ``Trainer.step`` does, one micro-batch a step."""

    def __init__(self, record: RecordConfig, seed: int, device: torch.device) -> None:
        model, self.train = unet_of(record.model, record.name), record.train
        dtype = DTYPES[model.compute]
        self.network = UNet(model, choose_attention(self.train.attention, device, dtype)[1])
        use_quantizers(self.network, quantizers(model, parameters_of(model)))
        initialize(self.network, seed)
        self.network.to(device)
        named = dict(self.network.named_parameters())
        self.matrices = [p for name, p in named.items() if described(name).role in MATRICES]
        self.momenta = [torch.zeros_like(matrix) for matrix in self.matrices]
        others = [p for p in named.values() if not any(p is matrix for matrix in self.matrices)]
        table = self.network.tok_emb.weight
        groups: list[dict[str, Any]] = [{"params": [table]}, {"params": [p for p in others if p is not table]}]
        self.adam = torch.optim.Adam(groups, betas=self.train.adam.betas, eps=self.train.adam.epsilon)
        self._loss = _compiled(self._loss_of, device)
        self._muon = _compiled(muon_step, device)

    def gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Gradients of all parameters anew; the mean cross-entropy before any update, nats a token."""
        self.network.zero_grad(set_to_none=True)
        loss, nats = self._loss(inputs, targets)
        loss.backward()
        return nats

    def update_matrices(self, lr: float, momentum: float) -> None:
        """Muon, one matrix after the other."""
        rate, keep = (torch.tensor(value, device=self.matrices[0].device) for value in (lr, momentum))
        for matrix, buffer in zip(self.matrices, self.momenta, strict=True):
            assert matrix.grad is not None
            one = (tensor.unsqueeze(0) for tensor in (matrix.data, matrix.grad, buffer))
            self._muon(*one, lr=rate, momentum=keep, iterations=self.train.muon.iterations)

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
        table, bias, cap, *_ = self.network.head()
        return training_loss(hidden, table, bias, targets.reshape(-1), cap, self.train.z_loss)


def _compiled(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    return torch.compile(function, dynamic=False) if device.type == "cuda" else function
