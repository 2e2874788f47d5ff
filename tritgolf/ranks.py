"""Ranks: one process a GPU under torchrun, or one process alone. NCCL on GPUs, gloo on CPUs."""

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from tritgolf.devices import visible_devices
from tritgolf.provenance import ON_CPU, processor
from tritgolf.torch_devices import check_gpus, found_here

GROUP_PATIENCE = 2  # times the seconds after which a rank hangs: the launcher, which can say which one, comes first
ALONE_FROM = 1 << 20  # elements (4 MB) of a tensor that is averaged by itself: its bytes take longer than an operation
T = TypeVar("T")
_all_gather: Any = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor  # its name since, until 2.13


@dataclass
class Ranks:
    """This process among the others. ``entered`` counts the operations on all ranks that this one has entered.

    ``group``: the process group of these ranks; None where they are all there are.
    """

    rank: int
    world: int
    device: torch.device
    entered: int = 0
    group: dist.ProcessGroup | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    @property
    def on_gpus(self) -> bool:
        """Whether there are several, each with a GPU."""
        return self.world > 1 and self.device.type == "cuda"

    def average_(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over ranks; BF16 tensors are summed in FP32.

        Small ones travel together: an operation of its own would take each longer than its bytes do.
        """
        if self.world == 1:
            return
        small = [tensor for tensor in tensors if tensor.numel() < ALONE_FROM]
        for tensor in tensors:
            if tensor.numel() >= ALONE_FROM:
                tensor.copy_(self._mean(tensor.float()))
        if small:
            mean = self._mean(torch.cat([tensor.flatten().float() for tensor in small]))
            for tensor, part in zip(small, mean.split([tensor.numel() for tensor in small]), strict=True):
                tensor.copy_(part.view_as(tensor))

    def _mean(self, wide: Tensor) -> Tensor:
        """The mean over ranks of ``wide``, FP32, in its place."""
        self.entered += 1
        dist.all_reduce(wide, group=self.group)
        return wide.div_(self.world)

    def largest_(self, tensor: Tensor) -> None:
        """Replace each element of ``tensor`` by the largest over ranks."""
        if self.world > 1:
            self.entered += 1
            dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self.group)

    def begin_gather(self, own: Tensor, count: int) -> tuple[Tensor, Callable[[], object]]:
        """Begin to bring together on all ranks the ``chunk`` of ``count`` things that each has; the second waits.

        ``own``: (this rank's, …) → (at least ``count``, …): where ranks have not equally many, zeros are at the end.
        """
        if self.world == 1:
            return own, lambda: None
        self.entered += 1
        most = -(-count // self.world)
        padded = F.pad(own, (0, 0) * (own.ndim - 1) + (0, most - len(own)))
        together = own.new_empty(self.world * most, *own.shape[1:])
        return together, _all_gather(together, padded, group=self.group, async_op=True).wait

    def chunk(self, count: int) -> slice:
        """This rank's of ``count`` things in a row: as many as other ranks have, but that the last may lack some."""
        most = -(-count // self.world)
        return slice(min(count, self.rank * most), min(count, (self.rank + 1) * most))

    def agree(self, values: list[float]) -> list[float]:
        """The largest of each value over ranks, so that all ranks decide alike."""
        if self.world == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        self.entered += 1
        dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self.group)
        return [float(value) for value in tensor]

    def gather(self, value: T) -> list[T]:
        """The ``value`` of every rank, in rank order, on every rank: anything that can be pickled."""
        values = [value] * self.world
        if self.world > 1:
            self.entered += 1
            dist.all_gather_object(values, value, group=self.group)
        return values

    def of_first(self, value: T) -> T:
        """The ``value`` of rank 0, on every rank."""
        return self.gather(value)[0]

    def devices(self) -> list[str]:
        """What each rank computes on, in rank order: its GPU's name, or ``cpu: `` and the processor's."""
        on_gpu = self.device.type == "cuda"
        return self.gather(torch.cuda.get_device_name(self.device) if on_gpu else f"{ON_CPU}{processor()}")

    def share(self, count: int) -> slice:
        """This rank's of ``count`` things in a row: contiguous, and as many as other ranks' give or take one."""
        return slice(count * self.rank // self.world, count * (self.rank + 1) // self.world)

    def wait(self) -> None:
        """Wait for all ranks."""
        if self.world > 1:
            self.entered += 1
            dist.barrier(group=self.group)

    def watch(self) -> None:
        """Queue an operation on all ranks behind what GPUs replay, whose own ones torch's watchdog does not see."""
        if self.world > 1 and self.device.type == "cuda":
            self.entered += 1
            dist.all_reduce(torch.zeros(1, device=self.device), group=self.group, async_op=True)

    def synchronize(self) -> None:
        """Wait for this rank's device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def alone() -> Ranks:
    """One process by itself, wherever it computes."""
    return Ranks(0, 1, torch.device("cpu"))


@contextlib.contextmanager
def joined_ranks(hang_seconds: float = 600, device: str | None = None) -> Iterator[Ranks]:
    """Join the process group that the launcher's variables (torchrun's) describe, if any; leave it at the end.

    ``hang_seconds``: after which the launcher ends a run with a rank that hangs. ``device``: as ``Plan`` has it. Raises
    ``InputError`` where this rank should compute on a GPU and torch has none for it.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    own = _own_device(device, int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    on_gpu = own.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(own)
    if world == 1:
        yield Ranks(0, 1, own)
        return
    timeout = datetime.timedelta(seconds=GROUP_PATIENCE * hang_seconds)
    dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timeout, device_id=own if on_gpu else None)
    try:
        yield Ranks(dist.get_rank(), world, own)
    finally:
        dist.destroy_process_group()


def _own_device(asked: str | None, local: int, ranks: int) -> torch.device:
    """The device of number ``local`` of this machine's ``ranks``."""
    if asked == "cpu":
        return torch.device("cpu")
    found = found_here()
    if asked == "cuda" or found.gpus or visible_devices():
        check_gpus(ranks, found, "GPUs")
        return torch.device("cuda", local)
    return torch.device("cpu")
