"""The laboratory's stage: every row of the ablation grid, written to a file, read back and scored.

Sections that rows share are compressed and decompressed once (``Sections``), in the background while the device scores;
each row's file is really written, read back with all its checksums, and deleted: what remains are the metrics.
"""

import contextlib
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import Tensor

from tritgolf import checkpoint as checkpoints
from tritgolf.artifact.calibration import TrainingRun, calibrated_rounding
from tritgolf.artifact.container import PendingArtifact, begin_artifact, read_artifact
from tritgolf.artifact.header import ArtifactHeader, ArtifactInfo
from tritgolf.artifact.rounding import Calibrated, same_codes
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import Rounded, restore, store
from tritgolf.checkpoint import Checkpoint
from tritgolf.config.calibration import CalibrationConfig, TrainingText
from tritgolf.config.export import ExportConfig, RoleExport
from tritgolf.config.model import TernaryConfig
from tritgolf.config.settings import Settings
from tritgolf.config.storage import NumbersConfig, RoleStorage
from tritgolf.config.train import TrainConfig
from tritgolf.config.types import Format
from tritgolf.data.manifest import load_manifest, payload_digest
from tritgolf.evaluate.roundtrip import gap_of, paired_gap
from tritgolf.evaluate.text import validation_text
from tritgolf.files import write_json
from tritgolf.laboratory.bench import Bench, Reloaded
from tritgolf.laboratory.grid import merge_equal
from tritgolf.laboratory.grids import CODE_LAYOUTS, grid_kind
from tritgolf.laboratory.margins import margins
from tritgolf.laboratory.threshold import threshold_facts
from tritgolf.laboratory.variant import Variant, single_factors
from tritgolf.model.specs import parameters_of
from tritgolf.model.zeros import ternary_plan, zero_facts
from tritgolf.provenance import envelope
from tritgolf.quantize.plan import grid_settings


def laboratory_stage(
    *,
    record: str,
    seed: int,
    name: str,
    model: Any,
    export: ExportConfig | RoleExport,
    grid: Settings,
    z_loss: float,
    attention: str,
    batch: int,
    checkpoint: Path,
    shards: Path,
    tokenizer: Path,
    facts: Path,
    threads: int,
    train: TrainConfig | None = None,
) -> None:
    """Measure every row of ``grid``, of the kind that ``export`` asks for, on a checkpoint and write ``facts``.

    ``threads`` compress, and change nothing; ``batch``: windows at a time, which changes rounding alone. ``name``: the
    checkpoint's. ``train``: of the run, for rows by GPTQ.
    """
    text = validation_text(shards, tokenizer, model, batch, z_loss)
    source = checkpoints.load(checkpoint)
    whose = {"record": record, "seed": seed, "checkpoint": name, "step": source.facts["step"]}
    variants = grid_kind(export).variants(grid, export, model)
    names = merge_equal(variants)
    distinct = {row: variants[row] for row in names.values()}
    measured: dict[str, tuple[ArtifactInfo, Reloaded]] = {}
    with contextlib.ExitStack() as held:
        shared = held.enter_context(Sections(threads))
        scratch = Path(held.enter_context(tempfile.TemporaryDirectory(dir=facts.parent)))
        background = ThreadPoolExecutor(1)
        held.callback(background.shutdown, cancel_futures=True)
        roundings = _calibrated(source, seed, model, distinct, train, shards)
        begun = _begin(source.tensors, model, export, distinct, roundings, shared, background)
        bench = Bench(model, source.tensors, text, attention)
        for row, variant in distinct.items():
            header = ArtifactHeader(**whose, storage_name=row, model=model, storage=variant.storage)
            measured[row] = _roundtrip(begun.pop(row).result(), header, scratch / f"{row}.tgolf", shared, bench)
    metrics = _metrics(export.own_storage, variants, names, measured, bench)
    written = envelope(
        "laboratory",
        **whose,
        metrics=metrics,
        payload=metrics,
        configuration=[model.model_dump(mode="json"), export.model_dump(mode="json"), grid.model_dump(mode="json")],
        inputs={"checkpoint": source.facts["digest"], **text.inputs, **_training_text(roundings, shards)},
    )
    write_json(facts, written)


def _metrics(
    own_storage: str,
    variants: Mapping[str, Variant],
    names: Mapping[str, str],
    measured: Mapping[str, tuple[ArtifactInfo, Reloaded]],
    bench: Bench,
) -> dict[str, Any]:
    reloads = {given: measured[row][1] for given, row in names.items()}
    ternary, distances = _ternary_facts(bench)
    return {
        "trained": bench.score.as_dict(),
        **ternary,
        "own_storage": own_storage,
        "names": names,
        "rows": {row: _entry(variants[row], *result, reloads["own"]) for row, result in measured.items()},
        "decomposition": _decomposition(single_factors(variants), reloads, bench),
        **distances,
    }


