"""How the runs of ``ternary_best`` stand to others at full size, and which runs overfit: of the paper."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_exact, format_value, mean

BEST, RECORD = "ternary_best", "ternary_v2"
RIVALS = {RECORD: "#920", "int6_recurrent": "#1716", "best_int6": "int6"}
WANTED = 0.040  # BPB that ternary_best is to be ahead of #920, in its time, within the limit and without a gap
CAPTION = (
    "Means of seeds, best first. GPU seconds: of all GPUs together. Text read: how many times. Sliding windows, stride "
    "64, BPB by published bytes; with TTT: score-first, by the record's method. RT gap: what storing costs, BPB by raw "
    "bytes. `ternary_v1` is #640, `ternary_v2` #920, `ternary_honest` #920 trained in what it stores, `int6_recurrent` "
    f"#1716; `best_int6` has `{BEST}`'s training and #1716's weights. —: not kept. [Each seed, and runs of `{BEST}` "
    "with other settings](isobyte_tables.md#runs-at-full-size)."
)


def standing(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row a run of ternary_best, mean of its seeds, best score first: how far ahead of each rival, what it misses."""
    frame = pd.DataFrame(rows)
    if frame.empty or BEST not in set(frame["record"]):
        return pd.DataFrame()
    own = frame[frame["record"] == BEST].groupby("run", sort=False)
    return pd.DataFrame([_stand(run, frame) for _, run in own]).sort_values("sliding_bpb", ignore_index=True)


def _stand(own: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    rivals = {name: _on_the_same_text(frame[frame["record"] == name], own) for name in RIVALS}
    ahead = {name: mean(found["sliding_bpb"]) - mean(own["sliding_bpb"]) for name, found in rivals.items()}
    ahead |= {f"{name}_ttt": mean(found["ttt_bpb"]) - mean(own["ttt_bpb"]) for name, found in rivals.items()}
    over, gap = (own["total_bytes"] - own["byte_limit"]).max(), own["gap_bpb"].abs().max()  # NaN: not kept
    longer = mean(own["gpu_seconds"]) - mean(rivals[RECORD]["gpu_seconds"])
    short = {"score": WANTED - ahead[RECORD], "time": longer, "bytes": over, "gap": gap}  # by so much, where above zero
    missed = [what if by > 0 else f"{what} unknown" for what, by in short.items() if not by <= 0]
    return {
        "run": own["run"].iloc[0],
        "seeds": len(own),
        "trained": trained_for(own),
        "gpu_seconds": mean(own["gpu_seconds"]),
        "times_read": mean(own["times_read"]),
        "coded_bits": mean(own["coded_bits"]),
        "sliding_bpb": mean(own["sliding_bpb"]),
        **ahead,
        "over": over,
        "gap_bpb": gap,
        "missed": ", ".join(missed),
    }


def best_of(standings: pd.DataFrame) -> dict[Any, Any]:
    """The best run of ternary_best of those that do what it is to do, or of all."""
    met = standings[standings["missed"] == ""]
    return dict((standings if met.empty else met).iloc[0])


def best_in_words(standings: pd.DataFrame) -> str:
    """What the best run scores, and whether it does what it is to do."""
    best = best_of(standings)
    aim = (
        f"The aim, set before any run, {WANTED:.3f} ahead of {RIVALS[RECORD]} in its GPU time, without a gap, in 16 MB"
    )
    spare = f" with {format_value(-best['over'], 0)} bytes to spare" if not best["missed"] else ""
    met = "missed" if best["missed"] else "met"
    return f"`{best['run']}` scores {best['sliding_bpb']:.4f} BPB in {best['trained']}. {aim}, is {met}{spare}."


def standing_table(rows: Sequence[dict[str, Any]], best: str, runs: Sequence[Run]) -> Table:
    """The run ``best`` of ternary_best among the runs of other records, best first."""
    frame = pd.DataFrame(rows)
    shown = frame[(frame["record"] != BEST) | (frame["run"] == best)]
    ranked = sorted((own for _, own in shown.groupby("run", sort=False)), key=lambda own: mean(own["sliding_bpb"]))
    cells = [
        {
            "run": f"`{own['run'].iloc[0]}`",
            "seeds": str(len(own)),
            "trained on": " or ".join(dict.fromkeys(own["hardware"])),
            "GPU seconds": format_value(mean(own["gpu_seconds"]), 0),
            "text read": format_value(mean(own["times_read"]), 1),
            "sliding BPB": format_value(mean(own["sliding_bpb"]), 4),
            "with TTT": format_value(mean(own["ttt_bpb"]), 4),
            "RT gap": format_exact(mean(own["gap_bpb"]), 5, signed=True),
            "artifact bytes": format_value(mean(own["artifact_bytes"]), 0),
        }
        for own in ranked
    ]
    return Table("At full size", shown, pd.DataFrame(cells), made_from(runs), left=("run", "trained on"))


def overfitted_in_words(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Which runs score worse on validation text than on what they were trained on; nothing where none is known to."""
    frame = pd.DataFrame(rows).assign(apart=lambda rows: rows["validation_nats"] - rows["training_nats"])
    known = frame.dropna(subset="apart")
    overfitted, others = known[known["apart"] > 0], known[known["apart"] <= 0]
    words = [
        f"`{row['run']}` overfits: it has {row['training_nats']:.3f} nats a token of its training text at the end, and "
        f"{row['validation_nats']:.3f} of validation text before rounding."
        for row in overfitted.to_dict("records")
    ]
    if words and len(others):
        every = "All other runs" if len(known) == len(frame) else "All other runs that tell of both"
        words.append(f"{every} have less of validation text.")
    return [" ".join(words)] if words else []


def trained_for(rows: pd.DataFrame) -> str:
    """For how long, and on what."""
    return f"{format_value(mean(rows['training_seconds']), 0)} s on {rows['hardware'].iloc[0]}"


def _on_the_same_text(others: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Of other runs those on the run's text, or on its validation text in other shards."""
    return others[others["text"].isin(own["text"]) | others["tokens_scored"].isin(own["tokens_scored"])]
