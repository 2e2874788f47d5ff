"""The scores of runs by stage, and the figures that a README or JSON can mean by them: one run's, or a mean of several.

One policy for slack, everywhere: a printed figure agrees with a logged one if it is the logged one rounded or cut off
to its digits (four or more), or if the log itself prints fewer digits and both can be the same number.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from statistics import pstdev
from types import MappingProxyType

from tritgolf.audit.intervals import Printed, mean_interval, rounds_to
from tritgolf.audit.run_log import DIAGNOSTIC, LAST_STEP, RunLog, Stage, of_seed
from tritgolf.report.statistics import mean, sample_std

FEWEST_DIGITS = 4  # of a figure whose last digit may be cut off instead of rounded
MOST_CHOICES = 64  # combinations of runs that are looked at where a seed has several
WORDING = re.compile(r"final_|int\d_?|zlib_?|_window|_eval", re.IGNORECASE)  # what a stage's name may have or not
AS_TRAINED = re.compile(r"(?:diagnostic[ _])?(?:pre-?quant|post[-_]ema)", re.IGNORECASE)  # how such a stage begins
EMPTY: Mapping[int, Sequence[RunLog]] = MappingProxyType({})
OF_ONE_RUN = re.compile(r"seed|run_?id|path|dir$|file|name", re.IGNORECASE)  # settings that differ between equal runs


def agrees(printed: Printed, value: float) -> bool:
    """Whether ``value`` prints so: rounded, or, with four digits or more, cut off."""
    if rounds_to(value, printed):
        return True
    scale = 10.0**printed.decimals
    is_cut = math.isclose(math.trunc(value * scale) / scale, printed.value, abs_tol=1e-12)
    return is_cut and len(printed.text.lstrip("-+0.").replace(".", "")) >= FEWEST_DIGITS


def same(printed: Printed, logged: Printed) -> bool:
    """Whether a stated figure can be the logged one; the log may have fewer digits."""
    return agrees(printed, logged.value) or (
        logged.decimals < printed.decimals and logged.interval.contains(printed.value)
    )


def same_score(first: Printed, second: Printed) -> bool:
    """Whether two figures can be one, whichever is stated with more digits."""
    return same(first, second) or same(second, first)


def is_mean_of(stated: Printed, values: Sequence[Printed]) -> bool:
    """Whether values that print as these, with no more digits than the stated figure, can have it for a mean."""
    coarse = any(0 < value.decimals <= stated.decimals for value in values)
    return coarse and mean_interval([value.interval for value in values]).meets(stated.rounded)


def stds_of(values: Sequence[float]) -> tuple[float, float]:
    """Sample (n − 1) and population standard deviation."""
    return sample_std(list(values)), pstdev(values)


def is_std_of_rows(printed: Printed, rows: Sequence[float], exact: Sequence[float]) -> bool:
    """Whether a std is that of the values as a table rounds them, and that one is theirs up to a tenth.

    Who works with the printed rows gets another last digit, and states nothing false; with rows so coarse that they
    have another spread, something else.
    """
    both = zip(stds_of(rows), stds_of(exact), strict=True)
    return any(rounds_to(of_rows, printed) and abs(of_rows - true) <= true / 10 for of_rows, true in both)


def is_other_spread(printed: Printed, values: Sequence[Printed]) -> bool:
    """Whether what stands behind a ± can be the values' standard error, half their range, or half a 95% interval."""
    from scipy.stats import t  # noqa: PLC0415  (a second of import, seldom needed)

    numbers = [value.value for value in values]
    error = sample_std(numbers) / math.sqrt(len(numbers))
    half = 10.0**-printed.decimals  # rows are rounded themselves
    others = (error, (max(numbers) - min(numbers)) / 2, max(abs(number - mean(numbers)) for number in numbers))
    intervals = (1.96 * error, float(t.ppf(0.975, len(numbers) - 1)) * error)
    return any(abs(printed.value - other) <= half for other in (*others, *intervals))


def stages(log: RunLog) -> dict[str, Stage]:
    """Stage → score, in the order of the log, as ``RunLog.stages`` has them; not to be changed."""
    return log.stages


