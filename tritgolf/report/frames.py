"""Runs as tidy data frames: one row an observation, full precision, what both tables and plots are made from."""

from typing import Any

import pandas as pd

from tritgolf.errors import InputError
from tritgolf.report.columns import methods_of
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.schemas import EvaluateMetrics, ExportMetrics
from tritgolf.report.seed_columns import columns_of
from tritgolf.report.statistics import number_or_nan


def seed_frame(run: Run) -> pd.DataFrame:
    """One row a seed, a column each of ``seed_columns``: every figure in all countings, bytes and provenance.

    ``…_bpb`` is pure cross-entropy, by the bytes that ``byte_counting`` names; ``…_record_bpb`` is by published bytes
    and includes the z-loss term, as the published code reports it.
    """
    columns = columns_of(run)
    return pd.DataFrame([{column.name: column.source(run, seed) for column in columns} for seed in run.seeds])


def roundtrip_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, storage, seed), in order of training: scores, gap, bytes, zeros."""
    rows = [
        _roundtrip_row(run, seed, checkpoint, storage)
        for checkpoint in run.checkpoints
        for storage in _storages(run, checkpoint)
        for seed in run.seeds
        if checkpoint in seed.roundtrips
    ]
    return pd.DataFrame(some(rows, run, "roundtrip metrics", "roundtrip"))


def log_frame(run: Run) -> pd.DataFrame:
    """One row a logged step: seed, step, tokens, loss, record_loss (nats a token), lr_scale."""
    columns = ["seed", "step", "tokens", "loss", "record_loss", "lr_scale"]
    rows = [{"seed": seed.seed, **line.model_dump()} for seed in run.seeds for line in seed.log]
    return pd.DataFrame(some(rows, run, "loss in a training log", "train"), columns=columns)


def validation_frame(run: Run) -> pd.DataFrame:
    """One row a (seed, checkpoint) whose trained weights were scored: ``validation_nats`` a token, chunked windows."""
    columns = ["seed", "checkpoint", "step", "validation_nats"]
    rows = [
        {"seed": seed.seed, "checkpoint": name, "step": seed.steps_of[name], "validation_nats": found.trained.nats}
        for name in run.checkpoints
        for seed in run.seeds
        if (found := seed.roundtrips.get(name) or seed.laboratories.get(name))
    ]
    return pd.DataFrame(rows, columns=columns)


def zero_frame(run: Run) -> pd.DataFrame:
    """One row a (seed, step, layer): the share of zero trits; layer ``record`` is what #920's code counts."""
    rows = []
    for seed in run.seeds:
        for line in seed.log:
            for layer, share in [*(line.zero_fraction or {}).items(), ("record", line.published_zero_fraction)]:
                if share is not None:
                    rows.append({"seed": seed.seed, "step": line.step, "layer": layer, "zero_fraction": share})
    return pd.DataFrame(some(rows, run, "zero fraction in a training log", "train"))


def bytes_frame(run: Run, checkpoint: str = "final") -> pd.DataFrame:
    """One row a (seed, storage, kind): uncompressed ``payload_bytes`` of that kind, ``artifact_bytes`` of the file."""
    rows = []
    for seed in run.seeds:
        export = seed.export(checkpoint)
        for storage, exported in export.storages.items():
            for kind, size in exported.bytes_by_kind.items():
                rows.append(
                    {
                        "seed": seed.seed,
                        "storage": storage,
                        "kind": kind,
                        "payload_bytes": size,
                        "artifact_bytes": exported.bytes,
                        "code_bytes": export.code_bytes,
                        "byte_limit": export.byte_limit,
                    }
                )
    return pd.DataFrame(rows)


def score_frame(run: Run) -> pd.DataFrame:
    """One row a seed: BPB (pure cross-entropy) of the final artifact by each method."""
    rows = [
        {
            "seed": seed.seed,
            "chunked_bpb": seed.evaluate.chunked_bpb,
            **_sliding_marked(seed.evaluate),
            **{f"{name}_bpb": seed.method(name).bpb for name in methods_of(run)},
            **{f"{name}_mark": seed.mark(name) for name in methods_of(run)},
            **_settings_of_windows(seed.evaluate),
        }
        for seed in run.seeds
    ]
    return pd.DataFrame(rows)


