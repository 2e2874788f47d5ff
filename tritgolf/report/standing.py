"""How the runs of ``ternary_best`` stand to others at full size, and which runs overfit: of the paper."""

import math
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
    "Ahead: the other's BPB less the run's, means of seeds on the same validation text; in brackets with score-first "
    "TTT of both. int6: `best_int6`, the same training with #1716's weights. Trained for: {trained}. Bytes over the "
    "limit count the script. Misses: what keeps a run from the aim; time: of all GPUs together."
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
        "start": own["start"].iloc[0],
        "trained": trained_for(own),
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
    met = "missed" if best["missed"] else "met"
    return f"`{best['run']}` scores {best['sliding_bpb']:.4f} BPB in {best['trained']}. {aim}, is {met}."


def standing_table(standings: pd.DataFrame, runs: Sequence[Run]) -> Table:
    """The runs of ternary_best against their rivals."""
    cells = [
        {
            "run": f"`{row['run']}`",
            "trits from": f"{row['start']:.0%} on" if row["start"] else "the start",
            "sliding BPB": format_value(row["sliding_bpb"], 4),
            **{f"ahead of {called}": _ahead(row[name], row[f"{name}_ttt"]) for name, called in RIVALS.items()},
            "bytes over": format_value(row["over"], 0, signed=True),
            "RT gap": format_exact(row["gap_bpb"], 5, signed=True),
            "misses": row["missed"],
        }
        for row in standings.to_dict("records")
    ]
    return Table(f"`{BEST}` against others", standings, pd.DataFrame(cells), made_from(runs), left=("run", "misses"))


def standing_caption(rows: Sequence[dict[str, Any]]) -> str:
    """How to read the table; for how long each rival that is kept was trained."""
    frame = pd.DataFrame(rows)
    of_record = {called: frame[frame["record"] == name] for name, called in RIVALS.items()}
    return CAPTION.format(
        trained="; ".join(f"{called}, {trained_for(found)}" for called, found in of_record.items() if len(found))
    )


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
    if words:
        words.append("So a comparison with these also shows how formats overfit text that is read many times.")
    return [" ".join(words)] if words else []


def trained_for(rows: pd.DataFrame) -> str:
    """For how long, and on what."""
    return f"{format_value(mean(rows['training_seconds']), 0)} s on {rows['hardware'].iloc[0]}"


def _ahead(sliding: float, ttt: float) -> str:
    with_ttt = "" if math.isnan(ttt) else f" ({format_value(ttt, 4, signed=True)})"
    return f"{format_value(sliding, 4, signed=True)}{with_ttt}"


def _on_the_same_text(others: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Of other runs those on the run's text, or on its validation text in other shards."""
    return others[others["text"].isin(own["text"]) | others["tokens_scored"].isin(own["tokens_scored"])]
