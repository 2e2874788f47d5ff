"""The roundtrip gap: what a model loses when it is stored and read back, with its error."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tritgolf.evaluate.score import WindowNats


@dataclass(frozen=True)
class Gap:
    """Reloaded minus trained, bits per byte of pure cross-entropy; ``standard_error`` is paired over windows."""

    bpb: float
    standard_error: float


def paired_gap(trained: WindowNats, reloaded: WindowNats, bytes_: int) -> Gap:
    """Compare two scorings of the same windows, which hold ``bytes_`` bytes of scored text."""
    return gap_of(reloaded.nats - trained.nats, bytes_)


def gap_of(differences: npt.NDArray[np.float64], bytes_: int) -> Gap:
    """The gap whose nats, window by window, are ``differences``; or any sum of such gaps, with its standard error.

    ``ValueError`` for fewer than two windows, of which no error can be told (``check_window`` refuses such a text).
    """
    to_bpb = 1 / (math.log(2) * bytes_)
    count = len(differences)
    if count < 2:
        raise ValueError(f"{count} windows have no standard error")
    spread = float(np.std(differences, ddof=1)) * math.sqrt(count)
    return Gap(float(differences.sum()) * to_bpb, spread * to_bpb)
