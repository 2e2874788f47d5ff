"""How many bits a weight of a model's matrices takes in its artifact: coded, a grid of 6 bits may take 3."""

import math
from pathlib import Path

from tritgolf.files import read_json
from tritgolf.report.schemas import ExportedStorage

CODERS = ("arithmetic", "columns")  # layouts after which nothing is left to compress


def coded_bits(stored: ExportedStorage, weights: int | None) -> float:
    """Bits that a weight takes in the longest section of codes, which has ``weights`` of them; without their scales.

    NaN where codes are stored as they are for a general compressor, or where ``weights`` is not known.
    """
    if weights is None or stored.layout not in CODERS:
        return math.nan
    codes = [size for kind, size in stored.bytes_by_kind.items() if kind == "trits" or kind.startswith("codes")]
    return 8 * max(codes) / weights


def inspected_weights(path: Path) -> int | None:
    """How many weights have codes of the commonest kind, by a kept ``tritgolf inspect --json``; None without one."""
    if not path.is_file():
        return None
    facts = read_json(path)
    return max([*facts.get("codes", {}).values(), facts.get("ternary_weights", 0)])
