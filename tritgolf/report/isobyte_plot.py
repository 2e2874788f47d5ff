"""The figure of the iso-byte experiment: the score of artifacts of equal bytes against the bits of a weight."""

from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.isobyte_table import isobyte_frame
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_value
from tritgolf.report.style import HEIGHT, STYLE, letter, look, new_figure

SHOWN = 0.15  # BPB above the best: what is worse is an arrow at the upper edge, with its number


def isobyte_figure(experiment: Isobyte, runs: dict[str, Run]) -> Figure:
    """A panel a series, a line a method: mean BPB of the reloaded artifacts, bars of a sample standard deviation."""
    frame = isobyte_frame(experiment, runs)
    series = list(dict.fromkeys(frame["series"]))
    with matplotlib.rc_context(STYLE):
        figure = new_figure(height=HEIGHT * len(series))
        panels = figure.subplots(len(series), squeeze=False)[:, 0]
        for axes, name in zip(panels, series, strict=True):
            _panel(axes, frame[frame["series"] == name])
            axes.set_title(f"Artifacts of {experiment.bytes / 1000:,.0f} kB at equal {name}")
        if len(series) > 1:
            letter(panels)
        return figure


def _panel(axes: Any, frame: pd.DataFrame) -> None:
    ways = dict(zip(frame["method"], frame["what"].str.partition(", ")[2], strict=True))
    points = frame.groupby(["method", "bits"], sort=True)["artifact_bpb"].agg(["mean", "std"]).fillna(0.0)
    top = points["mean"].min() + SHOWN
    for place, (method, way) in enumerate(ways.items()):
        line, style = points.loc[method], look(place)
        near = line[line["mean"] <= top]
        axes.errorbar(near.index, near["mean"], yerr=near["std"], capsize=3, label=way, **style)
        for bits, score in line.loc[line["mean"] > top, "mean"].items():
            text = f"↑ {format_value(score, 2)}"
            axes.annotate(text, (bits, top), ha="center", va="top", color=style["color"], fontsize=9)
    axes.set_ylim(top=top)
    bits = sorted(set(frame["bits"]))
    axes.set_xscale("log", base=2)
    axes.set_xticks(bits, [f"{one:g}" for one in bits])
    axes.minorticks_off()
    seeds = frame["seed"].nunique()
    axes.set(xlabel="bits a weight of the grid", ylabel=f"BPB of the artifact (mean ± std, {seeds} seeds)")
    axes.legend()
