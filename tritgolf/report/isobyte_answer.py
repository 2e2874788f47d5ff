"""What the paper of weights at equal bytes answers, in a paragraph: made of the same tables as the rest of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tritgolf.report.isobyte_table import TERNARY, ranked_points
from tritgolf.report.standing import BEST, RECORD, RIVALS, best_of, standing
from tritgolf.report.statistics import format_value, mean

ENOUGH_SEEDS = 3
RIVAL = "best_int6"


def answer_in_words(experiments: Mapping[str, pd.DataFrame], full_size: Sequence[dict[str, Any]]) -> str:
    """Who wins at a small size and at full size, by how much, and whether that decides it.

    ``experiments``: the frames of the kept comparisons at equal bytes, by title; ``full_size``: rows of ``full_size``.
    """
    small, winners = _at_a_small_size(experiments)
    return " ".join([*small, *_at_full_size(full_size, winners)])


def _at_a_small_size(experiments: Mapping[str, pd.DataFrame]) -> tuple[list[str], list[dict[Any, Any]]]:
    """Sentences; and the points that beat ternary ones."""
    ranked = [(title, points) for title, frame in experiments.items() for _, points in ranked_points(frame)]
    compared = [(title, points) for title, points in ranked if any(point["bits"] == TERNARY for point in points)]
    said, winners = [], [points[0] for _, points in compared if points[0]["bits"] != TERNARY]
    lost = [_nearest(points, ternary=True) for _, points in compared if points[0]["bits"] != TERNARY]
    won = [(title, _nearest(points, ternary=False)) for title, points in compared if points[0]["bits"] == TERNARY]
    if lost:
        by = " to ".join(format_value(by, 4) for by in dict.fromkeys((min(lost), max(lost))))
        names = " or ".join(f"{bits:g}" for bits in sorted({point["bits"] for point in winners}))
        of = f"{len(lost)} of {len(compared)} comparisons"
        said.append(f"At small sizes ternary weights lose to {names} bits at equal bytes in {of}, by {by} BPB.")
    said += [f"They win by {format_value(by, 4)} in one of them: *{title}*." for title, by in won]
    return said, winners


def _nearest(points: Sequence[dict[Any, Any]], *, ternary: bool) -> float:
    """How far the best point of this sort is from the best of all."""
    return min(point["over_best"] for point in points if (point["bits"] == TERNARY) == ternary)


def _at_full_size(rows: Sequence[dict[str, Any]], winners: Sequence[dict[Any, Any]]) -> list[str]:
    standings = standing(rows)
    if standings.empty:
        return []
    best = best_of(standings)
    valid = "" if best["missed"] else ", in its GPU time and within the limit"
    said = [f"At full size `{BEST}`, which is ternary, {_ahead(best, RECORD)}{valid}."]
    rivals = [row for row in rows if row["record"] == RIVAL]
    if not rivals or math.isnan(best[RIVAL]):
        return [*said, "Its own training with other weights has not been run there."]
    said.append(f"It {_ahead(best, RIVAL)} in the same training{_by_ttt(best)}.")
    taken = mean(row["coded_bits"] for row in rivals)
    if winners and not math.isnan(taken):
        least, most = (of(point["coded_bits"] for point in winners) for of in (min, max))
        those = " to ".join(dict.fromkeys(f"{bits:.2f}" for bits in (least, most)))
        said.append(
            f"Coded, {RIVALS[RIVAL]} takes {taken:.2f} bits a weight; those that win at small sizes take {those}."
        )
    if min(best["seeds"], len(rivals)) < ENOUGH_SEEDS:
        said.append(
            f"So which weights fill 16 MB best is open: fewer than {ENOUGH_SEEDS} seeds of each decide nothing."
        )
    return said


def _ahead(best: Any, rival: str) -> str:
    way = "leads" if best[rival] >= 0 else "is behind"
    return f"{way} {RIVALS[rival]} by {format_value(abs(best[rival]), 4)} BPB"


def _by_ttt(best: Any) -> str:
    ahead = best[f"{RIVAL}_ttt"]
    if math.isnan(ahead):
        return ""
    return f"; with test-time training of both the difference is {format_value(ahead, 4, signed=True)}"
