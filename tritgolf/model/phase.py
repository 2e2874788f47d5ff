"""The phase of training a network is in."""

from typing import NamedTuple


class Phase(NamedTuple):
    """Whether the repeated layers run (``recurrence``; #1716)."""

    recurrence: bool = False
