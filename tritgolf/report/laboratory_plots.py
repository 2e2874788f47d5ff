"""The laboratory's plots: waterfall of the decomposition, gap against training length, probes of the mechanisms."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from tritgolf.report.laboratory import REMAINDER, TOGETHER, decomposition_frame, grid_frame, length_frame, probe_frame
from tritgolf.report.laboratory_tables import FACTOR_NAMES, LENGTH_OF_ROLES, LENGTH_STORAGES, shown_checkpoints
from tritgolf.report.plots import Plot
from tritgolf.report.statistics import EXACTLY_ZERO, format_value, mean_error
from tritgolf.report.storage_words import is_by_role
from tritgolf.report.style import COLOURS, GREY, letter, look, new_figure

WATERFALLS = 4
RISES, FALLS = COLOURS[1], COLOURS[0]
WHOLE = {REMAINDER: COLOURS[3], TOGETHER: GREY}
SCALES = ("scales_fp32", "scales_bf16", "scales_fp16", "scales_bfp8")
ROUNDINGS = ("nearest", "calibration_8", "clip_10", "clip_16")


def _positions(*storages: str) -> dict[str, int]:
    """A place for each storage: its look in all panels."""
    return {name: position for position, name in enumerate(dict.fromkeys(storages))}


LOOKS = _positions(*LENGTH_STORAGES, *SCALES)
LOOKS_OF_ROLES = _positions(*LENGTH_OF_ROLES, *ROUNDINGS)
NO_LINE = {"linestyle": ""}
LENGTHS = {
    "absmean_amplification": "1/(1 − z), absmean",
    "rms_amplification": "1/√(1 − z), rms",
    "zero_fraction": "z, share of zero trits",
    "crowding": "weights at the threshold,\ntimes those expected",
}
ASIDE = 0.07  # of the distance of two checkpoints, between the markers of two storages
FEW = 6  # checkpoints: of fewer the distances are wide, and markers as far aside would not stand at their step
PROBED = (
    "Markers: settings that were tried (hollow: the gap falls); lines only join them.\nDashed line: counted as broken."
)
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LINEAR = 1e-6  # bits per byte: below, the axis is linear, and reaches the changes that are exactly zero
COLOUR_NAMES = {RISES: "costs", FALLS: "gains", COLOURS[3]: "remainder", GREY: "together: the record's storage"}


def waterfall_plot(decomposition: pd.DataFrame) -> Figure:
    """From no gap to the record's, decision by decision, a panel a checkpoint. ``decomposition``: its frame."""
    steps = shown_checkpoints(decomposition, WATERFALLS)
    parts = list(dict.fromkeys(decomposition["part"]))
    figure = new_figure(height=1.4 + len(steps) * (0.55 + 0.26 * len(parts)))
    panels = figure.subplots(len(steps), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (checkpoint, step) in zip(panels, steps.items(), strict=True):
        rows = decomposition[decomposition["checkpoint"] == checkpoint]
        _waterfall(axes, rows, parts)
        seeds = rows["seed"].nunique()
        axes.set_title(f"after {step:,.0f} steps" + f", mean of {seeds} seeds" * (seeds > 1), loc="left")
    panels[-1].set_xlabel("roundtrip gap (10⁻³ bits per byte)\n± standard error, paired over windows")
    if len(panels) > 1:
        letter(panels)
    used = {bar.get_facecolor() for axes in panels for bar in axes.patches if bar.get_width()}
    shown = [Patch(color=colour, label=name) for colour, name in COLOUR_NAMES.items() if to_rgba(colour) in used]
    figure.legend(handles=shown, loc="outside lower center", ncols=4, fontsize=9)
    return figure


def length_plot(grid: pd.DataFrame, lengths: pd.DataFrame) -> Figure:
    """Over training: gap of chosen storages, what one decision changes in it; zeros of trits, crowding at thresholds.

    The decision is the scales' format; of storages by role how matrices are rounded. ``grid``, ``lengths``:
    ``grid_frame`` and ``length_frame``. Checkpoints have places at equal distances, as they are close to each other
    where most happens, over the warmdown; so no line joins them, whose slope would say nothing.
    """
    by_role, ternary = is_by_role(grid), any(name in lengths for name in LENGTHS)
    figure = new_figure(height=8.6 if ternary else 6.4)
    panels = figure.subplots(2 + ternary, 1, sharex=True, height_ratios=[3, 3, *[2] * ternary])
    _lines(panels[0], grid, LENGTH_OF_ROLES if by_role else LENGTH_STORAGES, "gap", 1e3)
    panels[0].set(ylabel="roundtrip gap\n(10⁻³ bits per byte)", title="The gap, ± standard error, paired over windows")
    power = 3 if by_role else 6  # formats of scales hardly differ
    _lines(panels[1], grid, ROUNDINGS if by_role else SCALES, "over_own", 10.0**power)
    title = "How matrices are rounded, alone" if by_role else "The format of the scales alone"
    unit = str(-power).translate(RAISED)
    panels[1].set(ylabel=f"gap over own storage\n(10{unit} bits per byte)", title=title)
    by_checkpoint = lengths.groupby("checkpoint", sort=False)
    if ternary:
        _shares(panels[2], lengths)
    panels[-1].set_xlabel("training step of the checkpoint (places at equal distances)")
    steps = [f"{step:,.0f}" for step in by_checkpoint["step"].mean()]
    panels[-1].set_xticks(range(len(by_checkpoint)), steps, fontsize=9)
    letter(panels)
    return figure


def _shares(axes: Axes, lengths: pd.DataFrame) -> None:
    """Zeros, what a correction by them multiplies with, and weights at the threshold."""
    by_checkpoint = lengths.groupby("checkpoint", sort=False)
    for position, (name, label) in enumerate(LENGTHS.items()):
        if name in lengths:
            axes.plot(by_checkpoint[name].mean().to_numpy(), label=label, **look(position + 3) | NO_LINE)
    axes.set(ylabel="share, or factor")
    axes.set_ylim(0, None)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))


