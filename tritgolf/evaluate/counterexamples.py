"""Ways to score that are none: each breaks a rule of the contest, on the code that the valid ones run on.

They are here for the probes to be held to (``stages/causality.py``, tests), and no record can name them.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tritgolf.data.shards import Tokens
from tritgolf.evaluate.score import WindowNats
from tritgolf.evaluate.score_first import Learner, ScoreFirst
from tritgolf.evaluate.windowed import Method, Scorer, Scores
from tritgolf.evaluate.windows import Windows
from tritgolf.model.network import Network

BUCKETS = 16  # of hashes: few, so that contexts collide as they do in a cache of millions of n-grams
WEIGHT = 0.5  # of the cache in the mixture


class AdaptThenScore(ScoreFirst):
    """Score-first training in the wrong order: each chunk is trained on, then scored (issues #402, #677)."""

    def for_probe(self, context: int) -> "AdaptThenScore":
        """Itself: how long its chunks are is what differs."""
        return self

    def _one_chunk(
        self,
        learner: Learner,
        tokens: Tokens,
        place: tuple[int, int],
        chunk: list[Windows],
        scorer: Scorer,
        parts: list[Scores],
    ) -> None:
        number, chunks = place
        if len(tokens) > (number + 1) * self.settings.chunk_tokens:  # a short last chunk is left as it is
            self.train(learner, tokens, (number, chunks + 1), scorer.ranks)
        parts += [scorer.share(learner.network, tokens, windows) for windows in chunk]


@dataclass(frozen=True)
class TargetInKey(Method):
    """A hashed n-gram cache whose key has the target in it, mixed with what ``inner`` gives (#779).

    Counts are of earlier tokens alone. But only the realized target is looked up, and each of the others would be
    given as much by the same buckets: no distribution over the vocabulary is behind it.
    """

    inner: Method

    def score(self, network: Network, tokens: Tokens, what: str) -> Scores:
        """As ``Method`` says."""
        scores = self.inner.score(network, tokens, what)
        cached = self._cached(np.asarray(tokens, dtype=np.int64))[scores.targets]
        return _with_nats(scores, -np.log((1 - WEIGHT) * np.exp(-scores.nats) + WEIGHT * cached))

    def _cached(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """What the cache gives each target: (n − 1,)."""
        contexts: Counter[int] = Counter()
        pairs: Counter[int] = Counter()
        given = []
        for context, target in zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True):
            of_context, of_pair = context * 36313 % BUCKETS, (context * 36313 ^ target * 27191) % BUCKETS
            given.append(min(1.0, pairs[of_pair] / contexts[of_context]) if contexts[of_context] else 0.0)
            contexts[of_context] += 1
            pairs[of_pair] += 1
        return np.array(given)


@dataclass(frozen=True)
class SmallerOfTwo(Method):
    """Of two models' nats the smaller, target by target: which one it is, the target itself decides (#573, #659)."""

    inner: Method
    other: Network

    def score(self, network: Network, tokens: Tokens, what: str) -> Scores:
        """As ``Method`` says."""
        one, two = (self.inner.score(each, tokens, what) for each in (network, self.other))
        return _with_nats(one, np.minimum(one.nats, two.nats))


def _with_nats(scores: Scores, nats: npt.NDArray[np.float64]) -> Scores:
    """``scores`` with other ``nats``, each a window of its own; squares are not known."""
    sums = WindowNats(nats, np.zeros_like(nats))
    return scores._replace(nats=nats, sums=sums, tempered=sums)
