"""The scores of a text as facts for JSON: chunked and sliding, with the bytes that they divide by."""

import time
from typing import Any

import numpy as np

from tritgolf.data.shards import Tokens
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import TextBytes
from tritgolf.evaluate.score import score_temperatures, score_windows, summarize
from tritgolf.evaluate.windows import Rule, chunked_windows, sliding_windows
from tritgolf.model.network import Network


def byte_facts(tokens: Tokens, sizes: TextBytes) -> dict[str, Any]:
    """Bytes of all tokens but the first by both countings, for JSON, with their ratio where there is one."""
    found = sizes.of(tokens, np.arange(len(tokens) - 1))
    ratio = None if found.raw is None or not found.published else found.raw / found.published
    return {
        "raw": found.raw,
        "published": found.published,
        "raw_per_published": ratio,
        "bpb_divides_by": found.counting,
    }


def score_chunked(network: Network, tokens: Tokens, sizes: TextBytes, batch: int, z_loss: float) -> dict[str, Any]:
    """Non-overlapping windows of the network's context: the facts for JSON."""
    windows = chunked_windows(len(tokens), network.model.context)
    found = score_windows(network, tokens, windows, batch, what="chunked")
    return summarize(found, tokens, windows, sizes, z_loss).as_dict()


def score_sliding(
    network: Network,
    tokens: Tokens,
    sizes: TextBytes,
    batch: int,
    z_loss: float,
    stride: int,
    rule: Rule,
    temperature: float = 1.0,
) -> tuple[dict[str, Any], float]:
    """Windows ``stride`` apart: the facts for JSON, with the time they took, and bits per byte at ``temperature``.

    The facts are those without any temperature. ``InputError`` if nothing is scored.
    """
    windows = sliding_windows(len(tokens), network.model.context, stride, rule)
    if not windows.scored:
        raise InputError(
            "validation text",
            f"its {len(tokens)} tokens are too short for the record's rule, which leaves the last window out",
            "use more text, or the rule every_token",
        )
    began = time.perf_counter()
    temperatures = (1.0,) if temperature == 1 else (1.0, temperature)
    found = score_temperatures(network, tokens, windows, batch, temperatures, what=f"sliding, stride {stride}")
    seconds = time.perf_counter() - began
    scores = [summarize(nats, tokens, windows, sizes, z_loss) for nats in found]
    facts = {
        **scores[0].as_dict(),
        "stride": stride,
        "window": windows.length,
        "rule": rule,
        "seconds": seconds,
        "window_tokens_per_second": len(windows.starts) * windows.length / seconds,
    }
    return facts, scores[-1].bpb
