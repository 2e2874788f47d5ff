"""The figure of an experiment of levers: what each change gains, seed by seed."""

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from tritgolf.report.rendering import Table
from tritgolf.report.style import COLOURS, STYLE, new_figure


def lever_figure(table: Table) -> Figure:
    """Mean gain of each change in the table's order, a bar of a sample standard deviation, a dot a seed."""
    frame = table.frame[~table.frame["is_base"]]
    gains = frame.groupby(["record", "what"], sort=False)["gain_bpb"]
    found = pd.DataFrame({"mean": gains.mean(), "std": gains.std().fillna(0.0)}).reset_index()
    with matplotlib.rc_context(STYLE):
        figure = new_figure(height=1.0 + 0.28 * len(found))
        axes = figure.subplots()
        places = {record: place for place, record in enumerate(found["record"])}
        axes.barh(list(places.values()), found["mean"], xerr=found["std"], color=COLOURS[0], height=0.6, capsize=3)
        axes.plot(frame["gain_bpb"], [places[record] for record in frame["record"]], "o", color=COLOURS[1], ms=3.5)
        axes.set_yticks(list(places.values()), found["what"])
        axes.axvline(0, color="black", linewidth=1.0)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="gain over the base (BPB)")
    return figure
