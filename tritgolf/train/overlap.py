"""Gradients averaged over ranks while the backward pass goes on, in buckets of layers (Li et al., 2020).

A compiled backward pass returns all gradients at its end. So a matrix passes ``_HandOver`` on its way into the network,
whose way back is an operator that the compiler can't look into: it adds the gradient to the others' and begins the
average of a bucket as soon as all that belongs to it is there. Recorded, the averages are part of the recording.
"""

import itertools
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tritgolf.ranks import Ranks
from tritgolf.train.stacks import Stacks

BUCKET = 4 << 20  # elements (16 MB): of #920's model a layer's matrices, 26 MB, are one
_OVERLAPS: "weakref.WeakValueDictionary[int, Overlap]" = weakref.WeakValueDictionary()  # an operator can't be given one
_KEYS = itertools.count()


@torch.library.custom_op("tritgolf::taken", mutates_args=("token",))
def _taken(token: Tensor, gradient: Tensor, key: int, number: int) -> None:
    _OVERLAPS[key].take(number, gradient)


@_taken.register_fake
def _(token: Tensor, gradient: Tensor, key: int, number: int) -> None:
    pass


class _HandOver(torch.autograd.Function):
    """``token``: what the operator is said to write, or the compiler would take it for work that nobody needs."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, token: Tensor, key: int, number: int) -> Tensor:
        ctx.token, ctx.place = token, (key, number)
        return weight.view_as(weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, ...]:
        _taken(ctx.token, gradient, *ctx.place)
        return None, None, None, None


class Overlap:
    """All matrices of ``stacks`` that are multiplied by the network's layers. ``rest``: gradients that come otherwise.

    In the first step, and the first after ``forget``, averages begin after the backward pass: it tells how often each
    gradient comes in a micro-batch, which a repeated layer's does several times, and which never comes this way.
    """

    def __init__(self, stacks: Stacks, ranks: Ranks) -> None:
        self.ranks, key = ranks, next(_KEYS)
        _OVERLAPS[key] = self
        gradients = {name: stack.gradient[i] for stack in stacks.stacks for i, name in enumerate(stack.names)}
        layers = [(name, layer) for name, layer in stacks.network.linears() if name in gradients][::-1]
        self.gradients = [gradients.pop(name) for name, _ in layers]
        self._others = list(gradients.values())
        token = torch.zeros(1, device=ranks.device)
        for number, (_, layer) in enumerate(layers):
            layer.hand_over = _through(token, key, number)
        self.forget()

    def forget(self) -> None:
        """The next step is another network's."""
        self._expected: list[int] | None = None
        self._arrange([1] * len(self.gradients))

    def begin(self, first: bool, last: bool) -> None:
        """A micro-batch begins, the ``first`` or ``last`` of its step."""
        self._first, self._last = first, last
        self._counts = [0] * len(self.gradients)
        self._waits: list[Callable[[], None]] = []
        if first and self._expected is None:
            torch._foreach_zero_(self.gradients)

    def take(self, number: int, gradient: Tensor) -> None:
        """Add to the gradient of matrix ``number``; begin the averages of what is complete, in order of the buckets."""
        if self._first and not self._counts[number]:
            self.gradients[number].copy_(gradient)
        else:
            self.gradients[number].add_(gradient)
        self._counts[number] += 1
        if self._last and self._expected is not None:
            while len(self._waits) < len(self.buckets) and self._is_complete(self._expected):
                self._begin_next()

    def end(self) -> None:
        """Wait for all averages."""
        while len(self._waits) < len(self.buckets):
            self._begin_next()
        for wait in self._waits:
            wait()
        if self._expected not in (None, self._counts):
            raise RuntimeError("a gradient was averaged before all of it was there")
        self._expected = self._counts
        self._arrange(self._counts)

    def _arrange(self, counts: list[int]) -> None:
        """Put what comes into ``buckets``, in its order, as few as make one full."""
        self.rest = self._others + [gradient for gradient, n in zip(self.gradients, counts, strict=True) if not n]
        self.buckets: list[list[int]] = [[]]
        size = 0
        for number in [number for number, count in enumerate(counts) if count]:
            if size >= BUCKET:
                self.buckets.append([])
                size = 0
            self.buckets[-1].append(number)
            size += self.gradients[number].numel()

    def _is_complete(self, expected: list[int]) -> bool:
        return all(self._counts[i] >= expected[i] for i in self.buckets[len(self._waits)])

    def _begin_next(self) -> None:
        bucket = self.buckets[len(self._waits)]
        self._waits.append(self.ranks.begin_average([self.gradients[i] for i in bucket]))


def _through(token: Tensor, key: int, number: int) -> Callable[[Tensor], Tensor]:
    return lambda weight: _HandOver.apply(weight, token, key, number)
