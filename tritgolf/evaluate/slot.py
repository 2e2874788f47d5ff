"""Per-sample SLOT (#1722): to each window a shift of its hidden states and a bias of its logits are fitted by AdamW.

#1722 fits them to the very targets that it then scores: 1,536 free numbers for 64 targets. No decoder knows them before
it has decoded what they were made from, so such a score is no model's. The SLOT paper (arXiv:2505.12392) fits to the
prompt and then generates, as ``fits: context`` does (#1350).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tritgolf.config.evaluate import SlotSettings
from tritgolf.data.shards import Tokens
from tritgolf.evaluate.score import WindowNats, scored_targets
from tritgolf.evaluate.windowed import Adaptation, Scorer, Scores, joined
from tritgolf.evaluate.windows import Windows
from tritgolf.model.loss import nats_of
from tritgolf.model.network import Head, Network, device_of
from tritgolf.model.residual import at_least_fp32
from tritgolf.outcome import NOT_CAUSAL
from tritgolf.progress import progress


class Batch(NamedTuple):
    """``windows`` that score equally many targets, and what each one's loss is divided by: (windows,) FP64."""

    windows: Windows
    divisors: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Slot(Adaptation):
    """The adaptation by its settings; windows don't mix, so the result is the same for any number of ranks."""

    settings: SlotSettings
    kind: str = "slot"

    @property
    def fits_its_targets(self) -> bool:
        """Whether targets are scored with what was fitted to them."""
        return self.settings.fits == "scored"

    @property
    def mark(self) -> str:  # type: ignore[override]
        """That such a score is not causal."""
        return NOT_CAUSAL if self.fits_its_targets else ""

    def score(
        self, network: Network, tokens: Tokens, groups: Sequence[Windows], scorer: Scorer
    ) -> tuple[Scores, Network]:
        """As ``Adaptation`` says; the network stays as it is, and what is fitted is dropped with its windows."""
        batches = list(self.batches(groups, scorer.batch))
        own = batches[scorer.ranks.share(len(batches))]
        parts = [
            self.fitted(network, tokens, batch, scorer) for batch in progress(own, what=scorer.what, unit="batches")
        ]
        return joined([part for shares in scorer.ranks.gather(parts) for part in shares]), network

    def for_probe(self, context: int) -> "Slot":
        """Itself: what takes long is how many windows there are."""
        return self

    def batches(self, groups: Sequence[Windows], most: int) -> Iterator[Batch]:
        """At most ``most`` windows each. ``divisors``: targets fitted to by as many windows in a row as settings say,
        all groups together."""
        fitted = [windows.counts if self.fits_its_targets else windows.firsts - windows.starts for windows in groups]
        every = np.concatenate(fitted)
        together = np.add.reduceat(every, np.arange(0, len(every), self.settings.windows))
        divisors = np.maximum(np.repeat(together, self.settings.windows)[: len(every)], 1).astype(np.float64)
        of_groups = np.split(divisors, np.cumsum([len(windows.starts) for windows in groups])[:-1])
        for windows, of_group in zip(groups, of_groups, strict=True):
            changes = np.flatnonzero(np.diff(windows.counts)) + 1
            for begin, end in zip([0, *changes], [*changes, len(windows.starts)], strict=True):
                for first in range(begin, end, most):
                    rows = slice(first, min(first + most, end))
                    part = windows._replace(starts=windows.starts[rows], firsts=windows.firsts[rows])
                    yield Batch(part, of_group[rows])

    def fitted(self, network: Network, tokens: Tokens, batch: Batch, scorer: Scorer) -> Scores:
        """Scores of a batch's windows, each with what was fitted to it; hidden states are computed once."""
        windows, count = batch.windows, int(batch.windows.counts[0])
        device, tail = device_of(network), count if self.fits_its_targets else windows.length
        places = windows.starts[:, None] + np.arange(windows.length + 1)
        spans = torch.from_numpy(tokens[places].astype(np.int32)).to(device)
        with torch.no_grad():
            hidden, targets = at_least_fp32(network(spans[:, :-1], tail)), spans[:, -tail:].long()
            head = network.head()
            head = head._replace(table=head.table.detach().to(hidden.dtype))
        rows = slice(None) if self.fits_its_targets else slice(tail - count)
        divisors = torch.from_numpy(batch.divisors).to(device, hidden.dtype)
        shift, bias = self._fit(head, hidden[:, rows], targets[:, rows], divisors)
        with torch.no_grad():
            logits = _logits(head, hidden[:, -count:] + shift, bias)
            each = [nats_of(logits / t, targets[:, -count:].flatten()) for t in (1.0, scorer.temperature)]
        nats, tempered = ([x.double().cpu().numpy() for x in (nats, lse.square())] for nats, lse in each)
        first, second = (WindowNats(*(x.reshape(-1, count).sum(1) for x in of)) for of in (nats, tempered))
        return Scores(scored_targets(windows), nats[0], first, second, len(windows.starts) * windows.length)

    def _fit(self, head: Head, hidden: Tensor, targets: Tensor, divisors: Tensor) -> tuple[Tensor, Tensor]:
        """Shift (windows, 1, embed) and bias (windows, 1, vocabulary) that lower the nats of ``targets``.

        ``hidden``: (windows, positions, embed). Both start at 0, and stay there where there are no positions.
        """
        shape = (len(hidden), 1)
        shift, bias = (hidden.new_zeros(*shape, size).requires_grad_() for size in (hidden.shape[-1], len(head.table)))
        optimizer = torch.optim.AdamW((shift, bias), betas=(0.9, 0.95), eps=1e-5, weight_decay=1e-8)
        for step in range(self.settings.steps if targets.numel() else 0):
            optimizer.param_groups[0]["lr"] = learning_rate(self.settings, step)
            optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                nats = nats_of(_logits(head, hidden + shift, bias), targets.flatten())[0]
                (nats.view(targets.shape).sum(1) / divisors).sum().backward()
            optimizer.step()
        return shift.detach(), bias.detach()


def learning_rate(settings: SlotSettings, step: int) -> float:
    """From ``lr`` in the first step to ``last_lr`` in the last, by a cosine."""
    above = 0.5 * (1 + math.cos(math.pi * step / max(settings.steps - 1, 1)))
    return settings.last_lr + (settings.lr - settings.last_lr) * above


def _logits(head: Head, hidden: Tensor, bias: Tensor) -> Tensor:
    """Capped logits (windows · positions, vocabulary) with ``bias`` (windows, 1, vocabulary) beside the head's own."""
    both = bias if head.bias is None else head.bias.detach() + bias
    return head._replace(bias=both).logits(hidden).flatten(0, 1)
