"""What the paper of weights at equal bytes answers, a paragraph a size: made of the same tables as the rest of it."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.isobyte_compared import Compared, compared_points, each_once
from tritgolf.report.standing import (
    BEST,
    FORMATS,
    PUBLISHED,
    RECORD,
    RIVALS,
    SAME_TIME,
    best_in_time,
    best_of,
    standing,
)
from tritgolf.report.statistics import format_value, mean
from tritgolf.report.words import enumerated

Rivals = Mapping[str, Sequence[dict[Any, Any]]]  # by record: its runs
ENOUGH_SEEDS = 3
ROUNDED_AFTER_TRAINING = 0.001  # BPB: more than storing takes from weights that were trained on their grid
MEANS = ("gpu_seconds", "sliding_bpb", "ttt_bpb", "whole_bpb", "gap_bpb")


def answer_in_words(experiments: Sequence[tuple[Isobyte, pd.DataFrame]], full_size: Sequence[dict[str, Any]]) -> str:
    """Who wins at a small size and at full size, by how much, and whether that decides it.

    ``experiments``: the kept comparisons at equal bytes with their frames; ``full_size``: rows of ``full_size``.
    """
    paragraphs = [_at_a_small_size(compared_points(experiments))]
    if not (standings := standing(full_size)).empty:
        paragraphs += [_at_full_size(standings, full_size), _against_other_weights(standings, full_size)]
    return "\n\n".join(" ".join(sentences) for sentences in paragraphs if sentences)


def _at_a_small_size(compared: Sequence[Compared]) -> list[str]:
    """How far ternary points are behind in equal tokens, seconds or text, and where they are not."""
    said: list[str] = []
    counted = each_once(compared)
    lost = sorted((found for found in counted if found.lost), key=lambda found: found.series != "tokens")
    for series, group in groupby(lost, key=lambda found: found.series):
        losses = list(group)
        names = " or ".join(f"{bits:g}" for bits in sorted({one.best["bits"] for one in losses}))
        who = "they" if said else "small ternary models"
        said.append(f"At equal bytes and equal {series} {who} lose to {names} bits by {_by_size(losses)}.")
    for found in compared:
        by, title = f"{format_value(found.other['over_best'], 4)} BPB", f"*{found.experiment.title}*"
        who = "They" if said else "Small ternary models"
        if found not in counted:
            win = f"The exception is {title}, where they win by {by}." if lost else f"{who} win in {title}, by {by}."
            said += [win] if found.won else []
            continue
        more = ", which has better points beside these" if any(map(found.surpasses, compared)) else ""
        if not found.is_told:
            said.append(f"{who} tie in {title}{more} (a difference of {by}, within noise).")
        elif found.won:
            said.append(f"{who} win in {title}{more}, by {by}.")
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
    for row in rows:
        if row["is_published"] and row["cost_of_averaging"] > (row["stored_bpb"] - run["whole_bpb"]) / 2 > 0:
            said.append(_of_averaging(run, row))
    return said


def _of_averaging(run: dict[Any, Any], published: dict[str, Any]) -> str:
    """How much of the lead over the published code is what averaging of weights costs that code."""
    return (
        f"Most of that lead is not the format's: in non-overlapping windows it leads {RIVALS[PUBLISHED]}'s published "
        f"code by {published['stored_bpb'] - run['whole_bpb']:.4f} BPB, and averaging of weights costs that code "
        f"{published['cost_of_averaging']:.4f} BPB after so few steps ([scores](runs.md))."
    )


def _against_other_weights(standings: pd.DataFrame, rows: Sequence[dict[str, Any]]) -> list[str]:
    """How far ternary_best is ahead of other weights in its own training, at equal time and at less."""
    best, rivals = best_of(standings), {record: of_record for record in FORMATS if (of_record := _rivals(rows, record))}
    if not rivals or all(math.isnan(best[record]) for record in rivals):
        return [f"`{BEST}`'s training with other weights has not been run there."]
    return [
        *_is_open(best, rivals, rows),
        *_in_as_much_time(best, rivals),
        *(told for record, runs in rivals.items() for told in _by_its_best(best, record, runs)),
        *(told for record, runs in rivals.items() for told in _in_less_time(standings, record, runs)),
        *_best_with_ttt(rows),
    ]


def _rivals(rows: Sequence[dict[str, Any]], record: str) -> list[dict[Any, Any]]:
    """Runs of ternary_best's training with a record's weights: means, and how many ``seeds``; the shortest first."""
    frame = pd.DataFrame([row for row in rows if row["record"] == record])
    if frame.empty:
        return []
    runs = frame.groupby("run")
    return runs[list(MEANS)].mean().assign(seeds=runs.size()).sort_values("gpu_seconds").to_dict("records")


def _is_open(best: dict[Any, Any], rivals: Rivals, rows: Sequence[dict[str, Any]]) -> list[str]:
    """That few seeds decide nothing; nothing where there are enough."""
    seeds = min(best["seeds"], *(rival["seeds"] for runs in rivals.values() for rival in runs))
    if seeds >= ENOUGH_SEEDS:
        return []
    names = enumerated(("trits", *(FORMATS[record] for record in rivals)), "or")
    trained = "one seed of each was trained" if seeds == 1 else f"{seeds} seeds of each were trained"
    return [f"**Whether {names} fill 16 MB best is open**: {trained}{_spread(rows)}."]


def _spread(rows: Sequence[dict[str, Any]]) -> str:
    """How far seeds lie apart in the run that has most of them, where that tells something."""
    record, seeds = max(
        ((record, run["sliding_bpb"]) for (record, _), run in pd.DataFrame(rows).groupby(["record", "run"])),
        key=lambda found: len(found[1]),
    )
    if len(seeds) < ENOUGH_SEEDS:
        return ""
    return f", and {len(seeds)} seeds of `{record}` have a standard deviation of {seeds.std():.4f} BPB"


def before_rounding_in_words(rows: Sequence[dict[str, Any]]) -> str:
    """How weights that are rounded after training stand before, in as much time as ternary_best."""
    standings = standing(rows)
    if standings.empty:
        return ""
    best = best_of(standings)
    return " ".join(
        f"Before rounding, in non-overlapping windows, {name} scores {rival['whole_bpb']:.4f} after {_seconds(rival)} "
        f"and `{BEST}` {best['whole_bpb']:.4f}."
        for record, name in FORMATS.items()
        for rival in _alike(best, _rivals(rows, record))
        if rival["gap_bpb"] > ROUNDED_AFTER_TRAINING
    )


def _in_as_much_time(best: dict[Any, Any], rivals: Rivals) -> list[str]:
    """How far the best run is ahead of each of the other weights."""
    leads = [
        f"{_ahead(lead, record)}{_by_ttt(lead, record)}"
        for record, runs in rivals.items()
        for rival in _alike(best, runs)
        for lead in (_lead(best, record, rival),)
    ]
    together = "; it ".join(leads)
    return [f"In as much GPU time ({_seconds(best)}) and the same training `{BEST}` {together}."] if leads else []


def _best_with_ttt(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The best score with test-time training of a run within the limit, where it is of other weights than trits."""
    fits = [row for row in rows if not row["is_published"] and row["total_bytes"] <= row["byte_limit"]]
    scores = {
        (record, run): mean(of_run["ttt_bpb"])
        for (record, run), of_run in pd.DataFrame(fits).groupby(["record", "run"])
    }
    known = {of: score for of, score in scores.items() if not math.isnan(score)}
    (record, run), score = min(known.items(), key=lambda item: item[1], default=((BEST, ""), math.nan))
    return [] if record == BEST else [f"The best score with test-time training is that of `{run}`, {score:.4f}."]


