"""The roundtrip gap over training: of the record's own storage, and what another storage changes in it."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tritgolf.report.statistics import EXACTLY_ZERO, format_value
from tritgolf.report.step_axis import step_axis
from tritgolf.report.style import COLOURS, PAPER, letter, look, new_figure

LONG_RUN = 30  # ratio of last to first checkpoint from which their axis is logarithmic
LARGEST_MARK = 11.0  # points
UNIT = 1e3  # shown are thousandths of a bit per byte


def gap_plot(roundtrip: pd.DataFrame) -> Figure:
    """Above: the gap of the record's storage. Below: what other storages add to it, seed by seed (``roundtrip_frame``).

    Storages of one seed share its weights, so only their differences compare them: seeds differ by far more. Storages
    without any gap are named above, not drawn.
    """
    own = roundtrip[roundtrip["is_own_storage"]]
    lossy = roundtrip.groupby("storage")["gap_bpb"].agg(lambda gaps: bool((gaps != 0).any()))
    others = [name for name in dict.fromkeys(roundtrip["storage"]) if lossy[name] and name not in set(own["storage"])]
    figure = new_figure(height=3.4 + (2.5 if others else 0.0))
    panels = list(figure.subplots(1 + bool(others), 1, sharex=True, squeeze=False)[:, 0])
    _own_gap(panels[0], own, [name for name in lossy.index if not lossy[name] and name not in set(own["storage"])])
    if others:
        _differences(panels[1], roundtrip, others)
        letter(panels)
    steps = roundtrip.groupby("checkpoint", sort=False)["step"].mean().tolist()  # seeds on a time budget: their mean
    step_axis(panels[-1], steps, steps[-1] >= LONG_RUN * steps[0])
    panels[-1].set_xlabel("training step of the checkpoint")
    return figure


def _own_gap(axes: Axes, own: pd.DataFrame, lossless: list[str]) -> None:
    groups = own.groupby("checkpoint", sort=False)
    several = own["seed"].nunique() > 1
    gap = groups["gap_bpb"].mean() * UNIT
    bar = (groups["gap_bpb"].std(ddof=1) if several else groups["gap_se_bpb"].mean()) * UNIT
    name = own["storage"].iloc[0]
    axes.errorbar(groups["step"].mean(), gap, yerr=bar, label=name, capsize=3, elinewidth=1.2, **look(0))
    shown = [(at, value) for at, value in zip(groups["step"].mean(), gap, strict=True)]
    for at, value in shown if gap.any() else shown[-1:]:
        text = format_value(value, 2, signed=True) if value else EXACTLY_ZERO
        axes.annotate(text, (at, value), (6, 5), textcoords="offset points", fontsize=9, color=COLOURS[0], bbox=PAPER)
    axes.axhline(0, color="black", linewidth=0.8, label=f"0 exactly: {', '.join(lossless)}" if lossless else None)
    axes.margins(x=0.09, y=0.2)
    if not gap.any():
        axes.set_ylim(-1, 1)  # zero in the middle of what would be large
    bars = "± sample std over seeds" if several else "± standard error, paired over windows"
    axes.set(ylabel="roundtrip gap\n(10⁻³ bits per byte)", title=f"Roundtrip gap ({bars})")
    axes.legend(loc="best")


def _differences(axes: Axes, roundtrip: pd.DataFrame, others: list[str]) -> None:
    """What each storage adds to the gap of the record's own: a small mark a seed, a line through their means."""
    several = roundtrip["seed"].nunique() > 1
    for position, storage in enumerate(others, start=1):
        rows = roundtrip[roundtrip["storage"] == storage]
        groups = rows.groupby("checkpoint", sort=False)
        over = groups["gap_over_own_bpb"].mean() * UNIT
        label = f"{storage}: {format_value(over.iloc[-1], 3, signed=True)} at the last"
        size = max(3.0, LARGEST_MARK - 2 * position)  # those that agree show one inside the other
        axes.plot(groups["step"].mean(), over, label=label, **look(position) | {"markersize": size})
        if several:
            axes.plot(
                rows["step"], rows["gap_over_own_bpb"] * UNIT, linestyle="", marker="_", markersize=9,
                color=COLOURS[position % len(COLOURS)], label="each seed" if position == 1 else f"_seeds of {storage}",
            )  # fmt: skip
    own = roundtrip[roundtrip["is_own_storage"]]["storage"].iloc[0]
    axes.axhline(0, color="black", linewidth=0.8)
    axes.margins(x=0.09, y=0.2)
    axes.set(
        ylabel=f"gap over that of {own}\n(10⁻³ bits per byte)",
        title="What another storage adds to it" + (", seed by seed" if several else " (one seed: no error known)"),
    )
    axes.legend(loc="best", fontsize=9)
