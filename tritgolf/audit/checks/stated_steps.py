"""Steps of training that submission.json states, against the steps at which the logs' training ended."""

from collections.abc import Iterator, Sequence

from tritgolf.audit.checks.figures_held import Kind, hold_all
from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.checks.sure_runs import groups, numbers_of, sure_runs
from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.json_steps import StatedSteps, stated_steps
from tritgolf.audit.listing import MOST_QUOTED, first_of
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.scores import agrees
from tritgolf.audit.submission import Submission
from tritgolf.audit.wholeness import reaches_its_end
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds
from tritgolf.report.statistics import mean

STOP = "stopping"  # in the line that says where training was stopped
OF_ONE_TRAINING = 2  # how many times as many or as few: beyond that it may count another phase, or each GPU's steps


@SUBMISSION_CHECKS("json.steps", "submission.json's steps are the logs'")
def json_steps_are_logged(submission: Submission) -> Outcome:
    """Proves that each count of steps in submission.json is that at which training ended in a run's log, or a mean.

    Contradicted is a count of what is surely one run, whose log says at which step it was stopped, and has the count
    nowhere else. Off by one, rounded, or with the steps of warm-up, it is left open.
    """
    kind = Kind("steps of training", stated_steps, lambda log, _: _last_step(log),
                lambda _: "where its training ended", _held)  # fmt: skip
    return hold_all(submission, kind)


def _held(submission: Submission, stated: StatedSteps, logs: Sequence[RunLog], told: str) -> Outcome:
    if not stated.summary and any(_is_of(stated, _last_step(log)) for log in logs):
        return holds(told)
    summaries = _summaries(submission, stated.summary, logs) if stated.figure.seed is None else ()
    if any(_is_of(stated, steps) for steps in summaries):
        return holds(f"{told}, the {stated.summary or 'mean'} of the logs")
    told += f"; logs {first_of([f'{_last_step(log)} ({log.name})' for log in logs], MOST_QUOTED)}"
    return contradicted(told) if _is_another_count(submission, stated) else cant_tell(told)


def _is_of(stated: StatedSteps, steps: float) -> bool:
    return agrees(stated.figure.printed, steps)


def _last_step(log: RunLog) -> int:
    """The step at which training ended: where it was stopped, or the last validation of a log that goes on behind it.

    0 where the log doesn't tell: one that is cut ends anywhere.
    """
    if log.stop_step is not None or not log.final or not reaches_its_end(log):
        return log.stop_step or 0
    return log.final.step if log.scores or log.final.step == log.final.total else 0


def _summaries(submission: Submission, summary: str, logs: Sequence[RunLog]) -> Iterator[float]:
    """The means of runs, or smallest or largest of them, that a count of the submission can be."""
    of = {"min": min, "max": max}.get(summary, mean)
    for group in groups(submission, logs):
        if group and len(group) >= len(claimed_seeds(submission)):
            yield of([_last_step(log) for log in group])


def _is_another_count(submission: Submission, stated: StatedSteps) -> bool:
    """Whether the one run that a count is surely of was stopped at another step, and it can mean nothing else."""
    runs = sure_runs(submission, stated.figure)
    if len(runs) != 1 or stated.summary or not stated.figure.printed.value.is_integer():
        return False
    log, count = runs[0], int(stated.figure.printed.value)
    stop = log.stop_step
    if stop is None or not _is_surely_its_end(log, stop):
        return False
    is_of_one_training = stop < OF_ONE_TRAINING * count < OF_ONE_TRAINING**2 * stop
    may_be = any(map(stated.may_be, (stop, *(stop + steps for steps in _warmups(log)))))
    return is_of_one_training and not may_be and count not in numbers_of(log)


def _is_surely_its_end(log: RunLog, stop: int) -> bool:
    """Whether nothing in a log is of a second training, or of steps after the stop."""
    printed = [line.step for lines in (log.steps, log.validations) for line in lines]
    return sum(STOP in line.lower() for line in log.lines) == 1 and max(printed, default=0) <= stop and not log.resumes


def _warmups(log: RunLog) -> Sequence[int]:
    """How many steps of warm-up a run had, if its log says so: a count may include them."""
    return [steps for steps in (log.setting_int("warmup_steps"), max(log.warmups, default=None)) if steps]
