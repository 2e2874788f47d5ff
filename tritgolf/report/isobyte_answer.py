"""What the paper of weights at equal bytes answers, a paragraph a size: made of the same tables as the rest of it."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.isobyte_compared import Compared, compared_points, each_once
from tritgolf.report.standing import (
    BEST,
    OWN_RIVAL,
    PUBLISHED,
    RECORD,
    RIVALS,
    SAME_TIME,
    best_in_time,
    best_of,
    standing,
)
from tritgolf.report.statistics import format_value

ENOUGH_SEEDS = 3
MEANS = ("gpu_seconds", "sliding_bpb", "ttt_bpb", "whole_bpb", "gap_bpb")


def answer_in_words(experiments: Sequence[tuple[Isobyte, pd.DataFrame]], full_size: Sequence[dict[str, Any]]) -> str:
    """Who wins at a small size and at full size, by how much, and whether that decides it.

    ``experiments``: the kept comparisons at equal bytes with their frames; ``full_size``: rows of ``full_size``.
    """
    paragraphs = [_at_a_small_size(each_once(compared_points(experiments)))]
    if not (standings := standing(full_size)).empty:
        paragraphs += [_at_full_size(standings, full_size), _against_int6(standings, full_size)]
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if sentences)


def _at_a_small_size(compared: Sequence[Compared]) -> list[str]:
    """How far ternary points are behind in equal tokens, seconds or text, and where they are not."""
    said: list[str] = []
    lost = sorted((found for found in compared if found.lost), key=lambda found: found.series != "tokens")
    for series, group in groupby(lost, key=lambda found: found.series):
        losses = list(group)
        names = " or ".join(f"{bits:g}" for bits in sorted({one.best["bits"] for one in losses}))
        who = "they" if said else "small ternary models"
        said.append(f"At equal bytes and equal {series} {who} lose to {names} bits by {_by_size(losses)}.")
    for found in compared:
        by = format_value(found.other["over_best"], 4)
        if not found.is_told:
            said.append(f"In one comparison the difference of {by} BPB is within noise: *{found.experiment.title}*.")
        elif not found.lost:
            said.append(f"In one comparison they win by {by} BPB: *{found.experiment.title}*.")
    return said


def _by_size(losses: Sequence[Compared]) -> str:
    """``0.0356 to 0.0747 BPB at 0.25 MB and 0.0509 at 4 MB``."""
    by_size: dict[int, list[float]] = {}
    for one in losses:
        by_size.setdefault(one.experiment.bytes, []).append(one.other["over_best"])
    ranges = [
        (" to ".join(dict.fromkeys(format_value(by, 4) for by in (min(found), max(found)))), size)
        for size, found in by_size.items()
    ]
    return " and ".join(f"{by}{' BPB' * (n == 0)} at {size / 1e6:g} MB" for n, (by, size) in enumerate(ranges))


def _at_full_size(standings: pd.DataFrame, rows: Sequence[dict[str, Any]]) -> list[str]:
    """How far ternary_best is ahead of #920, and of #1716 in its time."""
    best = best_of(standings)
    valid = "" if best["missed"] else ", in its GPU time and within the limit"
    said = [f"At full size `{BEST}`, which is ternary, {_ahead(best, RECORD)}{valid}."]
    if math.isnan(best[PUBLISHED]):
        return said
    shorter = best_in_time(standings, PUBLISHED)
    run, subject = (best, "It") if shorter is None else (shorter, f"In {RIVALS[PUBLISHED]}'s GPU time it")
    seconds = " GPU seconds against ".join(format_value(run[of], 0) for of in ("gpu_seconds", f"{PUBLISHED}_seconds"))
    said.append(f"{subject} {_ahead(run, PUBLISHED)}{_by_ttt(run, PUBLISHED)}, in {seconds}.")
    published = [row for row in rows if row["is_published"] and row["cost_of_averaging"] > max(run[PUBLISHED], 0)]
    for row in published:
        said.append(
            f"That is no verdict on its format. Averaging of weights costs {RIVALS[PUBLISHED]} more than that, "
            f"{row['cost_of_averaging']:.4f} BPB: in whole windows the last weights of its published code score "
            f"{row['whole_bpb']:.4f} before rounding, where `{BEST}` scores {run['whole_bpb']:.4f}."
        )
    return said


