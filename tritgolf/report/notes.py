"""The notes under a table: how its figures are counted, and what they were made from."""

from collections.abc import Iterable, Sequence

import pandas as pd

from tritgolf.report.hardware import machines_note
from tritgolf.report.metrics import Run
from tritgolf.report.schemas import Provenance
from tritgolf.report.statistics import format_mean_std, format_value, mean


def headline_notes(run: Run, seeds: pd.DataFrame) -> tuple[str, ...]:
    """How the seed table's figures are counted; ``seeds``: its ``seed_frame``."""
    shown, other = ("val_record_bpb", "val_bpb") if run.facts.headline_z_loss else ("val_bpb", "val_record_bpb")
    countings = {
        "val_bpb": "pure cross-entropy",
        "val_record_bpb": "cross-entropy plus the z-loss term, as the published tables have them",
    }
    zeros = [
        f"{format_value(mean(seeds['zero_fraction']), 3)} of the stored trits",
        f"{format_value(mean(seeds['record_zero_fraction']), 3)} as the published code counts",
    ]
    if run.facts.zero_fraction == "record":
        zeros.reverse()
    strides = _listed(seeds["stride"])
    limit = format_value(seeds["byte_limit"].iloc[0], 0)
    code = format_value(seeds["code_bytes"].max(), 0)
    return (
        "BPB: bits per byte of validation text. Mean and std are over the seeds; std is the sample standard deviation "
        "(n − 1).",
        f"Sliding BPB: pure cross-entropy of the reloaded artifact, windows {strides} tokens apart.",
        f"Val BPB (trained weights), RT BPB (after export and reload) and RT gap = RT − val: {countings[shown]}. "
        f"Val BPB as {countings[other].split(',')[0]}: {format_mean_std(seeds[other].tolist(), 4)}.",
        f"Artifact: {_listed(seeds['storage'])} scales, {_listed(seeds['layout'])} trits. Fits: artifact plus {code} "
        f"bytes of code is at most {limit} bytes.",
        f"Zero fraction: {'; '.join(zeros)}.",
        *machines_note(seeds),
        *_temperature_note(seeds),
        f"For scale: the unigram entropy of the validation tokens is "
        f"{format_value(mean(seeds['unigram_entropy_bpb']), 4)} BPB.",
    )


def made_from(runs: Sequence[Run]) -> tuple[str, ...]:
    """What made the figures: per record its mode and text, hardware, versions, code and the files read."""
    return tuple(
        f"{run.facts.name} ({run.facts.source}): {run.facts.mode} mode, text {run.facts.dataset}; "
        f"{_listed(source.provenance.machine for source in run.sources)}; "
        f"torch {_listed(source.provenance.versions.get('torch', 'unknown') for source in run.sources)}; "
        f"code {_listed(_code(source.provenance) for source in run.sources)}; from {_listed(_patterns(run))}."
        for run in runs
    )


def _temperature_note(seeds: pd.DataFrame) -> tuple[str, ...]:
    """What the calibrated temperature would change, where it was really applied."""
    at_best = seeds["sliding_bpb_at_best_temperature"].dropna()
    if at_best.empty:
        return ()
    best = ", ".join(f"{temperature:.2f}" for temperature in sorted(set(seeds["best_temperature"])))
    return (
        f"All scores are at temperature 1. The best on training tokens is {best}; sliding BPB there: "
        f"{format_mean_std(at_best, 4)}.",
    )


def _patterns(run: Run) -> list[str]:
    """The paths of a run's sources, one for all seeds and checkpoints."""
    patterns = []
    for source in run.sources:
        path = source.path.replace(f"seed{source.seed}/", "seed<k>/")
        patterns.append(path.replace(f"/{source.checkpoint}/", "/<checkpoint>/") if source.checkpoint else path)
    return patterns


def _code(made_by: Provenance) -> str:
    """``0.1.0 (commit 1f787b7, changed since; sources 3fa94c01)`` as far as it is known."""
    code = made_by.code
    facts = []
    if code.get("commit"):
        facts.append(f"commit {code['commit'][:7]}" + (", changed since" if code.get("dirty") else ""))
    if code.get("package_digest"):
        facts.append(f"sources {code['package_digest'].removeprefix('sha256:')[:8]}")
    return f"{code.get('tritgolf', 'unknown')}" + (f" ({'; '.join(facts)})" if facts else "")


def _listed(values: Iterable[object]) -> str:
    """The different values, sorted, in one line."""
    return ", ".join(sorted({str(value) for value in values}))
