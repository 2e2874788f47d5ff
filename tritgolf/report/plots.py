"""The plots of a record: one function a plot, from a tidy frame (``tritgolf.report.frames``) to a figure.

Bands and error bars say in the plot itself what they are. ``PLOTS`` names them all.
"""

import math
from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from tritgolf.report.facts import ALL_LAYERS
from tritgolf.report.frames import bytes_frame, log_frame, roundtrip_frame, score_frame, temperature_frame, zero_frame
from tritgolf.report.runs import Run
from tritgolf.report.statistics import format_value
from tritgolf.report.style import COLOURS, GREY, MARKERS, colour_of, look, new_figure

# Those shown first and in these colours; others follow.
KINDS = ("trits", "scales", "table", "projections", "mixes", "vectors")
LAYERS = ("attn.qkv", "attn.proj", "mlp.fc", "mlp.proj")
LONG_RUN = 30  # ratio of last to first checkpoint from which their axis is logarithmic
TICK_ROOM = 0.1  # of an axis that a number takes
TICK_LINES = 2  # of numbers below an axis
MANY_TICKS = 8  # up to so many checkpoints or temperatures each has its own tick


def loss_plot(log: pd.DataFrame) -> Figure:
    """Training loss by step: mean over seeds and the range of all seeds. ``log``: ``log_frame``."""
    figure = new_figure()
    axes = figure.subplots()
    by_step = log.groupby("step")["loss"].agg(["mean", "min", "max", "count"])
    by_step = by_step[by_step["count"] == log["seed"].nunique()]  # steps that every seed reached
    seeds = log["seed"].nunique()
    if seeds > 1:
        axes.fill_between(
            by_step.index, by_step["min"], by_step["max"], color=COLOURS[0], alpha=0.25, linewidth=0,
            label=f"lowest to highest of {seeds} seeds",
        )  # fmt: skip
    axes.plot(by_step.index, by_step["mean"], color=COLOURS[0], label="mean over seeds" if seeds > 1 else "one seed")
    axes.set(xlabel="training step", ylabel="training loss (nats per token)", title="Training loss of each batch")
    axes.legend()
    step_axis(axes)
    return figure


def gap_plot(roundtrip: pd.DataFrame) -> Figure:
    """Roundtrip gap against training length, a line a storage. ``roundtrip``: ``roundtrip_frame``."""
    figure = new_figure()
    axes = figure.subplots()
    storages = list(dict.fromkeys(roundtrip["storage"]))
    # Seeds under a time budget end at different steps: a checkpoint stands at their mean.
    steps = roundtrip.groupby("checkpoint", sort=False)["step"].mean().tolist()
    logarithmic = steps[-1] >= LONG_RUN * steps[0]
    several = roundtrip["seed"].nunique() > 1
    for position, storage in enumerate(storages):
        groups = roundtrip[roundtrip["storage"] == storage].groupby("checkpoint", sort=False)
        gap = groups["gap_bpb"].mean() * 1e3
        bar = (groups["gap_bpb"].std(ddof=1) if several else groups["gap_se_bpb"].mean()) * 1e3
        # Storages often agree to the width of a marker: set them side by side.
        aside = position - (len(storages) - 1) / 2
        at = groups["step"].mean()
        beside = at * 1.03**aside if logarithmic else at + aside * 0.012 * (steps[-1] - steps[0] or 1)
        axes.errorbar(
            beside, gap, yerr=bar, label=storage, capsize=3, elinewidth=1.2, **look(position),
        )  # fmt: skip
    axes.axhline(0, color="black", linewidth=0.8)
    bars = "± sample std over seeds" if several else "± standard error, paired over windows"
    axes.set(
        xlabel="training step of the checkpoint (markers set side by side)",
        ylabel="roundtrip gap ($10^{-3}$ bits per byte)",
        title=f"What export and reload cost ({bars})",
    )
    step_axis(axes, steps, logarithmic)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


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
    axes.set(xlabel="training step", ylabel="trits that are zero (%)", title="Zeros by layer type (mean over seeds)")
    figure.legend(loc="outside right center")
    step_axis(axes)
    return figure


