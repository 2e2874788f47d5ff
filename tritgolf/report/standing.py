"""How the runs of ``ternary_best`` stand to others at full size: of the paper."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_exact, format_value, mean

BEST, RECORD, PUBLISHED = "ternary_best", "ternary_v2", "int6_recurrent"
FORMATS = {"best_int4": "int4", "best_int6": "int6"}  # records of ternary_best's training with other weights
NAMES = {BEST: "trits", **FORMATS}
RIVALS = {RECORD: "#920", PUBLISHED: "#1716", **FORMATS}
AS_LONG = {RECORD: ("ternary_honest",)}  # records of the same network and steps: their time is the rival's too
WANTED = 0.040  # BPB that ternary_best is to be ahead of #920, in its time, within the limit and without a gap
SAME_TIME = 0.01  # a run stops at the first tenth step after its seconds: times within this share count as the same
CAPTION = (
    "Means of seeds, best first. Published code was run outside this project. GPU seconds: of training, all GPUs "
    "together, without compiling, rounding and scoring; times within 1% count as equal. #920's time on H200s is that "
    "of `ternary_honest` there. #920 and #1716 were timed on several GPUs, #1716 by slower code than the present, so "
    "one GPU might take less now. "
    "Sliding windows as long as each record's context, stride 64, BPB by published bytes; with TTT: score-first, by "
    "the record's method. RT gap: what storing costs, in non-overlapping windows. With its script `int6_recurrent` is "
    "over the limit ([by how much](runs.md)). `ternary_v1` is #640, `ternary_v2` #920, `ternary_honest` "
    f"#920 trained in what it stores, `int6_recurrent` #1716; `best_int6` has `{BEST}`'s training and #1716's weights, "
    "`best_int4` 4 bits, trained on their grid from 65% of the time on. "
    f"Of `{BEST}` the best run in each rival's time. —: not kept. [Each seed, and runs of `{BEST}` with "
    "other settings](isobyte_tables.md#runs-at-full-size)."
)


def standing(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row a run of ternary_best, mean of its seeds, best score first: how far ahead of each rival, what it misses.

    Of a rival with several runs the best score counts, for each way of scoring. ``RIVAL_seconds``: how many GPU
    seconds it took, where it is known on the same GPUs; ``RIVAL_in_time``: whether this run took no more.
    """
    frame = pd.DataFrame(rows)
    if frame.empty or BEST not in set(frame["record"]):
        return pd.DataFrame()
    own = frame[frame["record"] == BEST].groupby("run", sort=False)
    return pd.DataFrame([_stand(run, frame) for _, run in own]).sort_values("sliding_bpb", ignore_index=True)


def _stand(own: pd.DataFrame, frame: pd.DataFrame) -> dict[str, Any]:
    there = on_the_same_text(frame, own)
    ahead = {name: _best(there, name, "sliding_bpb") - mean(own["sliding_bpb"]) for name in RIVALS}
    ahead |= {f"{name}_ttt": _best(there, name, "ttt_bpb") - mean(own["ttt_bpb"]) for name in RIVALS}
    seconds = {name: _seconds(there, name, own) for name in RIVALS}
    longer = {name: mean(own["gpu_seconds"]) / of_rival - 1 - SAME_TIME for name, of_rival in seconds.items()}
    over, gap = (own["total_bytes"] - own["byte_limit"]).max(), own["gap_bpb"].abs().max()  # NaN: not kept
    short = {"score": WANTED - ahead[RECORD], "time": longer[RECORD], "bytes": over, "gap": gap}
    missed = [_missed(what, by) for what, by in short.items()]
    return {
        "run": own["run"].iloc[0],
        "seeds": len(own),
        "trained": trained_for(own),
        "gpu_seconds": mean(own["gpu_seconds"]),
        "sliding_bpb": mean(own["sliding_bpb"]),
        "ttt_bpb": mean(own["ttt_bpb"]),
        "whole_bpb": mean(own["whole_bpb"]),
        **ahead,
        **{f"{name}_seconds": of_rival for name, of_rival in seconds.items()},
        **{f"{name}_in_time": by <= 0 for name, by in longer.items()},
        "over": over,
        "gap_bpb": gap,
        "missed": ", ".join(filter(None, missed)),
    }


def _missed(what: str, by: float) -> str:
    """What is missed ``by`` more than nothing, or is not known; "" where it is met."""
    if pd.isna(by):
        return f"{what} unknown"
    return what if by > 0 else ""


