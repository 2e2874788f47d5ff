"""What a table of levers says, in words: which changes gain alone, and how far they get on top of each other."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from tritgolf.report.statistics import LEVEL, format_mean_std, format_value, mean

SAME = 0.05  # of the base's bytes or time, within which a change's are not worth a word
FREE = 0.01  # of the base's bytes, up to which a step of a ladder has its gain for nothing


class Change(NamedTuple):
    """A row of a table of levers: its gains in BPB, p by Holm, and the share of the base's bytes that it has more."""

    what: str
    gain: float
    p_holm: float
    over: float
    over_base: list[float]


def levers_in_words(frame: pd.DataFrame, named: bool = True) -> str:
    """What changes gain alone; and where some are made one on top of the other, how far these get.

    Of the rows of a ``lever_table``, but for those that are ``apart``. ``named``: with those that are significant.
    """
    rungs = on_ladder(frame)
    alone = frame[~rungs & ~frame["is_base"] & ~frame["apart"]]
    size = frame.loc[frame["is_base"], "artifact_bytes"].mean()
    said = [_alone_in_words(alone, size, named)] if len(alone) else []
    if named and (times := _times_in_words(alone)):
        said.append(times)
    return " ".join([*said, *([_ladder_in_words(frame, size, named)] if rungs.any() else [])])


def on_ladder(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of changes that are made one on top of the other; the base is none."""
    base = frame.loc[frame["is_base"], "record"].iloc[0]
    on_top = frame[frame["against"] != base]
    return frame["record"].isin({*on_top["record"], *on_top["against"]})


def _alone_in_words(rows: pd.DataFrame, base_bytes: float, named: bool) -> str:
    """Which changes gain or lose significantly, best first; ``base_bytes``: of the base's artifact."""
    found = sorted(_changes(rows, base_bytes), key=lambda change: -change.gain)
    if any(math.isnan(change.p_holm) for change in found):
        extremes = f"The largest gain is of {_named(found[0])}, the least of {_named(found[-1])}."
        return f"{extremes} One seed gives no significance."
    told = [change for change in found if change.p_holm < LEVEL]
    gains, losses = ([change for change in told if (change.gain > 0) is way] for way in (True, False))
    sides = f"{_as_words(gains, ('gain', 'gains'), named)}; {_as_words(losses, ('lose', 'loses'), named)}"
    others = f"; {len(found) - len(told)} are not significant" if len(told) < len(found) else ""
    seeds, least = rows["seed"].nunique(), rows["least_told"].iloc[0]
    seen = f"Holm-adjusted p < {LEVEL:g}; less than {least:.4f} can't be told from nothing"
    return f"Of {len(found)} changes alone, in {seeds} seeds, {sides}{others} ({seen})."


def _times_in_words(rows: pd.DataFrame) -> str:
    """Which changes take much more or less time a step than the base, the slowest first; nothing if none was timed."""
    over = 100 * (rows["ms_per_step"] / rows["base_ms_per_step"] - 1)
    shares = over.groupby(rows["what"]).mean().sort_values(ascending=False)
    far = shares[abs(shares) > 100 * SAME]
    told = [f"**{what}** ({format_value(share, 0, signed=True)}%)" for what, share in far.items()]
    return f"Time a step differs by more than {SAME:.0%} with {_each(told)}." if told else ""


def _ladder_in_words(frame: pd.DataFrame, base_bytes: float, named: bool) -> str:
    """After which of the changes of a ladder the gain over the base is largest, and what all of them gain together."""
    rungs = _changes(frame[on_ladder(frame) & ~frame["apart"]], base_bytes)
    top = max(range(len(rungs)), key=lambda place: mean(rungs[place].over_base))
    gained = [f"**{rung.what}**" for rung in rungs[: top + 1] if rung.p_holm < LEVEL and rung.gain > 0]
    by = f"; the steps of {_each(gained)} are significant" if gained and named else ""
    peak = f"{_spread(rungs[top].over_base)}{_more_bytes(rungs[top].over)}{_at_equal_bytes(rungs[: top + 1])}{by}."
    if top + 1 == len(rungs):
        return f"One on top of the other, all {len(rungs)} changes gain {peak}"
    said = f"One on top of the other, the gain peaks after {top + 1} of {len(rungs)} changes: {peak}"
    return f"{said} All {len(rungs)} together gain {_spread(rungs[-1].over_base)}."


def _at_equal_bytes(rungs: Sequence[Change]) -> str:
    """What is gained by the steps that take hardly more bytes, where others take many."""
    added = [rung.over - below for rung, below in zip(rungs, [0.0, *(rung.over for rung in rungs)], strict=False)]
    gained = sum(rung.gain for rung, more in zip(rungs, added, strict=True) if more <= FREE)
    if rungs[-1].over <= SAME or not gained:
        return ""
    return f" ({format_value(gained, 4, signed=True)} of it by steps that take at most {FREE:.0%} more each)"


def _changes(frame: pd.DataFrame, base_bytes: float) -> list[Change]:
    return [
        Change(
            what=str(rows["what"].iloc[0]).removeprefix("… and "),
            gain=mean(rows["gain_bpb"]),
            p_holm=float(rows["gain_p_holm"].iloc[0]),
            over=mean(rows["artifact_bytes"]) / base_bytes - 1,
            over_base=rows["gain_over_base_bpb"].tolist(),
        )
        for _, rows in frame.groupby("record", sort=False)
    ]


def _as_words(changes: Sequence[Change], verbs: tuple[str, str], named: bool) -> str:
    """How many changes do what ``verbs`` say, of several and of one, and which."""
    if not changes:
        return f"none {verbs[1]}"
    count = f"{len(changes)} {verbs[len(changes) == 1]}"
    return f"{count}: {_each(map(_named, changes))}" if named else count


def _named(change: Change) -> str:
    return f"**{change.what}** ({format_value(change.gain, 4, signed=True)}{_more_bytes(change.over)})"


def _more_bytes(over: float) -> str:
    """Where a change takes other bytes than its base, how many more or fewer."""
    return f", at {abs(over):.0%} {'more' if over > 0 else 'fewer'} bytes" if abs(over) > SAME else ""


def _spread(gains: Sequence[float]) -> str:
    return f"{format_mean_std(gains, 4, signed=True, fixed=True)} BPB"


def _each(words: Iterable[str]) -> str:
    """``a, b and c``."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
