"""Runs of one record at one or more seeds, as reports have them: typed metrics of every stage that was read."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from tritgolf.errors import InputError
from tritgolf.report.laboratory_schemas import LaboratoryMetrics, ProbesMetrics
from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.schemas import (
    EvaluateMetrics,
    ExportedStorage,
    ExportMetrics,
    Provenance,
    RoundtripMetrics,
    TrainingLogLine,
    TrainMetrics,
)
from tritgolf.report.scores import Score, StorageScore

M = TypeVar("M")
S = TypeVar("S", ExportedStorage, StorageScore)


@dataclass(frozen=True)
class Source:
    """A file that figures came from: what it is about, the digest of its payload and what made it."""

    stage: str
    seed: int
    checkpoint: str | None
    path: str
    payload_digest: str
    provenance: Provenance


@dataclass
class SeedRun:
    """One seed. Stages that were not read stay empty; asking for one of them is an ``InputError``."""

    record: str
    seed: int
    steps_of: dict[str, int] = field(default_factory=dict)
    log: list[TrainingLogLine] = field(default_factory=list)
    exports: dict[str, ExportMetrics] = field(default_factory=dict)
    roundtrips: dict[str, RoundtripMetrics] = field(default_factory=dict)
    laboratories: dict[str, LaboratoryMetrics] = field(default_factory=dict)
    probes: dict[str, ProbesMetrics] = field(default_factory=dict)
    evaluations: dict[str, EvaluateMetrics] = field(default_factory=dict)
    trained: TrainMetrics | None = None
    sources: list[Source] = field(default_factory=list)

    @property
    def train(self) -> TrainMetrics:
        """Metrics of the train stage."""
        return self._need(self.trained, "train")

    @property
    def evaluated(self) -> EvaluateMetrics | None:
        """Metrics of the evaluate stage of the last checkpoint, if it was run."""
        return self.evaluations.get("final")

    @property
    def evaluate(self) -> EvaluateMetrics:
        """Metrics of the evaluate stage of the last checkpoint."""
        return self._need(self.evaluated, "evaluate")

    @property
    def best_temperature(self) -> float | None:
        """The temperature calibrated for the final artifact; None where none was."""
        return getattr(getattr(self.evaluated, "temperature", None), "best", None)

    @property
    def methods(self) -> dict[str, Any]:
        """The final artifact's scores by evaluation method; none where the file tells only of windows."""
        return dict(getattr(self.evaluated, "methods", None) or {})

    def method(self, name: str) -> Any:
        """The final artifact's score by the evaluation method ``name``."""
        return self._need(self.methods.get(name), f"{name} evaluation")

    def causal(self, method: str) -> bool | None:
        """Whether the causality probe passed a method; None where it wasn't run on it, or can't tell."""
        return getattr(getattr(self.methods.get(method), "causality", None), "causal", None)

    def mark(self, method: str) -> str:
        """What is to be said beside a method's score, "" where it is a valid one."""
        return str(getattr(self.methods.get(method), "mark", ""))

    def export(self, checkpoint: str) -> ExportMetrics:
        """Metrics of the export stage of a checkpoint."""
        return self._need(self.exports.get(checkpoint), f"{checkpoint} export")

    def roundtrip(self, checkpoint: str) -> RoundtripMetrics:
        """Metrics of the roundtrip stage of a checkpoint."""
        return self._need(self.roundtrips.get(checkpoint), f"{checkpoint} roundtrip")

    def exported(self, checkpoint: str, storage: str) -> ExportedStorage:
        """The artifact of a checkpoint in one storage choice."""
        return self._pick(self.export(checkpoint).storages, checkpoint, storage)

    def reloaded(self, checkpoint: str, storage: str) -> StorageScore:
        """The score of a checkpoint after reload from one storage choice."""
        return self._pick(self.roundtrip(checkpoint).storages, checkpoint, storage)

    @property
    def trained_scores(self) -> list[Score]:
        """The scores of the trained weights, and the chunked ones of the artifact, of every checkpoint."""
        trained: list[Score] = [
            *(found.trained for found in self.roundtrips.values()),
            *(found.trained for found in self.laboratories.values()),
            *(found.trained for found in self.probes.values()),
        ]
        return [*trained, *(found.chunked for found in self.evaluations.values() if found.chunked)]

    @property
    def made_by(self) -> Provenance:
        """What made this seed: the provenance of its train stage, or of whatever else there is."""
        return min(self.sources, key=lambda source: (source.stage != "train", source.path)).provenance

    def _pick(self, found: dict[str, S], checkpoint: str, storage: str) -> S:
        if storage not in found:
            where = f"{self.record} seed {self.seed}, {checkpoint}"
            raise InputError(where, f"has no storage {storage!r}", f"known: {', '.join(found)}")
        return found[storage]

    def _need(self, found: M | None, stage: str) -> M:
        if found is None:
            raise InputError(f"{self.record} seed {self.seed}", f"has no {stage} metrics", "run that stage first")
        return found


@dataclass(frozen=True)
class Run:
    """One record; its seeds in the configured order, whatever the order they were read in.

    ``pace``: a shorter run of the same settings, alone on its machine, where times are told by one.
    """

    facts: RecordFacts
    seeds: tuple[SeedRun, ...]
    pace: "Run | None" = None

    @property
    def checkpoints(self) -> list[str]:
        """Names of all checkpoints with metrics of their own, in order of training."""
        steps = {name: step for seed in self.seeds for name, step in seed.steps_of.items()}
        return sorted(steps, key=lambda name: (steps[name], name))

    @property
    def trained_scores(self) -> list[Score]:
        """Every score of trained weights, or of a record's artifact, that was read: they say how bytes were counted."""
        return [score for seed in self.seeds for score in seed.trained_scores]

    @property
    def sources(self) -> list[Source]:
        """All files read, by path."""
        return sorted((source for seed in self.seeds for source in seed.sources), key=lambda source: source.path)
