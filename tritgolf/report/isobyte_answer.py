"""What the paper of weights at equal bytes answers, a paragraph a size: made of the same tables as the rest of it."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.isobyte_table import TERNARY, nearest_of_others, ranked_points
from tritgolf.report.standing import BEST, OWN_RIVAL, PUBLISHED, RECORD, RIVALS, best_in_time, best_of, standing
from tritgolf.report.statistics import LEVEL, format_value, mean

ENOUGH_SEEDS = 3


class Compared(NamedTuple):
    """What is compared, in equal what, its ``best`` point, and the best of the other sort: ternary, or not."""

    experiment: Isobyte
    series: str
    best: dict[Any, Any]
    other: dict[Any, Any]

    @property
    def is_told(self) -> bool:
        """Whether the two can be told apart."""
        return bool(self.other["p"] < LEVEL)

    @property
    def lost(self) -> bool:
        """Whether ternary weights are behind, and can be told from the best."""
        return self.is_told and bool(self.best["bits"] != TERNARY)


def answer_in_words(experiments: Sequence[tuple[Isobyte, pd.DataFrame]], full_size: Sequence[dict[str, Any]]) -> str:
    """Who wins at a small size and at full size, by how much, and whether that decides it.

    ``experiments``: the kept comparisons at equal bytes with their frames; ``full_size``: rows of ``full_size``.
    """
    compared = each_once(experiments)
    winners = [found.best for found in compared if found.lost]
    paragraphs = (_at_a_small_size(compared), _at_full_size(full_size), _against_int6(full_size, winners))
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if sentences)


def each_once(experiments: Sequence[tuple[Isobyte, pd.DataFrame]]) -> list[Compared]:
    """The comparisons of ternary points with others, in the order of experiments, that tell something.

    Left out: one of one seed, and one whose two points another has among more.
    """
    ranked = [(one, frame, *series) for one, frame in experiments for series in ranked_points(frame)]
    compared = [
        (Compared(one, series, points[0], other), set(frame["record"]))
        for one, frame, series, points in ranked
        if (other := nearest_of_others(points)) is not None and not math.isnan(other["p"])
    ]
    return [
        found
        for found, records in compared
        if not any({found.best["record"], found.other["record"]} < more != records for _, more in compared)
    ]


def _at_a_small_size(compared: Sequence[Compared]) -> list[str]:
    """How far ternary points are behind in equal tokens, seconds or text, and where they are not."""
    said: list[str] = []
    lost = sorted((found for found in compared if found.lost), key=lambda found: found.series != "tokens")
    for series, group in groupby(lost, key=lambda found: found.series):
        losses = list(group)
        by = _range([one.other["over_best"] for one in losses], 4)
        names = " or ".join(f"{bits:g}" for bits in sorted({one.best["bits"] for one in losses}))
        sizes = " and ".join(f"{size / 1e6:g}" for size in sorted({one.experiment.bytes for one in losses}))
        who = "they" if said else "small ternary models"
        said.append(f"At equal bytes and equal {series} {who} lose to {names} bits by {by} BPB ({sizes} MB).")
    for found in compared:
        by = format_value(found.other["over_best"], 4)
        if not found.is_told:
            said.append(f"No difference is told, {by} BPB, in one comparison: *{found.experiment.title}*.")
        elif not found.lost:
            said.append(f"They win by {by} BPB in one: *{found.experiment.title}*.")
    return said


def _at_full_size(rows: Sequence[dict[str, Any]]) -> list[str]:
    """How far ternary_best is ahead of #920, and of #1716 in its time."""
    standings = standing(rows)
    if standings.empty:
        return []
    best = best_of(standings)
    valid = "" if best["missed"] else ", in its GPU time and within the limit"
    said = [f"At full size `{BEST}`, which is ternary, {_ahead(best, RECORD)}{valid}."]
    if math.isnan(best[PUBLISHED]):
        return said
    shorter = best_in_time(standings, PUBLISHED)
    one, when = (best, "") if shorter is None else (shorter, f"In {RIVALS[PUBLISHED]}'s GPU time it ")
    seconds = (
        f"{format_value(one['gpu_seconds'], 0)} GPU seconds against {format_value(one[f'{PUBLISHED}_seconds'], 0)}"
    )
    said.append(f"{when or 'It '}{_ahead(one, PUBLISHED)}{_by_ttt(one, PUBLISHED)}, in {seconds}.")
    costs = [row["cost_of_averaging"] for row in rows if row["is_published"]]
    if any(cost > 0 for cost in costs):
        cost = f"costs {RIVALS[PUBLISHED]} {format_value(max(costs), 4)} BPB in so few steps"
        said.append(f"That is no verdict on int6: averaging of weights {cost}, by its published code's figures.")
    return said


