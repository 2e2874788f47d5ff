"""What a table or plot needs of a record; what is not named here needs nothing but the metrics it is made from."""

from collections.abc import Callable

from tritgolf.report.record_facts import RecordFacts


def trits(facts: RecordFacts) -> bool:
    """Ternary weights."""
    return facts.has_trits


def temperature(facts: RecordFacts) -> bool:
    """A temperature that is calibrated."""
    return facts.calibrates_temperature


def methods(facts: RecordFacts) -> bool:
    """A score besides that by windows side by side."""
    return facts.compares_methods


NEEDS: dict[str, Callable[[RecordFacts], bool]] = {
    "zero_fraction": trits,
    "mechanisms": trits,
    "probes": trits,
    "temperature": temperature,
    "sliding": methods,
}


def applies(name: str, facts: RecordFacts) -> bool:
    """Whether the table or plot ``name`` has something to show of a record."""
    return name not in NEEDS or NEEDS[name](facts)