def _calibrated(
    source: Checkpoint, seed: int, model: Any, variants: Mapping[str, Variant], train: TrainConfig | None, shards: Path
) -> dict[CalibrationConfig, Calibrated]:
    """Rounding by GPTQ for every calibration of ``variants``: one set of Hessians each, whatever rows share it."""
    calibrations = dict.fromkeys(variant.calibration for variant in variants.values() if variant.calibration)
    if not calibrations:
        return {}
    if train is None:
        raise ValueError("a grid that calibrates needs the training's settings")
    run = TrainingRun(seed, train, source.facts.get("world", 1), shards)
    return {settings: calibrated_rounding(model, source.tensors, run, settings) for settings in calibrations}


def _training_text(calibrations: Iterable[CalibrationConfig], shards: Path) -> dict[str, str]:
    """The digest of the training's text, where GPTQ was calibrated on it."""
    reads_it = any(isinstance(settings, TrainingText) for settings in calibrations)
    return {"shards": payload_digest(load_manifest(shards))} if reads_it else {}


def _begin(
    weights: Mapping[str, Tensor],
    model: Any,
    export: ExportConfig | RoleExport,
    variants: Mapping[str, Variant],
    roundings: Mapping[CalibrationConfig, Calibrated],
    shared: Sections,
    background: ThreadPoolExecutor,
) -> dict[str, Future[PendingArtifact]]:
    """Every variant of ``weights``, rounded and packed in the background while others are scored.

    One of each way to round comes first: their compression takes longest.
    """
    decide_scale: Format = export.decide_scale if isinstance(export, ExportConfig) else "float32"
    roles = {row: variant.storage.by_role(model, decide_scale) for row, variant in variants.items()}
    rounded: dict[CalibrationConfig | None, Rounded] = {None: {}, **{settings: {} for settings in roundings}}

    def begin(row: str) -> PendingArtifact:
        text = variants[row].calibration
        calibrated = roundings[text] if text else None
        stored = store(weights, model, roles[row], rounded=rounded[text], calibrated=calibrated)
        return begin_artifact(stored, shared, export.codecs, CODE_LAYOUTS)

    ways = {_way_to_round(roles[row], variants[row]): row for row in reversed(list(variants))}
    order = [*ways.values(), *(row for row in variants if row not in ways.values())]
    return {row: background.submit(begin, row) for row in order}


def _way_to_round(storage: RoleStorage, variant: Variant) -> tuple[object, ...]:
    """Equal for variants that have the same codes of the same weights."""
    forms = ((role, form) for role, form in storage.roles.items() if not isinstance(form, NumbersConfig))
    return (variant.calibration, *(same_codes(role, form) for role, form in forms))


def _roundtrip(
    artifact: PendingArtifact, header: ArtifactHeader, path: Path, shared: Sections, bench: Bench
) -> tuple[ArtifactInfo, Reloaded]:
    info = artifact.finish(path, header)
    read = read_artifact(path, shared)
    path.unlink()
    restored = restore(read.stored.to(bench.device), header.model, read.header.roles)
    return info, bench.reload(restored, header.storage_name)


def _ternary_facts(bench: Bench) -> tuple[dict[str, Any], dict[str, Any]]:
    """What only trits have: estimator, counts and zeros; then their numbers' margins and their thresholds."""
    if not ternary_plan(bench.model):
        return {}, {}
    quantizer: TernaryConfig = grid_settings(bench.model)
    counts = {
        "estimator": quantizer.estimator,
        "ternary_weights": sum(matrix.codes.numel() for matrix in bench.quantized.values()),
        **zero_facts(bench.model, bench.weights),
    }
    return counts, {
        "margins": margins(bench.quantized, bench.others, parameters_of(bench.model)),
        "threshold": threshold_facts(bench.weights, bench.quantized, quantizer),
    }


def _entry(variant: Variant, info: ArtifactInfo, reloaded: Reloaded, own: Reloaded) -> dict[str, Any]:
    """One row; ``over_own``: its gap less that of the record's own storage, paired over the same windows."""
    over_own = paired_gap(own.nats, reloaded.nats, reloaded.score.bytes)
    return {
        "factors": variant.factors,
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


def _decomposition(differ: list[str], reloads: dict[str, Reloaded], bench: Bench) -> dict[str, Any]:
    """The factors that ``differ`` from the lossless storage, and what of the own gap their single gaps leave over."""
    left = reloads["own"].nats.nats - bench.nats.nats
    for factor in differ:
        left = left - (reloads[f"only_{factor}"].nats.nats - bench.nats.nats)
    remainder = gap_of(left, bench.score.bytes)
    return {"factors": differ, "remainder_bpb": remainder.bpb, "remainder_se": remainder.standard_error}
