"""The plots of a record: one function a plot, from tidy frames (``tritgolf.report.frames``) to a figure.

Bands and error bars say in the plot itself what they are. ``PLOTS`` names them all; those of bytes are in
``bytes_plot``, those of checkpoints in ``gap_plot``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tritgolf.report.bytes_plot import bytes_plot
from tritgolf.report.columns import marked
from tritgolf.report.facts import ALL_LAYERS
from tritgolf.report.frames import (
    bytes_frame,
    log_frame,
    roundtrip_frame,
    score_frame,
    temperature_frame,
    validation_frame,
    zero_frame,
)
from tritgolf.report.gap_plot import gap_plot
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_value
from tritgolf.report.step_axis import MANY_TICKS, step_axis
from tritgolf.report.style import COLOURS, GREY, MARKERS, PAPER, colour_of, new_figure

LAYERS = ("attn.qkv", "attn.proj", "mlp.fc", "mlp.proj")  # shown first; others follow
SMOOTHED = 40  # a loss is smoothed over this part of its logged steps


@dataclass(frozen=True)
class Plot:
    """``frames``: the data of a run, which a reader can have as CSV; ``figure`` draws them."""

    frames: tuple[Callable[[Run], pd.DataFrame], ...]
    figure: Callable[..., Figure]

    def draw(self, run: Run) -> Figure:
        """The figure of a run."""
        return self.figure(*self.data(run))

    def data(self, run: Run) -> list[pd.DataFrame]:
        """What the figure of a run shows."""
        return [frame(run) for frame in self.frames]


def loss_plot(log: pd.DataFrame, validation: pd.DataFrame) -> Figure:
    """Training loss by step, smoothed, with validation beside. ``log``: ``log_frame``; ``validation``: its frame."""
    figure = new_figure()
    axes = figure.subplots()
    by_step = log.groupby("step")["loss"].agg(["mean", "min", "max", "count"])
    seeds = log["seed"].nunique()
    by_step = by_step[by_step["count"] == seeds]  # steps that every seed reached
    width = max(1, len(by_step) // SMOOTHED)
    smooth = by_step[["mean", "min", "max"]].rolling(width, center=True, min_periods=1).mean()
    if width > 1:
        axes.plot(by_step.index, by_step["mean"], color=COLOURS[5], linewidth=0.7, alpha=0.8, label="each logged step")
    if seeds > 1:
        axes.fill_between(
            smooth.index, smooth["min"], smooth["max"], color=COLOURS[0], alpha=0.25, linewidth=0,
            label=f"lowest to highest of {seeds} seeds",
        )  # fmt: skip
    label = f"training, mean of {seeds} seeds" if seeds > 1 else "training, one seed"
    axes.plot(smooth.index, smooth["mean"], color=COLOURS[0], label=label + f", of {width} logged steps" * (width > 1))
    _validation(axes, validation)
    axes.set(xlabel="training step", ylabel="loss (nats per token)", title="Training and validation loss")
    axes.legend()
    step_axis(axes)
    return figure


def _validation(axes: Any, validation: pd.DataFrame) -> None:
    """The validation loss of each checkpoint that was scored, with the last one's number."""
    points = validation.groupby("checkpoint", sort=False)[["step", "validation_nats"]].mean()
    if points.empty:
        return
    steps, nats = points["step"], points["validation_nats"]
    axes.plot(steps, nats, linestyle="", marker="D", color=COLOURS[1], label="validation, at checkpoints")
    axes.annotate(
        format_value(nats.iloc[-1], 3), (steps.iloc[-1], nats.iloc[-1]), (0, 7), textcoords="offset points",
        ha="right", color=COLOURS[1], fontsize=10, bbox=PAPER,
    )  # fmt: skip


def zero_plot(zeros: pd.DataFrame) -> Figure:
    """Share of zero trits by layer type over training, what #920's code counts dashed. ``zeros``: ``zero_frame``."""
    figure = new_figure()
    axes = figure.subplots()
    mean = zeros.groupby(["layer", "step"])["zero_fraction"].mean()
    names = {ALL_LAYERS: "all ternary layers", "record": "the record's count"}
    layers = [name for name in dict.fromkeys([*LAYERS, *zeros["layer"]]) if name not in names]
    looks = colour_of(layers) | {ALL_LAYERS: "black", "record": GREY}
    for layer in [name for name in (*layers, *names) if name in mean.index.get_level_values("layer")]:
        axes.plot(
            mean[layer].index, mean[layer] * 100, label=names.get(layer, layer), color=looks[layer],
            linestyle="--" if layer == "record" else "-", linewidth=2.4 if layer == ALL_LAYERS else 1.7,
        )  # fmt: skip
        share = f"{mean[layer].iloc[-1]:.1%}"
        end = (mean[layer].index[-1], mean[layer].iloc[-1] * 100)
        if layer in names:
            axes.annotate(share, end, (0, 7), textcoords="offset points", ha="right", fontsize=10, color=looks[layer])
    axes.set(xlabel="training step", ylabel="trits that are zero (%)", title="Zeros by layer type (mean over seeds)")
    figure.legend(loc="outside right center")
    step_axis(axes)
    return figure


