"""The kept runs at full size beside each other: of the paper."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.files import read_json
from tritgolf.report.coded import coded_bits, inspected_weights
from tritgolf.report.full_size_formats import formats_compared, formats_in_words
from tritgolf.report.generalization import generalization_in_words
from tritgolf.report.metrics import load_run
from tritgolf.report.notes import NOT_MEASURED, made_from
from tritgolf.report.pages import Block, Shown
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.standing import (
    BEST,
    PUBLISHED,
    RIVALS,
    best_in_time,
    best_in_words,
    best_of,
    standing,
    standing_table,
)
from tritgolf.report.standing import CAPTION as STANDING
from tritgolf.report.statistics import format_exact, format_value, mean
from tritgolf.report.test_time_rates import KeptRates, read_rates

STRIDE = 64
SHOWN = (BEST, *RIVALS, "ternary_honest", "ternary_v1")
IN_OTHER_SHARDS = {"docs_en_4": "docs_en"}  # texts of which kept facts are another's
PUBLISHED_CODE = "published_code.json"  # beside a record: what the published code scored on the same text
INSPECTED = "inspect.json"  # what ``tritgolf inspect --json`` says of a kept run's artifact
LAST_STEPS = 100  # of training, over which the loss of its text is taken
BEST_MISSING = NOT_MEASURED.format(f"`{BEST}` has not been trained at full size.")
CAPTION = (
    "Scores as in [the paper](isobyte.md#trits-int4-and-int6-at-full-size). Runs are folders of `measured/`. "
    f"Training nats: mean loss a token over the logged ones of the last {LAST_STEPS} steps; validation nats: of the "
    "trained weights, not yet rounded, on windows of whole contexts. As code, older runs count all of this project's "
    "sources and newer ones the submitted script, so compare bytes of the artifact. —: not kept."
)


class FullSize(NamedTuple):
    """A row a seed, as ``standing`` and the table have them; the runs that they are of; scores at other rates."""

    rows: list[dict[str, Any]]
    runs: list[Run]
    rates: list[KeptRates]


def read_full_size(measured: Path) -> FullSize:
    """All kept runs at full size scored by sliding windows of stride 64, and what published code did on their text."""
    found = [(folder.parent, load_run(folder.parent)) for folder in sorted(measured.glob("*/record.json"))]
    kept = [(folder, run) for folder, run in found if run.facts.name.partition("@")[0] in SHOWN]
    lengths = _training_tokens(measured / "data")
    rows = [row for folder, run in kept for seed in run.seeds if (row := _row(folder, run, seed, lengths))]
    published = [_published_row(path) for folder, _ in kept if (path := folder / PUBLISHED_CODE).is_file()]
    return FullSize(rows + published, [run for _, run in kept], read_rates(measured))


def full_size_blocks(found: FullSize) -> list[Block]:
    """How the best runs of ``ternary_best`` stand among the others, and whether it is what it was to be."""
    standings = standing(found.rows)
    if standings.empty:
        return [BEST_MISSING]
    best = [run["run"] for run in (best_of(standings), best_in_time(standings, PUBLISHED)) if run is not None]
    table = standing_table(found.rows, best, found.runs)
    return [Shown(table, STANDING), best_in_words(standings), *formats_compared(found.rows)]


def each_seed(found: FullSize) -> list[Block]:
    """All runs at full size, seed by seed; how weights compare further, and which runs fit training text better."""
    own = [row for row in found.rows if not row["is_published"]]
    if not own:
        return [BEST_MISSING]
    table = Shown(full_size_table(own, found.runs), CAPTION)
    return [table, *formats_in_words(found.rows), *generalization_in_words(found.rows)]


def _training_tokens(data: Path) -> dict[str, int]:
    """By kept text how many tokens may be trained on."""
    manifests = [read_json(path) for path in sorted(data.glob("*/shards/manifest.json"))]
    return {manifest["dataset"]: manifest["totals"]["train"]["tokens"] for manifest in manifests}


def _row(folder: Path, run: Run, seed: SeedRun, lengths: dict[str, int]) -> dict[str, Any] | None:
    """One seed of a run at full size; None where it was not scored by sliding windows of stride 64."""
    sliding = None if seed.evaluated is None else seed.evaluate.sliding
    if sliding is None or sliding.stride != STRIDE:
        return None
    scored = folder / f"seed{seed.seed}" / "final"
    losses = [line.loss for line in seed.log if line.step > seed.train.steps - LAST_STEPS]
    in_shards = IN_OTHER_SHARDS.get(run.facts.dataset, run.facts.dataset)
    train = read_json(folder / "record.json")["train"]
    return {
        "run": folder.name,
        "record": run.facts.name.partition("@")[0],
        "seed": seed.seed,
        "hardware": seed.made_by.machine,
        "gpu": seed.made_by.machine.rpartition(" × ")[2],
        "steps": seed.train.steps,
        "training_seconds": seed.train.training_seconds,
        "gpu_seconds": seed.train.training_seconds * seed.made_by.device_count,
        "sliding_bpb": sliding.by_published_bytes,
        "ttt_bpb": seed.method("ttt").by_published_bytes if "ttt" in seed.methods else math.nan,
        "training_nats": mean(losses),
        "text": run.facts.dataset,
        "parameters": seed.train.parameters["trained"],
        "times_read": seed.train.tokens / lengths.get(in_shards, math.nan),
        "tokens_scored": sliding.tokens_scored,
        "start": (train.get("start") or {}).get("qat", 0.0),
        "averaged": train.get("average") is not None,
        "is_published": False,
        **_before_and_after(seed, scored),
        **_bytes(seed, scored),
    }


def _before_and_after(seed: SeedRun, scored: Path) -> dict[str, float]:
    """Of non-overlapping windows: the trained weights' score and nats, and the gap of storing. NaN: not kept."""
    roundtrip = seed.roundtrips.get("final")
    if roundtrip is None:
        return _chunked_alone(scored, seed.evaluate.storage)
    trained, stored = roundtrip.trained, roundtrip.storages[seed.evaluate.storage]
    gap = stored.gap_bpb * trained.by_published_bytes / trained.bpb  # zero stays zero
    return {"validation_nats": trained.nats, "whole_bpb": trained.by_published_bytes, "gap_bpb": gap}