def _best(frame: pd.DataFrame, record: str, score: str) -> float:
    """The best of the runs of a record, mean of its seeds; NaN without one."""
    return float(frame[frame["record"] == record].groupby("run")[score].mean().min())


def _seconds(frame: pd.DataFrame, record: str, own: pd.DataFrame) -> float:
    """GPU seconds of the record's shortest run on the same GPUs, of those of as many steps too; or on any GPUs."""
    of_record = frame[frame["record"].isin([record, *AS_LONG.get(record, ())])]
    on_the_same = of_record[of_record["gpu"].isin(own["gpu"])]
    return float((on_the_same if len(on_the_same) else of_record)["gpu_seconds"].min())


def best_of(standings: pd.DataFrame) -> dict[Any, Any]:
    """The best run of ternary_best of those that do what it is to do, or of all."""
    met = standings[standings["missed"] == ""]
    return dict((standings if met.empty else met).iloc[0])


def best_in_time(standings: pd.DataFrame, rival: str) -> dict[Any, Any] | None:
    """The best run of ternary_best that took no longer than a rival; None where none did."""
    in_time = standings[standings[f"{rival}_in_time"] & (standings["over"] <= 0)]
    return None if in_time.empty else dict(in_time.iloc[0])


def best_in_words(standings: pd.DataFrame) -> str:
    """What the best run scores, and whether it does what it is to do."""
    best = best_of(standings)
    aim = (
        f"The aim, set before any run of it, {WANTED:.3f} ahead of {RIVALS[RECORD]} in its GPU time"
        f"{_in_seconds(best, RECORD)}, with an RT gap of zero, in 16 MB"
    )
    spare = f" with {format_value(-best['over'], 0)} bytes to spare" if not best["missed"] else ""
    met = "missed" if best["missed"] else "met"
    return f"`{best['run']}` scores {best['sliding_bpb']:.4f} BPB in {best['trained']}. {aim}, is {met}{spare}."


def _in_seconds(best: dict[Any, Any], rival: str) -> str:
    seconds = best[f"{rival}_seconds"]
    return "" if pd.isna(seconds) else f" ({format_value(seconds, 0)} s)"


def standing_table(rows: Sequence[dict[str, Any]], best: Sequence[str], runs: Sequence[Run]) -> Table:
    """The runs ``best`` of ternary_best among the runs of other records, best first."""
    frame = pd.DataFrame(rows)
    shown = frame[(frame["record"] != BEST) | frame["run"].isin(best)]
    ranked = sorted((own for _, own in shown.groupby("run", sort=False)), key=lambda own: mean(own["sliding_bpb"]))
    cells = [
        {
            "run": own["run"].iloc[0] if own["is_published"].iloc[0] else f"`{own['run'].iloc[0]}`",
            "seeds": str(len(own)),
            "trained on": " or ".join(dict.fromkeys(own["hardware"])),
            "parameters": _millions(own),
            "GPU seconds": _by_hardware(own, "gpu_seconds"),
            "epochs": format_value(mean(own["times_read"]), 1),
            "sliding BPB": format_value(mean(own["sliding_bpb"]), 4),
            "with TTT": format_value(mean(own["ttt_bpb"]), 4),
            "RT gap": format_exact(mean(own["gap_bpb"]), 5, signed=True),
            "artifact bytes": format_value(mean(own["artifact_bytes"]), 0),
        }
        for own in ranked
    ]
    return Table("At full size", shown, pd.DataFrame(cells), made_from(runs), left=("run", "trained on"))


def _by_hardware(own: pd.DataFrame, of: str) -> str:
    """Means over the seeds of each hardware, in the order of ``trained on``: times of several have none in common."""
    return " or ".join(format_value(one, 0) for one in own.groupby("hardware", sort=False)[of].mean())


def _millions(own: pd.DataFrame) -> str:
    return "—" if own["is_published"].iloc[0] else f"{mean(own['parameters']) / 1e6:.1f}M"


def trained_for(rows: pd.DataFrame) -> str:
    """For how long, and on what."""
    return f"{format_value(mean(rows['training_seconds']), 0)} s on {rows['hardware'].iloc[0]}"


def on_the_same_text(others: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Of other runs those on the run's text, or on its validation text in other shards; published code's not."""
    there = others["text"].isin(own["text"]) | others["tokens_scored"].isin(own["tokens_scored"])
    return others[there & ~others["is_published"]]
