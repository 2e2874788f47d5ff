"""The laboratory's measurements as tidy frames: one row an observation, full precision, for its tables and plots.

A gap is reloaded − trained in bits per byte of pure cross-entropy; every ``…_se`` is paired over windows.
"""

import math
from typing import Any

import pandas as pd

from tritgolf.report.frames import place_of, some
from tritgolf.report.laboratory_schemas import LaboratoryMetrics, LaboratoryRow
from tritgolf.report.runs import Run
from tritgolf.report.statistics import number_or_nan
from tritgolf.report.storage_words import shown_factors

REMAINDER, TOGETHER = "remainder", "all together"


def grid_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, storage, seed): factors, bytes, score, gap, gap over the own storage, errors.

    Of storages by role each form is one factor, in words. ``same_as`` names the storage that was measured where two
    names mean one.
    """
    rows = [
        {
            **place_of(run, seed, checkpoint),
            "storage": name,
            "seed": seed.seed,
            "same_as": "" if found.names[name] == name else found.names[name],
            **shown_factors(row.factors),
            "trained_bpb": found.trained.bpb,
            "rt_bpb": row.bpb,
            "gap_bpb": row.gap_bpb,
            "gap_se_bpb": row.gap_se,
            "over_own_bpb": row.over_own_bpb,
            "over_own_se_bpb": row.over_own_se,
            "artifact_bytes": row.bytes,
            "trits_changed": number_or_nan(row.trits_changed),
            "max_weight_error": row.max_weight_error,
            "max_tensor_error": row.max_tensor_error,
        }
        for checkpoint in laboratory_checkpoints(run)
        for name in _names(run, checkpoint)
        for seed in run.seeds
        if (found := seed.laboratories.get(checkpoint)) is not None and (row := found.row(name)) is not None
    ]
    return pd.DataFrame(some(rows, run, "measurements of the grid", "laboratory"))


def decomposition_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, part, seed): every factor that the own storage does not keep lossless, the remainder of
    their single effects, and all together.

    ``gap_bpb``: the lossless storage with this factor alone; ``taken_back_bpb``: what the own storage's gap shrinks by
    when this factor alone is made lossless.
    """
    rows = []
    for checkpoint in laboratory_checkpoints(run):
        for seed in run.seeds:
            if (found := seed.laboratories.get(checkpoint)) is None:
                continue
            for part, effects in _parts(found):
                rows.append({**place_of(run, seed, checkpoint), "part": part, "seed": seed.seed, **effects})
    return pd.DataFrame(some(rows, run, "decomposition", "laboratory"))


def length_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, seed): step, and of ternary weights the true zero fraction z of the trits the model uses.

    With z: what a correction by it multiplies with, 1/(1 − z) for absmean scales, 1/√(1 − z) for rms scales; the
    shares of weights at the threshold, and of trits that each way to decide them anew changes, where they were counted.
    """
    rows = [
        {
            **place_of(run, seed, checkpoint),
            "seed": seed.seed,
            **_ternary(found),
        }
        for checkpoint in laboratory_checkpoints(run)
        for seed in run.seeds
        if (found := seed.laboratories.get(checkpoint)) and found.zeros != 1
    ]
    return pd.DataFrame(some(rows, run, "measurements of the grid", "laboratory"))


def _ternary(found: LaboratoryMetrics) -> dict[str, Any]:
    """What a row says of ternary weights: nothing where there are none."""
    if (z := found.zeros) is None:
        return {}
    amplification = {"absmean_amplification": 1 / (1 - z), "rms_amplification": 1 / math.sqrt(1 - z)}
    return {"estimator": found.estimator, "zero_fraction": z, **amplification, **_threshold_shares(found)}


def _threshold_shares(found: LaboratoryMetrics) -> dict[str, float]:
    if found.threshold is None or not found.ternary_weights:
        return {}
    shares = {f"flips_{way}": count / found.ternary_weights for way, count in found.threshold.flips.items()}
    return {"near_threshold": found.threshold.near, "crowding": found.threshold.crowding, **shares}


def margin_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, kind, format, seed): how far the trained numbers are from the ends of the format."""
    rows = [
        {
            **place_of(run, seed, checkpoint),
            "seed": seed.seed,
            **margin.model_dump(),
        }
        for checkpoint in laboratory_checkpoints(run)
        for seed in run.seeds
        if checkpoint in seed.laboratories
        for margin in seed.laboratories[checkpoint].margins
    ]
    return pd.DataFrame(some(rows, run, "margins", "laboratory"))


def probe_frame(run: Run) -> pd.DataFrame:
    """One row a (checkpoint, mechanism, setting, seed); ``change_bpb``: gap less that of the mildest setting;
    ``below``, ``above``: where the mechanism broke (NaN: nowhere).
    """
    rows = []
    for checkpoint in run.checkpoints:
        for seed in run.seeds:
            if (found := seed.probes.get(checkpoint)) is None:
                continue
            for mechanism in found.mechanisms:
                mildest = next((p for p in mechanism.points if p.at == 0), mechanism.points[0])
                for point in mechanism.points:
                    rows.append(
                        {
                            **place_of(run, seed, checkpoint),
                            "parameter": mechanism.parameter,
                            "kind": mechanism.kind,
                            "choice": mechanism.choice,
                            "seed": seed.seed,
                            **point.model_dump(exclude={"gap_se"}),
                            "gap_se_bpb": point.gap_se,
                            "change_bpb": point.gap_bpb - mildest.gap_bpb,
                            "below": math.nan if mechanism.below is None else mechanism.below,
                            "above": math.nan if mechanism.above is None else mechanism.above,
                            "break_bpb": found.break_bpb,
                        }
                    )
    return pd.DataFrame(some(rows, run, "probes", "probes"))


def laboratory_checkpoints(run: Run) -> list[str]:
    """Checkpoints on which the grid was measured, in order of training."""
    return [name for name in run.checkpoints if any(name in seed.laboratories for seed in run.seeds)]


def _names(run: Run, checkpoint: str) -> list[str]:
    """Names of the grid of a checkpoint, over all seeds."""
    grids = [seed.laboratories[checkpoint].names for seed in run.seeds if checkpoint in seed.laboratories]
    return list(dict.fromkeys(name for names in grids for name in names))


def _parts(found: LaboratoryMetrics) -> list[tuple[str, dict[str, float]]]:
    parts = [
        (factor, _effects(found.row(f"only_{factor}"), found.row(f"without_{factor}")))
        for factor in found.decomposition.factors
    ]
    rest = {"gap_bpb": found.decomposition.remainder_bpb, "gap_se_bpb": found.decomposition.remainder_se}
    own = found.row("own")
    together = {"gap_bpb": own.gap_bpb, "gap_se_bpb": own.gap_se} if own else {}
    nothing = {"taken_back_bpb": math.nan, "taken_back_se_bpb": math.nan}
    return [*parts, (REMAINDER, rest | nothing), (TOGETHER, together | nothing)]


def _effects(alone: LaboratoryRow | None, without: LaboratoryRow | None) -> dict[str, float]:
    return {
        "gap_bpb": alone.gap_bpb if alone else math.nan,
        "gap_se_bpb": alone.gap_se if alone else math.nan,
        "taken_back_bpb": -without.over_own_bpb if without else math.nan,
        "taken_back_se_bpb": without.over_own_se if without else math.nan,
    }
