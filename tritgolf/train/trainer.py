"""One optimization step, and the state it carries from step to step."""

import torch
from torch import Tensor

from tritgolf.config import ModelConfig, TrainConfig
from tritgolf.model.attention import choose_attention
from tritgolf.model.fused_loss import fused_training_loss
from tritgolf.model.initialize import initialize
from tritgolf.model.unet import TernaryUNet
from tritgolf.train.distributed import Ranks
from tritgolf.train.muon import muon_step
from tritgolf.train.schedule import muon_momentum
from tritgolf.train.stacks import Stacks

ADAM_MOMENTS = ("exp_avg", "exp_avg_sq")


class Trainer:
    """A network, its optimizers and its ranks: ``step`` does a step, ``state`` and ``load_state`` make it resumable."""

    def __init__(self, model: ModelConfig, train: TrainConfig, seed: int, ranks: Ranks) -> None:
        self.train, self.ranks = train, ranks
        on_gpu = ranks.device.type == "cuda"
        dtype = torch.bfloat16 if model.compute == "bfloat16" else torch.float32
        self.attention_name, attend = choose_attention(train.attention, ranks.device, dtype)
        self.network = TernaryUNet(model, attend)
        initialize(self.network, seed)
        self.network.to(ranks.device)
        self.stacks = Stacks(self.network, compile_functions=on_gpu)
        stacked = self.stacks.momenta()
        self.others = {name: p for name, p in self.network.named_parameters() if name not in stacked}
        vectors = [p for name, p in self.others.items() if name != "tok_emb.weight"]
        self.adam = torch.optim.Adam(
            [
                {"params": [self.network.tok_emb.weight], "lr": train.adam.table_lr},
                {"params": vectors, "lr": train.adam.vector_lr},
            ],
            betas=train.adam.betas,
            eps=train.adam.epsilon,
            fused=on_gpu,
        )
        self._forward = torch.compile(self.network, dynamic=False) if on_gpu else self.network
        self._muon = torch.compile(muon_step, dynamic=False) if on_gpu else muon_step

    def step(self, index: int, lr_scale: float, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Do step ``index`` (0-based) on this rank's sequences (sequences, context), int64 on the device.

        Returns this rank's mean minimized loss and mean cross-entropy before the update, nats per token, on the device.
        """
        self._zero_gradients()
        self.stacks.requantize()
        losses = self._accumulate_gradients(inputs, targets)
        self.ranks.average_(self._gradients())
        self._update(index, lr_scale)
        return losses[0], losses[1]

    def learning_rates(self, lr_scale: float) -> dict[str, float]:
        """Learning rates by optimizer group at ``lr_scale``."""
        train = self.train
        return {
            "muon_lr": train.muon.lr * lr_scale,
            "table_lr": train.adam.table_lr * lr_scale,
            "vector_lr": train.adam.vector_lr * lr_scale,
        }

    def weights(self) -> dict[str, Tensor]:
        """Master weights by published name (views)."""
        return {name: parameter.detach() for name, parameter in self.network.named_parameters()}

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on but data and schedule, by name (views)."""
        state = {f"weight.{name}": tensor for name, tensor in self.weights().items()}
        state |= {f"muon.{name}": tensor for name, tensor in self.stacks.momenta().items()}
        for name, parameter in self.others.items():
            moments = self.adam.state[parameter]
            state |= {f"adam.{name}.{key}": moments[key] for key in (*ADAM_MOMENTS, "step") if key in moments}
        return state

    @torch.no_grad()
    def load_state(self, state: dict[str, Tensor]) -> None:
        """Put a ``state`` back, whatever device it was made on. Missing Adam moments mean no step was done."""
        for name, tensor in self.weights().items():
            tensor.copy_(state[f"weight.{name}"])
        for name, tensor in self.stacks.momenta().items():
            tensor.copy_(state[f"muon.{name}"])
        for name, parameter in self.others.items():
            self.adam.state.pop(parameter, None)
            if f"adam.{name}.step" in state:
                moments = {key: state[f"adam.{name}.{key}"].to(parameter.device).clone() for key in ADAM_MOMENTS}
                step = state[f"adam.{name}.step"].clone()
                self.adam.state[parameter] = {**moments, "step": step.to(parameter.device) if self._fused() else step}

    def _fused(self) -> bool:
        return bool(self.adam.defaults["fused"])

    def _zero_gradients(self) -> None:
        for stack in self.stacks.stacks:
            stack.gradient.zero_()
        self.adam.zero_grad(set_to_none=True)

    def _accumulate_gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        model = self.network.model
        size = _largest_divisor(inputs.shape[0], self.train.micro_batch_sequences)
        parts = inputs.shape[0] // size
        sums = torch.zeros(2, device=inputs.device)
        for part in range(parts):
            rows = slice(part * size, (part + 1) * size)
            hidden = self._forward(inputs[rows])
            loss, cross_entropy = fused_training_loss(
                hidden.flatten(0, 1),
                *self.network.head(),
                targets[rows].reshape(-1),
                model.softcap,
                self.train.z_loss,
            )
            (loss / parts).backward()
            sums += torch.stack((loss.detach(), cross_entropy))
        return sums / parts

    def _gradients(self) -> list[Tensor]:
        others = [parameter.grad for parameter in self.others.values() if parameter.grad is not None]
        return [stack.gradient for stack in self.stacks.stacks] + others

    def _update(self, index: int, lr_scale: float) -> None:
        rates = self.learning_rates(lr_scale)
        muon = self.train.muon
        momentum = muon_momentum(muon, index)
        for stack in self.stacks.stacks:
            self._muon(
                stack.weight,
                stack.gradient,
                stack.momentum,
                lr=self._scalar(rates["muon_lr"]),
                momentum=self._scalar(momentum),
                iterations=muon.iterations,
            )
        table, vectors = self.adam.param_groups
        table["lr"], vectors["lr"] = rates["table_lr"], rates["vector_lr"]
        self.adam.step()

    def _scalar(self, value: float) -> Tensor:
        """A scalar that a compiled function takes without recompiling when it changes."""
        return torch.tensor(value, dtype=torch.float32, device=self.ranks.device)


def _largest_divisor(count: int, limit: int) -> int:
    """The size of equal micro-batches: all of a rank's sequences count, whatever the world size leaves it."""
    return max(size for size in range(1, min(count, limit) + 1) if count % size == 0)
