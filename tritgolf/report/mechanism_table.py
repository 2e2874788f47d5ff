"""The laboratory's table of mechanisms: how far each is from breaking."""

import math

import pandas as pd

from tritgolf.report.laboratory import margin_frame, probe_frame
from tritgolf.report.laboratory_tables import UNCERTAINTY, with_error
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.statistics import NOT_KNOWN, format_value

SETTINGS = (
    "Shift: the numbers are stored 2^k times as large and scaled back after reload. Crowding: weights are "
    "pushed to 2^-k of their distance from the threshold. Zeros: the smallest weights are set to zero."
)


def mechanism_table(run: Run) -> Table:
    """A row a mechanism: where the trained numbers are, and between which settings that were tried it broke."""
    probes, margins = probe_frame(run), margin_frame(run)
    rows = []
    last = probes[probes["checkpoint"] == probes["checkpoint"].iloc[-1]]
    here = margins[margins["checkpoint"] == last["checkpoint"].iloc[0]]
    for keys, group in last.groupby(["parameter", "kind", "choice"], sort=False):
        parameter, kind, choice = map(str, keys)
        start = 0 if parameter == "shift" else group["at"].min()
        mildest, furthest = group[group["at"] == start], group[group["at"] != start]
        if len(furthest):
            furthest = furthest[furthest["at"] == furthest.groupby("at")["gap_bpb"].mean().abs().idxmax()]
        place = here[(here["kind"] == kind) & (here["format"] == choice)]
        rows.append(
            {
                "mechanism": _mechanism_name(parameter, kind, choice),
                "trained numbers": _range(place),
                "largest is below the end by": _binades(place, "binades_above"),
                "smallest is above subnormals by": _binades(place, "binades_to_subnormal"),
                "gap where training is": with_error(mildest["gap_bpb"], mildest["gap_se_bpb"]),
                "breaks": _breaks(parameter, group, start),
                "largest gap when pushed": with_error(furthest["gap_bpb"], furthest["gap_se_bpb"]),
            }
        )
    limit = probes["break_bpb"].iloc[0]
    return Table(
        title=f"{run.facts.heading}: how far each mechanism is from breaking",
        frame=probes,
        cells=pd.DataFrame(rows),
        notes=(
            f"Each mechanism by itself, everything else lossless. It is broken where it moves the gap by more than "
            f"{limit:g} BPB from where training is, up or down. Breaks: between the last setting at which every seed "
            "held and the first at which one did not, of those that were tried; on a side that isn't named none broke. "
            "Largest gap: the furthest from zero; below zero the reload scored better than what was stored.",
            SETTINGS,
            UNCERTAINTY,
            *made_from([run]),
        ),
        left=("mechanism", "trained numbers", "breaks"),
    )


def _mechanism_name(parameter: str, kind: str, choice: str) -> str:
    if parameter == "shift":
        return f"{kind} in {choice}: range"
    if parameter == "crowding":
        return f"trits decided by {choice}: threshold flips"
    return f"{choice} scales, shrinkage, BF16 reload: zeros"


def _range(margins: pd.DataFrame) -> str:
    if margins.empty:
        return NOT_KNOWN
    return f"{margins['smallest'].min():.2g} … {margins['largest'].max():.2g}"


def _binades(margins: pd.DataFrame, column: str) -> str:
    return NOT_KNOWN if margins.empty else f"{format_value(margins[column].min(), 1)} binades"


def _breaks(parameter: str, group: pd.DataFrame, start: float) -> str:
    """Between which settings the first seed breaks on either side of ``start``, the mildest; else where none did."""
    seeds = group.groupby("at")["seed"].nunique()
    tried_by_all = seeds.index[seeds == seeds.max()]
    found = []
    for broken in (group["below"].max(), group["above"].min()):
        if not math.isnan(broken):
            inside = [at for at in tried_by_all if min(start, broken) < at < max(start, broken)]
            held = min([start, *inside], key=lambda at: abs(at - broken))
            found.append(f"between {_setting(parameter, held)} and {_setting(parameter, broken)}")
    return "; ".join(found) or "not at " + ", ".join(_setting(parameter, at) for at in seeds.index if at != start)


def _setting(parameter: str, at: float) -> str:
    if parameter == "zeros":
        return f"{100 * at:g}%"
    exponent = at if parameter == "shift" else -at  # crowding halves distances
    return f"×2^{exponent:g}".replace("-", "−") if at else "×1"
