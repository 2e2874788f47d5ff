"""Scoring a text: nats of each token in its window, summed once, and bits per byte.

Windows go through the network in batches. Nothing in a batch waits for the device: spans, sums and their places are
made there, and what a batch scores is known from plain arithmetic.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tritgolf.config.types import ByteCounting
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.bytes import TextBytes, bits_per_byte
from tritgolf.evaluate.windows import Windows
from tritgolf.model.loss import nats_of
from tritgolf.model.network import Network, device_of
from tritgolf.progress import progress

LOGIT_ROWS = {"cuda": 8192, "cpu": 512}  # tokens whose logits exist at a time; on a CPU they stay in its cache

# Window tokens from which compiling pays. At the records' size the eager network reads 1.4M of them a second on an
# H200, a compiled one about twice as many: 2²⁵ of them take 24 s or 12, and compiling about as long as it saves then,
# less where Inductor finds the kernels that an earlier process has made. On CPUs nothing is compiled.
COMPILE_FROM = {"cuda": 1 << 25}

WindowSums = Callable[[Network, Tensor, Tensor, int, Tensor], Tensor]
"""Network, ids (windows, length + 1), how many of its last targets each window scores (windows,), the most of them,
temperatures (n,) → FP64 (n, 2, windows): sums over the scored targets of nats and of logsumexp²."""


@dataclass(frozen=True)
class Score:
    """``nats``: mean pure cross-entropy a token; ``bpb`` divides it by raw bytes where they are known.

    ``bpb_published_bytes`` divides it by the bytes that the published code counts; ``record_bpb`` adds the z-loss term
    to that, as the published val_bpb does. ``bytes`` is what ``bpb`` is divided by, ``byte_counting`` says which.
    """

    nats: float
    bpb: float
    bpb_published_bytes: float
    record_bpb: float
    tokens_scored: int
    tokens_left_out: int
    bytes: int
    published_bytes: int
    byte_counting: ByteCounting

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class WindowNats:
    """Per window, in the order of the windows, FP64: sums over its scored tokens of nats and of logsumexp²."""

    nats: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]


def score_windows(
    network: Network,
    tokens: Tokens,
    windows: Windows,
    batch: int,
    temperature: float = 1.0,
    what: str = "scoring",
    sums: WindowSums | None = None,
) -> WindowNats:
    """``score_temperatures`` at one of them."""
    return score_temperatures(network, tokens, windows, batch, (temperature,), what, sums)[0]


@torch.inference_mode()
def score_temperatures(
    network: Network,
    tokens: Tokens,
    windows: Windows,
    batch: int,
    temperatures: Sequence[float],
    what: str = "scoring",
    sums: WindowSums | None = None,
) -> list[WindowNats]:
    """Score ``windows`` of ``tokens`` (uint16), ``batch`` windows at a time, on the network's device.

    All ``temperatures`` share one pass: they meet the logits alone.

    ``sums`` scores a batch. By default it is ``window_sums``, compiled where that pays (``COMPILE_FROM``) for batches
    of the usual shape: the first, which may score more, and the last, which may have fewer windows, run as they are.
    How a batch runs depends on the windows alone, so equal networks get scores that are equal to the bit.
    """
    device = device_of(network)
    counts = windows.counts
    text, starts, scored = (
        torch.from_numpy(array).to(device) for array in (np.asarray(tokens, dtype=np.int32), windows.starts, counts)
    )
    offsets = torch.arange(windows.length + 1, device=device)
    divisors = torch.tensor(temperatures, dtype=torch.float64, device=device)
    compiles = sums is None and len(starts) * windows.length >= COMPILE_FROM.get(device.type, math.inf)
    usual_shape = (batch, int(np.bincount(counts).argmax())) if compiles else None
    found = torch.empty(len(temperatures), 2, len(starts), dtype=torch.float64, device=device)
    for begin in progress(range(0, len(starts), batch), what=what, unit="batches"):
        rows = slice(begin, min(begin + batch, len(starts)))
        most = int(counts[rows].max())
        usual = (rows.stop - rows.start, most) == usual_shape
        score = compiled_window_sums() if usual else sums or window_sums
        found[:, :, rows] = score(network, text[starts[rows, None] + offsets], scored[rows], most, divisors)
    return [WindowNats(*each) for each in found.cpu().numpy()]


def plain_window_sums(network: Network, spans: Tensor, scored: Tensor, most: int, temperatures: Tensor) -> Tensor:
    """The definition of ``WindowSums``: every position through all of the network and the head, whatever is scored."""
    length = spans.shape[1] - 1
    hidden, targets = network(spans[:, :-1]).flatten(0, 1), spans[:, 1:].flatten().long()
    nats = _nats(network, hidden, targets, temperatures)
    return _sums(nats, scored, length)


def window_sums(network: Network, spans: Tensor, scored: Tensor, most: int, temperatures: Tensor) -> Tensor:
    """``WindowSums`` of the last ``most`` positions alone; logits exist for ``LOGIT_ROWS`` tokens at a time."""
    hidden, targets = network(spans[:, :-1], most).flatten(0, 1), spans[:, -most:].flatten().long()
    count = LOGIT_ROWS[hidden.device.type]
    parts = [
        _nats(network, rows, wanted, temperatures)
        for rows, wanted in zip(hidden.split(count), targets.split(count), strict=True)
    ]
    return _sums(torch.cat(parts, -1), scored, most)


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


def summarize(found: WindowNats, tokens: Tokens, windows: Windows, sizes: TextBytes, z_loss: float) -> Score:
    """Means over all scored tokens, and bits per byte by both byte countings."""
    scored = windows.scored
    size = sizes.of(tokens, scored_targets(windows))
    mean, square = float(found.nats.sum()) / scored, float(found.squares.sum()) / scored
    return Score(
        nats=mean,
        bpb=bits_per_byte(mean, scored, size.counted),
        bpb_published_bytes=bits_per_byte(mean, scored, size.published),
        record_bpb=bits_per_byte(mean + z_loss * square, scored, size.published),
        tokens_scored=scored,
        tokens_left_out=windows.left_out,
        bytes=size.counted,
        published_bytes=size.published,
        byte_counting=size.counting,
    )


def scored_targets(windows: Windows) -> npt.NDArray[np.int64]:
    """Positions before every scored target, in order; int64 (scored,)."""
    ends = windows.starts + windows.length
    spans = [np.arange(first, end) for first, end in zip(windows.firsts, ends, strict=True)]
    return np.concatenate(spans) if spans else np.empty(0, np.int64)


def unigram_bpb(tokens: Tokens, sizes: TextBytes) -> float:
    """Bits per byte of an oracle that knows how often each target occurs and nothing else: a model must beat it."""
    targets = np.asarray(tokens[1:])
    counts = np.unique(targets, return_counts=True)[1]
    shares = counts / counts.sum()
    nats = float(-(shares * np.log(shares)).sum())
    return bits_per_byte(nats, len(targets), sizes.of(tokens, np.arange(len(targets))).counted)