def _against_int6(standings: pd.DataFrame, rows: Sequence[dict[str, Any]]) -> list[str]:
    """How far ternary_best is ahead of int6 in its own training, at equal time and at less, and what rounding costs."""
    best = best_of(standings)
    frame = pd.DataFrame([row for row in rows if row["record"] == OWN_RIVAL])
    if frame.empty or math.isnan(best[OWN_RIVAL]):
        return [f"`{BEST}`'s training with other weights has not been run there."]
    rivals = frame.groupby("run")[list(MEANS)].mean().sort_values("gpu_seconds").to_dict("records")
    said = _leads(best, rivals)
    if all(rival["gap_bpb"] > 0 for rival in rivals):
        costs = " and ".join(f"{rival['gap_bpb']:.4f} BPB after {_seconds(rival)}" for rival in rivals)
        said.append(f"Rounding costs int6 {costs}.")
    less_time = _in_less_time(standings, rivals)
    said += less_time
    if min(best["seeds"], *frame.groupby("run").size()) < ENOUGH_SEEDS:
        depends = ", and who leads depends on how long they train and on test-time training" if less_time else ""
        said.append(
            f"So which weights fill 16 MB best is open: fewer than {ENOUGH_SEEDS} seeds of each were trained{depends}."
        )
    return said


def _leads(best: dict[Any, Any], rivals: Sequence[dict[Any, Any]]) -> list[str]:
    """How far the best run is ahead of the rival in as much time, and of the rival's best."""
    alike = [rival for rival in rivals if abs(rival["gpu_seconds"] / best["gpu_seconds"] - 1) <= SAME_TIME]
    first = min(rivals, key=lambda rival: rival["sliding_bpb"])
    said = [
        f"In as much GPU time ({_seconds(best)}) `{BEST}` {_ahead(_lead(best, rival), OWN_RIVAL)} in the same training"
        f"{_by_ttt(_lead(best, rival), OWN_RIVAL)}."
        for rival in alike
    ]
    if first not in alike:
        run, lead = f"{RIVALS[OWN_RIVAL]}'s best run, of {_seconds(first)},", _lead(best, first)
        said.append(f"It {_ahead(lead, OWN_RIVAL, run)}{_by_ttt(lead, OWN_RIVAL)}.")
    return said


def _lead(best: dict[Any, Any], rival: dict[Any, Any]) -> dict[str, float]:
    return {
        OWN_RIVAL: rival["sliding_bpb"] - best["sliding_bpb"],
        f"{OWN_RIVAL}_ttt": rival["ttt_bpb"] - best["ttt_bpb"],
    }


def _in_less_time(standings: pd.DataFrame, rivals: Sequence[dict[Any, Any]]) -> list[str]:
    """Where int6 is ahead of the shortest valid run in no more time, with test-time training and before rounding."""
    valid = standings[standings["missed"].isin(["", "score"])].sort_values("gpu_seconds").to_dict("records")
    for own in valid[:1]:
        for rival in rivals:
            if rival["gpu_seconds"] <= own["gpu_seconds"] and all(
                rival[of] < own[of] for of in ("ttt_bpb", "whole_bpb")
            ):
                return [
                    f"In less time int6 is ahead: after {_seconds(rival)} it scores {rival['ttt_bpb']:.4f} with "
                    f"test-time training, and {rival['whole_bpb']:.4f} in whole windows before rounding; `{BEST}` "
                    f"scores {own['ttt_bpb']:.4f} and {own['whole_bpb']:.4f} after {_seconds(own)}."
                ]
    return []


def _seconds(run: dict[Any, Any]) -> str:
    return f"{format_value(run['gpu_seconds'], 0)} GPU seconds"


def _ahead(lead: Any, rival: str, called: str = "") -> str:
    way = "leads" if lead[rival] >= 0 else "is behind"
    return f"{way} {called or RIVALS[rival]} by {format_value(abs(lead[rival]), 4)} BPB"


def _by_ttt(lead: Any, rival: str) -> str:
    """The same with test-time training of both, where both have it."""
    ahead = lead[f"{rival}_ttt"]
    if math.isnan(ahead):
        return ""
    way = "" if (ahead >= 0) == (lead[rival] >= 0) else "is behind by " if ahead < 0 else "leads by "
    return f" ({way}{format_value(abs(ahead), 4)} with test-time training of both)"
