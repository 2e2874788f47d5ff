"""Test-time training at other rates than the record's (``measured/test_time_rates_*``): of the paper's tables.

Below such a folder lies a run a record, with ``record.json`` and ``evaluate.json``: the artifact of a kept training,
scored by ``ttt``, the record's method, by ``ttt_…``, which differ from it in the rate alone, and without any.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tritgolf.errors import InputError
from tritgolf.report.metrics import load_run, read_resolved
from tritgolf.report.notes import made_from
from tritgolf.report.rendering import Table
from tritgolf.report.runs import Run
from tritgolf.report.standing import NAMES
from tritgolf.report.statistics import format_value
from tritgolf.report.words import enumerated

RUNS = "test_time_rates_*/*/record.json"
OWN, WITHOUT = "ttt", "sliding"  # the methods with the record's rate and with none
HUNDRED_THOUSANDTHS = 5  # decimals: other rates gain less than a table of scores shows

KeptRates = tuple[Run, pd.DataFrame]
"""A run, and a row a score: ``weights``, ``seed``, ``rate``, ``times`` (by the record's rate) and ``bpb``."""


def read_rates(measured: Path) -> list[KeptRates]:
    """Every run that is kept. ``InputError`` for a method that differs from the record's in more than the rate."""
    return [_read(path) for path in sorted(measured.glob(RUNS))]


def _read(path: Path) -> KeptRates:
    run, methods = load_run(path.parent), read_resolved(path)["evaluate"]["methods"]
    record, own = run.facts.name.partition("@")[0], _rate(methods[OWN])
    others = [name for name in methods if name.startswith(OWN)]
    if unlike := [name for name in others if _at_rate(methods[name], own) != methods[OWN]]:
        raise InputError(path, f"{unlike[0]} differs from {OWN} in more than the rate", "give it another name")
    rows = [
        {
            "weights": NAMES.get(record, record),
            "seed": seed.seed,
            "rate": _rate(methods[name]),
            "times": round(_rate(methods[name]) / own, 6),
            "bpb": seed.method(name).by_published_bytes,
        }
        for seed in run.seeds
        for name in (WITHOUT, *others)
        if name in seed.methods
    ]
    return run, pd.DataFrame(rows).sort_values("times")


def _rate(settings: dict[str, Any]) -> float:
    """What a method trains with; 0 where it doesn't."""
    return float(settings["adapt"][0]["lr"]) if settings["adapt"] else 0.0


def _at_rate(settings: dict[str, Any], rate: float) -> dict[str, Any]:
    return {**settings, "adapt": [{**part, "lr": rate} for part in settings["adapt"]]}


def rates_in_words(kept: Sequence[KeptRates]) -> list[str]:
    """What other rates gain over the record's, seed by seed, and by how much which weights lead at those of both."""
    if not kept:
        return []
    by_rate = _by_rate(kept)
    others = by_rate.drop(columns=[0.0, 1.0], errors="ignore")
    gained = -others.sub(by_rate[1.0], axis=0).groupby("weights").mean()
    best = gained.max().max()
    most = format_value(best, HUNDRED_THOUSANDTHS)
    gain = f"gain at most {most} BPB more" if float(f"{best:.{HUNDRED_THOUSANDTHS}f}") > 0 else "gain no more"
    seeds = enumerated(f"{count} of {name}" for name, count in by_rate.groupby("weights").size().items())
    said = [f"Other rates of test-time training {gain} (seeds: {seeds})."]
    for name, of_it in gained.iterrows():
        if of_it.isna().any():
            said.append(f"Not tried with {name}: {_times(of_it[of_it.isna()].index)} the record's rate.")
    return [" ".join([*said, *_leads(by_rate)])]


def _by_rate(kept: Sequence[KeptRates]) -> pd.DataFrame:
    """BPB: a row a seed of each sort of weights, a column a rate."""
    return pd.concat([frame for _, frame in kept]).pivot_table("bpb", ["weights", "seed"], "times")


def _leads(by_rate: pd.DataFrame) -> list[str]:
    """Of two sorts of weights which leads at every rate that trains, in every seed of both; nothing where none does."""
    names = by_rate.index.unique("weights")
    if len(names) != 2:
        return []
    one, other = (by_rate.loc[name] for name in names)
    apart = (other - one).drop(columns=0.0, errors="ignore").dropna(how="all").dropna(axis="columns")
    if apart.shape[1] < 2 or apart.empty or apart.min().min() <= 0 <= apart.max().max():
        return []
    (first, second), by = (names, apart) if apart.min().min() > 0 else (names[::-1], -apart)
    by_how_much = f"{by.min().min():.4f} to {by.max().max():.4f} BPB"
    return [f"At {_times(by.columns)} the record's rate {first} leads {second} by {by_how_much}."]


def _times(multiples: pd.Index) -> str:
    return f"{enumerated(f'{multiple:g}' for multiple in multiples)} times"


def rates_table(kept: Sequence[KeptRates]) -> Table:
    """A row a seed, a column a rate."""
    by_rate = _by_rate(kept)
    cells = by_rate.map(lambda bpb: format_value(bpb, HUNDRED_THOUSANDTHS))
    cells.columns = ["none" if multiple == 0 else f"{multiple:g} ×" for multiple in by_rate]
    runs = [run for run, _ in kept]
    frame = pd.concat([frame for _, frame in kept])
    shown = cells.reset_index().astype(str)
    return Table("Test-time training at other rates", frame, shown, made_from(runs), left=("weights",))


def rates_caption(kept: Sequence[KeptRates]) -> str:
    """Whose scores they are, and that nothing was chosen by them."""
    rates = sorted({row["rate"] for _, frame in kept for row in frame.to_dict("records") if row["times"] == 1})
    machines = dict.fromkeys(seed.made_by.machine for run, _ in kept for seed in run.seeds)
    return (
        "Sliding BPB by published bytes of artifacts above, by the rate of score-first test-time training: none, or so "
        f"many times the record's, {enumerated((f'{rate:g}' for rate in rates), 'or')}. —: not scored. They show how "
        f"much the rate matters; none was chosen by them. Scored on {enumerated(machines)}."
    )
