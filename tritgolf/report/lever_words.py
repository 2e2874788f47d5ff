"""What a table of levers says, in words: which changes gain alone, and how far they get on top of each other."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from tritgolf.report.experiment_settings import ON_TOP
from tritgolf.report.statistics import LEVEL, format_mean_std, format_p, format_value, mean, students_p
from tritgolf.report.words import enumerated

SAME = 0.05  # of the base's bytes or time, within which a change's are not worth a word


class Change(NamedTuple):
    """A row of a table of levers: its gains in BPB, p by Holm, and the shares of the base's bytes and time that it has
    more (NaN: not timed).
    """

    what: str
    gain: float
    p_holm: float
    over: float
    over_base: list[float]
    over_time: float


def levers_in_words(frame: pd.DataFrame, named: bool = True) -> str:
    """What changes gain alone; and where some are made one on top of the other, how far these get.

    Of the rows of a ``lever_table``, but for those that are ``apart``. ``named``: with those that are significant.
    """
    size, alone = _base_bytes(frame), _alone(frame)
    said = [_alone_in_words(alone, size, named)] if len(alone) else []
    if named and (times := _times_in_words(alone)):
        said.append(times)
    return " ".join([*said, *([_ladder_in_words(frame, size, named)] if on_ladder(frame).any() else [])])


def together_in_words(alone: pd.DataFrame, ladder: pd.DataFrame) -> str:
    """What the changes of ``ladder`` up to its peak gain alone, added up, and whether that is another gain than there.

    All of ``alone`` are compared with one base: its error is in each gain, and counts as often in their sum.
    """
    rungs, top = _rungs_and_top(ladder, _base_bytes(ladder))
    known = {change.what: change for change in _changes(_alone(alone), _base_bytes(alone))}
    parts = [known[rung.what] for rung in rungs[: top + 1] if rung.what in known]
    count, error = len(parts), float(alone["gain_error"].iloc[0])
    if count <= top or math.isnan(error):
        return ""
    added_up, together = sum(part.gain for part in parts), mean(rungs[top].over_base)
    error_of_sum = error * math.sqrt((count**2 + count) / 2)
    error_of_more = math.hypot(error_of_sum, float(ladder["gain_error"].iloc[0]))
    p = students_p(together - added_up, error_of_more, int(alone["degrees"].iloc[0]))
    verdict = "They help each other" if together > added_up else "They stand in each other's way"
    said = (
        f"Alone the first {count} changes of the ladder add up to {format_value(added_up, 4, signed=True)} BPB, with a "
        f"standard error of {format_value(error_of_sum, 4)}, as all are compared with the same base. "
        f"{verdict if p < LEVEL else 'Whether they help each other is not known'} (p = {format_p(p)})."
    )
    times = [part.over_time for part in parts]
    over = f" By the times that they take alone, added up, the {count} take {sum(times):.0%} more time a step."
    return said + (over if not any(map(math.isnan, times)) else "")


def _alone(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~on_ladder(frame) & ~frame["is_base"] & ~frame["apart"]]


def _base_bytes(frame: pd.DataFrame) -> float:
    return float(frame.loc[frame["is_base"], "artifact_bytes"].mean())


def base_of(frame: pd.DataFrame) -> str:
    """The record that changes are made to."""
    return str(frame.loc[frame["is_base"], "record"].iloc[0])


def on_ladder(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Which rows are of changes that are made one on top of the other; the base is none."""
    on_top = frame[frame["against"] != base_of(frame)]
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
    seeds, least = rows["seed"].nunique(), rows["least_told"].iloc[0]
    tested = f"Of {len(found)} changes alone, in {seeds} seeds, {sides}"
    if not named:
        return f"{tested}. A difference of {least:.4f} BPB is significant."
    others = f"; {len(found) - len(told)} are not significant" if len(told) < len(found) else ""
    return f"{tested}{others} (Holm-adjusted p < {LEVEL:g}; a difference of {least:.4f} is significant)."


