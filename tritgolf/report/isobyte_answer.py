"""What the paper of weights at equal bytes answers, a paragraph a size: made of the same tables as the rest of it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.isobyte_table import TERNARY, nearest_of_others, ranked_points
from tritgolf.report.standing import BEST, RECORD, RIVALS, best_of, standing
from tritgolf.report.statistics import format_value, mean

ENOUGH_SEEDS = 3
LEVEL = 0.05
RIVAL, PUBLISHED = "best_int6", "int6_recurrent"


class Compared(NamedTuple):
    """What is compared, its ``best`` point, and the best of the other sort: ternary, or not."""

    experiment: Isobyte
    best: dict[Any, Any]
    other: dict[Any, Any]

    @property
    def is_told(self) -> bool:
        """Whether the two can be told apart."""
        return bool(self.other["p"] < LEVEL)


def answer_in_words(experiments: Sequence[tuple[Isobyte, pd.DataFrame]], full_size: Sequence[dict[str, Any]]) -> str:
    """Who wins at a small size and at full size, by how much, and whether that decides it.

    ``experiments``: the kept comparisons at equal bytes with their frames; ``full_size``: rows of ``full_size``.
    """
    small, winners = _at_a_small_size(experiments)
    said = (" ".join(sentences) for sentences in (small, _at_full_size(full_size, winners)))
    return "\n\n".join(filter(None, said))


def _at_a_small_size(
    experiments: Sequence[tuple[Isobyte, pd.DataFrame]],
) -> tuple[list[str], list[dict[Any, Any]]]:
    """Sentences; and the points that beat ternary ones."""
    ranked = [(one, points) for one, frame in experiments for _, points in ranked_points(frame)]
    compared = [
        Compared(one, points[0], other) for one, points in ranked if (other := nearest_of_others(points)) is not None
    ]
    lost = [found for found in compared if found.is_told and found.best["bits"] != TERNARY]
    won = [found for found in compared if found.is_told and found.best["bits"] == TERNARY]
    said = []
    if lost:
        distances = [found.other["over_best"] for found in lost]
        by = " to ".join(format_value(by, 4) for by in dict.fromkeys((min(distances), max(distances))))
        names = " or ".join(f"{bits:g}" for bits in sorted({found.best["bits"] for found in lost}))
        sizes = " and ".join(f"{size / 1e6:g}" for size in sorted({found.experiment.bytes for found in lost}))
        of = f"in {len(lost)} of {len(compared)} comparisons"
        said.append(f"At equal bytes small ternary models lose to {names} bits {of}, by {by} BPB, at {sizes} MB.")
    for found in won:
        by = format_value(found.other["over_best"], 4)
        said.append(f"They win by {by} in one of them: *{found.experiment.title}*.")
    tied = [found.experiment.title for found in compared if not found.is_told]
    said += [f"They can't be told from the best of the others in one of them: *{title}*." for title in tied]
    return said, [found.best for found in lost]


def _at_full_size(rows: Sequence[dict[str, Any]], winners: Sequence[dict[Any, Any]]) -> list[str]:
    standings = standing(rows)
    if standings.empty:
        return []
    best = best_of(standings)
    valid = "" if best["missed"] else ", in its GPU time and within the limit"
    said = [f"At full size `{BEST}`, which is ternary, {_ahead(best, RECORD)}{valid}."]
    if not math.isnan(best[PUBLISHED]):
        seconds = mean(row["gpu_seconds"] for row in rows if row["record"] == PUBLISHED)
        times = f"{format_value(best['gpu_seconds'], 0)} GPU seconds against {format_value(seconds, 0)}"
        said.append(f"It {_ahead(best, PUBLISHED)}{_by_ttt(best, PUBLISHED)}, in {times}.")
    rivals = [row for row in rows if row["record"] == RIVAL]
    if not rivals or math.isnan(best[RIVAL]):
        return [*said, "Its own training with other weights has not been run there."]
    lost = mean(row["gap_bpb"] for row in rivals)
    rounded = f"; int6 loses {format_value(lost, 4)} when it is rounded" if lost > 0 else ""
    said.append(f"It {_ahead(best, RIVAL)} in the same training{_by_ttt(best, RIVAL)}{rounded}.")
    taken_by_both = (mean(row["coded_bits"] for row in rivals), best["coded_bits"])
    if winners and not any(map(math.isnan, taken_by_both)):
        least, most = (of(point["coded_bits"] for point in winners) for of in (min, max))
        those = " to ".join(dict.fromkeys(f"{bits:.2f}" for bits in (least, most)))
        taken = "Coded, int6 takes {:.2f} bits a weight, trits {:.2f}".format(*taken_by_both)
        said.append(f"{taken}, and the weights that win at small sizes {those}.")
    if min(best["seeds"], len(rivals)) < ENOUGH_SEEDS:
        seeds = f"fewer than {ENOUGH_SEEDS} seeds of each were trained"
        read = f"int6 read the text {mean(row['times_read'] for row in rivals):.1f} times and"
        read = f"{read} `{BEST}` {best['times_read']:.1f} times"
        said.append(f"So which weights fill 16 MB best is open: {seeds}, and {read}.")
    return said


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
