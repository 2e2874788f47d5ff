"""The export stage: one checkpoint, every storage choice of its record."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.calibration import TrainingRun, calibrated_rounding
from tritgolf.artifact.container import begin_artifact
from tritgolf.artifact.header import ArtifactHeader, ArtifactInfo
from tritgolf.artifact.rounding import Calibrated
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.statistics import scale_range, stored_trits
from tritgolf.artifact.storage import Rounded, Stored, store
from tritgolf.checkpoint import Checkpoint
from tritgolf.config.export import ExportConfig, RoleExport
from tritgolf.config.train import TrainConfig
from tritgolf.data.manifest import load_manifest, payload_digest
from tritgolf.errors import warn
from tritgolf.files import write_json
from tritgolf.model.zeros import facts_of_trits
from tritgolf.provenance import envelope


class Origin(NamedTuple):
    """Where an artifact comes from: record, seed, and the checkpoint's name."""

    record: str
    seed: int
    checkpoint: str


class Exported(NamedTuple):
    """By storage: facts of the file for JSON, and what it holds. ``calibrated``: whether GPTQ was calibrated for it."""

    entries: dict[str, dict[str, Any]]
    stored: dict[str, Stored]
    seconds: dict[str, float]
    calibrated: bool


def export_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: Any,
    export: ExportConfig | RoleExport,
    checkpoint: Path,
    folder: Path,
    facts: Path,
    threads: int,
    code_bytes: int,
    train: TrainConfig | None = None,
    shards: Path | None = None,
) -> None:
    """Write ``folder/<storage>.tgolf`` for every storage of ``export`` and their sizes to ``facts``.

    ``name`` is the checkpoint's name, ``code_bytes`` the size of the record's script (``bundle.script``). Uses
    ``threads`` threads; the files don't depend on them. ``train``: of the run, for an ``export`` that calibrates;
    ``shards``: the run's, for one that calibrates on them.
    """
    trained = checkpoints.load(checkpoint)
    run = TrainingRun(seed, train, trained.facts.get("world", 1), shards) if train else None
    origin = Origin(record, seed, name)
    exported = write_storages(origin, trained, model, export, run, folder, threads)
    entries = exported.entries
    metrics = {
        "storages": entries,
        **facts_of_trits(model, stored_trits(exported.stored[export.own_storage]), trained.tensors),
        "code_bytes": code_bytes,
        "byte_limit": export.byte_limit,
        **({"seconds": exported.seconds} if exported.calibrated else {}),
    }
    written = envelope(
        "export",
        record=record,
        seed=seed,
        checkpoint=name,
        step=trained.facts["step"],
        metrics=metrics,
        payload={storage: [entry["payload_digest"], entry["bytes"]] for storage, entry in entries.items()},
        configuration=[model.model_dump(mode="json"), export.model_dump(mode="json")],
        inputs={"checkpoint": trained.facts["digest"], **_text_digest(exported, shards)},
    )
    write_json(facts, written)
    _warn_over_limit(f"{record}, seed {seed}, checkpoint {name}", metrics, export.own_storage)


def write_storages(
    origin: Origin,
    trained: Checkpoint,
    model: Any,
    export: ExportConfig | RoleExport,
    run: TrainingRun | None,
    folder: Path,
    threads: int,
) -> Exported:
    """Write ``folder/<storage>.tgolf`` for every storage of ``export``; ``run``: for one that calibrates."""
    began = time.perf_counter()
    calibrated = _calibrated(model, export, trained, run)
    rounded: Rounded = {}
    entries: dict[str, dict[str, Any]] = {}
    with Sections(threads) as shared:
        stored = {
            choice: store(trained.tensors, model, export.by_role(choice, model), rounded=rounded, calibrated=calibrated)
            for choice in export.storages
        }
        seconds = {"calibrating_and_rounding": time.perf_counter() - began}
        pending = {
            storage: begin_artifact(numbers, shared, export.codecs, export.code_layouts)
            for storage, numbers in stored.items()
        }
        for storage, artifact in pending.items():
            header = ArtifactHeader(
                **origin._asdict(),
                step=trained.facts["step"],
                storage_name=storage,
                model=model,
                storage=export.storage(storage),
                tokenizer=trained.facts.get("tokenizer"),
            )
            path = folder / f"{storage}.tgolf"
            entries[storage] = _entry(path, artifact.finish(path, header), scale_range(stored[storage]))
    seconds["all"] = time.perf_counter() - began
    return Exported(entries, stored, seconds, calibrated is not None)


def _calibrated(
    model: Any, export: ExportConfig | RoleExport, trained: Checkpoint, run: TrainingRun | None
) -> Calibrated | None:
    """Rounding by GPTQ where ``export`` calibrates."""
    if not isinstance(export, RoleExport) or export.calibration is None:
        return None
    if run is None:
        raise ValueError("an export that calibrates needs the training's settings")
    return calibrated_rounding(model, trained.tensors, run, export.calibration)


def _text_digest(exported: Exported, shards: Path | None) -> dict[str, str]:
    """The digest of the calibration text, where one was read."""
    return {"shards": payload_digest(load_manifest(shards))} if exported.calibrated and shards else {}


def _entry(path: Path, info: ArtifactInfo, scales: dict[str, float]) -> dict[str, Any]:
    return {
        "file": path.name,
        "bytes": info.bytes,
        "layout": info.layout,
        "layout_bytes": info.layout_bytes,
        "bytes_by_kind": info.bytes_by_kind,
        "scale_range": scales,
        "payload_digest": info.payload_digest,
    }


def _warn_over_limit(what: str, metrics: dict[str, Any], own_storage: str) -> None:
    """Tell now what the bundle would refuse in the end."""
    total, limit = metrics["storages"][own_storage]["bytes"] + metrics["code_bytes"], metrics["byte_limit"]
    if total > limit:
        warn(f"{what}: artifact and script take {total:,} bytes, {total - limit:,} over the limit of {limit:,}")
