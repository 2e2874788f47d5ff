"""How plots look and how they are written: one style, colour-blind safe, the same bytes from the same figures."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tritgolf.files import atomic_path

GREY = "#6e7781"
# Okabe & Ito's palette (2008), in an order that keeps neighbours apart in print as well; then a brown and a grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A4B1E", GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":")
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1}  # behind a number on a curve
FORMATS = ("svg", "pdf", "png")
HEAD_WIDTH = 108  # characters of a line above a figure
WIDTH, HEIGHT = 6.4, 3.9  # inches: text stays readable where the figure is set in one column

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": [
        "DejaVu Sans",
        "Verdana",
        "Arial",
    ],  # the first comes with matplotlib; browsers take what they have
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
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
    "svg.fonttype": "none",  # text stays text: small files, words that can be searched and edited
    "svg.hashsalt": "tritgolf",
    "pdf.fonttype": 42,
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


def letter(panels: Iterable[Axes]) -> None:
    """Name panels **a**, **b** … at their upper left, as a text refers to them."""
    for name, axes in zip(ascii_lowercase, panels, strict=False):
        axes.annotate(
            name, (0, 1), (-34, 5), xycoords="axes fraction", textcoords="offset points", fontweight="bold", fontsize=12
        )


def head(figure: Figure, words: str) -> None:
    """Say above everything else, in small print, which run a figure is of."""
    figure.suptitle(textwrap.fill(words, HEAD_WIDTH), x=0.01, ha="left", fontsize=7.5, color=GREY)


def save(figure: Figure, stem: str | Path, formats: Sequence[str] = FORMATS) -> None:
    """Write ``stem``.svg, ``stem``.pdf and ``stem``.png (200 dots an inch), or some, atomically, without a date."""
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": "tritgolf"},
        "pdf": {"CreationDate": None, "Creator": "tritgolf"},
        "png": {"Software": "tritgolf"},
    }
    for suffix in formats:
        with matplotlib.rc_context(STYLE), atomic_path(f"{stem}.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix, dpi=200, metadata=metadata[suffix])
