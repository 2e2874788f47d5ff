"""The export stage: one checkpoint, every storage choice of its record."""

import time
from pathlib import Path
from typing import Any

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.calibration import CalibrationText, calibrated_rounding
from tritgolf.artifact.container import CODECS_TRIED, begin_artifact
from tritgolf.artifact.header import ArtifactHeader, ArtifactInfo
from tritgolf.artifact.rounding import Calibrated
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.statistics import scale_range, stored_trits
from tritgolf.artifact.storage import Rounded, store
from tritgolf.artifact.submission import code_bytes
from tritgolf.checkpoint import Checkpoint
from tritgolf.config.export import ExportConfig, RoleExport
from tritgolf.config.train import TrainConfig
from tritgolf.data.manifest import load_manifest, payload_digest
from tritgolf.files import write_json
from tritgolf.model.specs import spec_of
from tritgolf.model.zeros import facts_of_trits
from tritgolf.provenance import envelope


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
    train: TrainConfig | None = None,
    shards: Path | None = None,
) -> None:
    """Write ``folder/<storage>.tgolf`` for every storage of ``export`` and their sizes to ``facts``.

    ``name`` is the checkpoint's name. Uses ``threads`` threads; the files don't depend on them. ``train`` and
    ``shards``: the text of the training run, for an ``export`` that calibrates.
    """
    trained = checkpoints.load(checkpoint)
    began = time.perf_counter()
    calibrated = _calibrated(model, export, trained, train, shards)
    rounded: Rounded = {}
    entries: dict[str, dict[str, Any]] = {}
    with Sections(threads) as shared:
        stored = {
            choice: store(trained.tensors, model, export.by_role(choice, model), rounded=rounded, calibrated=calibrated)
            for choice in export.storages
        }
        seconds = {"calibrating_and_rounding": time.perf_counter() - began}
        codecs = export.codecs if isinstance(export, RoleExport) else CODECS_TRIED
        pending = {storage: begin_artifact(numbers, shared, codecs) for storage, numbers in stored.items()}
        whose = {"record": record, "seed": seed, "checkpoint": name, "model": model}
        for storage, artifact in pending.items():
            path, header = folder / f"{storage}.tgolf", _header(storage, export, trained, whose)
            entries[storage] = _entry(path, artifact.finish(path, header), scale_range(stored[storage]))
    seconds["all"] = time.perf_counter() - began
    metrics = {
        "storages": entries,
        **facts_of_trits(model, stored_trits(stored[export.own_storage]), trained.tensors),
        "code_bytes": code_bytes(spec_of(model).network),
        "byte_limit": export.byte_limit,
        **({} if calibrated is None else {"seconds": seconds}),
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
        inputs={"checkpoint": trained.facts["digest"], **_text_digest(calibrated, shards)},
    )
    write_json(facts, written)


def _calibrated(
    model: Any, export: ExportConfig | RoleExport, trained: Checkpoint, train: TrainConfig | None, shards: Path | None
) -> Calibrated | None:
    """Rounding by GPTQ where ``export`` calibrates."""
    if not isinstance(export, RoleExport) or export.calibration is None:
        return None
    if train is None or shards is None:
        raise ValueError("an export that calibrates needs the training's settings and its shards")
    text = CalibrationText(shards, train, trained.facts.get("world", 1))
    return calibrated_rounding(model, trained.tensors, text, export.calibration)


def _header(
    storage: str, export: ExportConfig | RoleExport, trained: Checkpoint, whose: dict[str, Any]
) -> ArtifactHeader:
    facts = {"step": trained.facts["step"], "tokenizer": trained.facts.get("tokenizer")}
    return ArtifactHeader(storage_name=storage, storage=export.storage(storage), **whose, **facts)


def _text_digest(calibrated: Calibrated | None, shards: Path | None) -> dict[str, str]:
    """The digest of the calibration text, where one was read."""
    return {} if calibrated is None or shards is None else {"shards": payload_digest(load_manifest(shards))}


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
