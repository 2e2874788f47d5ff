"""The kept runs at full size beside each other, and whether ``ternary_best`` keeps what it promises: of the paper."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tritgolf.files import read_json
from tritgolf.report.metrics import load_run
from tritgolf.report.notes import NOT_MEASURED, made_from
from tritgolf.report.pages import Block, Shown
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run, SeedRun
from tritgolf.report.statistics import format_exact, format_value, mean

STRIDE = 64
BEST, RECORD = "ternary_best", "ternary_v2"
RIVALS = {RECORD: "#920", "int6_recurrent": "#1716", "best_int6": "its own training with int6 weights"}
SHOWN = (BEST, *RIVALS, "ternary_honest", "ternary_v1")
WANTED = 0.040  # BPB that ternary_best is to be ahead of #920, within the limit and without a gap
CAPTION = (
    "Sliding windows, stride 64, BPB by published bytes, each seed by itself; with TTT: score-first, by the record's "
    "method. Runs are folders of `measured/`. `ternary_v1` is #640, `ternary_v2` #920, `ternary_honest` #920 trained "
    "in what it stores, `int6_recurrent` #1716. As code, older runs count all of this project's sources and newer ones "
    "the submitted script, so compare bytes of the artifact. —: not kept."
)


def full_size_blocks(measured: Path) -> list[Block]:
    """What is said of each run of ``ternary_best``, and the table of all runs at full size."""
    found = [(folder.parent.name, load_run(folder.parent)) for folder in sorted(measured.glob("*/record.json"))]
    kept = [(name, run) for name, run in found if run.facts.name.partition("@")[0] in SHOWN]
    starts = {name: read_json(measured / name / "record.json").get("train", {}).get("start") for name, _ in kept}
    rows = [
        row | {"start": (starts[name] or {}).get("qat", 0.0)}
        for name, run in kept
        for seed in run.seeds
        if (row := _row(name, run, seed))
    ]
    table = [Shown(full_size_table(rows, [run for _, run in kept]), CAPTION)] if rows else []
    if not any(row["record"] == BEST for row in rows):
        return [NOT_MEASURED.format(f"`{BEST}` has not been trained at full size."), *table]
    return [best_in_words(rows), *table]


def _row(name: str, run: Run, seed: SeedRun) -> dict[str, Any] | None:
    """One seed of a run at full size; None where it was not scored by sliding windows of stride 64."""
    if seed.evaluated is None or seed.evaluate.sliding.stride != STRIDE:
        return None
    export, roundtrip, storage = seed.exports.get("final"), seed.roundtrips.get("final"), seed.evaluate.storage
    return {
        "run": name,
        "record": run.facts.name.partition("@")[0],
        "seed": seed.seed,
        "hardware": seed.made_by.machine,
        "steps": seed.train.steps,
        "training_seconds": seed.train.training_seconds,
        "sliding_bpb": seed.evaluate.sliding.by_published_bytes,
        "ttt_bpb": seed.method("ttt").by_published_bytes if "ttt" in seed.methods else math.nan,
        "text": run.facts.dataset,
        "tokens_scored": seed.evaluate.sliding.tokens_scored,
        "gap_bpb": roundtrip.storages[storage].gap_bpb if roundtrip else math.nan,
        "artifact_bytes": export.storages[storage].bytes if export else math.nan,
        "total_bytes": export.storages[storage].bytes + export.code_bytes if export else math.nan,
        "byte_limit": export.byte_limit if export else math.nan,
    }


def full_size_table(rows: Sequence[dict[str, Any]], runs: Sequence[Run]) -> Table:
    """A row a seed of a run at full size."""
    frame = pd.DataFrame(rows)
    cells = [
        {
            "run": f"`{row['run']}`",
            "seed": str(row["seed"]),
            "trained on": row["hardware"],
            "steps": format_value(row["steps"], 0),
            "training s": format_value(row["training_seconds"], 0),
            "sliding BPB": format_value(row["sliding_bpb"], 4),
            "with TTT": format_value(row["ttt_bpb"], 4),
            "RT gap": format_exact(row["gap_bpb"], 5, signed=True),
            "artifact bytes": format_value(row["artifact_bytes"], 0),
            "bytes with code": format_value(row["total_bytes"], 0),
        }
        for row in frame.to_dict("records")
    ]
    return Table("At full size", frame, pd.DataFrame(cells), made_from(runs), left=("run", "trained on"))


def best_in_words(rows: Sequence[dict[str, Any]]) -> str:
    """How each run of ternary_best stands to its rivals as they were run, to its limit and to a gap of zero."""
    frame = pd.DataFrame(rows)
    own = frame[frame["record"] == BEST].sort_values("sliding_bpb")
    return "\n".join(_run_in_words(found, frame) for _, found in own.groupby("run", sort=False))


def _run_in_words(own: pd.DataFrame, frame: pd.DataFrame) -> str:
    """A point of the list: one run of ternary_best, the mean of its seeds."""
    score, start = mean(own["sliding_bpb"]), own["start"].iloc[0]
    trits = f"from {start:.0%} of its training on" if start else "from its start"
    words = [f"- `{own['run'].iloc[0]}`, on trits {trits}: {score:.4f} BPB in {_trained(own)}."]
    over, gap = (own["total_bytes"] - own["byte_limit"]).max(), own["gap_bpb"].abs().max()  # NaN: not kept
    for name, called in RIVALS.items():
        others = _on_the_same_text(frame[frame["record"] == name], own)
        if others.empty:
            words.append(f"No run of `{name}` on its text is kept to compare it with.")
            continue
        ahead = mean(others["sliding_bpb"]) - score
        way = "ahead of" if ahead >= 0 else "behind"
        words.append(f"It is {format_value(abs(ahead), 4)} {way} {called}, trained for {_trained(others)}.")
        if name == RECORD:
            kept = {"its score": ahead >= WANTED, "its bytes": over <= 0, "its gap": gap == 0}
            missing = [what for what, is_kept in kept.items() if not is_kept]
            met = f"missed, by {' and '.join(missing)}" if missing else "met"
            words.append(f"The aim, {WANTED:.3f} ahead within the limit and without a gap, is {met}.")
    return " ".join([*words, _bytes_in_words(over), _gap_in_words(gap)])


def _bytes_in_words(over: float) -> str:
    if math.isnan(over):
        return "Its bytes are not kept."
    return f"With its script it is {f'**{over:,.0f} bytes over**' if over > 0 else 'within'} the limit."


def _gap_in_words(gap: float) -> str:
    if math.isnan(gap):
        return "Its gap is not kept."
    return "**Its gap is not zero.**" if gap else "Its gap is zero."


def _on_the_same_text(others: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Of other runs those on the run's text, or on its validation text in other shards."""
    return others[others["text"].isin(own["text"]) | others["tokens_scored"].isin(own["tokens_scored"])]


def _trained(rows: pd.DataFrame) -> str:
    """For how long, and on what."""
    return f"{format_value(mean(rows['training_seconds']), 0)} s on {rows['hardware'].iloc[0]}"
