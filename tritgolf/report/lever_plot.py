"""The figure of an experiment of levers: what each change gains, seed by seed."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tritgolf.report.rendering import Table
from tritgolf.report.style import COLOURS, STYLE, new_figure


def lever_figure(table: Table) -> Figure:
    """Mean gain of each change, a bar of a sample standard deviation, a dot a seed; best first where all stand alone.

    Without rows that are apart. Between the edges of the grey band a gain is not significant.
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
        places = {record: place for place, record in enumerate(found.index)}
        least = float(frame["least_told"].iloc[0])
        if pd.notna(least):
            axes.axvspan(-least, least, color="0.9", zorder=0)
        std = found["std"].fillna(0.0)
        axes.barh(list(places.values()), found["mean"], xerr=std, color=COLOURS[0], height=0.6, capsize=3)
        axes.plot(frame["gain_bpb"], [places[record] for record in frame["record"]], "o", color=COLOURS[1], ms=3.5)
        axes.set_yticks(list(places.values()), found["what"])
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.axvline(0, color="black", linewidth=1.0)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="gain over the base (BPB)")
    return figure
