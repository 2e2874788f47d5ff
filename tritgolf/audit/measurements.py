"""What was measured: rows out of the runs kept in ``measured/``, for the claims that logs can't decide.

Of models trained as the published ones are: what a format does to one that was trained in it decides no claim.
``measured/<run>/`` is a results folder (``record.json`` and metrics files of the stages' schemas). Its roundtrips and
laboratories become ``Gap`` rows, one a checkpoint and storage, its evaluations ``Evaluation`` rows, its exports
``Zeros`` rows. Bits a byte are by published bytes here, whichever a run divides by: the claims are so, and the older
runs have no others.
"""

import math
from dataclasses import dataclass, field

from tritgolf.audit.int6_measurements import Int6Measurements
from tritgolf.audit.recurrent_measurements import RecurrentMeasurement
from tritgolf.report.record_facts import AS_WRITTEN

OWN, LOSSLESS = "own storage", "all else lossless"  # what a pair of storages that differ in one factor shares


@dataclass(frozen=True)
class Gap:
    """RT gap of one checkpoint in one storage: bits a published byte, with its standard error."""

    run: str
    estimator: str
    full_size: bool
    seed: int
    step: int
    storage: str
    factors: dict[str, str]
    gap: float
    error: float
    over_own_error: float | None = None  # of its difference to the record's own storage, paired; 0 of that one itself
    own: bool = False  # whether this is the storage that the record ships

    def difference_error(self, other: "Gap") -> float:
        """Standard error of the difference of two gaps: paired where one is the own storage, else estimated.

        The estimate is the lesser of the two errors as if independent (as a rule gaps of the same weights rise and fall
        together) and, where both rows were paired with the own storage, the sum of these errors, which no correlation
        exceeds.
        """
        independent = math.hypot(self.error, other.error)
        if self.over_own_error is None or other.over_own_error is None:
            return independent
        by_way_of_own = self.over_own_error + other.over_own_error
        return by_way_of_own if self.own or other.own else min(independent, by_way_of_own)


@dataclass(frozen=True)
class Effect:
    """How much larger the gap of the same weights is with ``factor`` set to ``setting`` than to ``baseline``.

    ``rest``: how the pair stores everything else, ``OWN``, ``LOSSLESS`` or the name of the row's storage.
    """

    row: Gap
    factor: str
    setting: str
    baseline: str
    difference: float
    error: float
    rest: str

    @property
    def as_in_record(self) -> bool:
        """Whether everything else is as in the record's own storage."""
        return self.rest == OWN


@dataclass(frozen=True)
class Evaluation:
    """One evaluated model: the text, scores in bits a published byte, temperature → calibration nats, the stride."""

    run: str
    dataset: str
    full_size: bool
    seed: int
    chunked: float
    chunked_record: float
    sliding: float
    stride: int
    temperatures: dict[float, float]


@dataclass(frozen=True)
class Zeros:
    """Share of zero trits of one checkpoint, true and by the record's count."""

    run: str
    estimator: str
    full_size: bool
    seed: int
    step: int
    true: float
    record: float


@dataclass(frozen=True)
class Measurements:
    """Everything measured. ``modes``: what each kept run trained as, by its name (``RecordFacts.label``)."""

    gaps: tuple[Gap, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    zeros: tuple[Zeros, ...] = ()
    recurrent: tuple[RecurrentMeasurement, ...] = ()
    int6: Int6Measurements = field(default_factory=Int6Measurements)
    modes: dict[str, str] = field(default_factory=dict)

    @property
    def as_written(self) -> list[str]:
        """Names of the runs that trained as the published source is written, weights rounded to BF16."""
        return sorted(run for run, mode in self.modes.items() if mode == AS_WRITTEN)

    def effects(self, factor: str, setting: str, baseline: str) -> list[Effect]:
        """All pairs of rows of the same weights that differ in ``factor`` alone."""
        found = []
        known = [(OWN, {_weights(row): row.factors for row in self.gaps if row.own})]
        lossless = [row for row in reversed(self.gaps) if row.storage == "lossless"]  # the laboratory's comes first
        known += [(LOSSLESS, {_weights(row): row.factors for row in lossless})]
        for row in self.gaps:
            if row.factors.get(factor) != setting:
                continue
            twin = {**row.factors, factor: baseline}
            other = next((o for o in self.gaps if _weights(o) == _weights(row) and o.factors == twin), None)
            if other is not None:
                error = row.difference_error(other)
                rests = (name for name, of in known if row.factors == {**of.get(_weights(row), {}), factor: setting})
                rest = next(rests, f"else as in {row.storage}")
                found.append(Effect(row, factor, setting, baseline, row.gap - other.gap, error, rest))
        return found

    def last_effects(self, factor: str, setting: str, baseline: str) -> dict[tuple[str, int], Effect]:
        """(run, seed) → the effect at its last measured step; of several that with all else as in the record, if any,
        else with the least error.
        """
        last: dict[tuple[str, int], int] = {}
        for row in self.gaps:
            last[row.run, row.seed] = max(row.step, last.get((row.run, row.seed), 0))
        found: dict[tuple[str, int], Effect] = {}
        for effect in sorted(self.effects(factor, setting, baseline), key=lambda e: (not e.as_in_record, e.error)):
            key = effect.row.run, effect.row.seed
            if effect.row.step == last[key]:
                found.setdefault(key, effect)
        return found


def _weights(row: Gap) -> tuple[str, int, int]:
    return row.run, row.seed, row.step
