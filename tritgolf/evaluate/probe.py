"""The causality probe on an evaluation method: on ``score`` itself, with the network and a short piece of the text.

A method is causal if no score depends on a later token and the probabilities of all tokens that could follow a text add
up to 1. Whether every target is scored once, is counted beside.
"""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tritgolf.data.shards import Tokens
from tritgolf.evaluate.causality import LaterTokens, Nats, OwnToken, later_tokens, sampled_own_token
from tritgolf.evaluate.windowed import Method, Scores
from tritgolf.model.attention import Attention, math_attention
from tritgolf.model.network import Network, device_of
from tritgolf.outcome import Outcome, Verdict, judge
from tritgolf.ranks import Ranks, alone

DRAWS = 16  # tokens of the vocabulary tried in a place
CHANGES = 8  # positions from which later tokens are changed, each in two ways
TOLERANCE = 1e-6  # nats by which a score may move
NOISE = 8.0  # times the difference between two scorings of the same text, where that is more (training on a GPU)
NOISY = 0.01  # nats between them from which nothing is told


@dataclass(frozen=True)
class Causality:
    """What the probe says of a method. ``scored_again``: scores of targets that had one already, in the whole text."""

    later_tokens: LaterTokens
    own_token: list[OwnToken]
    scored_again: int

    @property
    def outcomes(self) -> list[Outcome]:
        """What each experiment says; the second is left out where the first settles it."""
        return [self.later_tokens.outcome, *(position.outcome for position in self.own_token)]

    @property
    def scored_once(self) -> Outcome:
        """Whether every target of the whole text has at most one score."""
        again = f"{self.scored_again:,} scores are of targets that had one" if self.scored_again else "each target once"
        return judge(not self.scored_again, again)

    @property
    def causal(self) -> bool | None:
        """Whether all experiments hold; None where one can't tell and none is contradicted."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if Verdict.CONTRADICTED in verdicts:
            return False
        return None if Verdict.CANT_TELL in verdicts else True

    @property
    def reason(self) -> str:
        """The evidence that decides, and whether targets are scored again."""
        deciding = {True: Verdict.HOLDS, False: Verdict.CONTRADICTED, None: Verdict.CANT_TELL}[self.causal]
        evidence = [outcome.evidence for outcome in self.outcomes if outcome.verdict is deciding]
        return "; ".join([*evidence, *([self.scored_once.evidence] if self.causal or self.scored_again else [])])

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the verdict ``causal``, its ``reason`` and what each experiment measured."""
        return {
            "causal": self.causal,
            "reason": self.reason,
            "later_tokens": self.later_tokens.as_dict(),
            "own_token": [position.as_dict() for position in self.own_token],
            "scored_again": self.scored_again,
        }


def probe(
    method: Method,
    network: Network,
    tokens: Tokens,
    scores: Scores,
    changes: int = CHANGES,
    draws: int = DRAWS,
    ranks: Ranks | None = None,
    both: bool = False,
) -> Causality:
    """Probe ``method`` on the beginning of ``tokens``; ``scores``: what it gave all of them.

    Scores the piece that the method asks for some 50 times: twice to see that scores repeat, 2·``changes`` times with
    later tokens changed, and with up to ``draws`` tokens in each of two places: within the first window, where a
    network could look at its target, and at the last target, where a method has adapted to all before. All of the
    method's ``ranks`` probe, through what they share as well; the first's numbers decide, so that all go on alike.
    ``both``: add up probabilities even where later tokens settle it.
    """
    first = (ranks or alone()).of_first
    small, length = method.for_probe(network.model.context)
    text = np.asarray(tokens[:length], dtype=np.int64)

    def nats(texts: npt.NDArray[np.int64]) -> Nats:
        with repeatable(network, device_of(network)):
            return first(small.token_nats(network, texts))

    reference, again = nats(np.stack((text, text)))
    noise = float(np.nanmax(np.abs(reference - again)))
    tolerance = max(TOLERANCE, NOISE * noise) if noise < NOISY else 0.0
    later = later_tokens(nats, text, network.model.vocab_size, changes=changes, tolerance=tolerance, many=True)
    own = []
    if later.repeatable and (both or later.leak is None):
        scored = _scored_once(small, network, text, reference, again=len(scores.targets) > scores.distinct)
        middle = min(network.model.context // 2, len(scored) - 1)
        for position in sorted({int(scored[middle]), int(scored[-1])}):
            distribution = first(next_token(network, text[:position]))
            own.append(sampled_own_token(nats, text, position, distribution, draws=draws, many=True))
    return Causality(later, own, len(scores.targets) - scores.distinct)


def _scored_once(
    method: Method, network: Network, text: npt.NDArray[np.int64], nats: Nats, again: bool
) -> npt.NDArray[np.int64]:
    """Places of ``text`` whose token has one score; ``again``: whether the method gives any token two."""
    if not again:
        return np.flatnonzero(~np.isnan(nats)) + 1
    targets = method.score(network, text.astype(np.uint16), "causality").targets
    return np.flatnonzero(np.bincount(targets) == 1) + 1


@contextlib.contextmanager
def repeatable(network: Network, device: torch.device) -> Iterator[None]:
    """``network``, on ``device``, and its copies sum in an order that repeats, until the block ends.

    A method that trains on a GPU otherwise scores the same text differently each time (#1716's by more than ``NOISY``),
    and no leak can be told from that. PyTorch is asked for its repeating forms. No fast attention has one for gradients
    there: cuDNN's has none, the packages ask nobody, and PyTorch's own keep to their atomic sums where others may only
    be warned of. So where there are gradients, attention is computed by its definition. On CPUs all sums repeat.
    """
    if device.type != "cuda":
        yield
        return
    before, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    attending: list[Any] = [module for module in network.modules() if hasattr(module, "attend")]
    fast = [module.attend for module in attending]
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        for module in attending:
            module.attend = _with_repeating_gradients(module.attend)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*deterministic.*")  # the rest stays noise, which is measured
            yield
    finally:
        for module, attend in zip(attending, fast, strict=True):
            module.attend = attend
        torch.use_deterministic_algorithms(before, warn_only=warned)


def _with_repeating_gradients(attend: Attention) -> Attention:
    """``attend``, but the definition where gradients are to be computed."""
    return lambda q, k, v: (math_attention if torch.is_grad_enabled() and q.requires_grad else attend)(q, k, v)


@torch.no_grad()
def next_token(network: Network, text: npt.NDArray[np.integer]) -> Nats:
    """Probabilities of all tokens after ``text``, of which the network sees its context: FP64 (vocabulary,)."""
    seen = torch.from_numpy(np.asarray(text[-network.model.context :], dtype=np.int32)).to(device_of(network))
    logits = network.head().logits(network(seen[None], 1).flatten(0, 1))
    return np.asarray(logits.double().softmax(-1).flatten().cpu().numpy())
