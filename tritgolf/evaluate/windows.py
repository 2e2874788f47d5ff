"""Which tokens are scored in which window, as plain arithmetic: no model, no text.

A text of T tokens has T − 1 targets, numbered by the position of the token before: target p is predicted from tokens
≤ p. A window reads ``length`` tokens from ``start`` and scores the targets ``first`` … ``start + length − 1`` of it.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Rule = Literal["record", "every_token"]


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
    def scored(self) -> int:
        """Targets scored, each exactly once."""
        return int(self.counts.sum())


def chunked_windows(tokens: int, window: int) -> Windows:
    """Non-overlapping windows: the record's val_bpb. The last (tokens − 1) mod ``window`` targets are left out."""
    starts = np.arange((tokens - 1) // window, dtype=np.int64) * window
    return Windows(starts, starts, window, tokens - 1 - len(starts) * window)


def sliding_windows(tokens: int, window: int, stride: int, rule: Rule) -> Windows:
    """Overlapping windows, ``stride`` apart (1 ≤ stride ≤ window).

    The first window scores all its targets, each other those that the window before did not reach. With ``record``,
    windows start at 0, stride, … < N − window with N = ⌊(tokens − 1)/window⌋·window, so the end of the text is never
    scored (#640, #920). With ``every_token``, one more window ends at the last target, which scores whatever is left;
    a text shorter than a window is one window.
    """
    targets = tokens - 1
    if rule == "record":
        usable = targets // window * window
        starts = np.arange(0, max(usable - window, 0), stride, dtype=np.int64)
        ends = starts + window
    else:
        length = min(window, targets)
        starts = np.arange(0, targets - length + 1, stride, dtype=np.int64)
        if len(starts) and starts[-1] + length < targets:
            starts = np.append(starts, targets - length)
        window, ends = length, starts + length
    firsts = np.concatenate((starts[:1], ends[:-1]))
    scored = int(ends[-1]) if len(ends) else 0
    return Windows(starts, firsts, window, targets - scored)
