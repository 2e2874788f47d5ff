"""Words that every page puts together alike."""

from collections.abc import Iterable


def enumerated(words: Iterable[str], before_last: str = "and") -> str:
    """``words``, at least one, as a sentence lists them.

    >>> enumerated(["trits", "int4", "int6"], "or")
    'trits, int4 or int6'
    """
    *first, last = words
    return f"{', '.join(first)} {before_last} {last}" if first else last
