"""Does a score depend on text that comes after it? A probe for any scoring function.

A compressor must be able to undo its code left to right, so the nats of a token may depend on earlier tokens alone, and
for given earlier tokens all tokens' probabilities add up to at most 1. Two experiments on the function itself, of which
our evaluation runs the first (the second holds of a softmax by construction):

* ``later_tokens``: change the tokens from some position on; no score before it may move. An adaptation that optimizes
  on a chunk and *then* scores it fails where the change falls inside the chunk: the chunk's earlier scores move with
  its later tokens. Score-first adaptation (score a chunk, then train on it) passes.
* ``own_token``: let every token of the vocabulary follow the same prefix; their probabilities may not add up to more
  than 1. An adaptation that optimizes on each token just before scoring it looks causal in the first experiment, and
  fails here.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tritgolf.outcome import Outcome, cant_tell, judge

Tokens = npt.NDArray[np.int64]
Nats = npt.NDArray[np.float64]
Score = Callable[[Tokens], npt.ArrayLike]
"""Tokens (n,) → nats (n − 1,): element i is the score of token i + 1. NaN where a token isn't scored."""


@dataclass(frozen=True)
class Leak:
    """Changing tokens from ``changed`` on moved the score of the earlier token at ``moved`` by ``nats``."""

    changed: int
    moved: int
    nats: float


@dataclass(frozen=True)
class LaterTokens:
    """Result of ``later_tokens``: how many changes were tried, the leak reaching furthest back, and repeatability."""

    changes: int
    leak: Leak | None
    repeatable: bool

    @property
    def outcome(self) -> Outcome:
        """Holds if no change of later tokens moved an earlier score."""
        if not self.repeatable:
            return cant_tell("the scoring function gives different scores for the same tokens")
        if self.leak is None:
            return judge(True, f"{self.changes} changes of later tokens moved no earlier score")
        reach = self.leak.changed - self.leak.moved
        return judge(
            False,
            f"changing tokens from position {self.leak.changed} on moved the score at {self.leak.moved} "
            f"({reach} before) by {self.leak.nats:.3g} nats",
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def later_tokens(
    score: Score,
    tokens: npt.ArrayLike,
    vocabulary: int,
    *,
    changes: int = 32,
    tolerance: float = 0.0,
    seed: int = 0,
) -> LaterTokens:
    """Change the tokens from ``changes`` positions on and compare the scores before them.

    ``tokens``: (n,), n ≥ 3, ids below ``vocabulary`` ≥ 2. ``tolerance``: nats by which a score may move, for functions
    whose batching changes with the text (0: to the bit). Half of the positions are spread evenly, half are random, so
    that no chunk length of the function hides between them; each position is tried with all later tokens changed, and
    with one.
    """
    original = np.asarray(tokens, dtype=np.int64)
    if original.ndim != 1 or len(original) < 3 or vocabulary < 2:
        raise ValueError("the probe needs at least three tokens and two pieces in the vocabulary")
    reference = _scores(score, original)
    if not np.array_equal(reference, _scores(score, original), equal_nan=True):
        return LaterTokens(0, None, repeatable=False)
    generator = np.random.default_rng(seed)
    leaks = []
    tried = 0
    for position in _positions(len(original), changes, generator):
        for end in (len(original), position + 1):
            changed = original.copy()
            # Adding 1 … V − 1 modulo V changes every token for certain.
            shift = generator.integers(1, vocabulary, size=end - position)
            changed[position:end] = (original[position:end] + shift) % vocabulary
            leaks += _leaks(reference, _scores(score, changed), int(position), tolerance)
            tried += 1
    furthest = max(leaks, key=lambda leak: leak.changed - leak.moved, default=None)
    return LaterTokens(tried, furthest, repeatable=True)


def own_token(
    score: Score, tokens: npt.ArrayLike, vocabulary: int, *, position: int = -1, tolerance: float = 1e-3
) -> Outcome:
    """Add up the probabilities of all tokens of the vocabulary at ``position``, the tokens before it fixed.

    ``tolerance``: excess over 1 that rounding may cause. Calls ``score`` once a token of the vocabulary, on the prefix
    up to and with ``position`` only, so a short text is enough.
    """
    text = np.asarray(tokens, dtype=np.int64)
    prefix = text[: len(text) + position + 1 if position < 0 else position + 1].copy()
    if len(prefix) < 2:
        raise ValueError("the probed position needs a token before it")
    total = 0.0
    for token in range(vocabulary):
        prefix[-1] = token
        total += float(np.exp(-_scores(score, prefix)[-1]))
    if not np.isfinite(total):
        return cant_tell(f"the token at position {len(prefix) - 1} isn't scored")
    return judge(
        total <= 1 + tolerance, f"probabilities of all tokens at position {len(prefix) - 1} add up to {total:.4f}"
    )


def _scores(score: Score, tokens: Tokens) -> Nats:
    nats = np.asarray(score(tokens.copy()), dtype=np.float64)
    if nats.shape != (len(tokens) - 1,):
        raise ValueError(
            f"the scoring function gave {nats.shape} nats for {len(tokens)} tokens; want {len(tokens) - 1}"
        )
    return nats


def _positions(length: int, changes: int, generator: np.random.Generator) -> Tokens:
    """Positions 2 … length − 1 (at least one scored token stays before each): all, or half even, half random."""
    every = np.arange(2, length)
    if len(every) <= changes:
        return every
    even = np.linspace(2, length - 1, changes // 2).astype(np.int64)
    return np.union1d(even, generator.choice(every, changes - len(even), replace=False))


def _leaks(reference: Nats, scores: Nats, position: int, tolerance: float) -> list[Leak]:
    """Where a score of a token before ``position`` moved; nats[i] belongs to token i + 1."""
    before, after = reference[: position - 1], scores[: position - 1]
    # A score that comes or goes (NaN on one side) has moved too.
    moved = ~((np.abs(before - after) <= tolerance) | (np.isnan(before) & np.isnan(after)))
    if not moved.any():
        return []
    first = int(np.argmax(moved))
    return [Leak(position, first + 1, float(abs(before[first] - after[first])))]
