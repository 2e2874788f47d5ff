"""How plots look and how they are written: one style, colour-blind safe, the same bytes from the same figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from tritgolf.files import atomic_path

GREY = "#6e7781"
# Okabe & Ito's palette (2008), in an order that keeps neighbours apart in print as well; then a brown and a grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A4B1E", GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":")
WIDTH, HEIGHT = 6.4, 3.9  # inches: text stays readable where the figure is set in one column

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same outlines on every machine
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 1.0,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.7,
    "lines.markersize": 5.5,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "tritgolf",
}


def new_figure(height: float = HEIGHT) -> Figure:
    """An empty figure of the column's width (inches), laid out so that no label is cut off."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def look(position: int) -> dict[str, Any]:
    """How a line looks by its position: where colours come round again, marker and stroke are others."""
    return {
        "color": COLOURS[position % len(COLOURS)],
        "marker": MARKERS[(position + position // len(COLOURS)) % len(MARKERS)],
        "linestyle": LINES[position // len(COLOURS) % len(LINES)],
    }


def colour_of(names: list[str]) -> dict[str, str]:
    """A colour for each name, by position."""
    return {name: COLOURS[position % len(COLOURS)] for position, name in enumerate(names)}


def save(figure: Figure, stem: str | Path, formats: Sequence[str] = ("svg", "png")) -> None:
    """Write ``stem``.svg and ``stem``.png (200 dots an inch), or one of them, atomically, without a date."""
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": "tritgolf"},
        "png": {"Software": "tritgolf"},
    }
    for suffix in formats:
        with matplotlib.rc_context(STYLE), atomic_path(f"{stem}.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix, dpi=200, metadata=metadata[suffix])
