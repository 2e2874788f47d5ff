"""How the weights that one training was tried with compare at full size, in as much time: of the paper."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tritgolf.report.full_size_seeds import (
    Distance,
    best_in_words,
    distances,
    distances_table,
    rule_in_words,
    seeds_apart,
)
from tritgolf.report.pages import Block, Shown
from tritgolf.report.standing import BEST, FORMATS, NAMES, SAME_TIME, best_of, on_the_same_text, standing
from tritgolf.report.statistics import format_value
from tritgolf.report.words import enumerated

MEANS = ("gpu_seconds", "sliding_bpb", "ttt_bpb", "whole_bpb", "gap_bpb", "coded_bits", "start")
WITH = "with test-time training"
WAYS = {WITH: "ttt_bpb", "without test-time training": "sliding_bpb"}
SEEDS = "#trits-int4-and-int6-at-full-size"  # where the paper has ``formats_compared``

Means = dict[Any, Any]
Alike = Mapping[str, Means]  # by what weights are called: the means of a run of as much time as the best


def formats_answer(rows: Sequence[dict[str, Any]]) -> str:
    """Which weights score best at the limit, with and without test-time training, and whether that decides it."""
    alike = _alike(rows)
    if len(alike) < 2:
        return f"`{BEST}`'s training with other weights has not been run at full size." if alike else ""
    found, _ = _distances(alike, rows)
    names = list(_ranked(alike, "ttt_bpb") or alike)
    seconds = format_value(next(iter(alike.values()))["gpu_seconds"], 0)
    each = [f"{_scores(alike, names, column)} {way}" for way, column in WAYS.items()]
    return " ".join(
        [
            f"**Of {enumerated(names)} at 16 MB, {best_in_words(found)}** ([seeds and tests]({SEEDS})).",
            f"In equal GPU time ({seconds} s) {enumerated(names)} score {' and '.join(each)}.",
            *_of_storing(alike),
        ]
    )


def formats_compared(rows: Sequence[dict[str, Any]]) -> list[Block]:
    """By how much the seeds of one are ahead of those of another, and whether that tells them apart."""
    alike = _alike(rows)
    if len(alike) < 2:
        return []
    found, apart = _distances(alike, rows)
    return [Shown(distances_table(found), rule_in_words(found, apart))]


def _distances(alike: Alike, rows: Sequence[dict[str, Any]]) -> tuple[list[Distance], float]:
    """Of every two of them in every way, and how far seeds of one run on that text are apart."""
    runs = {name: run["run"] for name, run in alike.items()}
    frame = pd.DataFrame(rows)
    there = on_the_same_text(frame, frame[frame["run"] == runs[NAMES[BEST]]])
    apart = seeds_apart(there, WAYS.values())
    return distances(runs, WAYS, there, apart), apart


def _scores(alike: Alike, names: Sequence[str], column: str) -> str:
    return enumerated(format_value(alike[name][column], 4) for name in names)


def _of_storing(alike: Alike) -> list[str]:
    """How much of what weights are behind is what storing them costs, where that is most of it."""
    said, own = [], alike[NAMES[BEST]]
    for name, run in alike.items():
        behind = run["whole_bpb"] + run["gap_bpb"] - own["whole_bpb"] - own["gap_bpb"]
        if run["gap_bpb"] > behind / 2 > 0:
            windows = "that it is behind trits in non-overlapping windows"
            said.append(f"Storing costs {name} {run['gap_bpb']:.4f} of the {behind:.4f} BPB {windows}.")
    return said


def formats_in_words(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What else is known of these runs: how they differ, where each stands before rounding and in other times."""
    alike = _alike(rows)
    if len(alike) < 2:
        return []
    whole, coded = _ranked(alike, "whole_bpb"), _ranked(alike, "coded_bits")
    gains = {name: run["sliding_bpb"] - run["ttt_bpb"] for name, run in alike.items()}
    said = [
        *(_of_starts(alike, rows)),
        f"Coded bits a weight of their matrices: {_in_order(coded, 2)}." if coded else "",
        f"Before anything is stored they score, in non-overlapping windows, {_in_order(whole)}." if whole else "",
        f"BPB that test-time training gains: {_in_order(_sorted(gains, reverse=True))}.",
        *(_at_its_best(name, run, _runs(rows, record)) for record, name in NAMES.items() if (run := alike.get(name))),
        *_in_less_time(rows),
    ]
    return ["\n".join(f"- {sentence}" for sentence in filter(None, said))]


