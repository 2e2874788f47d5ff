"""The causality probe on our own scorer: ``tritgolf.evaluate.score`` over a network's context.

The scorer gives a sum a window. Windows that start together and score from different positions on differ by the nats of
the segments between those positions, so the probe sees inside a window, through the very code that scores a text.
"""

from typing import TYPE_CHECKING

import numpy as np

from tritgolf.evaluate.causality import LaterTokens, Nats, Tokens, later_tokens

if TYPE_CHECKING:
    from tritgolf.model.network import Network

SEGMENTS = 16
TOLERANCE = 1e-6  # nats of a segment; a segment is a difference of two FP64 sums


def probe_scoring(network: "Network", tokens: Tokens, changes: int = 8) -> LaterTokens:
    """Change later tokens of one window of ``tokens`` and compare the scores of the segments before.

    ``tokens``: at least the network's context + 1 of them; only those are used. Scores about 2·``changes`` times
    ``SEGMENTS`` windows. Write ``.as_dict()`` into ``metrics.causality`` of ``evaluate.json`` for the audit to find.
    """
    text = np.asarray(tokens[: network.model.context + 1], dtype=np.int64)
    if len(text) < network.model.context + 1:
        raise ValueError(f"the probe needs {network.model.context + 1} tokens, got {len(text)}")
    vocabulary = network.model.vocab_size
    return later_tokens(lambda t: segment_nats(network, t), text, vocabulary, changes=changes, tolerance=TOLERANCE)


def segment_nats(network: "Network", tokens: Tokens) -> Nats:
    """Nats of ``SEGMENTS`` segments of a window, each at its last target; NaN at all others. (n,) → (n − 1,)."""
    from tritgolf.evaluate.score import score_windows  # noqa: PLC0415  (torch)
    from tritgolf.evaluate.windows import Windows  # noqa: PLC0415

    length = len(tokens) - 1
    firsts = np.unique(np.linspace(0, length - 1, SEGMENTS).astype(np.int64))
    windows = Windows(np.zeros_like(firsts), firsts, length, 0)
    sums = score_windows(network, tokens.astype(np.uint16), windows, batch=len(firsts), what="causality").nats
    nats = np.full(length, np.nan)
    nats[np.append(firsts[1:] - 1, length - 1)] = sums - np.append(sums[1:], 0.0)
    return nats
