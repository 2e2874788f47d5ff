"""The figure of an experiment of levers: what each change gains, seed by seed."""

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tritgolf.report.experiment_settings import ON_TOP
from tritgolf.report.rendering import Table
from tritgolf.report.statistics import LEVEL
from tritgolf.report.style import COLOURS, STYLE, new_figure

UP = 0.2  # how far a bar is moved, of the distance of two rows, to leave room for a diamond


def lever_figure(table: Table, ladder: Table | None = None) -> Figure:
    """Mean gain of each change, a bar of a sample standard deviation, a dot a seed; best first where all stand alone.

    Without rows that are apart. Between the edges of the grey band a gain is not significant. ``ladder``: the same
    changes one on top of the other; each gain over those before it is a diamond.
    """
    frame = table.frame[~table.frame["is_base"] & ~table.frame["apart"]]
    found = frame.groupby("record", sort=False).agg(
        what=("what", "first"), mean=("gain_bpb", "mean"), std=("gain_bpb", "std"), against=("against", "first")
    )
    if found["against"].nunique() == 1:
        found = found.sort_values("mean", ascending=False, kind="stable")
    with matplotlib.rc_context(STYLE):
        figure = new_figure(height=1.0 + 0.28 * len(found))
        axes = figure.subplots()
        places = {record: float(place) for place, record in enumerate(found.index)}
        least = float(frame["least_told"].iloc[0])
        if pd.notna(least):
            axes.axvspan(-least, least, color="0.9", zorder=0)
        names = dict(zip(found["what"], places.values(), strict=True))
        if ladder is not None:
            _draw_on_top(axes, ladder.frame, names)
            places = {record: place - UP for record, place in places.items()}
        std = found["std"].fillna(0.0)
        height = 0.6 if ladder is None else 0.44
        axes.barh(
            list(places.values()), found["mean"], xerr=std, color=COLOURS[0], height=height, capsize=3, label="alone"
        )
        axes.plot(frame["gain_bpb"], [places[record] for record in frame["record"]], "o", color=COLOURS[1], ms=3.5)
        axes.set_yticks(list(names.values()), list(names))
        if ladder is not None:
            figure.legend(loc="outside lower center", ncols=2)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.axvline(0, color="black", linewidth=1.0)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="gain over the base (BPB)" if ladder is None else "gain (BPB)")
    return figure


def _draw_on_top(axes: Axes, frame: pd.DataFrame, places: dict[str, float]) -> None:
    """What changes on a ladder gain over those before them, at the places that they have alone; filled: significant."""
    rungs = frame[~frame["is_base"] & ~frame["apart"]].assign(what=lambda rows: rows["what"].str.removeprefix(ON_TOP))
    for what, gains in rungs[rungs["what"].isin(places)].groupby("what", sort=False):
        filled = COLOURS[2] if gains["gain_p_holm"].iloc[0] < LEVEL else "white"
        mean, std = gains["gain_bpb"].mean(), gains["gain_bpb"].std() if len(gains) > 1 else 0.0
        place = places[str(what)] + UP
        axes.errorbar(mean, place, xerr=std, fmt="D", color=COLOURS[2], mfc=filled, ms=5, capsize=3)
    axes.plot([], [], "D", color=COLOURS[2], mfc="white", ms=5, label="on top of those before it")