def _bytes(seed: SeedRun, scored: Path) -> dict[str, float]:
    """What the artifact takes, alone and with its code, and a weight of it. NaN: not kept."""
    export = seed.exports.get("final")
    if export is None:
        return dict.fromkeys(("artifact_bytes", "total_bytes", "byte_limit", "coded_bits"), math.nan)
    stored = export.storages[seed.evaluate.storage]
    return {
        "artifact_bytes": stored.bytes,
        "total_bytes": stored.bytes + export.code_bytes,
        "byte_limit": export.byte_limit,
        "coded_bits": coded_bits(stored, inspected_weights(scored / INSPECTED)),
    }


def _published_row(path: Path) -> dict[str, Any]:
    """What the published code did on the same text, run outside this project: shown beside, compared with nothing."""
    facts = read_json(path)
    known = {
        "run": f"published code of {facts['system']}",
        "record": f"{facts['system']}, published",
        "hardware": facts["hardware"].partition(",")[0],
        "gpu_seconds": facts["training_seconds"] * facts["gpus"],
        "sliding_bpb": facts["sliding_bpb"],
        "is_published": True,
        "averaged": "averaged_bpb" in facts,
    }
    measured = {
        "ttt_bpb": facts.get("ttt_bpb", math.nan),
        "gap_bpb": facts.get("quantized_bpb", math.nan) - facts.get("averaged_bpb", math.nan),
        "artifact_bytes": facts.get("artifact_bytes", math.nan),
        "stored_bpb": facts.get("quantized_bpb", math.nan),
        "cost_of_averaging": facts.get("averaged_bpb", math.nan) - facts.get("raw_weights_step_800_bpb", math.nan),
    }
    return {**known, **measured}


def _chunked_alone(scored: Path, storage: str) -> dict[str, float]:
    """The same, where weights and artifacts were scored without a roundtrip."""
    path = scored / "chunked_scores.json"
    if not path.is_file():
        return dict.fromkeys(("validation_nats", "whole_bpb", "gap_bpb"), math.nan)
    scores = read_json(path)
    trained, stored = scores["final"], scores[f"artifact {storage}"]
    whole = trained["bpb_published_bytes"]
    return {"validation_nats": trained["nats"], "whole_bpb": whole, "gap_bpb": stored["bpb_published_bytes"] - whole}


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
            "coded bits/weight": format_value(row["coded_bits"], 2),
            "artifact bytes": format_value(row["artifact_bytes"], 0),
            "bytes with code": format_value(row["total_bytes"], 0),
        }
        for row in frame.to_dict("records")
    ]
    return Table("At full size", frame, pd.DataFrame(cells), made_from(runs), left=("run", "trained on"))
