"""Test-time training at other rates than the record's (``measured/test_time_rates_*``): of the paper and its tables.

Below such a folder lies a run a record, with ``record.json`` and ``evaluate.json``: the artifact of a kept training,
scored by ``ttt``, the record's method, and by ``ttt_…``, which differ from it in the rate alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tritgolf.report.metrics import load_run, read_resolved
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.standing import NAMES
from tritgolf.report.statistics import format_value
from tritgolf.report.words import enumerated

RUNS = "test_time_rates_*/*/record.json"
OWN, WITHOUT = "ttt", "sliding"  # the methods with the record's rate and with none
PLACE = "isobyte_tables.md#test-time-training-at-other-rates"

KeptRates = tuple[Run, pd.DataFrame]
"""A run, and a row a score: ``weights``, ``seed``, ``rate``, ``times`` (by the record's rate) and ``bpb``."""


def read_rates(measured: Path) -> list[KeptRates]:
    """Every run that is kept."""
    return [_read(path.parent) for path in sorted(measured.glob(RUNS))]


def _read(folder: Path) -> KeptRates:
    run, methods = load_run(folder), read_resolved(folder / "record.json")["evaluate"]["methods"]
    record = run.facts.name.partition("@")[0]
    own = _rate(methods[OWN])
    rows = [
        {
            "weights": NAMES.get(record, record),
            "seed": seed.seed,
            "rate": _rate(methods[name]),
            "times": _rate(methods[name]) / own,
            "bpb": scored.by_published_bytes,
        }
        for seed in run.seeds
        for name, scored in seed.methods.items()
        if name.startswith(OWN) or name == WITHOUT
    ]
    return run, pd.DataFrame(rows).sort_values("times")


def _rate(settings: dict[str, Any]) -> float:
    """What a method trains with; 0 where it doesn't."""
    return float(settings["adapt"][0]["lr"]) if settings["adapt"] else 0.0


def rates_in_words(kept: Sequence[KeptRates]) -> list[str]:
    """What the best rate gains over the record's, and by how much one sort of weights leads at every shared rate."""
    if not kept:
        return []
    means = {frame["weights"].iloc[0]: frame.groupby("times")["bpb"].mean() for _, frame in kept}
    seeds = kept[0][1]["seed"].nunique()
    more = max(0.0, *(bpb[1.0] - bpb.min() for bpb in means.values()))
    gain = f"gain at most {more:.5f} BPB more" if more else "gain no more"
    said = [f"Other rates of test-time training {gain} ([table]({PLACE}), {seeds} seed{'s' * (seeds > 1)} of each)."]
    if len(means) == 2:
        said += _lead(*means.items())
    return [" ".join(said)]


def _lead(one: tuple[str, pd.Series], other: tuple[str, pd.Series]) -> list[str]:
    """Which of two leads at every rate that trains and that both were scored at; nothing where neither does."""
    (first, ahead), (second, behind) = sorted((one, other), key=lambda named: named[1][1.0])
    leads = (behind - ahead).dropna().drop(0.0, errors="ignore")
    if leads.min() <= 0 or len(leads) == 1:
        return []
    times = enumerated(f"{times:g}" for times in leads.index)
    by = f"{leads.min():.4f} to {leads.max():.4f} BPB"
    return [f"At {times} times the record's rate {first} leads {second} by {by}."]


def rates_table(kept: Sequence[KeptRates]) -> Table:
    """A row a seed, a column a rate."""
    frame = pd.concat([frame for _, frame in kept])
    shown = frame.pivot_table("bpb", ["weights", "seed"], "times").reset_index()
    cells = shown.apply(
        lambda column: column.map(lambda bpb: format_value(bpb, 5)) if isinstance(column.name, float) else column
    ).astype(str)
    cells.columns = ["none" if name == 0 else f"{name:g} ×" if isinstance(name, float) else name for name in cells]
    return Table(
        "Test-time training at other rates", frame, cells, made_from([run for run, _ in kept]), left=("weights",)
    )


def rates_caption(kept: Sequence[KeptRates]) -> str:
    """Whose scores they are, and that nothing was chosen by them."""
    [rate] = {row["rate"] for _, frame in kept for row in frame.to_dict("records") if row["times"] == 1}
    machines = dict.fromkeys(seed.made_by.machine for run, _ in kept for seed in run.seeds)
    return (
        f"Sliding BPB by published bytes of the runs above with these seeds, by the rate of score-first test-time "
        f"training: none, or so many times the record's, {rate:g}. —: not scored. They show how much the rate matters; "
        f"none was chosen by them. Scored on {enumerated(machines)}."
    )