def probe_plot(probes: pd.DataFrame) -> Figure:
    """How much each mechanism moves the gap when it is pushed; a marker a setting that was tried, hollow where the gap
    falls. ``probes``: ``probe_frame``, of which the last checkpoint is shown.
    """
    last = probes[probes["checkpoint"] == probes["checkpoint"].iloc[-1]]
    figure = new_figure(height=8.6)
    panels = figure.subplots(3, 1, sharey=True)
    titles = {
        "shift": ("numbers stored 2ᵏ times as large: k (0: where training is)", "Range of the formats"),
        "crowding": ("weights at 2⁻ᵏ of their distance from the threshold: k", "Trits decided again"),
        "zeros": ("share of zero trits in every group", "Shrinkage correction and BF16 reload"),
    }
    for axes, (parameter, (label, title)) in zip(panels, titles.items(), strict=True):
        chosen = last[last["parameter"] == parameter]
        for position, (keys, group) in enumerate(chosen.groupby(["kind", "choice"], sort=False)):
            _probed(axes, group.groupby("at")["change_bpb"].mean(), " ".join(map(str, keys)), look(position))
        axes.axhline(last["break_bpb"].iloc[0], color="black", linestyle="--", linewidth=1)
        axes.set_yscale("symlog", linthresh=LINEAR, linscale=0.6)
        axes.set(xlabel=label, ylabel="|change of gap|\n(bits per byte)", title=title)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(_power))
        if len(chosen):
            axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    panels[2].xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    letter(panels)
    figure.supxlabel(PROBED, fontsize=9)
    return figure


def _probed(axes: Axes, changes: pd.Series, label: str, style: dict[str, Any]) -> None:
    """Size of the change (bits per byte) at each setting that was tried (the index); dotted between, as nothing was."""
    sizes, falls = changes.abs(), changes < 0
    axes.plot(sizes.index, sizes, color=style["color"], linestyle=":", linewidth=0.9)
    marker = {**style, "linestyle": "None", "markersize": 5}
    axes.plot(sizes.index[~falls], sizes[~falls], label=label, **marker)
    axes.plot(sizes.index[falls], sizes[falls], fillstyle="none", zorder=3, **marker)


def _power(size: float, _: object = None) -> str:
    """A tick of the axis of changes: 0, 1, or a power of ten."""
    return "0" if size == 0 else "1" if size == 1 else f"10{str(round(math.log10(size))).translate(RAISED)}"


def _lines(axes: Axes, grid: pd.DataFrame, storages: Sequence[str], figure: str, unit: float) -> None:
    """A line a storage of ``figure``_bpb, means over seeds with their standard error, markers side by side."""
    places = {checkpoint: place for place, checkpoint in enumerate(dict.fromkeys(grid["checkpoint"]))}
    present = [name for name in storages if name in set(grid["storage"])]
    looks = LOOKS_OF_ROLES if is_by_role(grid) else LOOKS
    for position, storage in enumerate(present):
        groups = grid[grid["storage"] == storage].groupby("checkpoint", sort=False)
        error = groups[f"{figure}_se_bpb"].agg(mean_error) * unit
        aside = ASIDE * min(1.0, len(places) / FEW) * (position - (len(present) - 1) / 2)
        axes.errorbar(
            [places[checkpoint] + aside for checkpoint in groups.groups], groups[f"{figure}_bpb"].mean() * unit,
            yerr=error, label=storage, capsize=2, elinewidth=1, **look(looks[storage]) | NO_LINE,
        )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8)
    if present:
        axes.legend(fontsize=8, ncols=1, loc="center left", bbox_to_anchor=(1, 0.5))


def _waterfall(axes: Axes, decomposition: pd.DataFrame, parts: list[str]) -> None:
    gaps = decomposition.groupby("part", sort=False)["gap_bpb"].mean() * 1e3
    errors = decomposition.groupby("part", sort=False)["gap_se_bpb"].agg(mean_error) * 1e3
    reached = 0.0
    for part in parts:
        start = 0.0 if part == TOGETHER else reached
        colour = WHOLE.get(part) or (RISES if gaps[part] >= 0 else FALLS)
        name = FACTOR_NAMES.get(part, part)
        axes.barh(name, gaps[part], left=start, color=colour, height=0.62, xerr=errors[part], capsize=2)
        reached = start + gaps[part]
        text = EXACTLY_ZERO if gaps[part] == errors[part] == 0 else format_value(gaps[part], 2, signed=True)
        right = max(start, reached) + errors[part]
        axes.annotate(text, (right, name), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.margins(x=0.12)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", labelsize=9)


PLOTS: dict[str, Plot] = {
    "waterfall": Plot((decomposition_frame,), waterfall_plot),
    "gap_length": Plot((grid_frame, length_frame), length_plot),
    "probes": Plot((probe_frame,), probe_plot),
}
