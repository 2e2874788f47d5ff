"""The laboratory's stage: every row of the ablation grid, written to a file, read back and scored.

Sections that rows share are compressed and decompressed once (``Sections``), in the background while the device scores;
each row's file is really written, read back with all its checksums, and deleted: the metrics are what is kept.
"""

import contextlib
import tempfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import Tensor

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.container import PendingArtifact, begin_artifact, read_artifact
from tritgolf.artifact.header import ArtifactHeader, ArtifactInfo
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import Rounded, restore, store
from tritgolf.config.export import ExportConfig, StorageConfig
from tritgolf.config.model import UNetConfig
from tritgolf.evaluate.roundtrip import gap_of, paired_gap
from tritgolf.evaluate.text import validation_text
from tritgolf.files import write_json
from tritgolf.laboratory.bench import Bench, Reloaded
from tritgolf.laboratory.grid import GridConfig, differing, grid_storages, merge_equal
from tritgolf.laboratory.margins import margins
from tritgolf.laboratory.threshold import threshold_facts
from tritgolf.model.zeros import zero_facts
from tritgolf.provenance import envelope


def laboratory_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: UNetConfig,
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

    ``threads`` compress, and change nothing; ``batch``: windows scored at a time, on which no more depends than how a
    device rounds sums of other shapes.
    """
    text = validation_text(shards, tokenizer, model, batch, z_loss)
    source = checkpoints.load(checkpoint)
    own = export.storage(export.own_storage)
    storages = grid_storages(grid, own, model.quantizer.estimator)
    names = merge_equal(storages)
    distinct = {row: storages[row] for row in names.values()}
    found: dict[str, tuple[ArtifactInfo, Reloaded]] = {}
    with contextlib.ExitStack() as held:
        shared = held.enter_context(Sections(threads))
        scratch = Path(held.enter_context(tempfile.TemporaryDirectory(dir=facts.parent)))
        background = ThreadPoolExecutor(1)
        held.callback(background.shutdown, cancel_futures=True)
        begun = _begin(source.tensors, model, export, distinct, shared, background)
        bench = Bench(model, source.tensors, text, attention)
        for row, storage in distinct.items():
            header = ArtifactHeader(
                record=record,
                seed=seed,
                checkpoint=name,
                step=source.facts["step"],
                storage_name=row,
                model=model,
                storage=storage,
            )
            found[row] = _roundtrip(begun.pop(row).result(), header, scratch / f"{row}.tgolf", shared, bench)
    reloads = {given: found[row][1] for given, row in names.items()}
    metrics = {
        "trained": bench.score.as_dict(),
        "estimator": model.quantizer.estimator,
        "ternary_weights": sum(matrix.codes.numel() for matrix in bench.quantized.values()),
        **zero_facts(model, bench.weights),
        "own_storage": export.own_storage,
        "names": names,
        "rows": {row: _entry(storages[row], *measured, reloads["own"]) for row, measured in found.items()},
        "decomposition": _decomposition(own, reloads, bench),
        "margins": margins(bench.quantized, bench.others),
        "threshold": threshold_facts(bench.weights, bench.quantized, model.quantizer),
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
        inputs={"checkpoint": source.facts["digest"], **text.inputs},
    )
    write_json(facts, written)


def _begin(
    weights: Mapping[str, Tensor],
    model: UNetConfig,
    export: ExportConfig,
    storages: Mapping[str, StorageConfig],
    shared: Sections,
    background: ThreadPoolExecutor,
) -> dict[str, Future[PendingArtifact]]:
    """Every storage of ``weights``, rounded and packed in the background while others are scored.

    One of each way to round comes first: their compression takes longest.
    """
    rounded: Rounded = {}

    def begin(storage: StorageConfig) -> PendingArtifact:
        roles = storage.by_role(model, export.decide_scale)
        return begin_artifact(store(weights, model, roles, rounded=rounded), shared)

    ways = {(storage.decide, storage.estimator): row for row, storage in reversed(list(storages.items()))}
    order = [*ways.values(), *(row for row in storages if row not in ways.values())]
    return {row: background.submit(begin, storages[row]) for row in order}


def _roundtrip(
    artifact: PendingArtifact, header: ArtifactHeader, path: Path, shared: Sections, bench: Bench
) -> tuple[ArtifactInfo, Reloaded]:
    info = artifact.finish(path, header)
    read = read_artifact(path, shared)
    path.unlink()
    restored = restore(read.stored.to(bench.device), header.model, read.header.roles)
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
        "bpb_published_bytes": reloaded.score.bpb_published_bytes,
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


def _decomposition(own: StorageConfig, reloads: dict[str, Reloaded], bench: Bench) -> dict[str, Any]:
    """Which factors differ from the lossless storage, and what of the own gap their single gaps leave unexplained."""
    factors = differing(own)
    left = reloads["own"].nats.nats - bench.nats.nats
    for factor in factors:
        left = left - (reloads[f"only_{factor}"].nats.nats - bench.nats.nats)
    remainder = gap_of(left, bench.score.bytes)
    return {"factors": factors, "remainder_bpb": remainder.bpb, "remainder_se": remainder.standard_error}
