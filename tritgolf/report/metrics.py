"""Runs read back from their metrics files: one record at one or more seeds, typed and checked.

A run comes from a folder (``results/<record>`` or ``measured/<run>``; files below it are told apart by their schema) or
from a list of files, as a workflow rule has them. Nothing here, nor in any other reporting module, needs torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from tritgolf.config.modes import MODES
from tritgolf.errors import InputError
from tritgolf.files import read_json
from tritgolf.report.laboratory_schemas import LaboratoryMetrics, ProbesMetrics
from tritgolf.report.record_facts import RecordFacts, rounds_weights
from tritgolf.report.schemas import (
    METRICS,
    Envelope,
    EvaluateMetrics,
    ExportedStorage,
    ExportMetrics,
    Provenance,
    RoundtripMetrics,
    TrainingLogLine,
    TrainMetrics,
)
from tritgolf.report.scores import Score, StorageScore

M = TypeVar("M", TrainMetrics, ExportMetrics, RoundtripMetrics, EvaluateMetrics, LaboratoryMetrics, ProbesMetrics)
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
        return [*trained, *(found.chunked for found in self.evaluations.values())]

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
    """One record; its seeds in the configured order, whatever the order they were read in."""

    facts: RecordFacts
    seeds: tuple[SeedRun, ...]

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


def load_run(folder: str | Path) -> Run:
    """Read ``record.json`` and every metrics file below ``folder``.

    JSON of other schemas is passed over, and so is the log of a training that is not done.
    """
    record = Path(folder) / "record.json"
    logs = [path for path in sorted(Path(folder).rglob("metrics.jsonl")) if path.with_name("train.json").exists()]
    files = [path for path in sorted(Path(folder).rglob("*.json")) if path != record and _schema(path) in METRICS]
    return load_files([*files, *logs], read_record_facts(record))


def load_files(paths: Iterable[str | Path], facts: RecordFacts) -> Run:
    """A run from metrics files and training logs (``metrics.jsonl`` beside its ``train.json``), in any order.

    Raises ``InputError`` on a damaged file, a file of another record, two files about one thing, or no file at all.
    """
    seeds: dict[int, SeedRun] = {}
    for path in sorted({Path(path) for path in paths}):
        is_log = path.suffix == ".jsonl"
        envelope = read_envelope(path.with_name("train.json") if is_log else path)
        if envelope.record != facts.name:
            raise InputError(path, f"belongs to record {envelope.record!r}, not {facts.name!r}", "keep records apart")
        run = seeds.setdefault(envelope.seed, SeedRun(envelope.record, envelope.seed))
        if is_log:
            run.log = read_log(path)
        else:
            _file_metrics(run, envelope, path)
    if not seeds:
        raise InputError(f"record {facts.name!r}", "has no metrics to report", "run the workflow first")
    order = {seed: position for position, seed in enumerate(facts.seeds)}
    return Run(facts, tuple(sorted(seeds.values(), key=lambda run: (order.get(run.seed, len(order)), run.seed))))


def load_several(paths: Iterable[str | Path], facts: Sequence[RecordFacts]) -> list[Run]:
    """``load_files`` of several records whose files come mixed; runs in the order of ``facts``."""
    files: dict[str, list[Path]] = {}
    for path in map(Path, paths):
        files.setdefault(read_envelope(path).record, []).append(path)
    return [load_files(files.get(record.name, []), record) for record in facts]


def read_record_facts(path: str | Path) -> RecordFacts:
    """What reports need of a resolved configuration (``record.json``), also of one an older version wrote."""
    raw = read_json(path)
    try:
        return RecordFacts(
            **{key: raw[key] for key in ("name", "title", "source", "mode", "dataset", "seeds")},
            headline_z_loss=raw["evaluate"]["headline_z_loss"],
            headline_bytes=raw["report"].get("bytes", MODES.get(raw["mode"], {}).get("report.bytes")),
            zero_fraction=raw["report"]["zero_fraction"],
            rounds_weights=rounds_weights(raw),
            laid_over=raw.get("laid_over", ()),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(path, f"is not a resolved record (no {error})", "run the workflow again") from None
    except ValidationError as error:
        raise InputError(path, _first_complaint(error), "run the workflow again") from None


def read_envelope(path: Path) -> Envelope:
    """The envelope of one metrics file; its metrics are not yet validated."""
    raw = read_json(path)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema not in METRICS:
        raise InputError(path, f"has the unknown schema {schema!r}", f"known: {', '.join(METRICS)}")
    try:
        return Envelope.model_validate(raw)
    except ValidationError as error:
        raise InputError(path, _first_complaint(error), "delete it and run its stage again") from None


def read_log(path: str | Path) -> list[TrainingLogLine]:
    """The lines of a ``metrics.jsonl``, in order of steps."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"cannot be read ({error})", "run the train stage again") from None
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            lines.append(TrainingLogLine.model_validate_json(line))
        except ValidationError as error:
            raise InputError(f"{path}, line {number}", _first_complaint(error), "run the train stage again") from None
    return sorted(lines, key=lambda line: line.step)


def _file_metrics(run: SeedRun, envelope: Envelope, path: Path) -> None:
    """Validate one file's metrics and put them where they belong in ``run``."""
    try:
        metrics = METRICS[envelope.schema_].model_validate(envelope.metrics)
    except ValidationError as error:
        raise InputError(path, "metrics." + _first_complaint(error), "delete it and run its stage again") from None
    by_checkpoint: dict[str, dict[str, Any]] = {
        "export": run.exports,
        "roundtrip": run.roundtrips,
        "evaluate": run.evaluations,
        "laboratory": run.laboratories,
        "probes": run.probes,
    }
    if envelope.stage in by_checkpoint:
        if envelope.checkpoint is None or envelope.step is None:
            raise InputError(path, "does not name its checkpoint and step", "delete it and run its stage again")
        if envelope.stage != "evaluate" or envelope.checkpoint not in run.steps_of:
            run.steps_of[envelope.checkpoint] = envelope.step  # evaluate once told the run's last step of every one
        present = by_checkpoint[envelope.stage].setdefault(envelope.checkpoint, metrics)
    else:
        present = run.trained = run.trained or metrics
    if present is not metrics:
        raise InputError(path, f"is a second {envelope.stage} file of seed {run.seed}", "keep one of the two")
    identity = (envelope.stage, envelope.seed, envelope.checkpoint, path.as_posix())
    run.sources.append(Source(*identity, envelope.payload_digest, envelope.provenance))


def _schema(path: Path) -> str | None:
    raw = read_json(path)
    return raw.get("schema") if isinstance(raw, dict) else None


def _first_complaint(error: ValidationError) -> str:
    """pydantic's first complaint as ``key: value: reason``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {str(first['input'])[:60]!r}: {first['msg']}"