def checkpoint_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, seed) that was evaluated, in order of training: scores of the artifact a record ships."""
    rows = [
        {
            **place_of(run, seed, checkpoint),
            "seed": seed.seed,
            "storage": found.storage,
            "chunked_bpb": found.chunked_bpb,
            **_by_sliding(found),
            **_by_other_methods(run, found),
            **_settings_of_windows(found),
            **({"best_temperature": found.temperature.best} if found.temperature else {}),
        }
        for checkpoint in run.checkpoints
        for seed in run.seeds
        if (found := seed.evaluations.get(checkpoint))
    ]
    return pd.DataFrame(some(rows, run, "evaluation", "evaluate"))


def _sliding_marked(found: EvaluateMetrics) -> dict[str, Any]:
    """The score over overlapping windows, and what is said beside it, "" where it is valid."""
    return {} if found.sliding is None else {"sliding_bpb": found.sliding.bpb, "sliding_mark": found.sliding.mark}


def _by_sliding(found: EvaluateMetrics) -> dict[str, Any]:
    """The score over overlapping windows, what they gain over windows side by side, and what is said beside it.

    A column of marks is shown as it is, so that there is none where nothing is said.
    """
    if found.sliding is None:
        return {}
    mark = {"sliding_mark": found.sliding.mark} if found.sliding.mark else {}
    gain = found.chunked_bpb - found.sliding.bpb
    return {"sliding_bpb": found.sliding.bpb, **mark, "sliding_gain_bpb": gain}


def _settings_of_windows(found: EvaluateMetrics) -> dict[str, Any]:
    """Of overlapping windows, how far apart and how long they are."""
    return {} if found.sliding is None else {"stride": found.sliding.stride, "window": found.sliding.window}


def _by_other_methods(run: Run, found: EvaluateMetrics) -> dict[str, Any]:
    """Of each method besides windows the score, and what is to be said beside it."""
    scores = {name: found.methods[name] for name in methods_of(run) if name in found.methods}
    marks = {f"{name}_mark": score.mark for name, score in scores.items()}
    return {f"{name}_bpb": score.bpb for name, score in scores.items()} | marks


def temperature_frame(run: Run) -> pd.DataFrame:
    """One row a (seed, temperature): loss on the calibration tokens, nats a token; ``best`` marks the chosen one."""
    rows = [
        {"seed": seed.seed, **point.model_dump(), "best": point.temperature == temperature.best}
        for seed in run.seeds
        if (temperature := seed.evaluate.temperature)
        for point in temperature.grid
    ]
    return pd.DataFrame(some(rows, run, "calibrated temperature", "evaluate"))


def some(rows: list[dict[str, Any]], run: Run, what: str, stage: str) -> list[dict[str, Any]]:
    """``rows``, or an ``InputError`` where there are none: ``stage`` makes ``what``."""
    if not rows:
        raise InputError(f"record {run.facts.name!r}", f"has no {what}", f"run the {stage} stage first")
    return rows


def place_of(run: Run, seed: SeedRun, checkpoint: str) -> dict[str, object]:
    """How a row of a checkpoint begins: its record, its name, and the step at which this seed reached it."""
    return {"record": run.facts.name, "checkpoint": checkpoint, "step": seed.steps_of[checkpoint]}


def _storages(run: Run, checkpoint: str) -> list[str]:
    """Storage choices of a checkpoint over all seeds, in configured order."""
    reached = [seed for seed in run.seeds if checkpoint in seed.roundtrips]
    return list(dict.fromkeys(name for seed in reached for name in seed.roundtrip(checkpoint).storages))


def _roundtrip_row(run: Run, seed: SeedRun, checkpoint: str, storage: str) -> dict[str, object]:
    roundtrip, export = seed.roundtrip(checkpoint), seed.export(checkpoint)
    trained, own = roundtrip.trained, seed.reloaded(checkpoint, roundtrip.own_storage)
    reloaded, exported = seed.reloaded(checkpoint, storage), seed.exported(checkpoint, storage)
    return {
        **place_of(run, seed, checkpoint),
        "storage": storage,
        "seed": seed.seed,
        "trained_bpb": trained.bpb,
        "trained_record_bpb": trained.bpb_with_z_loss,
        "rt_bpb": reloaded.bpb,
        "rt_record_bpb": reloaded.bpb_with_z_loss,
        "gap_bpb": reloaded.gap_bpb,
        "gap_se_bpb": reloaded.gap_se,
        "gap_over_own_bpb": reloaded.gap_bpb - own.gap_bpb,
        "is_own_storage": storage == roundtrip.own_storage,
        "artifact_bytes": exported.bytes,
        "layout": exported.layout,
        **({} if export.zeros is None else {"trits_changed": number_or_nan(reloaded.trits_changed)}),
        "max_weight_error": reloaded.max_weight_error,
        **({} if export.zeros is None else _zeros(export)),
    }


def _zeros(export: ExportMetrics) -> dict[str, float | None]:
    """Zero fractions of a ternary export: of the stored trits, and as the published code counts them."""
    return {"zero_fraction": export.zeros, "record_zero_fraction": export.counted_as_published}
