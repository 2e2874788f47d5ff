"""Scoring a text: nats of each token in its window, summed once, and bits per byte.

Windows go through the network in batches. Nothing in a batch waits for the device: spans, sums and their places are
made there, and what a batch scores is known from plain arithmetic.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tritgolf.config.types import ByteCounting
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.bytes import TextBytes, bits_per_byte
from tritgolf.evaluate.window_sums import (
    WindowSums,
    compiled_window_sums,
    kernel_window_sums,
    window_sums,
)
from tritgolf.evaluate.windows import Windows
from tritgolf.model.network import Network, device_of
from tritgolf.progress import progress

# Window tokens from which compiling pays. At the records' size the eager network reads 1.4M of them a second on an
# H200, a compiled one about twice as many: 2²⁵ of them take 24 s or 12, and compiling about as long as it saves then,
# less where Inductor finds the kernels that an earlier process has made. On CPUs nothing is compiled.
COMPILE_FROM = {"cuda": 1 << 25}


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

    ``sums`` scores a batch. By default it is ``kernel_window_sums`` where the network has them, else ``window_sums``,
    compiled where that pays (``COMPILE_FROM``) for batches of the usual shape: the first, which may score more, and the
    last, which may have fewer windows, run as they are.
    How a batch runs depends on the windows alone, so equal networks get scores that are equal to the bit.
    """
    return _score(network, tokens, windows, batch, temperatures, what, sums)[0]


def score_tokens(
    network: Network,
    tokens: Tokens,
    windows: Windows,
    batch: int,
    temperatures: Sequence[float],
    what: str = "scoring",
    of_window_tokens: int = 0,
) -> tuple[list[WindowNats], npt.NDArray[np.float64]]:
    """``score_temperatures``, and nats of each score at the first of them: (scores,), in the order of the windows.

    ``of_window_tokens``: how many will be scored in all, where these windows are a part: compiling may pay then.
    """
    found, each = _score(network, tokens, windows, batch, temperatures, what, None, True, of_window_tokens)
    return found, each.cpu().numpy().astype(np.float64)


@torch.inference_mode()
def _score(
    network: Network,
    tokens: Tokens,
    windows: Windows,
    batch: int,
    temperatures: Sequence[float],
    what: str,
    sums: WindowSums | None,
    each_score: bool = False,
    of_window_tokens: int = 0,
) -> tuple[list[WindowNats], Tensor]:
    """Window sums at each temperature; nats of each score at the first (scores,), if asked for, on the device.

    The latter are kept as the logits' FP32, in which they were computed: 4 bytes a score, exact in FP64.
    """
    device, counts = device_of(network), windows.counts
    places = np.cumsum(counts)  # where a window's scores end among all of them
    read = slice(*windows.span)  # a chunk of a long text is a short one
    text, starts, scored, ends = (
        torch.from_numpy(array).to(device)
        for array in (np.asarray(tokens[read], dtype=np.int32), windows.starts - read.start, counts, places)
    )
    offsets = torch.arange(windows.length + 1, device=device)
    divisors = torch.tensor(temperatures, dtype=torch.float64, device=device)
    total = max(len(starts) * windows.length, of_window_tokens)
    sums = sums or kernel_window_sums(network)
    compiles = sums is None and total >= COMPILE_FROM.get(device.type, math.inf)
    usual_shape = (batch, int(np.bincount(counts).argmax())) if compiles and len(counts) else None
    found = torch.empty(len(temperatures), 2, len(starts), dtype=torch.float64, device=device)
    each = torch.empty(0, device=device)
    for begin in progress(range(0, len(starts), batch), what=what, unit="batches"):
        rows = slice(begin, min(begin + batch, len(starts)))
        most = int(counts[rows].max())
        usual = (rows.stop - rows.start, most) == usual_shape
        score = compiled_window_sums() if usual else sums or window_sums
        found[:, :, rows], nats = score(network, text[starts[rows, None] + offsets], scored[rows], most, divisors)
        if each_score:
            each = each if len(each) else nats.new_empty(windows.scored + 1)
            _put(each, nats[0].unflatten(0, (rows.stop - rows.start, -1)), scored[rows], ends[rows])
    return [WindowNats(*sums_of) for sums_of in found.cpu().numpy()], each[:-1]


def _put(each: Tensor, nats: Tensor, scored: Tensor, ends: Tensor) -> None:
    """Put the last ``scored`` of each window's ``nats`` (windows, most) before its end in ``each``.

    Its last element takes the others: what is scored where is computed on the device, which nothing waits for.
    """
    back = torch.arange(nats.shape[1], 0, -1, device=nats.device)
    each[torch.where(back <= scored[:, None], ends[:, None] - back, len(each) - 1)] = nats


def summarize(found: WindowNats, tokens: Tokens, windows: Windows, sizes: TextBytes, z_loss: float) -> Score:
    """Means over all scores, and bits per byte by both byte countings."""
    return score_of(found, tokens, scored_targets(windows), windows.left_out, sizes, z_loss)


def score_of(
    found: WindowNats,
    tokens: Tokens,
    targets: npt.NDArray[np.int64],
    left_out: int,
    sizes: TextBytes,
    z_loss: float,
) -> Score:
    """``summarize`` for scores of ``targets``, whichever windows they come from."""
    scored = len(targets)
    size = sizes.of(tokens, targets)
    mean, square = float(found.nats.sum()) / scored, float(found.squares.sum()) / scored
    return Score(
        nats=mean,
        bpb=bits_per_byte(mean, scored, size.counted),
        bpb_published_bytes=bits_per_byte(mean, scored, size.published),
        record_bpb=bits_per_byte(mean + z_loss * square, scored, size.published),
        tokens_scored=scored,
        tokens_left_out=left_out,
        bytes=size.counted,
        published_bytes=size.published,
        byte_counting=size.counting,
    )


def scored_targets(windows: Windows) -> npt.NDArray[np.int64]:
    """Positions before every scored target, in the order of the windows; int64 (scores,)."""
    counts = windows.counts
    before = np.cumsum(counts) - counts  # scores of earlier windows
    return np.repeat(windows.firsts - before, counts) + np.arange(int(counts.sum()))
