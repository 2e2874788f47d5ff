"""How many bits a weight of a model's matrices takes in its artifact: coded, a grid of 6 bits may take 3."""

import math

from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.schemas import ExportedStorage

CODERS = ("arithmetic", "columns")  # layouts after which nothing is left to compress


def coded_bits(facts: RecordFacts, stored: ExportedStorage) -> float:
    """Bits a weight of the matrices without their scales: of the section of codes that has most weights.

    NaN where codes are stored as they are for a general compressor, or where weights can't be counted.
    """
    if not facts.coded_weights or stored.layout not in CODERS:
        return math.nan
    section, weights = max(facts.coded_weights.items(), key=lambda sized: sized[1])
    return 8 * stored.bytes_by_kind[section] / weights
