"""One optimization step, and the state it carries from step to step."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from tritgolf.config.models import ModelConfig
from tritgolf.config.train import TrainConfig
from tritgolf.cuda_graph import Replay
from tritgolf.model.attention import choose_attention
from tritgolf.model.initialize import initialize
from tritgolf.model.network import Network
from tritgolf.model.phase import Phase
from tritgolf.model.specs import network_class, parameters_of
from tritgolf.quantize.rounding import DTYPES
from tritgolf.ranks import Ranks
from tritgolf.train.average import AVERAGES, Average
from tritgolf.train.fp8_stacks import Fp8Stacks
from tritgolf.train.groups import grouped, make_adam
from tritgolf.train.matrices import Muon, SharedMuon
from tritgolf.train.schedule import muon_momentum, phase_at
from tritgolf.train.stacks import Stacks
from tritgolf.train.step_timing import Phases

STACKS: dict[str, type[Stacks]] = {"compute": Stacks, "fp8": Fp8Stacks}  # by train.products


class Trainer:
    """A network, its optimizers and its ranks: ``step`` does a step, ``state`` and ``load_state`` make it resumable.

    On a GPU a step replays two recordings, gradients with their average over ranks and update: whatever they read or
    write stays where it is in memory. Another phase, or shape of a batch, is recorded anew. ``shared``: ranks share
    Muon's work (by default where each has a GPU); else every rank does all of it.
    """

    def __init__(
        self, model: ModelConfig, train: TrainConfig, seed: int, ranks: Ranks, shared: bool | None = None
    ) -> None:
        self.train, self.ranks, self.phases = train, ranks, Phases(ranks.device)
        on_gpu = ranks.device.type == "cuda"
        dtype = DTYPES[model.compute]
        self.attention_name, attend = choose_attention(train.attention, ranks.device, dtype)
        self.network: Network = network_class(model, train.products)(attend=attend, model=model, fused=on_gpu)
        initialize(self.network, seed)
        self.network.to(ranks.device)
        groups = grouped(self.network.named_parameters(), parameters_of(model), train.adam)
        self.stacks = STACKS[train.products].of(self.network, groups["muon"], train, on_gpu)
        self.others = groups["table"] | groups["vector"]
        self.adam = make_adam(groups, train.adam, on_gpu)
        self.untrained = groups["none"]
        for parameter in self.untrained.values():  # nothing clears it, as published; it stays where it is
            parameter.grad = torch.zeros_like(parameter)
        self.average: Average | None = None
        if train.average:
            kind = AVERAGES[train.average.kind]
            self.average = kind(self.weights(), train.average.decay, train.average.from_step)
        self.phase = phase_at(train, 0.0)
        self._network_enters()
        self._rates = {name: torch.zeros((), device=ranks.device) for name in ("muon_lr", "momentum")}
        self._losses = torch.zeros(2, device=ranks.device)
        self._gradient_norm = torch.zeros((), device=ranks.device)
        self._forward = torch.compile(self.network, dynamic=False) if on_gpu else self.network
        shared = ranks.on_gpus if shared is None else shared
        self.muon = SharedMuon(train.muon, on_gpu, ranks) if shared else Muon(train.muon, on_gpu)
        self._batch: tuple[Tensor, Tensor] | None = None
        self._compute_gradients: Callable[[], None] = self.compute_gradients
        self._update: Callable[[], None] = self.update

    def step(self, index: int, lr_scale: float, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Do step ``index`` (0-based) on this rank's sequences (sequences, context), int64 on the device.

        Returns this rank's mean minimized loss and mean cross-entropy before the update, nats per token, on the device.
        """
        self._set_rates(index, lr_scale)
        if self.average and index == self.average.from_step > 0:
            self.average.begin(self.weights())
        self._take(inputs, targets)
        self.phases.begin()
        self.ranks.entered += self.ranks.world > 1  # what is replayed does not count
        self._compute_gradients()
        self._update()
        self.phases.end("update")
        loss, cross_entropy = self._losses.clone()
        return loss, cross_entropy

    def enter(self, phase: Phase) -> None:
        """Do the next steps in ``phase``."""
        if phase != self.phase:
            self.phase = phase
            self._network_enters()
            self._record()

    @property
    def gradient_norm(self) -> float | None:
        """The L2 norm of the last step's gradients, of this rank's or their mean, as clipped; None if they aren't."""
        return None if self.train.clip_norm is None else float(self._gradient_norm)

    def learning_rates(self, lr_scale: float) -> dict[str, float]:
        """Learning rates by optimizer group at ``lr_scale``."""
        train = self.train
        return {
            "muon_lr": train.muon.lr * lr_scale,
            "table_lr": train.adam.table_lr * lr_scale,
            "vector_lr": train.adam.vector_lr * lr_scale,
        }

    def weights(self) -> dict[str, Tensor]:
        """Master weights, and constants that are saved with them, by published name (views)."""
        return {name: tensor.detach() for name, tensor in self.network.state_dict().items()}

    def checkpoint_weights(self) -> dict[str, Tensor]:
        """The weights that a checkpoint holds: their average, where one is taken, in the weights' own dtypes."""
        return self.average.weights(like=self.weights()) if self.average else self.weights()

    def state(self) -> dict[str, Tensor]:
        """Everything that the next step depends on but data and schedule, by name (views)."""
        state = {f"weight.{name}": tensor for name, tensor in self.weights().items()}
        state |= {f"muon.{name}": tensor for name, tensor in self.stacks.momenta().items()}
        state |= self.stacks.state()
        for name, parameter in self.others.items():
            state |= {f"adam.{name}.{key}": tensor for key, tensor in self.adam.state[parameter].items()}
        state |= self.leftover_gradients()
        if self.average:
            state |= {f"ema.{name}": tensor for name, tensor in self.average.state.items()}
        return state

    def gather_state(self) -> None:
        """On all ranks: bring together what each has a part of, before ``state`` is of any use to others."""
        self.muon.gather(self.stacks.stacks)

    def leftover_gradients(self) -> dict[str, Tensor]:
        """Gradients that add up over all steps, as nothing trains their parameters: a part of ``state`` (views)."""
        return {f"gradient.{name}": p.grad for name, p in self.untrained.items() if p.grad is not None}

    def close(self) -> None:
        """Let go of all recordings: NCCL ends only when none is left that it is in."""
        for recording in (self._compute_gradients, self._update):
            if isinstance(recording, Replay):
                recording.close()

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Put a ``state`` back in place, whatever device it was made on."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def compute_gradients(self) -> None:
        """Gradients of the batch that was taken, averaged over ranks, and this rank's losses, by plain calls."""
        assert self._batch is not None
        self._zero_gradients()
        self.stacks.requantize()
        self._losses.copy_(self._accumulate_gradients(*self._batch))
        if self.train.clip_each_rank:
            self._clip()
        self.phases.end("gradients")
        self.ranks.average_(self._gradients())
        self.stacks.after_gradients(self.ranks)
        self.phases.end("average")

    def update(self) -> None:
        """Clip, all optimizers, average, once, by plain calls."""
        if not self.train.clip_each_rank:
            self._clip()
        self.muon.step(self.stacks.stacks, self.adam.step, **self._rates)
        if self.average:
            self.average.update(self.weights())

    def _clip(self) -> None:
        if self.train.clip_norm is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.train.clip_norm)
            self._gradient_norm.copy_(norm)

    def _network_enters(self) -> None:
        self.network.enter(self.phase)
        self.stacks.enter(self.phase.qat)

    def _take(self, inputs: Tensor, targets: Tensor) -> None:
        """Put the batch where the recording reads it; another shape is another recording, with gradients elsewhere."""
        if self._batch is None or self._batch[0].shape != inputs.shape:
            self._batch = (torch.empty_like(inputs), torch.empty_like(targets))
            self._record()
        for kept, new in zip(self._batch, (inputs, targets), strict=True):
            kept.copy_(new)

    def _record(self) -> None:
        """Record the next steps anew, the update too: it reads gradients where their recording puts them."""
        self.close()
        self._compute_gradients = Replay(self.compute_gradients, self.ranks.device)
        self._update = Replay(self.update, self.ranks.device, self._compute_gradients)

    def _set_rates(self, index: int, lr_scale: float) -> None:
        rates = self.learning_rates(lr_scale)
        self._rates["muon_lr"].fill_(rates["muon_lr"])
        self._rates["momentum"].fill_(muon_momentum(self.train.muon, index))
        for group, name in zip(self.adam.groups, ("table_lr", "vector_lr"), strict=True):
            if isinstance(group.lr, Tensor):
                group.lr.fill_(rates[name])
            else:
                group.lr = rates[name]

    def _zero_gradients(self) -> None:
        for stack in self.stacks.stacks:
            stack.gradient.zero_()
        self.adam.zero_gradients()

    def _accumulate_gradients(self, inputs: Tensor, targets: Tensor) -> Tensor:
        size = _largest_divisor(inputs.shape[0], self.train.micro_batch_sequences)
        parts = inputs.shape[0] // size
        sums = torch.zeros(2, device=inputs.device)
        for part in range(parts):
            rows = slice(part * size, (part + 1) * size)
            hidden = self._forward(inputs[rows])
            head = self.network.head()
            loss, cross_entropy = head.loss(hidden.flatten(0, 1), targets[rows].reshape(-1), self.train.z_loss)
            del hidden  # 40 MB that nothing reads on the way back
            (loss / parts).backward()
            sums += torch.stack((loss.detach(), cross_entropy))
        return sums / parts

    def _gradients(self) -> list[Tensor]:
        others = [p.grad for p in (self.others | self.untrained).values() if p.grad is not None]
        return [stack.gradient for stack in self.stacks.stacks] + others


def _largest_divisor(count: int, limit: int) -> int:
    """The size of equal micro-batches: all of a rank's sequences count, whatever the world size leaves it."""
    return max(size for size in range(1, min(count, limit) + 1) if count % size == 0)
