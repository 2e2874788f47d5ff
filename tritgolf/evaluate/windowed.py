"""What a method of scoring a text is, and the one that both of ours are: windows, scored as they lie or adapted to.

A method gives the nats of every score, in the order in which it scored, and knows no file. The causality probe
(``probe.py``) runs on each, through its own code.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from tritgolf.config.types import WindowRule
from tritgolf.data.shards import Tokens
from tritgolf.errors import InputError
from tritgolf.evaluate.score import WindowNats, score_tokens, scored_targets
from tritgolf.evaluate.windows import Windows
from tritgolf.model.network import Network
from tritgolf.ranks import Ranks, alone


class Scores(NamedTuple):
    """What a method gave a text. ``targets`` (scores,): positions before the scored tokens, int64, as scored.

    ``nats`` (scores,): FP64 of each. ``sums``: of windows, in FP64, what the headline figures are means of; a row of
    ``sums`` is any part of the scores. ``tempered``: the same with logits divided by a temperature, where one is
    applied. ``window_tokens``: tokens that went through the network to be scored.
    """

    targets: npt.NDArray[np.int64]
    nats: npt.NDArray[np.float64]
    sums: WindowNats
    tempered: WindowNats
    window_tokens: int

    def token_nats(self, tokens: int) -> npt.NDArray[np.float64]:
        """Nats of each token but the first of a text of ``tokens``: (tokens − 1,); NaN where unscored.

        Of a target that was scored several times, the sum of its scores.
        """
        sums = np.bincount(self.targets, self.nats, tokens - 1)
        return np.where(np.bincount(self.targets, minlength=tokens - 1), sums, np.nan)

    @property
    def distinct(self) -> int:
        """How many targets have a score."""
        return int(np.count_nonzero(np.bincount(self.targets)))


class Method(Protocol):
    """A way to score a text with a network; one of your own inherits this and has ``score``."""

    def facts(self, context: int) -> dict[str, Any]:
        """Its settings, for JSON; ``context``: the network's."""
        return {}

    def score(self, network: Network, tokens: Tokens, what: str) -> Scores:
        """Scores of ``tokens`` (n,), whose targets are 0 … n − 2; ``what`` names it to the progress bar.

        The network is left as it was. ``InputError`` where the text is too short for any score.
        """
        ...

    def token_nats(self, network: Network, texts: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Nats of each of ``texts`` (many, n), scored by itself: (many, n − 1), as ``Scores.token_nats``."""
        rows = texts.astype(np.uint16)
        return np.stack([self.score(network, text, "causality").token_nats(len(text)) for text in rows])

    def for_probe(self, context: int) -> tuple["Method", int]:
        """Itself for the causality probe, and of how many tokens a text has all that it does.

        What takes long in it may be smaller, so long as the same code runs.
        """
        return self, 2 * context + 1


class Adaptation(Protocol):
    """A part of a method that changes the network while it scores; several are a chain, each on the last's network."""

    kind: str
    mark: str = ""  # what is to be said beside its scores because of how they are made, whatever the probe can tell

    def score(
        self, network: Network, tokens: Tokens, groups: Sequence[Windows], scorer: "Scorer"
    ) -> tuple[Scores, Network]:
        """Scores of ``groups`` of windows, in their order, and the network that it ends with: a copy, if changed."""

    def for_probe(self, context: int) -> "Adaptation":
        """As ``Method.for_probe``."""


@dataclass(frozen=True)
class Scorer:
    """Scores windows ``batch`` at a time, at temperature 1 and ``temperature`` in one pass; ``ranks`` share them.

    ``of_window_tokens``: how many are scored in all, where windows come in parts (``score_tokens``).
    """

    batch: int
    temperature: float = 1.0
    what: str = "scoring"
    of_window_tokens: int = 0
    ranks: Ranks = field(default_factory=alone)

    def __call__(self, network: Network, tokens: Tokens, windows: Windows) -> Scores:
        """Scores of ``windows`` of ``tokens``, the same on every rank, and for any number of ranks."""
        return self.gathered([self.share(network, tokens, windows)])

    def share(self, network: Network, tokens: Tokens, windows: Windows) -> Scores:
        """Scores of this rank's windows alone: of whole batches, so that each is what it is in one process."""
        batches = self.ranks.share(-(-len(windows.starts) // self.batch))
        rows = slice(batches.start * self.batch, batches.stop * self.batch)
        own = windows._replace(starts=windows.starts[rows], firsts=windows.firsts[rows])
        temperatures = (1.0,) if self.temperature == 1 else (1.0, self.temperature)
        sums, nats = score_tokens(network, tokens, own, self.batch, temperatures, self.what, self.of_window_tokens)
        return Scores(scored_targets(own), nats, sums[0], sums[-1], len(own.starts) * own.length)

    def gathered(self, parts: list[Scores]) -> Scores:
        """Scores of all ranks, from the shares of each in the same parts: each part in the order of its windows."""
        return joined([share for shares in zip(*self.ranks.gather(parts), strict=True) for share in shares])


def tiled(windows: Windows, texts: int, length: int) -> Windows:
    """``windows`` of each of ``texts`` texts of ``length`` tokens that lie one behind another."""
    offsets = np.arange(texts)[:, None] * length
    starts, firsts = ((offsets + positions).reshape(-1) for positions in (windows.starts, windows.firsts))
    return Windows(starts, firsts, windows.length, windows.left_out)


def joined(parts: Sequence[Scores]) -> Scores:
    """Scores one after another as one."""

    def sums(which: str) -> WindowNats:
        found = [getattr(part, which) for part in parts]
        return WindowNats(*(np.concatenate([getattr(each, name) for each in found]) for name in ("nats", "squares")))

    return Scores(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.nats for part in parts]),
        sums("sums"),
        sums("tempered"),
        sum(part.window_tokens for part in parts),
    )


@dataclass(frozen=True)
class Windowed(Method):
    """Windows of the network's context, scored as they lie or by a chain of adaptations.

    ``groups``: (tokens of the text, context) → groups of windows; ``stride`` and ``rule``: of sliding ones.
    """

    groups: Callable[[int, int], tuple[Windows, ...]]
    scorer: Scorer
    stride: int | None = None
    rule: WindowRule | None = None
    adapt: tuple[Adaptation, ...] = ()

    def facts(self, context: int) -> dict[str, Any]:
        """Stride, window and rule of sliding windows, what adapts to the text, and its mark."""
        sliding = {} if self.stride is None else {"stride": self.stride, "window": context, "rule": self.rule}
        facts = sliding | ({"adapt": [each.kind for each in self.adapt]} if self.adapt else {})
        return facts | next(({"mark": each.mark} for each in self.adapt if each.mark), {})

    def score(self, network: Network, tokens: Tokens, what: str) -> Scores:
        """As ``Method`` says."""
        groups = self.groups(len(tokens), network.model.context)
        if not sum(windows.scored for windows in groups):
            raise InputError(
                "text to score",
                f"its {len(tokens)} tokens are too short for {what}, which scores none of them",
                "use more text, or sliding windows by the rule every_token",
            )
        total = sum(len(windows.starts) * windows.length for windows in groups)
        scorer = replace(self.scorer, what=what, of_window_tokens=total)
        if not self.adapt:
            return joined([scorer(network, tokens, windows) for windows in groups])
        for adaptation in self.adapt:
            scores, network = adaptation.score(network, tokens, groups, scorer)
        return scores

    def token_nats(self, network: Network, texts: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """As ``Method`` says. Where nothing adapts, windows of several texts share a batch.

        All batches have one shape, so that where in it a text lies moves no score.
        """
        if self.adapt:
            return super().token_nats(network, texts)
        many, length = texts.shape
        parts = []
        for windows in self.groups(length, network.model.context):
            together = max(1, self.scorer.batch // len(windows.starts))
            padded = np.concatenate((texts, np.repeat(texts[:1], -many % together, 0)))
            scorer = replace(self.scorer, batch=together * len(windows.starts), temperature=1.0)
            parts.append(scorer(network, padded.reshape(-1).astype(np.uint16), tiled(windows, len(padded), length)))
        scores = joined(parts)
        nats = scores.token_nats(max(many * length, int(scores.targets.max()) + 1) + 1)
        return nats[: many * length].reshape(many, length)[:, :-1]

    def for_probe(self, context: int) -> tuple["Windowed", int]:
        """Two windows of text; four, in which an adaptation changes the network half way, where there is one."""
        adapt = tuple(adaptation.for_probe(context) for adaptation in self.adapt)
        return replace(self, adapt=adapt), (4 if adapt else 2) * context + 1
