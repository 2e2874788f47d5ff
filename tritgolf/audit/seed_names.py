"""How a README's tables name seeds, in cells and titles."""

import re

OF_SEEDS = re.compile(r"(?:rng |random |train(?:ing)? )?seeds?(?: ?(?:#|no\.?|id))?", re.IGNORECASE)  # a title
NAMED = re.compile(r"(?:train(?:ing)?[_-])?seeds?[ _=:#-]{0,2}(\d{1,12})(?:\.(?:log|txt))?", re.ASCII | re.IGNORECASE)
BRACKETED = re.compile(r".*\(seed[ _=:#-]{1,2}(\d{1,12})\)", re.ASCII | re.IGNORECASE)
BARE = re.compile(r"s?(\d{1,12})", re.ASCII | re.IGNORECASE)
ANOTHER = re.compile(r"\b(?:baseline|previous|prior|sota|merged)\b", re.IGNORECASE)  # system, whose run it is
REST = re.compile(r"\s*(?:\(.*|[†‡\u00a7*\u204e¹²³]+)$")  # a remark, a footnote's mark


def seed_of(text: str, is_bare: bool) -> str | None:
    """The seed that a cell is, "seed 42", "run 1 (seed 42)" or, where bare numbers are seeds, "42"; None for others."""
    text = text.strip(" .")
    bracketed, text = BRACKETED.fullmatch(text), REST.sub("", text)
    match = bracketed or NAMED.fullmatch(text) or (BARE.fullmatch(text) if is_bare else None)
    return match[1] if match else None


def is_of_another(text: str) -> bool:
    """Whether a cell names a seed's run of another system: "Baseline (seed 42)", "42 (previous record)"."""
    return seed_of(text, is_bare=True) is not None and ANOTHER.search(text) is not None