def _by_its_best(best: dict[Any, Any], record: str, runs: Sequence[dict[Any, Any]]) -> list[str]:
    """How far the best run is ahead of one that scores better than those of as much time."""
    first = min(runs, key=lambda rival: rival["sliding_bpb"])
    if first in _alike(best, runs):
        return []
    run = f"{RIVALS[record]}'s best run without test-time training, of {_seconds(first)},"
    return [f"It {_ahead(_lead(best, record, first), record, run)}."]


def _alike(best: dict[Any, Any], rivals: Sequence[dict[Any, Any]]) -> list[dict[Any, Any]]:
    """Those that trained for as long."""
    return [rival for rival in rivals if abs(rival["gpu_seconds"] / best["gpu_seconds"] - 1) <= SAME_TIME]


def _lead(best: dict[Any, Any], record: str, rival: dict[Any, Any]) -> dict[str, float]:
    return {
        record: rival["sliding_bpb"] - best["sliding_bpb"],
        f"{record}_ttt": rival["ttt_bpb"] - best["ttt_bpb"],
    }


def _in_less_time(standings: pd.DataFrame, record: str, rivals: Sequence[dict[Any, Any]]) -> list[str]:
    """Scores with test-time training of other weights and of the shortest valid run, where they lead in less time."""
    valid = standings[standings["missed"].isin(["", "score"])].sort_values("gpu_seconds").to_dict("records")
    for own in valid[:1]:
        for rival in rivals:
            if rival["gpu_seconds"] / own["gpu_seconds"] < 1 - SAME_TIME and rival["ttt_bpb"] < own["ttt_bpb"]:
                theirs = f"{FORMATS[record]} scores {rival['ttt_bpb']:.4f} after {_seconds(rival)}"
                ours = f"`{BEST}` {own['ttt_bpb']:.4f} after {_seconds(own)}"
                return [f"With test-time training {theirs} and {ours}."]
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
