"""Times that submission.json states, against the clocks of the logs."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from tritgolf.audit.checks.figures_held import Kind, hold_all
from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.sure_runs import groups, numbers_of, sure_runs
from tritgolf.audit.json_times import Clock, StatedTime, stated_times
from tritgolf.audit.listing import MOST_QUOTED, first_of
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import agrees
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds
from tritgolf.report.statistics import mean

SCALES = (1e3, 1.0, 1e-3, 1 / 60, 1 / 60e3)  # of milliseconds, seconds and minutes to each other
MOST_EVALUATIONS = 16  # of a log that are added up, the last ones: their sums grow with the square
ROUNDED_STEPS = 2e-3  # by how much of it a time may fall short that is worked out of steps and their rounded average


@SUBMISSION_CHECKS("json.times", "submission.json's times are the logs'")
def json_times_are_logged(submission: Submission) -> Outcome:
    """Proves that each time of submission.json is one that a run's log prints of that clock, a sum of them, or a mean.

    An evaluation's time may be that of several evaluations one after the other. Contradicted is only a training time
    that is shorter than the clock of the very runs it is of: a clock around the script, or an evaluation that was run
    again, tells another time, and nothing false.
    """
    kind = Kind("time of training or evaluation in a unit", stated_times, lambda log, stated: _times(log, stated.clock),
                lambda stated: f"its {stated.clock} time", _held)  # fmt: skip
    return hold_all(submission, kind)


def _held(submission: Submission, stated: StatedTime, logs: Sequence[RunLog], told: str) -> Outcome:
    if any(stated.is_of(seconds) for log in logs for seconds in _times(log, stated.clock)):
        return holds(told)
    if stated.figure.seed is None and any(map(stated.is_of, _means(submission, logs, stated.clock))):
        return holds(f"{told}, a mean")
    told += f"; logs {first_of([f'{_times(log, stated.clock)[-1]:.3f} s ({log.name})' for log in logs], MOST_QUOTED)}"
    return contradicted(told) if _is_too_short(submission, stated) else cant_tell(told)


def _times(log: RunLog, clock: Clock) -> list[float]:
    """Seconds that a log has of a clock: of training, or of evaluations, alone and of several in a row."""
    if clock == "training":
        clocks = [log.train_ms, log.stop.train_ms.value if log.stop else None, log.rough_train_ms]
        return [each / 1000 for each in dict.fromkeys(clocks) if each]
    seconds = log.evaluation_seconds[-MOST_EVALUATIONS:]
    return [total for first in range(len(seconds)) for total in accumulate(seconds[first:])]


def _means(submission: Submission, logs: Sequence[RunLog], clock: Clock) -> Iterator[float]:
    """The means of runs that a time of the submission can be."""
    for group in groups(submission, logs):
        times = [_times(log, clock) for log in group]
        if times and len({len(each) for each in times}) == 1:
            yield from (mean(of_runs) for of_runs in zip(*times, strict=True))


def _is_too_short(submission: Submission, stated: StatedTime) -> bool:
    """Whether a measured training time is shorter than the clock of each run that it can be of, beyond doubt.

    Only of runs that their clock stopped: any other takes as long as its machine when it is repeated.
    """
    if stated.clock != "training" or not stated.is_measured:
        return False
    logs = sure_runs(submission, stated.figure)
    clocks = [min(_times(log, "training")) for log in logs if log.train_ms and log.stop and not log.resumes]
    is_short = len(clocks) == len(logs) > 0 and all(stated.seconds < clock * (1 - ROUNDED_STEPS) for clock in clocks)
    return is_short and not any(_has_in_its_text(log, stated) for log in logs)


def _has_in_its_text(log: RunLog, stated: StatedTime) -> bool:
    """Whether any number of a log, in whichever unit, is the time, or what the clock has beyond it."""
    clock = (log.train_ms or 0.0) / 1000
    numbers = numbers_of(log)
    of_any_unit = (number * scale for number in numbers for scale in SCALES)
    beyond = (clock - number * scale for number in numbers for scale in (1.0, 1e-3))
    return any(agrees(stated.figure.printed, number) for number in of_any_unit) or any(map(stated.is_of, beyond))
