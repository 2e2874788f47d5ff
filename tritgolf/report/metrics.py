"""Runs read back from their metrics files: one record at one or more seeds, typed and checked.

A run comes from a folder (``results/<record>`` or ``measured/<run>``; files below it are told apart by their schema) or
from a list of files, as a workflow rule has them. Nothing here, nor in any other reporting module, needs torch.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tritgolf.config.modes import MODES
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import validate
from tritgolf.errors import InputError
from tritgolf.files import check_readable, read_json_of_others
from tritgolf.report.record_facts import RecordFacts, mechanisms
from tritgolf.report.runs import Run, SeedRun, Source
from tritgolf.report.schemas import METRICS, Envelope, TrainingLogLine

MOST_OF_LOG = 1 << 30  # bytes; a line takes under one KiB, and no record has a million steps


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


def read_resolved(path: str | Path) -> dict[str, Any]:
    """A resolved configuration (``record.json``) as it is; ``InputError`` where it is none."""
    raw = read_json_of_others(path)
    if not isinstance(raw, dict):
        raise InputError(path, "is not a resolved record", "run the workflow again")
    return raw


def read_record(path: str | Path) -> RecordConfig:
    """The settings of a resolved configuration (``record.json``); ``InputError`` where this version has others."""
    raw = read_resolved(path)
    return validate(RecordConfig, {key: raw[key] for key in raw if key != "laid_over"}, path)


def read_record_facts(path: str | Path) -> RecordFacts:
    """What reports need of a resolved configuration (``record.json``), also of one an older version wrote."""
    raw = read_json_of_others(path)
    try:
        return RecordFacts(
            **{key: raw[key] for key in ("name", "title", "source", "mode", "dataset", "seeds")},
            headline_z_loss=raw["evaluate"]["headline_z_loss"],
            headline_bytes=raw["report"].get("bytes", MODES.get(raw["mode"], {}).get("report.bytes")),
            zero_fraction=raw["report"]["zero_fraction"],
            **mechanisms(raw),
            laid_over=raw.get("laid_over", ()),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(path, f"is not a resolved record (no {error})", "run the workflow again") from None
    except ValidationError as error:
        raise InputError(path, _first_complaint(error), "run the workflow again") from None


def read_envelope(path: Path) -> Envelope:
    """The envelope of one metrics file; its metrics are not yet validated."""
    raw = read_json_of_others(path)
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema not in METRICS:
        raise InputError(path, f"has the unknown schema {schema!r}", f"known: {', '.join(METRICS)}")
    try:
        return Envelope.model_validate(raw)
    except ValidationError as error:
        raise InputError(path, _first_complaint(error), "delete it and run its stage again") from None


def metrics_of(envelope: Envelope, path: Path) -> Any:
    """The metrics of the file at ``path``, by the schema that its envelope names."""
    try:
        return METRICS[envelope.schema_].model_validate(envelope.metrics)
    except ValidationError as error:
        raise InputError(path, "metrics." + _first_complaint(error), "delete it and run its stage again") from None


def read_log(path: str | Path) -> list[TrainingLogLine]:
    """The lines of a ``metrics.jsonl``, in order of steps."""
    check_readable(path, MOST_OF_LOG)
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
    metrics = metrics_of(envelope, path)
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
    raw = read_json_of_others(path)
    return raw.get("schema") if isinstance(raw, dict) else None


def _first_complaint(error: ValidationError) -> str:
    """pydantic's first complaint as ``key: value: reason``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {str(first['input'])[:60]!r}: {first['msg'].removeprefix('Value error, ')}"