def _times_in_words(rows: pd.DataFrame) -> str:
    """Which changes take much more or less time a step than the base, the slowest first; nothing if none was timed."""
    over = 100 * (rows["ms_per_step"] / rows["base_ms_per_step"] - 1)
    shares = over.groupby(rows["what"]).mean().sort_values(ascending=False)
    far = shares[abs(shares) > 100 * SAME]
    told = [f"**{what}** ({format_value(share, 0, signed=True)}%)" for what, share in far.items()]
    return f"Time a step differs by more than {SAME:.0%} with {enumerated(told)}." if told else ""


def _ladder_in_words(frame: pd.DataFrame, base_bytes: float, named: bool) -> str:
    """After which of the changes of a ladder the gain over the base is largest, and what all of them gain together."""
    rungs, top = _rungs_and_top(frame, base_bytes)
    is_last = top + 1 == len(rungs)
    count = f"all {len(rungs)} changes" if is_last else f"the first {top + 1} of {len(rungs)} changes"
    gain, bytes_more = _spread(rungs[top].over_base), _more_bytes(rungs[top].over)
    if not named:
        return f"One on top of the other, {count} gain {gain}{bytes_more}{' and' * bool(bytes_more)} at equal tokens."
    deviation = " (standard deviation over seeds)" if len(rungs[top].over_base) > 1 else ""
    said = f"One on top of the other, {count} gain most: {gain}{deviation}{bytes_more}."
    gained = [f"**{rung.what}** (p = {format_p(rung.p_holm)})" for rung in rungs[: top + 1] if _is_told(rung)]
    said += f" The steps of {enumerated(gained)} are significant." if gained else ""
    said += _before_more_bytes(rungs[: top + 1])
    last = f" All {len(rungs)} together gain {_spread(rungs[-1].over_base)}."
    return said if is_last else said + last


def _rungs_and_top(frame: pd.DataFrame, base_bytes: float) -> tuple[list[Change], int]:
    """The changes of a ladder, and the place of the one up to which they gain most."""
    rungs = _changes(frame[on_ladder(frame) & ~frame["apart"]], base_bytes)
    return rungs, max(range(len(rungs)), key=lambda place: mean(rungs[place].over_base))


def _is_told(change: Change) -> bool:
    return change.p_holm < LEVEL and change.gain > 0


def _before_more_bytes(rungs: Sequence[Change]) -> str:
    """What is gained by the first steps, which take no more bytes, where later ones do."""
    first = list(itertools.takewhile(lambda rung: rung.over <= 0, rungs))
    if not first or rungs[-1].over <= SAME:
        return ""
    return f" The first {len(first)}, which take no more bytes, gain {_spread(first[-1].over_base)}."


def _changes(frame: pd.DataFrame, base_bytes: float) -> list[Change]:
    return [
        Change(
            what=str(rows["what"].iloc[0]).removeprefix(ON_TOP),
            gain=mean(rows["gain_bpb"]),
            p_holm=float(rows["gain_p_holm"].iloc[0]),
            over=mean(rows["artifact_bytes"]) / base_bytes - 1,
            over_base=rows["gain_over_base_bpb"].tolist(),
            over_time=mean(rows["ms_per_step"] / rows["base_ms_per_step"]) - 1,
        )
        for _, rows in frame.groupby("record", sort=False)
    ]


def _as_words(changes: Sequence[Change], verbs: tuple[str, str], named: bool) -> str:
    """How many changes do what ``verbs`` say, of several and of one, and which."""
    if not changes:
        return f"none {verbs[1]} significantly"
    count = f"{len(changes)} {verbs[len(changes) == 1]} significantly"
    return f"{count}: {enumerated(map(_named, changes))}" if named else count


def _named(change: Change) -> str:
    return f"**{change.what}** ({format_value(change.gain, 4, signed=True)}{_more_bytes(change.over)})"


def _more_bytes(over: float) -> str:
    """Where a change takes other bytes than its base, how many more or fewer."""
    return f", at {abs(over):.0%} {'more' if over > 0 else 'fewer'} bytes" if abs(over) > SAME else ""


def _spread(gains: Sequence[float]) -> str:
    return f"{format_mean_std(gains, 4, signed=True, fixed=True)} BPB"