def score_plot(scores: pd.DataFrame) -> Figure:
    """Chunked against sliding BPB of the final artifact, and other methods' beside them, a row a seed.

    ``scores``: ``score_frame``.
    """
    figure = new_figure(height=1.9 + 0.55 * len(scores))
    axes = figure.subplots()
    seeds = [f"seed {seed}" for seed in scores["seed"]]
    slides = "sliding_bpb" in scores
    least = scores["sliding_bpb"] if slides else scores["chunked_bpb"]
    axes.hlines(seeds, least, scores["chunked_bpb"], color=GREY, linewidth=1.2, zorder=1)
    of_length = f" of {scores['window'].iloc[0]}" if slides else ""
    if scores["chunked_bpb"].notna().any():
        chunked = f"chunked: windows{of_length} side by side"
        axes.plot(scores["chunked_bpb"], seeds, "s", color=COLOURS[1], label=chunked)
    if slides:
        sliding = marked(f"sliding: a window every {scores['stride'].iloc[0]} tokens", scores, "sliding_mark")
        axes.plot(scores["sliding_bpb"], seeds, "o", color=COLOURS[0], label=sliding)
    others = [name for name in map(str, scores) if name.endswith("_bpb") and name not in ("chunked_bpb", "sliding_bpb")]
    for place, name in enumerate(others, start=2):
        called = marked(f"{name.removesuffix('_bpb')}: the evaluation method of that name", scores, f"{name[:-4]}_mark")
        axes.plot(scores[name], seeds, MARKERS[place % len(MARKERS)], color=COLOURS[place % len(COLOURS)], label=called)
    for seed, low, high in zip(seeds, least, scores["chunked_bpb"], strict=True):
        difference = ((low + high) / 2, format_value(low - high, 4, signed=True), 6, "center")
        of_sliding = (low, format_value(low, 4), -15, "center")
        for place, text, below, side in (
            *((difference, of_sliding) if slides else ()),
            (high, format_value(high, 4), -15, "center"),
        ):
            if math.isnan(place):  # not scored
                continue
            axes.annotate(
                text, (place, seed), (0, below), textcoords="offset points", ha=side, fontsize=10,
                color="black" if below > 0 else COLOURS[0] if slides and place == low else COLOURS[1],
            )  # fmt: skip
    axes.invert_yaxis()
    axes.margins(x=0.12, y=0.3)
    axes.grid(axis="y", visible=False)
    title = "What more context is worth" if slides else "Scores by method"
    axes.set(xlabel="validation score (bits per byte, lower is better)", title=title)
    figure.legend(loc="outside lower center", ncols=1)
    return figure


def temperature_plot(grid: pd.DataFrame) -> Figure:
    """Calibration loss over temperatures, relative to each seed's best. ``grid``: ``temperature_frame``."""
    figure = new_figure()
    axes = figure.subplots()
    for position, (seed, points) in enumerate(grid.groupby("seed", sort=False)):
        above = (points["calibration_nats"] - points["calibration_nats"].min()) * 1e3
        colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
        axes.plot(points["temperature"], above, label=f"seed {seed}", color=colour, marker=marker)
    axes.axvline(1.0, color=GREY, linestyle="--", linewidth=1.0)
    temperatures = sorted(set(grid["temperature"]))
    if len(temperatures) <= MANY_TICKS:
        axes.set_xticks(temperatures)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda temperature, _: f"{temperature:.2f}"))
    axes.set(
        xlabel="temperature (logits are divided by it; dashed: 1, as trained)",
        ylabel="loss above the best (10⁻³ nats per token)",
        title="Calibration on training tokens",
    )
    axes.legend()
    return figure


PLOTS: dict[str, Plot] = {
    "loss": Plot((log_frame, validation_frame), loss_plot),
    "rt_gap": Plot((roundtrip_frame,), gap_plot),
    "zero_fraction": Plot((zero_frame,), zero_plot),
    "bytes": Plot((bytes_frame,), bytes_plot),
    "sliding": Plot((score_frame,), score_plot),
    "temperature": Plot((temperature_frame,), temperature_plot),
}
