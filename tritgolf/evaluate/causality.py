"""Does a score depend on text that comes after it? A probe for any scoring function.

A compressor must be able to undo its code left to right, so the nats of a token may depend on earlier tokens alone, and
for given earlier tokens all tokens' probabilities add up to at most 1. ``later_tokens`` tests the first on the function
itself, ``own_token`` the second; where all tokens of the vocabulary are too many, ``sampled_own_token`` draws some.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tritgolf.outcome import Outcome, cant_tell, judge

Tokens = npt.NDArray[np.int64]
Nats = npt.NDArray[np.float64]
ROUNDING = 1e-3  # excess over 1 that rounding may cause
SIGMAS = 4.0
Score = Callable[[Tokens], npt.ArrayLike]
"""Tokens (n,) → nats (n − 1,): element i is the score of token i + 1. NaN where a token isn't scored.

With ``many``: texts (many, n) → (many, n − 1), each scored by itself.
"""


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
    many: bool = False,
) -> LaterTokens:
    """Change the tokens from ``changes`` positions on and compare the scores before them.

    An adaptation that optimizes on a chunk and *then* scores it fails where the change falls inside the chunk: the
    chunk's earlier scores move with its later tokens. Score-first adaptation (score, then train on it) passes. A leak
    is scored once more before it is told.

    ``tokens``: (n,), n ≥ 3, ids below ``vocabulary`` ≥ 2. ``tolerance``: nats by which a score may move, for functions
    whose batching changes with the text (0: to the bit). Half of the positions are spread evenly, half are random, so
    that no chunk length of the function hides between them; each position is tried with all later tokens changed, and
    with one.
    """
    original = np.asarray(tokens, dtype=np.int64)
    if original.ndim != 1 or len(original) < 3 or vocabulary < 2:
        raise ValueError("the probe needs at least three tokens and two pieces in the vocabulary")
    positions, texts = _changed(original, changes, vocabulary, seed)
    every = np.stack([original, original, *texts])
    scores = _scores(score, every, many)
    if _moved(scores[0], scores[1], tolerance).any():
        return LaterTokens(0, None, repeatable=False)
    leaks = [
        (leak, place)
        for place, position in enumerate(positions, start=2)
        for leak in _leaks(scores[0], scores[place], position, tolerance)
    ]
    if not leaks:
        return LaterTokens(len(positions), None, repeatable=True)
    furthest, place = max(leaks, key=lambda found: found[0].changed - found[0].moved)
    if not _repeat(score, every, scores, [0, place], tolerance, many):
        return LaterTokens(0, None, repeatable=False)
    return LaterTokens(len(positions), furthest, repeatable=True)


def own_token(
    score: Score, tokens: npt.ArrayLike, vocabulary: int, *, position: int = -1, tolerance: float = ROUNDING
) -> Outcome:
    """Add up the probabilities of all tokens of the vocabulary at ``position``, the tokens before it fixed.

    An adaptation that optimizes on each token just before scoring it looks causal to ``later_tokens``, and fails here.
    ``tolerance``: excess over 1 that rounding may cause. Calls ``score`` once a token of the vocabulary, on the prefix
    up to and with ``position`` only, so a short text is enough.
    """
    text = np.asarray(tokens, dtype=np.int64)
    prefix = text[: len(text) + position + 1 if position < 0 else position + 1].copy()
    if len(prefix) < 2:
        raise ValueError("the probed position needs a token before it")
    texts = np.repeat(prefix[None], vocabulary, 0)
    texts[:, -1] = np.arange(vocabulary)
    total = float(np.exp(-_scores(score, texts)[:, -1]).sum())
    if not np.isfinite(total):
        return cant_tell(f"the token at position {len(prefix) - 1} isn't scored")
    return judge(
        total <= 1 + tolerance, f"probabilities of all tokens at position {len(prefix) - 1} add up to {total:.4f}"
    )


def probe_scorer(score: Score, tokens: npt.ArrayLike, vocabulary: int, *, tolerance: float = 0.0) -> list[Outcome]:
    """What both probes say of a scoring function of your own: ``later_tokens``, then ``own_token`` in two places.

    ``score``: tokens (n,), int64 → nats (n − 1,) of all but the first. ``tolerance``: as in ``later_tokens``. Calls it
    at most 68 times on texts of the length of ``tokens``, and twice ``vocabulary`` times on texts up to that length: at
    the middle, and at the last token, where whatever adapts has seen the most. It can't tell whether a target is scored
    twice: a function gives each token one number.
    """
    last = len(np.asarray(tokens)) - 1
    own = [own_token(score, tokens, vocabulary, position=place) for place in sorted({max(last // 2, 1), last})]
    return [later_tokens(score, tokens, vocabulary, tolerance=tolerance).outcome, *own]


@dataclass(frozen=True)
class OwnToken:
    """What all tokens' probabilities add up to at ``position``: exactly, of all, or estimated from ``drawn`` of them.

    ``standard_error``: of the estimate; 0 where all were scored, or where the function leaves the distribution that
    tokens were drawn by as it is.
    """

    position: int
    total: float
    standard_error: float
    drawn: int

    @property
    def outcome(self) -> Outcome:
        """Holds unless the probabilities add up to more than 1, beyond rounding and ``SIGMAS`` standard errors."""
        if not np.isfinite(self.total):
            return cant_tell(f"the token at position {self.position} isn't scored")
        error = f" ± {self.standard_error:.4f}" if self.standard_error else ""
        evidence = f"probabilities of all tokens at position {self.position} add up to {self.total:.4f}{error}"
        return judge(self.total <= 1 + ROUNDING + SIGMAS * self.standard_error, evidence)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def sampled_own_token(
    score: Score,
    tokens: npt.ArrayLike,
    position: int,
    distribution: Nats,
    *,
    draws: int = 16,
    seed: int = 0,
    many: bool = False,
) -> OwnToken:
    """``own_token`` where the vocabulary is large: calls ``score`` at most ``draws`` times, on the whole text.

    ``distribution`` (vocabulary,): any probabilities that add up to 1, best those that the function should give at
    ``position``. Tokens v are drawn by g, half this distribution q and half a uniform one, and scored: p(v). The mean
    of (p(v) − q(v))/g(v) estimates Σp − 1 without bias, and exactly where p is q. At most ``draws`` tokens in the
    vocabulary are all scored, and their probabilities summed.
    """
    vocabulary = len(distribution)
    proposal = 0.5 * distribution / distribution.sum() + 0.5 / vocabulary
    every = vocabulary <= draws
    drawn = np.arange(vocabulary) if every else np.random.default_rng(seed).choice(vocabulary, draws, p=proposal)
    different, places = np.unique(drawn, return_inverse=True)
    texts = np.repeat(np.asarray(tokens, dtype=np.int64)[None], len(different), 0)
    texts[:, position] = different
    scored = np.exp(-_scores(score, texts, many)[places, position - 1])
    if every:
        return OwnToken(position, float(scored.sum()), 0.0, vocabulary)
    excess = (scored - distribution[drawn]) / proposal[drawn]
    return OwnToken(position, 1 + float(excess.mean()), float(excess.std(ddof=1)) / math.sqrt(draws), draws)


def _scores(score: Score, texts: Tokens, many: bool = False) -> Nats:
    """Nats of each of ``texts`` (many, n): (many, n − 1)."""
    if many:
        return np.asarray(score(texts.copy()), dtype=np.float64)
    length = texts.shape[1]
    found = []
    for text in texts:
        nats = np.asarray(score(text.copy()), dtype=np.float64)
        if nats.shape != (length - 1,):
            raise ValueError(f"the scoring function gave {nats.shape} nats for {length} tokens; want {length - 1}")
        found.append(nats)
    return np.stack(found)


def _repeat(score: Score, texts: Tokens, scores: Nats, places: list[int], tolerance: float, many: bool) -> bool:
    """Whether the texts at ``places`` score once more as they did.

    A function that scores at random gives the same twice now and then. With ``many`` all are scored, since how many
    there are may round differently.
    """
    again = _scores(score, texts, many)[places] if many else _scores(score, texts[places])
    return not _moved(scores[places], again, tolerance).any()


def _positions(length: int, changes: int, generator: np.random.Generator) -> Tokens:
    """Positions 2 … length − 1 (at least one scored token stays before each): all, or half even, half random."""
    every = np.arange(2, length)
    if len(every) <= changes:
        return every
    even = np.linspace(2, length - 1, changes // 2).astype(np.int64)
    return np.union1d(even, generator.choice(every, changes - len(even), replace=False))


def _changed(original: Tokens, changes: int, vocabulary: int, seed: int) -> tuple[list[int], list[Tokens]]:
    """Texts in which all tokens from a position on are changed, or that one; and these positions."""
    generator = np.random.default_rng(seed)
    positions, texts = [], []
    for position in _positions(len(original), changes, generator).tolist():
        for end in (len(original), position + 1):
            changed = original.copy()
            # Adding 1 … V − 1 modulo V changes every token for certain.
            shift = generator.integers(1, vocabulary, size=end - position)
            changed[position:end] = (original[position:end] + shift) % vocabulary
            positions.append(position)
            texts.append(changed)
    return positions, texts


def _leaks(reference: Nats, scores: Nats, position: int, tolerance: float) -> list[Leak]:
    """Where a score of a token before ``position`` moved; nats[i] belongs to token i + 1."""
    before, after = reference[: position - 1], scores[: position - 1]
    moved = _moved(before, after, tolerance)
    if not moved.any():
        return []
    first = int(np.argmax(moved))
    return [Leak(position, first + 1, float(abs(before[first] - after[first])))]


def _moved(before: Nats, after: Nats, tolerance: float) -> npt.NDArray[np.bool_]:
    """Which scores differ by more than ``tolerance``; one that comes or goes (NaN on one side) has moved too."""
    return ~((np.abs(before - after) <= tolerance) | (np.isnan(before) & np.isnan(after)))
