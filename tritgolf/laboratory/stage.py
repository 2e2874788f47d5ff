"""The laboratory stage: one checkpoint, every row of the ablation grid, written to a file, read back and scored.

Sections that rows share are compressed and decompressed once (``Sections``), in the background while the device scores;
each row's file is really written, read back with all its checksums, and deleted: the metrics are what is kept.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tritgolf.artifact.container import PendingArtifact, begin_artifact, read_artifact
from tritgolf.artifact.header import ArtifactHeader, ArtifactInfo
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.statistics import zero_fractions
from tritgolf.artifact.storage import Decided, restore, store
from tritgolf.config import ExportConfig, ModelConfig, StorageConfig
from tritgolf.evaluate.roundtrip import gap_of, paired_gap
from tritgolf.evaluate.text import validation_text
from tritgolf.files import digest_file, write_json
from tritgolf.laboratory.bench import Bench, Reloaded
from tritgolf.laboratory.grid import GridConfig, differing, grid_storages, merge_equal
from tritgolf.laboratory.margins import margins
from tritgolf.provenance import envelope
from tritgolf.train import checkpoint as checkpoints


def laboratory_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: ModelConfig,
    export: ExportConfig,
    grid: GridConfig,
    z_loss: float,
    attention: str,
    batch: int,
    checkpoint: Path,
    shards: Path,
    tokenizer: Path,
    facts: Path,
    threads: int,
) -> None:
    """Measure every row of ``grid`` on the checkpoint ``name`` and write ``facts``.

    ``threads`` compress; ``batch``: windows scored at a time. The result doesn't depend on either.
    """
    text = validation_text(shards, tokenizer, model, batch, z_loss)
    source = checkpoints.load(checkpoint)
    storages, same = merge_equal(grid_storages(grid, export, model.quantizer.estimator))
    decided: Decided = {}
    found: dict[str, tuple[ArtifactInfo, Reloaded]] = {}
    with Sections(threads) as shared, tempfile.TemporaryDirectory(dir=facts.parent) as scratch:
        pending = {
            row: begin_artifact(
                store(source.tensors, model.quantizer, storage, export.decide_scale, decided=decided), shared
            )
            for row, storage in storages.items()
        }
        decided.clear()
        bench = Bench(model, source.tensors, text, attention)
        for row, artifact in pending.items():
            header = ArtifactHeader(
                record=record,
                seed=seed,
                checkpoint=name,
                step=source.facts["step"],
                storage_name=row,
                model=model,
                storage=storages[row],
            )
            found[row] = _roundtrip(artifact, header, Path(scratch) / f"{row}.tgolf", shared, bench)
    own = found[same.get("own", "own")][1]
    metrics = {
        "trained": bench.score.as_dict(),
        "estimator": model.quantizer.estimator,
        "ternary_weights": sum(matrix.q.numel() for matrix in bench.ternary.values()),
        "zero_fraction": zero_fractions({n: matrix.q for n, matrix in bench.ternary.items()}),
        "own_storage": export.own_storage,
        "rows": {row: _entry(storages[row], info, reloaded, own) for row, (info, reloaded) in found.items()},
        "same": same,
        "decomposition": _decomposition(export, {row: reloaded for row, (_, reloaded) in found.items()}, same, bench),
        "margins": margins(bench.ternary, bench.others),
    }
    written = envelope(
        "laboratory",
        record=record,
        seed=seed,
        checkpoint=name,
        step=source.facts["step"],
        metrics=metrics,
        payload=metrics,
        configuration=[model.model_dump(mode="json"), export.model_dump(mode="json"), grid.model_dump(mode="json")],
        inputs={"checkpoint": source.facts["digest"], "tokenizer": digest_file(tokenizer)},
    )
    write_json(facts, written)


def _roundtrip(
    artifact: PendingArtifact, header: ArtifactHeader, path: Path, shared: Sections, bench: Bench
) -> tuple[ArtifactInfo, Reloaded]:
    info = artifact.finish(path, header)
    read = read_artifact(path, shared)
    path.unlink()
    restored = restore(read.stored.to(bench.device), header.model.quantizer, read.header.storage)
    return info, bench.reload(restored, header.storage_name)


def _entry(storage: StorageConfig, info: ArtifactInfo, reloaded: Reloaded, own: Reloaded) -> dict[str, Any]:
    """One row; ``over_own``: its gap less that of the record's own storage, paired over the same windows."""
    over_own = paired_gap(own.nats, reloaded.nats, reloaded.score.bytes)
    return {
        "factors": storage.model_dump(mode="json"),
        "bytes": info.bytes,
        "layout": info.layout,
        "bpb": reloaded.score.bpb,
        "nats": reloaded.score.nats,
        "record_bpb": reloaded.score.record_bpb,
        "gap_bpb": reloaded.gap.bpb,
        "gap_se": reloaded.gap.standard_error,
        "over_own_bpb": over_own.bpb,
        "over_own_se": over_own.standard_error,
        "trits_changed": reloaded.trits_changed,
        "max_weight_error": reloaded.max_weight_error,
        "max_tensor_error": reloaded.max_tensor_error,
        "payload_digest": info.payload_digest,
    }


def _decomposition(
    export: ExportConfig, found: dict[str, Reloaded], same: dict[str, str], bench: Bench
) -> dict[str, Any]:
    """Which factors differ from the lossless storage, and what of the own gap their single gaps leave unexplained."""
    factors = differing(export.storage(export.own_storage))
    reloaded = {name: found[same.get(name, name)] for name in ("own", *(f"only_{factor}" for factor in factors))}
    differences = {name: one.nats.nats - bench.nats.nats for name, one in reloaded.items()}
    single = sum((differences[f"only_{factor}"] for factor in factors), np.zeros_like(bench.nats.nats))
    remainder = gap_of(differences["own"] - single, bench.score.bytes)
    return {"factors": factors, "remainder_bpb": remainder.bpb, "remainder_se": remainder.standard_error}
