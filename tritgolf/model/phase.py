"""The phase of training a network is in."""

from typing import NamedTuple


class Phase(NamedTuple):
    """Whether the repeated layers run (``recurrence``; #1716).

    ``qat``: whether the matrices that are trained on a grid, where there are any, are computed on it.
    """

    recurrence: bool = False
    qat: bool = True
