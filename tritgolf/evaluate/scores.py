"""The scores of a text as facts for JSON: by each method, with its causality and the bytes that they divide by."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tritgolf.data.shards import Tokens
from tritgolf.evaluate.bytes import TextBytes
from tritgolf.evaluate.score import Score, WindowNats, score_of
from tritgolf.evaluate.windowed import Method, Scores
from tritgolf.model.network import Network
from tritgolf.ranks import Ranks

if TYPE_CHECKING:
    from tritgolf.evaluate.probe import Causality


class Scored(NamedTuple):
    """``facts`` of a method for JSON, and bits per byte at the temperature that it scored at too."""

    facts: dict[str, Any]
    tempered_bpb: float


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


def score_by(
    name: str,
    kind: str,
    method: Method,
    network: Network,
    tokens: Tokens,
    sizes: TextBytes,
    z_loss: float,
    probe: Callable[..., "Causality"] | None = None,
    ranks: Ranks | None = None,
) -> Scored:
    """Score ``tokens`` by ``method`` and ``probe`` it (``evaluate.probe``): score facts, the method's own, seconds, and
    causality, if it is probed.

    The facts are those without any temperature; the probe's time is not among the seconds. ``ranks``: the method's,
    all of which call this. ``InputError`` if nothing is scored.
    """
    began = time.perf_counter()
    scores = method.score(network, tokens, name)
    seconds = time.perf_counter() - began
    facts = {
        **_summary(scores, scores.sums, tokens, sizes, z_loss).as_dict(),
        **method.facts(network.model.context),
        "kind": kind,
        "seconds": seconds,
        "window_tokens_per_second": scores.window_tokens / seconds,
        **({} if probe is None else {"causality": probe(method, network, tokens, scores, ranks=ranks).as_dict()}),
    }
    return Scored(facts, _summary(scores, scores.tempered, tokens, sizes, z_loss).bpb)


def _summary(scores: Scores, sums: WindowNats, tokens: Tokens, sizes: TextBytes, z_loss: float) -> Score:
    return score_of(sums, tokens, scores.targets, len(tokens) - 1 - scores.distinct, sizes, z_loss)
