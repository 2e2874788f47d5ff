"""Ranks: one process a GPU under torchrun, or one process alone. NCCL on GPUs, gloo on CPUs."""

import contextlib
import datetime
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

HANG_TIMEOUT = datetime.timedelta(minutes=10)


@dataclass(frozen=True)
class Ranks:
    """This process among the others."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def average_(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over ranks; BF16 tensors are summed in FP32."""
        if self.world == 1:
            return
        for tensor in tensors:
            wide = tensor if tensor.dtype == torch.float32 else tensor.float()
            dist.all_reduce(wide)
            tensor.copy_(wide.div_(self.world))

    def agree(self, values: list[float]) -> list[float]:
        """The largest of each value over ranks, so that all ranks decide alike."""
        if self.world == 1:
            return values
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return [float(value) for value in tensor]

    def wait(self) -> None:
        """Wait for all ranks."""
        if self.world > 1:
            dist.barrier()

    def synchronize(self) -> None:
        """Wait for this rank's device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@contextlib.contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the process group that the launcher's variables (torchrun's) describe, if any; leave it at the end."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    if world == 1:
        yield Ranks(0, 1, device)
        return
    dist.init_process_group("nccl" if cuda else "gloo", timeout=HANG_TIMEOUT, device_id=device if cuda else None)
    try:
        yield Ranks(dist.get_rank(), world, device)
    finally:
        dist.destroy_process_group()
