"""What scores a batch of windows: the definition, the last positions alone, and those by kernels where there are some.

Logits exist for so many tokens at a time as the device likes, and meet all temperatures in one pass.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tritgolf.model.fused_loss import nats_at
from tritgolf.model.loss import nats_of
from tritgolf.model.network import Network

LOGIT_ROWS = {"cuda": 8192, "cpu": 512}  # tokens whose logits exist at a time; on a CPU they stay in its cache

WindowSums = Callable[[Network, Tensor, Tensor, int, Tensor], tuple[Tensor, Tensor]]
"""Network, ids (windows, length + 1), how many of its last targets each window scores (windows,), the most of them,
temperatures (n,) → FP64 (n, 2, windows): sums over the scored targets of nats and of logsumexp²; and nats (n, windows ·
positions) of each target of as many last positions as it computed, in what the logits are in."""


def plain_window_sums(
    network: Network, spans: Tensor, scored: Tensor, most: int, temperatures: Tensor
) -> tuple[Tensor, Tensor]:
    """The definition of ``WindowSums``: every position through all of the network and the head, whatever is scored."""
    length = spans.shape[1] - 1
    hidden, targets = network(spans[:, :-1]).flatten(0, 1), spans[:, 1:].flatten().long()
    nats = _nats(network, hidden, targets, temperatures)
    return _sums(nats, scored, length), nats[:, 0]


def window_sums(
    network: Network, spans: Tensor, scored: Tensor, most: int, temperatures: Tensor
) -> tuple[Tensor, Tensor]:
    """``WindowSums`` of the last ``most`` positions alone; logits exist for ``LOGIT_ROWS`` tokens at a time."""
    hidden, targets = network(spans[:, :-1], most).flatten(0, 1), spans[:, -most:].flatten().long()
    count = LOGIT_ROWS[hidden.device.type]
    parts = [
        _nats(network, rows, wanted, temperatures)
        for rows, wanted in zip(hidden.split(count), targets.split(count), strict=True)
    ]
    values = torch.cat(parts, -1)
    return _sums(values, scored, most), values[:, 0]


def _nats(network: Network, hidden: Tensor, targets: Tensor, temperatures: Tensor) -> Tensor:
    """Nats and logsumexp² of each token: (temperatures, 2, tokens)."""
    logits = network.head().logits(hidden)
    each = [nats_of(logits / temperature, targets) for temperature in temperatures]
    return torch.stack([torch.stack((nats, lse.square())) for nats, lse in each])


def _sums(values: Tensor, scored: Tensor, most: int) -> Tensor:
    """FP64 sums over the last ``scored`` of each window's ``most`` tokens; (…, windows · most) → (…, windows)."""
    counted = torch.arange(most, device=scored.device) >= most - scored[:, None]
    return (values.unflatten(-1, (-1, most)).double() * counted).sum(-1)


@functools.cache
def compiled_window_sums() -> WindowSums:
    """``window_sums``, compiled once for each shape of a batch, whichever network of these sizes comes with it."""
    return torch.compile(window_sums, dynamic=False)


def kernel_window_sums(network: Network) -> WindowSums | None:
    """``window_sums`` of ``network`` as it is now by a pass of kernels, where it has one for its device and dtype."""
    return BY_KERNELS.get(getattr(network.model, "kind", ""), lambda _: None)(network)


def _unet_sums(network: Any) -> WindowSums | None:
    from tritgolf.model.unet_pass import pass_by_kernels  # noqa: PLC0415  (a script has none)

    made = pass_by_kernels(network)
    return None if made is None else functools.partial(sums_of_pass, made)


def sums_of_pass(
    made: Any, network: Network, spans: Tensor, scored: Tensor, most: int, temperatures: Tensor
) -> tuple[Tensor, Tensor]:
    """``WindowSums`` of the pass ``made``: ``made(ids, most)`` are hidden states for its ``head``."""
    hidden, targets = made(spans[:, :-1], most).flatten(0, 1), spans[:, -most:].flatten().long()
    count = LOGIT_ROWS[hidden.device.type]
    parts = [
        torch.stack([torch.stack(nats_at(temperature, rows, wanted, *made.head)) for temperature in temperatures])
        for rows, wanted in zip(hidden.split(count), targets.split(count), strict=True)
    ]
    nats, lse = torch.cat(parts, -1).unbind(1)
    return _sums(torch.stack((nats, lse.square()), 1), scored, most), nats


# Kind of model → sums by its pass of kernels; a script, which scores once, has none and compiles.
BY_KERNELS: dict[str, Callable[[Any], WindowSums | None]] = {"unet": _unet_sums}