def stages_of(log: RunLog, printed: Printed, nats: bool = False) -> list[str]:
    """The stages at which a run has this score (in BPB, or in nats a token)."""
    found = {name: stage.printed(nats) for name, stage in stages(log).items()}
    return [name for name, logged in found.items() if logged and same(printed, logged)]


def is_before_storing(log: RunLog, stage: str) -> bool:
    """Whether a stage is of the model as trained, while the log has a score of the stored one."""
    has_stored = any(not DIAGNOSTIC.match(score.name) for score in log.scores)
    return has_stored and (stage == LAST_STEP or AS_TRAINED.match(stage) is not None)


@dataclass(frozen=True)
class Sample:
    """The scores of several runs at one stage, in the order of their names."""

    stage: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    printed: tuple[Printed, ...] = ()

    @property
    def mean(self) -> float:
        """Their mean."""
        return mean(self.values)

    def may_have_mean(self, stated: Printed) -> bool:
        """Whether a stated figure can be their mean, or that of values which the logs print so."""
        return agrees(stated, self.mean) or is_mean_of(stated, self.printed)

    def is_mean_of_rows(self, stated: Printed) -> bool:
        """Whether a stated figure is the mean of the values as a table rounds them, to as many digits as it has."""
        return bool(self.values) and rounds_to(mean(self.as_rows(stated.decimals)), stated)

    def as_rows(self, decimals: int) -> list[float]:
        """The values as a table prints them, to so many digits."""
        return [round(value, decimals) for value in self.values]

    @property
    def stds(self) -> tuple[float, float]:
        """Their sample and population standard deviation."""
        return stds_of(self.values)

    def __str__(self) -> str:
        return f"{self.mean:.8f} over {len(self.values)} runs at {self.stage}"


def samples(
    logs: Sequence[RunLog], seeds: Sequence[int], nats: bool = False, of_rows: Mapping[int, Sequence[RunLog]] = EMPTY
) -> Iterator[Sample]:
    """Every sample whose mean a text can state: all runs, the claimed seeds', those of one configuration or one series.

    ``seeds``: the claimed ones; where a seed has several runs, every choice is a reading, of those ``of_rows`` if it
    has any: the runs that have the score which is stated for the seed.
    """
    seen = set()
    for group in _groups(logs, seeds, of_rows):
        runs = sorted(group, key=lambda log: log.name)
        names = tuple(log.name for log in runs)
        if len(runs) < 2 or names in seen:
            continue
        seen.add(names)
        by_stage = [_comparable(log) for log in runs]
        for stage in by_stage[0]:
            scores = [found[stage].printed(nats) for found in by_stage if stage in found]
            printed = tuple(filter(None, scores))
            if len(printed) == len(runs):
                yield Sample(stage, names, tuple(score.value for score in printed), printed)


def _comparable(log: RunLog) -> dict[str, Stage]:
    """A run's scores by what the stages of different versions of a script have in common, and its last one."""
    found = stages(log)
    named = {WORDING.sub("", stage): score for stage, score in found.items()}
    has_its_end = found and not log.failed
    return named | ({"the end": list(found.values())[-1]} if has_its_end else {})


def _groups(
    logs: Sequence[RunLog], seeds: Sequence[int], of_rows: Mapping[int, Sequence[RunLog]]
) -> Iterator[tuple[RunLog, ...]]:
    choices = [[log for log in of_seed(of_rows.get(seed) or logs, seed) if log in logs] for seed in seeds]
    if choices and all(choices):
        yield from islice(product(*choices), MOST_CHOICES)
    yield tuple(logs)
    for key in (configuration, series):
        by_key: dict[str, list[RunLog]] = defaultdict(list)
        for log in logs:
            by_key[key(log)].append(log)
        yield from (tuple(group) for group in by_key.values())


def configuration(log: RunLog) -> str:
    """A run's settings but those that differ between equal runs: one text for all runs of one configuration."""
    return repr(sorted(pair for pair in log.hyperparameters.items() if not OF_ONE_RUN.search(pair[0])))


def series(log: RunLog) -> str:
    """The file's name without its digits: ``ttt/seed_.log`` for ``ttt/seed_42.log``."""
    path = Path(log.name)
    return f"{path.parent}/{re.sub(r'[0-9]+', '', path.stem)}"
