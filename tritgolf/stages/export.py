"""The export stage: one checkpoint, every storage choice of its record."""

from pathlib import Path
from typing import Any

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.container import begin_artifact
from tritgolf.artifact.header import ArtifactHeader, ArtifactInfo
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.statistics import scale_range, stored_trits
from tritgolf.artifact.storage import Rounded, store
from tritgolf.artifact.submission import code_bytes
from tritgolf.config.export import ExportConfig, RoleExport
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
) -> None:
    """Write ``folder/<storage>.tgolf`` for every storage of ``export`` and their sizes to ``facts``.

    ``name`` is the checkpoint's name. Uses ``threads`` threads; the files don't depend on them.
    """
    found = checkpoints.load(checkpoint)
    rounded: Rounded = {}
    entries: dict[str, dict[str, Any]] = {}
    with Sections(threads) as shared:
        stored = {
            choice: store(found.tensors, model, export.by_role(choice, model), rounded=rounded)
            for choice in export.storages
        }
        pending = {storage: begin_artifact(numbers, shared) for storage, numbers in stored.items()}
        for storage_name, artifact in pending.items():
            header = ArtifactHeader(
                record=record,
                seed=seed,
                checkpoint=name,
                step=found.facts["step"],
                storage_name=storage_name,
                model=model,
                storage=export.storage(storage_name),
                tokenizer=found.facts.get("tokenizer"),
            )
            path = folder / f"{storage_name}.tgolf"
            entries[storage_name] = _entry(path, artifact.finish(path, header), scale_range(stored[storage_name]))
    metrics = {
        "storages": entries,
        **facts_of_trits(model, stored_trits(stored[export.own_storage]), found.tensors),
        "code_bytes": code_bytes(spec_of(model).network),
        "byte_limit": export.byte_limit,
    }
    written = envelope(
        "export",
        record=record,
        seed=seed,
        checkpoint=name,
        step=found.facts["step"],
        metrics=metrics,
        payload={storage: [entry["payload_digest"], entry["bytes"]] for storage, entry in entries.items()},
        configuration=[model.model_dump(mode="json"), export.model_dump(mode="json")],
        inputs={"checkpoint": found.facts["digest"]},
    )
    write_json(facts, written)


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