def _alike(rows: Sequence[dict[str, Any]]) -> dict[str, Means]:
    """The best run of trits that does what it is to do, and the best of each of the other weights in as much time."""
    standings = standing(rows)
    if standings.empty:
        return {}
    best = best_of(standings)
    [own] = [run for run in _runs(rows, BEST) if run["run"] == best["run"]]
    rivals = {name: [run for run in _runs(rows, record) if _is_as_long(run, own)] for record, name in FORMATS.items()}
    best_rivals = {name: min(runs, key=_rank) for name, runs in rivals.items() if runs}
    return {NAMES[BEST]: own, **best_rivals}


def _rank(run: Means) -> tuple[bool, float]:
    """Runs within the limit first, then the best."""
    return not run["fits"], run["sliding_bpb"]


def _is_as_long(run: Means, other: Means) -> bool:
    return bool(abs(run["gpu_seconds"] / other["gpu_seconds"] - 1) <= SAME_TIME)


def _runs(rows: Sequence[dict[str, Any]], record: str) -> list[Means]:
    """Runs of a record: means, and how many ``seeds``; the shortest first."""
    frame = pd.DataFrame([row for row in rows if row["record"] == record])
    if frame.empty:
        return []
    runs = frame.groupby("run")
    fits = runs["total_bytes"].max() <= runs["byte_limit"].min()
    means = runs[list(MEANS)].mean().assign(seeds=runs.size(), fits=fits)
    return means.reset_index().sort_values("gpu_seconds").to_dict("records")


def _ranked(alike: Alike, of: str) -> dict[str, float]:
    """What is known ``of`` the runs, the lowest first."""
    return _sorted({name: run[of] for name, run in alike.items() if not math.isnan(run[of])})


def _sorted(values: dict[str, float], reverse: bool = False) -> dict[str, float]:
    known = {name: value for name, value in values.items() if not math.isnan(value)}
    return dict(sorted(known.items(), key=lambda item: item[1], reverse=reverse))


def _in_order(values: Mapping[str, float], decimals: int = 4) -> str:
    """``trits 0.6427, int4 0.6464 and int6 0.6969``."""
    return enumerated(f"{name} {format_value(value, decimals)}" for name, value in values.items())


def _of_starts(alike: Alike, rows: Sequence[dict[str, Any]]) -> list[str]:
    """From when on each is trained on its grid; and how trits did that began with another one's start."""
    starts = {name: run["start"] for name, run in alike.items() if run["start"] > 0}
    if len(set(starts.values())) < 2:
        return []
    said = [f"Training on the grid begins at {_shares(starts)} of the time."]
    own = alike[NAMES[BEST]]
    for name, start in starts.items():
        for run in _runs(rows, BEST) if name != NAMES[BEST] else ():
            if run["start"] == start and _is_as_long(run, own):
                size = "" if run["fits"] else ", and is over the limit"
                said.append(
                    f"With {name}'s start `{BEST}` scores {run['sliding_bpb']:.4f}, {run['ttt_bpb']:.4f} {WITH}{size} "
                    f"(`{run['run']}`)."
                )
    return [" ".join(said)]


def _shares(starts: Mapping[str, float]) -> str:
    return enumerated(f"{start:.0%} ({name})" for name, start in starts.items())


def _at_its_best(name: str, alike: Means, runs: Sequence[Means]) -> str:
    """Where weights score better without test-time training in another time."""
    first = min(runs, key=lambda run: run["sliding_bpb"])
    if first["run"] == alike["run"] or name == NAMES[BEST]:
        return ""
    return f"{name} scores best without test-time training after {_seconds(first)}: {first['sliding_bpb']:.4f}."


def _in_less_time(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Scores with test-time training of other weights and of the shortest valid run, where they lead in less time."""
    standings = standing(rows)
    valid = standings[standings["missed"].isin(["", "score"])].sort_values("gpu_seconds").to_dict("records")
    return [
        f"{WITH.capitalize()} {name} scores {run['ttt_bpb']:.4f} after {_seconds(run)}, `{BEST}` "
        f"{own['ttt_bpb']:.4f} after {_seconds(own)}."
        for own in valid[:1]
        for record, name in FORMATS.items()
        for run in _runs(rows, record)[:1]
        if run["gpu_seconds"] / own["gpu_seconds"] < 1 - SAME_TIME and run["ttt_bpb"] < own["ttt_bpb"]
    ]


def _seconds(run: Means) -> str:
    return f"{format_value(run['gpu_seconds'], 0)} GPU seconds"
