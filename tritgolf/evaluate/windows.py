"""Which tokens are scored in which window, as plain arithmetic: no model, no text.

A text of T tokens has T − 1 targets, numbered by the position of the token before: target p is predicted from tokens
≤ p. A window reads ``length`` tokens from ``start`` and scores the targets ``first`` … ``start + length − 1`` of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tritgolf.config.types import WindowRule


class Windows(NamedTuple):
    """``starts`` and ``firsts`` (int64, one a window) of windows of ``length`` tokens; ``left_out``: unscored."""

    starts: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]
    length: int
    left_out: int

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Targets that each window scores: its last so many."""
        return self.starts + self.length - self.firsts

    @property
    def span(self) -> tuple[int, int]:
        """The part of the text, tokens [begin, end), that windows and their targets lie in; (0, 0) without windows."""
        if not len(self.starts):
            return 0, 0
        return int(self.starts.min()), int(self.starts.max()) + self.length + 1

    @property
    def scored(self) -> int:
        """Scores given: targets scored, one that two windows score counted twice."""
        return int(self.counts.sum())


def chunked_windows(tokens: int, window: int) -> Windows:
    """Non-overlapping windows: the record's val_bpb. The last (tokens − 1) mod ``window`` targets are left out."""
    starts = np.arange((tokens - 1) // window, dtype=np.int64) * window
    return Windows(starts, starts, window, tokens - 1 - len(starts) * window)


def sliding_groups(tokens: int, window: int, stride: int, rule: WindowRule) -> tuple[Windows, ...]:
    """Overlapping windows, ``stride`` apart (1 ≤ stride ≤ window), by one of ``RULES``: groups of one length each."""
    return RULES[rule](tokens, window, stride)


def sliding_windows(tokens: int, window: int, stride: int, rule: WindowRule) -> Windows:
    """``sliding_groups`` of a rule whose windows all have one length, which is every rule but ``repeat_tail``."""
    (windows,) = sliding_groups(tokens, window, stride, rule)
    return windows


def _drop_tail(tokens: int, window: int, stride: int) -> tuple[Windows, ...]:
    """#640, #920: windows start at 0, stride, … < N − window, so the end of the text is never scored.

    N = ⌊(tokens − 1)/window⌋·window. The first window scores all its targets, each other those that the window before
    did not reach.
    """
    usable = (tokens - 1) // window * window
    return (_advancing(tokens, np.arange(0, max(usable - window, 0), stride, dtype=np.int64), window),)


def _every_token(tokens: int, window: int, stride: int) -> tuple[Windows, ...]:
    """Each target exactly once (#1716): one more window ends at the last target, which scores whatever is left.

    A text shorter than a window is one window.
    """
    targets = tokens - 1
    length = min(window, targets)
    starts = np.arange(0, targets - length + 1, stride, dtype=np.int64)
    if len(starts) and starts[-1] + length < targets:
        starts = np.append(starts, targets - length)
    return (_advancing(tokens, starts, length),)


def _repeat_tail(tokens: int, window: int, stride: int) -> tuple[Windows, ...]:
    """#1019, #1722: ``repeating_windows`` over N targets, N as in ``_drop_tail``."""
    usable = (tokens - 1) // window * window
    return repeating_windows(usable, window, stride, left_out=tokens - 1 - usable)


RULES: dict[WindowRule, Callable[[int, int, int], tuple[Windows, ...]]] = {
    "drop_tail": _drop_tail,
    "every_token": _every_token,
    "repeat_tail": _repeat_tail,
}


def _advancing(tokens: int, starts: npt.NDArray[np.int64], length: int) -> Windows:
    """Windows each of which scores the targets that the one before did not reach."""
    ends = starts + length
    scored = int(ends[-1]) if len(ends) else 0
    return Windows(starts, np.concatenate((starts[:1], ends[:-1])), length, tokens - 1 - scored)


def repeating_windows(targets: int, window: int, stride: int, left_out: int = 0) -> tuple[Windows, ...]:
    """#1019's windows: they start at 0, stride, … < ``targets``, and none reaches past the last target.

    The first scores all its targets, each other its last ``stride``. Those that would reach past the end are shortened,
    each a group of its own, and score the same last targets again from ever less context.
    """
    whole = np.arange(0, max(targets - window + 1, 0), stride, dtype=np.int64)
    groups = [Windows(whole, np.where(whole == 0, 0, whole + window - stride), window, left_out)]
    for start in range(len(whole) * stride, targets, stride):
        first = max(start, targets - stride) if start else 0
        groups.append(Windows(np.array([start]), np.array([first]), targets - start, 0))
    return tuple(group for group in groups if len(group.starts))
