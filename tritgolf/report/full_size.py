"""The kept runs at full size beside each other: of the paper."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.files import read_json
from tritgolf.report.coded import coded_bits, inspected_weights
from tritgolf.report.metrics import load_run
from tritgolf.report.notes import NOT_MEASURED, made_from
from tritgolf.report.pages import Block, Shown
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.standing import (
    BEST,
    RIVALS,
    best_in_words,
    best_of,
    overfitted_in_words,
    standing,
    standing_table,
)
from tritgolf.report.standing import CAPTION as STANDING
from tritgolf.report.statistics import format_exact, format_value, mean

STRIDE = 64
SHOWN = (BEST, *RIVALS, "ternary_honest", "ternary_v1")
IN_OTHER_SHARDS = {"docs_en_4": "docs_en"}  # texts of which kept facts are another's
INSPECTED = "inspect.json"  # what ``tritgolf inspect --json`` says of a kept run's artifact
LAST_STEPS = 100  # of training, over which the loss of its text is taken
BEST_MISSING = NOT_MEASURED.format(f"`{BEST}` has not been trained at full size.")
CAPTION = (
    "Scores as in [the paper](isobyte.md#ternary_best-at-full-size). Runs are folders of `measured/`. Training nats: "
    f"mean loss a token over the logged ones of the last {LAST_STEPS} steps; validation nats: of the trained weights, "
    "not yet rounded, on windows of whole contexts. As code, older runs count all of this project's sources and newer "
    "ones the submitted script, so compare bytes of the artifact. —: not kept."
)


class FullSize(NamedTuple):
    """A row a seed, as ``standing`` and the table have them; and the runs that they are of."""

    rows: list[dict[str, Any]]
    runs: list[Run]


def read_full_size(measured: Path) -> FullSize:
    """All kept runs at full size that were scored by sliding windows of stride 64."""
    found = [(folder.parent, load_run(folder.parent)) for folder in sorted(measured.glob("*/record.json"))]
    kept = [(folder, run) for folder, run in found if run.facts.name.partition("@")[0] in SHOWN]
    lengths = _training_tokens(measured / "data")
    rows = [row for folder, run in kept for seed in run.seeds if (row := _row(folder, run, seed, lengths))]
    return FullSize(rows, [run for _, run in kept])


def full_size_blocks(found: FullSize) -> list[Block]:
    """How the best run of ``ternary_best`` stands among the others, and which of these overfit."""
    standings = standing(found.rows)
    if standings.empty:
        return [BEST_MISSING]
    table = standing_table(found.rows, best_of(standings)["run"], found.runs)
    return [best_in_words(standings), Shown(table, STANDING), *overfitted_in_words(found.rows)]


def each_seed(found: FullSize) -> list[Block]:
    """All runs at full size, seed by seed."""
    return [Shown(full_size_table(*found), CAPTION)] if found.rows else [BEST_MISSING]


def _training_tokens(data: Path) -> dict[str, int]:
    """By kept text how many tokens may be trained on."""
    manifests = [read_json(path) for path in sorted(data.glob("*/shards/manifest.json"))]
    return {manifest["dataset"]: manifest["totals"]["train"]["tokens"] for manifest in manifests}


def _row(folder: Path, run: Run, seed: SeedRun, lengths: dict[str, int]) -> dict[str, Any] | None:
    """One seed of a run at full size; None where it was not scored by sliding windows of stride 64."""
    if seed.evaluated is None or seed.evaluate.sliding.stride != STRIDE:
        return None
    export, roundtrip, storage = seed.exports.get("final"), seed.roundtrips.get("final"), seed.evaluate.storage
    scored = folder / f"seed{seed.seed}" / "final"
    losses = [line.loss for line in seed.log if line.step > seed.train.steps - LAST_STEPS]
    return {
        "run": folder.name,
        "record": run.facts.name.partition("@")[0],
        "seed": seed.seed,
        "hardware": seed.made_by.machine,
        "steps": seed.train.steps,
        "training_seconds": seed.train.training_seconds,
        "gpu_seconds": seed.train.training_seconds * seed.made_by.device_count,
        "sliding_bpb": seed.evaluate.sliding.by_published_bytes,
        "ttt_bpb": seed.method("ttt").by_published_bytes if "ttt" in seed.methods else math.nan,
        "training_nats": mean(losses),
        "validation_nats": roundtrip.trained.nats if roundtrip else _chunked_alone(scored),
        "text": run.facts.dataset,
        "times_read": seed.train.tokens
        / lengths.get(IN_OTHER_SHARDS.get(run.facts.dataset, run.facts.dataset), math.nan),
        "tokens_scored": seed.evaluate.sliding.tokens_scored,
        "gap_bpb": roundtrip.storages[storage].gap_bpb if roundtrip else math.nan,
        "artifact_bytes": export.storages[storage].bytes if export else math.nan,
        "total_bytes": export.storages[storage].bytes + export.code_bytes if export else math.nan,
        "byte_limit": export.byte_limit if export else math.nan,
        "coded_bits": coded_bits(export.storages[storage], inspected_weights(scored / INSPECTED))
        if export
        else math.nan,
        "start": (read_json(folder / "record.json")["train"].get("start") or {}).get("qat", 0.0),
    }


def _chunked_alone(scored: Path) -> float:
    """Nats of the trained weights where they were scored without a roundtrip; NaN where they were not."""
    path = scored / "chunked_scores.json"
    return float(read_json(path)["final"]["nats"]) if path.is_file() else math.nan


def _start(row: dict[Any, Any]) -> str:
    return f"{row['start']:.0%} on" if row["start"] else "the start"


def full_size_table(rows: Sequence[dict[str, Any]], runs: Sequence[Run]) -> Table:
    """A row a seed of a run at full size."""
    frame = pd.DataFrame(rows)
    cells = [
        {
            "run": f"`{row['run']}`",
            "seed": str(row["seed"]),
            "trained on": row["hardware"],
            "steps": format_value(row["steps"], 0),
            "trits from": _start(row) if row["record"] == BEST else "",
            "training s": format_value(row["training_seconds"], 0),
            "training nats": format_value(row["training_nats"], 3),
            "validation nats": format_value(row["validation_nats"], 3),
            "sliding BPB": format_value(row["sliding_bpb"], 4),
            "with TTT": format_value(row["ttt_bpb"], 4),
            "RT gap": format_exact(row["gap_bpb"], 5, signed=True),
            "bits in the file": format_value(row["coded_bits"], 2),
            "artifact bytes": format_value(row["artifact_bytes"], 0),
            "bytes with code": format_value(row["total_bytes"], 0),
        }
        for row in frame.to_dict("records")
    ]
    return Table("At full size", frame, pd.DataFrame(cells), made_from(runs), left=("run", "trained on"))