def bytes_plot(sizes: pd.DataFrame) -> Figure:
    """Payload bytes by kind of tensor, a bar a storage, with the compressed file beside. ``sizes``: ``bytes_frame``."""
    mean = sizes.groupby(["storage", "kind"], sort=False)["payload_bytes"].mean().unstack("kind", fill_value=0)
    files = sizes.groupby("storage", sort=False)["artifact_bytes"].mean()
    largest = mean.sum(axis=1).max()
    unit, name = (1e6, "MB") if largest >= 1e6 else (1e3, "kB")
    figure = new_figure(height=2.1 + 0.5 * len(mean))
    axes = figure.subplots()
    left = pd.Series(0.0, index=mean.index)
    kinds = list(dict.fromkeys([*KINDS, *mean.columns]))
    for kind, colour in colour_of(kinds).items():
        if kind in mean and mean[kind].any():
            axes.barh(mean.index, mean[kind] / unit, left=left, color=colour, height=0.6, label=kind)
            left += mean[kind] / unit
    axes.plot(files / unit, files.index, linestyle="", marker="D", color="black", mec="white", label="compressed file")
    limit = int(sizes["byte_limit"].iloc[0])
    room = limit - int(sizes["code_bytes"].max())  # code counts too
    title = "Bytes of the artifact by kind of tensor, before compression"
    if room < 2 * largest:
        axes.axvline(room / unit, color="black", linestyle="--", linewidth=1.2, label="room for the file")
    else:
        title += f"\n(room for a compressed file: {room / 1e6:,.2f} MB, off the scale)"
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=f"size ({name})", ylabel="storage", title=title)
    lines, bars = axes.get_lines(), axes.containers
    figure.legend(handles=[*bars, *lines], loc="outside lower center", ncols=4)
    return figure


def score_plot(scores: pd.DataFrame) -> Figure:
    """Chunked against sliding BPB of the final artifact, and other methods' beside them, a row a seed.

    ``scores``: ``score_frame``.
    """
    figure = new_figure(height=1.8 + 0.5 * len(scores))
    axes = figure.subplots()
    seeds = [f"seed {seed}" for seed in scores["seed"]]
    axes.hlines(seeds, scores["sliding_bpb"], scores["chunked_bpb"], color=GREY, linewidth=1.2, zorder=1)
    stride, window = scores["stride"].iloc[0], scores["window"].iloc[0]
    axes.plot(scores["chunked_bpb"], seeds, "s", color=COLOURS[1], label=f"chunked: windows of {window} side by side")
    axes.plot(scores["sliding_bpb"], seeds, "o", color=COLOURS[0], label=f"sliding: a window every {stride} tokens")
    others = [name for name in map(str, scores) if name.endswith("_bpb") and name not in ("chunked_bpb", "sliding_bpb")]
    for place, name in enumerate(others, start=2):
        called = f"{name.removesuffix('_bpb')}: the evaluation method of that name"
        axes.plot(scores[name], seeds, MARKERS[place % len(MARKERS)], color=COLOURS[place % len(COLOURS)], label=called)
    for seed, low, high in zip(seeds, scores["sliding_bpb"], scores["chunked_bpb"], strict=True):
        middle = ((low + high) / 2, seed)
        difference = format_value(low - high, 4, signed=True)
        axes.annotate(difference, middle, (0, 6), textcoords="offset points", ha="center", fontsize=10)
    axes.invert_yaxis()
    axes.margins(x=0.08, y=0.25)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="validation score (bits per byte, lower is better)", title="What more context is worth")
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
        xlabel="temperature (logits are divided by it; 1 = as trained)",
        ylabel="loss above the best ($10^{-3}$ nats per token)",
        title="Calibration on training tokens",
    )
    axes.legend()
    return figure


def step_axis(axes: Axes, steps: Sequence[float] = (), logarithmic: bool = False) -> None:
    """Training steps with thousands separators; a tick at each of ``steps`` where they are few.

    Of steps too close for their numbers to stand side by side the earlier one is named a line lower.
    """
    if logarithmic:
        axes.set_xscale("log")
    if 0 < len(steps) <= MANY_TICKS:
        axes.set_xticks(steps, _staggered(steps, logarithmic))
        axes.xaxis.set_minor_locator(NullLocator())
        return
    if not logarithmic:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))


def _thousands(step: float, _: object = None) -> str:
    return f"{step:,.0f}"


def _staggered(steps: Sequence[float], logarithmic: bool) -> list[str]:
    """The numbers at ``steps`` (in order), a line lower where the next is nearer than ``TICK_ROOM`` of the axis.

    Empty where the next one on that line is as near too.
    """
    places = [math.log(step) if logarithmic else step for step in steps]
    room = TICK_ROOM * (places[-1] - places[0])
    labels: list[str] = []
    named = [math.inf] * TICK_LINES  # a line: the place of the tick to the right that has its number there
    for step, place in zip(reversed(steps), reversed(places), strict=True):
        line = next((line for line, right in enumerate(named) if right - place >= room), None)
        labels.append("" if line is None else "\n" * line + _thousands(step))
        if line is not None:
            named[line] = place
    return labels[::-1]


PLOTS: dict[str, Callable[[Run], Figure]] = {
    "loss": lambda run: loss_plot(log_frame(run)),
    "rt_gap": lambda run: gap_plot(roundtrip_frame(run)),
    "zero_fraction": lambda run: zero_plot(zero_frame(run)),
    "bytes": lambda run: bytes_plot(bytes_frame(run)),
    "sliding": lambda run: score_plot(score_frame(run)),
    "temperature": lambda run: temperature_plot(temperature_frame(run)),
}
