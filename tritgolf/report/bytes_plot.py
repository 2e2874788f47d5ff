"""Bytes of the final artifact: the compressed file and the code against the limit, and what was compressed."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tritgolf.report.style import COLOURS, GREY, colour_of, letter, new_figure

# Those shown first and in these colours; others follow.
KINDS = ("trits", "scales", "table", "projections", "mixes", "vectors")
NEAR = 0.2  # of the limit, from which it is on the scale


def bytes_plot(sizes: pd.DataFrame) -> Figure:
    """Above: file and code of each storage against the limit; below: its payload by kind (of ``bytes_frame``)."""
    storages = sizes["storage"].nunique()
    figure = new_figure(height=2.6 + 0.8 * storages)
    panels = figure.subplots(2, 1, sharey=True)
    _against_limit(panels[0], sizes)
    _by_kind(panels[1], sizes)
    panels[0].invert_yaxis()
    letter(panels)
    return figure


def _against_limit(axes: Axes, sizes: pd.DataFrame) -> None:
    files = sizes.groupby("storage", sort=False)[["artifact_bytes", "code_bytes"]].mean()
    limit, totals = int(sizes["byte_limit"].iloc[0]), files.sum(axis=1)
    unit, name = _unit(totals.max())
    axes.barh(files.index, files["artifact_bytes"] / unit, color=COLOURS[0], height=0.6, label="compressed file")
    axes.barh(
        files.index, files["code_bytes"] / unit, left=files["artifact_bytes"] / unit, color=COLOURS[4], height=0.6,
        label="code",
    )  # fmt: skip
    near = totals.max() >= NEAR * limit
    for storage, total in totals.items():
        text = (
            f" {total / unit:,.2f} {name}" if near else f" {total / unit:,.1f} {name}, {total / limit:.1%} of the limit"
        )
        if total > limit:
            text += ", over"
        beyond = max(total, limit) if near else total  # not across the line of the limit
        axes.annotate(text, (beyond / unit, str(storage)), (4, 0), textcoords="offset points", va="center", fontsize=9)
    title = "Compressed file and code against the limit"
    if near:
        axes.axvline(
            limit / unit, color="black", linestyle="--", linewidth=1.2, label=f"limit {limit / unit:,.2f} {name}"
        )
    else:
        title += f" of {limit / 1e6:,.2f} MB, off the scale"
    axes.set_xlim(0, max(limit / unit if near else 0, totals.max() / unit) * (1.22 if near else 1.5))
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"size ({name})", ylabel="storage", title=title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=3, fontsize=9)


def _by_kind(axes: Axes, sizes: pd.DataFrame) -> None:
    mean = sizes.groupby(["storage", "kind"], sort=False)["payload_bytes"].mean().unstack("kind", fill_value=0)
    unit, name = _unit(mean.sum(axis=1).max())
    left = pd.Series(0.0, index=mean.index)
    kinds = list(dict.fromkeys([*KINDS, *mean.columns]))
    for kind, colour in colour_of(kinds).items():
        if kind in mean and mean[kind].any():
            axes.barh(mean.index, mean[kind] / unit, left=left, color=colour, height=0.6, label=kind)
            left += mean[kind] / unit
    for storage, total in left.items():
        axes.annotate(f" {total:,.1f}", (total, str(storage)), va="center", fontsize=9, color=GREY)
    axes.margins(x=0.1)
    axes.grid(axis="y", visible=False)
    axes.set(
        xlabel=f"size ({name})", ylabel="storage", title="What is compressed, by kind of tensor, before compression"
    )
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=4, fontsize=9)


def _unit(largest: float) -> tuple[float, str]:
    """Bytes a unit, and its name, for sizes up to ``largest``."""
    return (1e6, "MB") if largest >= 1e6 else (1e3, "kB")