def _against_int6(rows: Sequence[dict[str, Any]], winners: Sequence[dict[Any, Any]]) -> list[str]:
    """How far ternary_best is ahead of int6 in its own training, and what of that is rounding's."""
    standings = standing(rows)
    if standings.empty:
        return []
    best = best_of(standings)
    rivals = pd.DataFrame([row for row in rows if row["record"] == OWN_RIVAL])
    if rivals.empty or math.isnan(best[OWN_RIVAL]):
        return [f"`{BEST}`'s training with other weights has not been run there."]
    runs = [run for _, run in rivals.groupby("run", sort=False)]
    runs.sort(key=lambda run: mean(run["gpu_seconds"]))
    of = f", the best of {len(runs)} lengths" if len(runs) > 1 else ""
    said = [f"`{BEST}` {_ahead(best, OWN_RIVAL)} in the same training{of}{_by_ttt(best, OWN_RIVAL)}."]
    if all(mean(run["gap_bpb"]) > 0 for run in runs):
        lost = " and ".join(f"{mean(run['gap_bpb']):.4f}" for run in runs)
        before = _after_seconds([{key: mean(run[key]) for key in ("whole_bpb", "gpu_seconds")} for run in runs])
        own = _after_seconds(standings[standings["missed"] == ""].sort_values("gpu_seconds").to_dict("records"))
        said.append(
            f"Rounding costs int6 {lost} BPB. Before it, in whole windows, int6 scores {before}; `{BEST}` {own}."
        )
    said += _bits(rivals, best, winners)
    if min(best["seeds"], *map(len, runs)) < ENOUGH_SEEDS:
        read = " and ".join(f"{mean(run['times_read']):.1f}" for run in runs)
        said.append(
            f"So which weights fill 16 MB best is open: fewer than {ENOUGH_SEEDS} seeds of each were trained, and int6 "
            f"read the text {read} times where `{BEST}` read it {best['times_read']:.1f} times."
        )
    return said


def _bits(rivals: pd.DataFrame, best: dict[Any, Any], winners: Sequence[dict[Any, Any]]) -> list[str]:
    """How many bits a coded weight takes, beside those that win at small sizes."""
    of_int6 = rivals["coded_bits"].dropna().mean()
    if not winners or math.isnan(of_int6) or math.isnan(best["coded_bits"]):
        return []
    those = _range([point["coded_bits"] for point in winners], 2)
    both = f"int6 takes {of_int6:.2f} bits a weight, trits {best['coded_bits']:.2f}"
    return [f"Coded, {both}, and the weights that win at small sizes {those}."]


def _after_seconds(runs: Sequence[dict[Any, Any]]) -> str:
    return " and ".join(
        f"{run['whole_bpb']:.4f} after {format_value(run['gpu_seconds'], 0)} GPU seconds" for run in runs
    )


def _range(values: Sequence[float], decimals: int) -> str:
    return " to ".join(dict.fromkeys(format_value(value, decimals) for value in (min(values), max(values))))


def _ahead(best: Any, rival: str) -> str:
    way = "leads" if best[rival] >= 0 else "is behind"
    return f"{way} {RIVALS[rival]} by {format_value(abs(best[rival]), 4)} BPB"


def _by_ttt(best: Any, rival: str) -> str:
    """The same with test-time training of both, where both have it."""
    ahead = best[f"{rival}_ttt"]
    if math.isnan(ahead):
        return ""
    way = "" if (ahead >= 0) == (best[rival] >= 0) else "is behind by " if ahead < 0 else "leads by "
    return f" ({way}{format_value(abs(ahead), 4)} with test-time training of both)"
