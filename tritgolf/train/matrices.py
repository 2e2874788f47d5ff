"""Muon over stacks of matrices: each rank does all of it, or its part (as Jordan et al., 2024, share it).

Of shared work Newton–Schulz's own result is gathered, BF16, and every rank moves all weights by it: they stay equal on
all ranks to the bit, and equal to those of ranks that do all, wherever fewer matrices at once are multiplied alike.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from tritgolf.config.train import MuonConfig
from tritgolf.ranks import Ranks
from tritgolf.train.muon import direction, move, muon_step
from tritgolf.train.stacks import Stack


class Muon:
    """Every rank does all of it, from gradients that are equal on all."""

    def __init__(self, settings: MuonConfig, compiled: bool) -> None:
        function = torch.compile(muon_step, dynamic=False) if compiled else muon_step
        self._step = partial(
            function, iterations=settings.iterations, rows=settings.rows, weight_decay=settings.weight_decay
        )

    def step(self, stacks: list[Stack], meanwhile: Callable[[], None], *, muon_lr: Tensor, momentum: Tensor) -> None:
        """Update all ``stacks``, then do what may be done ``meanwhile``."""
        for stack in stacks:
            self._step(stack.weight, stack.gradient, stack.momentum, lr=muon_lr, momentum=momentum)
        meanwhile()

    def gather(self, stacks: list[Stack]) -> None:
        """Every rank has all momenta."""


class SharedMuon:
    """Each rank does its ``chunk`` of every stack, of whose momenta it keeps up no other."""

    def __init__(self, settings: MuonConfig, compiled: bool, ranks: Ranks) -> None:
        self.ranks = ranks
        find: Callable[..., Tensor] = torch.compile(direction, dynamic=False) if compiled else direction
        go: Callable[..., None] = torch.compile(move, dynamic=False) if compiled else move
        self._direction = partial(find, iterations=settings.iterations, rows=settings.rows)
        self._move = partial(go, rows=settings.rows, weight_decay=settings.weight_decay)

    @torch.no_grad()
    def step(self, stacks: list[Stack], meanwhile: Callable[[], None], *, muon_lr: Tensor, momentum: Tensor) -> None:
        """Update all ``stacks``. Directions travel while others are found, and while ``meanwhile`` is done."""
        stacks = sorted(stacks, key=lambda stack: -stack.weight.numel())  # the last is waited for
        gathered = [self.ranks.begin_gather(self._found(stack, momentum), len(stack.names)) for stack in stacks]
        meanwhile()
        for stack, (directions, wait) in zip(stacks, gathered, strict=True):
            wait()
            self._move(stack.weight, directions[: len(stack.names)], lr=muon_lr)

    def gather(self, stacks: list[Stack]) -> None:
        """Give all ranks the momenta that each has kept up."""
        for stack in stacks:
            count = len(stack.names)
            momenta, wait = self.ranks.begin_gather(stack.momentum[self.ranks.chunk(count)], count)
            wait()
            stack.momentum.copy_(momenta[:count])

    def _found(self, stack: Stack, momentum: Tensor) -> Tensor:
        """This rank's directions, BF16: there may be none."""
        own = self.ranks.chunk(len(stack.names))
        if own.start == own.stop:
            return stack.weight[own].bfloat16()
        return self._direction(stack.gradient[own], stack.momentum[own], momentum=momentum)
