"""Scoring a text: nats of each token in its window, summed once, and bits per byte."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tritgolf.data.shards import Tokens
from tritgolf.evaluate.bytes import TokenBytes, bits_per_byte
from tritgolf.evaluate.windows import Windows
from tritgolf.model.loss import token_nats
from tritgolf.model.unet import TernaryUNet
from tritgolf.progress import progress

LOGIT_ROWS = {"cuda": 8192, "cpu": 512}  # tokens whose logits exist at a time; on a CPU they stay in its cache


@dataclass(frozen=True)
class Score:
    """``nats``: mean pure cross-entropy a token; ``record_bpb`` adds the z-loss term, as the published val_bpb does."""

    nats: float
    bpb: float
    record_bpb: float
    tokens_scored: int
    tokens_left_out: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class WindowNats:
    """Per window, in the order of the windows, FP64: sums over its scored tokens of nats and of logsumexp²."""

    nats: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]


@torch.inference_mode()
def score_windows(
    network: TernaryUNet, tokens: Tokens, windows: Windows, batch: int, temperature: float = 1.0, what: str = "scoring"
) -> WindowNats:
    """Score ``windows`` of ``tokens`` (uint16), ``batch`` windows at a time, on the network's device.

    Only the scored positions pass through the head. Sums over a window are FP64.
    """
    device = network.vocab_bias.device
    text = torch.from_numpy(np.asarray(tokens, dtype=np.int32)).to(device)
    offsets = torch.arange(windows.length, device=device)
    nats, squares = [], []
    for begin in progress(range(0, len(windows.starts), batch), what=what, unit="batches"):
        rows = slice(begin, begin + batch)
        starts = torch.from_numpy(windows.starts[rows]).to(device)
        scored_from = torch.from_numpy(windows.firsts[rows] - windows.starts[rows]).to(device)
        positions = starts[:, None] + offsets
        scored = offsets >= scored_from[:, None]
        hidden = network(text[positions].long())[scored]
        token, lse = _chunked_nats(network, hidden, text[positions + 1].long()[scored], temperature)
        nats.append(_window_sums(token, scored))
        squares.append(_window_sums(lse.square(), scored))
    return WindowNats(torch.cat(nats).cpu().numpy(), torch.cat(squares).cpu().numpy())


def summarize(found: WindowNats, tokens: Tokens, windows: Windows, token_bytes: TokenBytes, z_loss: float) -> Score:
    """Means over all scored tokens, and bits per byte by the one byte accounting."""
    scored = windows.scored
    targets = scored_targets(windows)
    size = int(token_bytes.byte_counts(tokens[targets], tokens[targets + 1]).sum())
    mean, square = float(found.nats.sum()) / scored, float(found.squares.sum()) / scored
    return Score(
        nats=mean,
        bpb=bits_per_byte(mean, scored, size),
        record_bpb=bits_per_byte(mean + z_loss * square, scored, size),
        tokens_scored=scored,
        tokens_left_out=windows.left_out,
        bytes=size,
    )


def scored_targets(windows: Windows) -> npt.NDArray[np.int64]:
    """Positions before every scored target, in order; int64 (scored,)."""
    ends = windows.starts + windows.length
    spans = [np.arange(first, end) for first, end in zip(windows.firsts, ends, strict=True)]
    return np.concatenate(spans) if spans else np.empty(0, np.int64)


def unigram_bpb(tokens: Tokens, token_bytes: TokenBytes) -> float:
    """Bits per byte of an oracle that knows how often each target occurs and nothing else: a model must beat it."""
    targets = np.asarray(tokens[1:])
    counts = np.unique(targets, return_counts=True)[1]
    shares = counts / counts.sum()
    nats = float(-(shares * np.log(shares)).sum())
    return bits_per_byte(nats, len(targets), int(token_bytes.byte_counts(tokens[:-1], targets).sum()))


def _chunked_nats(network: TernaryUNet, hidden: Tensor, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    model, count = network.model, LOGIT_ROWS[hidden.device.type]
    table, bias = network.head()
    parts = [
        token_nats(rows, table, bias, wanted, model.softcap, temperature)
        for rows, wanted in zip(hidden.split(count), targets.split(count), strict=True)
    ]
    return torch.cat([nats for nats, _ in parts]), torch.cat([lse for _, lse in parts])


def _window_sums(values: Tensor, scored: Tensor) -> Tensor:
    """FP64 sums of ``values``, which belong to the true places of ``scored`` (windows, positions), over each window.

    Each window is summed by itself: a running sum over all of them has no fixed order on a GPU.
    """
    placed = torch.zeros(scored.shape, dtype=torch.float64, device=values.device)
    return placed.masked_scatter_(scored, values.double()).sum(1)
