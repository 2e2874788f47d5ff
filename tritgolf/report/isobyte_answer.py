"""What the paper of weights at equal bytes answers, a paragraph a size: made of the same tables as the rest of it."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.full_size_formats import formats_answer
from tritgolf.report.isobyte_compared import Compared, compared_points, each_once
from tritgolf.report.standing import BEST, FORMATS, PUBLISHED, RECORD, RIVALS, best_in_time, best_of, standing
from tritgolf.report.statistics import format_value
from tritgolf.report.words import enumerated


def answer_in_words(experiments: Sequence[tuple[Isobyte, pd.DataFrame]], full_size: Sequence[dict[str, Any]]) -> str:
    """Which weights are best at full size and at small ones, by how much, and how far trits lead #920 and #1716.

    ``experiments``: the kept comparisons at equal bytes with their frames; ``full_size``: rows of ``full_size``.
    """
    standings = standing(full_size)
    leads = [] if standings.empty else _at_full_size(standings, full_size)
    paragraphs = [[formats_answer(full_size)], _at_a_small_size(compared_points(experiments)), leads]
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if any(sentences))


def _at_a_small_size(compared: Sequence[Compared]) -> list[str]:
    """How far ternary points are behind in equal tokens, seconds or text, and where they are not."""
    said: list[str] = []
    counted = each_once(compared)
    lost = sorted((found for found in counted if found.lost), key=lambda found: found.series != "tokens")
    for series, group in groupby(lost, key=lambda found: found.series):
        losses = list(group)
        best = sorted({one.best["bits"] for one in losses})
        names = " or ".join(f"{bits:g}" for bits in best)
        most = ", the most that were tried there," if best[-1] == max(max(one.bits) for one in losses) else ""
        who = "they" if said else "small ternary models"
        said.append(f"At equal bytes and equal {series} {who} lose to {names} bits{most} by {_by_size(losses)}.")
    for found in compared:
        by, title = f"{format_value(found.other['over_best'], 4)} BPB", f"*{found.experiment.title}*"
        who = "They" if said else "Small ternary models"
        if found not in counted:
            win = f"The exception is {title}, where they win by {by}." if lost else f"{who} win in {title}, by {by}."
            said += [win] if found.won else []
            continue
        lesser = [f"*{one.experiment.title}*" for one in compared if found.surpasses(one)]
        more = f"; both score better there than in {enumerated(lesser)}" if lesser else ""
        if not found.is_told:
            said.append(f"{who} tie in {title} ({by} apart, within noise){more}.")
        elif found.won:
            said.append(f"{who} win in {title} by {by}{more}.")
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
    """How far ternary_best is ahead of #920, with other weights too, and of #1716 in its time."""
    best = best_of(standings)
    valid = "" if best["missed"] else ", in its GPU time and within the limit"
    said = [f"`{BEST}`, which is ternary, {_ahead(best, RECORD)}{valid}."]
    for record, name in FORMATS.items():
        if 0 < abs(best[record]) < best[RECORD] / 4:
            leads = f"leads by {format_value(best[RECORD] - best[record], 4)} BPB"
            said.append(f"With {name} nearly the same training {leads}, so most of that is not the format's.")
    if math.isnan(best[PUBLISHED]):
        return said
    shorter = best_in_time(standings, PUBLISHED)
    run, subject = (best, "It") if shorter is None else (shorter, f"In {RIVALS[PUBLISHED]}'s GPU time `{BEST}`")
    seconds = " GPU seconds against ".join(format_value(run[of], 0) for of in ("gpu_seconds", f"{PUBLISHED}_seconds"))
    said.append(f"{subject} {_ahead(run, PUBLISHED)}{_by_ttt(run, PUBLISHED)}, in {seconds}.")
    for row in rows:
        if row["is_published"] and row["cost_of_averaging"] > (row["stored_bpb"] - run["whole_bpb"]) / 2 > 0:
            said.append(_of_averaging(run, row))
    return said


def _of_averaging(run: dict[Any, Any], published: dict[str, Any]) -> str:
    """How much of the lead over the published code may be what averaging of weights costs that code."""
    return (
        "Averaging of weights may explain most of that: in non-overlapping windows the lead over "
        f"{RIVALS[PUBLISHED]}'s published code is {published['stored_bpb'] - run['whole_bpb']:.4f} BPB, and averaging "
        f"costs that code {published['cost_of_averaging']:.4f} BPB after so few steps, before anything is stored "
        "([scores](runs.md))."
    )


def _ahead(lead: Any, rival: str) -> str:
    way = "leads" if lead[rival] >= 0 else "is behind"
    return f"{way} {RIVALS[rival]} by {format_value(abs(lead[rival]), 4)} BPB"


def _by_ttt(lead: Any, rival: str) -> str:
    """The same with test-time training of both, where both have it."""
    ahead = lead[f"{rival}_ttt"]
    if math.isnan(ahead):
        return ""
    way = "" if (ahead >= 0) == (lead[rival] >= 0) else "is behind by " if ahead < 0 else "leads by "
    return f" ({way}{format_value(abs(ahead), 4)} with test-time training of both)"
