"""Times of a run's seeds by the hardware that trained them: means over different hardware are those of none."""

import math
import re
from collections.abc import Callable, Iterable

import pandas as pd

from tritgolf.report.rendering import is_time
from tritgolf.report.statistics import format_value, mean

LONG = re.compile(r"NVIDIA | \d+GB.*")  # of a GPU's name, what its short form leaves out


def on_several(seeds: pd.DataFrame) -> bool:
    """Whether the seeds of a ``seed_frame`` were trained on different hardware."""
    return "hardware" in seeds and seeds["hardware"].nunique() > 1


def summed_up(seeds: pd.DataFrame, figure: str, summarize: Callable[[Iterable[float]], float]) -> float:
    """``summarize`` of a column over seeds; NaN for times on different hardware."""
    return math.nan if is_time(figure) and on_several(seeds) else summarize(seeds[figure])


def pace_by_hardware(
    seeds: pd.DataFrame, show: Callable[[pd.Series], str] = lambda paces: format_value(mean(paces), 1)
) -> str:
    """ms/step as ``show`` prints the seeds of one hardware: ``143.4 on 4×H200, 301.5 on 2×H100``."""
    if not on_several(seeds):
        return show(seeds["ms_per_step"])
    paces = [(str(name), show(group)) for name, group in seeds.groupby("hardware", sort=False)["ms_per_step"]]
    short = [LONG.sub("", name).replace(" × ", "×") for name, _ in paces]
    names = short if len(set(short)) == len(short) else [name for name, _ in paces]
    return ", ".join(f"{pace} on {name}" for name, (_, pace) in zip(names, paces, strict=True))


def machines_note(seeds: pd.DataFrame) -> tuple[str, ...]:
    """Which seeds were trained on what, where that differs; ``seeds``: a ``seed_frame``."""
    if not on_several(seeds):
        return ()
    machines = seeds.groupby("hardware", sort=False)["seed"].apply(list)
    record = seeds["record"].iloc[0]
    each = "; ".join(f"{machine}: {', '.join(map(str, names))}" for machine, names in machines.items())
    return (f"The seeds of {record} were trained on different hardware ({each}): times have no mean over it.",)
