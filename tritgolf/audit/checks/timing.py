"""Training time, and the averages derived from it."""

from collections.abc import Sequence
from itertools import pairwise

from tritgolf.audit.checks.registers import LOG_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.claimed_runs import bound_runs, surely_claimed, untold
from tritgolf.audit.contest import CLOCK_SLACK_SECONDS, EVALUATION_SECONDS, GPUS, SECONDS_LIMIT
from tritgolf.audit.intervals import Interval, Printed
from tritgolf.audit.log_lines import StepLine
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.audit.track import ten_minutes
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge


def training_is_within_the_limit(log: RunLog) -> Outcome:
    """Whether the logged training time is within the contest's limit to the letter, as the ledger asks.

    Runs without a time limit are not judged.
    """
    if log.train_ms is None:
        return cant_tell("no training time")
    seconds, configured = log.train_ms / 1000, log.setting_float("max_wallclock_seconds")
    if not configured:
        return cant_tell(f"{seconds:,.1f} s, and the run was configured without a time limit")
    return judge(seconds <= SECONDS_LIMIT, f"{seconds:.3f} s of {SECONDS_LIMIT:.0f} s")


@SUBMISSION_CHECKS("timing.limit", "training took at most 600 s")
def runs_are_within_the_limit(submission: Submission) -> Outcome:
    """Proves that each run which the score is of trained within the contest's time, up to the slack of its clock.

    The published scripts look at the clock after a step: a run that stops up to 1 s, or one step, past the limit is
    within it, and told. Runs on fewer GPUs are not judged, nor those of other tracks, nor, unless the score of a record
    is surely theirs, those configured for another time. More GPUs than the contest's may only break the rule. Nor is a
    run whose fitting to the validation text, counted nowhere, is too long for training and for evaluation.
    """
    logs = bound_runs(submission, lambda log: log.rough_train_ms)
    if not logs:
        return cant_tell("no training time")
    longest = f"{max(_seconds(log) for log in logs):,.3f} s at most"
    if ten_minutes(submission) is False:
        return holds(f"not of the 10-minute track, so no limit; {longest}")
    bound = bound_by_time(logs, submission)
    over = [f"{_seconds(log):.3f} s ({log.name})" for log in bound if _seconds(log) > SECONDS_LIMIT + _slack(log)]
    if over:
        return contradicted(
            f"{', '.join(over)}; limit {SECONDS_LIMIT:.0f} s, slack {CLOCK_SLACK_SECONDS:.0f} s or a step"
        )
    if reason := why_not_bound(logs, bound):
        return cant_tell(f"{longest}, and {reason}")
    close = [f"{_seconds(log):.3f} s ({log.name})" for log in bound if _seconds(log) > SECONDS_LIMIT]
    slack = f"; within the slack of the clock, which is looked at after a step: {', '.join(close)}" if close else ""
    if silent := untold(submission, lambda log: log.rough_train_ms):
        return cant_tell(f"{longest}; {silent}")
    longest = f"{max(_seconds(log) for log in bound):,.3f} s at most{slack}{fitting(bound)}"
    return cant_tell(longest) if any(map(fits_no_limit, bound)) else holds(longest)


def fitting(logs: Sequence[RunLog]) -> str:
    """What evidence says of fitting to the validation text that no clock counts; "" of none."""
    most = max((log.fitting_seconds for log in logs), default=0.0)
    return f", besides {most:.1f} s of fitting to the text before storing, which neither clock counts" if most else ""


def fits_no_limit(log: RunLog) -> bool:
    """Whether a run's fitting breaks the rule as training and as evaluation: which of the two it is, no rule says."""
    as_evaluation = sum(log.needed_seconds) + log.fitting_seconds > EVALUATION_SECONDS
    return as_evaluation and _seconds(log) + log.fitting_seconds > SECONDS_LIMIT + _slack(log)


def _seconds(log: RunLog) -> float:
    return (log.rough_train_ms or 0.0) / 1000


def _slack(log: RunLog) -> float:
    """How far past the limit a run may stop, seconds: its clock is looked at after a step."""
    return max(CLOCK_SLACK_SECONDS, (log.step_ms or 0.0) / 1000)


def bound_by_time(logs: Sequence[RunLog], submission: Submission) -> list[RunLog]:
    """The runs that the contest's time binds, be it of training or of evaluation.

    It does where a run was configured for it, or is of the 10-minute track and printed eight GPUs or more; one that was
    configured for a longer time only if the claimed score is surely its own.
    """
    is_record = ten_minutes(submission) is True
    its_score = surely_claimed(submission) if is_record else frozenset()
    return [log for log in logs if _is_bound(log, is_record, log.name in its_score)]


def _is_bound(log: RunLog, is_record: bool, is_its_score: bool) -> bool:
    cap = log.setting_float("max_wallclock_seconds")
    if log.gpus is not None and log.gpus != GPUS:
        return log.gpus > GPUS and is_its_score
    if cap is None:
        return log.gpus == GPUS and is_record
    return 0 < cap <= SECONDS_LIMIT or (log.gpus == GPUS and is_its_score)


def why_not_bound(logs: Sequence[RunLog], bound: Sequence[RunLog]) -> str:
    """Why runs are not judged by the contest's time; "" where all are on eight GPUs and some are bound."""
    others = {log.gpus: log.name for log in reversed(logs) if log.gpus not in (GPUS, None)}
    if others and (max(others) > GPUS or not bound):
        told = ", ".join(f"{gpus} GPU{'s' * (gpus != 1)} ({name})" for gpus, name in sorted(others.items()))
        return f"the limit is for {GPUS} GPUs, not {told}"
    if bound:
        return ""
    free = logs[0].setting_float("max_wallclock_seconds")
    if free is None:
        return "the log tells neither the time that the run was configured for nor eight GPUs"
    return f"the run was configured {f'for {free:,.0f} s' if free else 'without a time limit'}"


@LOG_CHECKS("timing.stop", "the stop line repeats the last validation's time and step")
def stop_line_agrees(log: RunLog) -> Outcome:
    """Proves that the early-stop line is of the same moment as the last validation line."""
    if log.stop is None or log.stop.step is None or log.final is None or log.final.train_ms is None:
        return cant_tell("no early stop, or no validation after it")
    stop, final = (log.stop.train_ms.value, log.stop.step), (log.final.train_ms.value, log.final.step)
    is_one_time = abs(stop[0] - final[0]) <= _precision(log.stop.train_ms) + _precision(log.final.train_ms)
    return judge(
        is_one_time and stop[1] == final[1],
        f"stop line {stop[0]:.0f} ms at step {stop[1]}; validation {final[0]:.0f} ms at {final[1]}",
    )


def _precision(time: Printed) -> float:
    """By how much a time may be rounded, ms: nothing where ms are printed, half a last digit of seconds."""
    return 500 * 10.0**-time.decimals if time.decimals else 0.0


def wrong_averages(log: RunLog) -> list[StepLine]:
    """Step lines whose average can't be elapsed time / steps, at the printed precision."""
    return [line for line in log.steps if line.average_ms and line.elapsed_ms and not _is_average(line, since=0.0)]


def _is_average(line: StepLine, since: float) -> bool:
    """Whether the printed average can be the time since ``since`` (ms) over all steps so far."""
    if line.average_ms is None or line.elapsed_ms is None or line.step == 0:
        return False
    elapsed = line.elapsed_ms.rounded
    possible = Interval((elapsed.low - since) / line.step, (elapsed.high - since) / line.step)
    return possible.meets(line.average_ms.rounded)


@LOG_CHECKS("timing.averages", "step averages are time divided by steps")
def averages_are_time_over_steps(log: RunLog) -> Outcome:
    """Proves that each printed average is the printed time over the printed step.

    Where it isn't, the evidence says whether it is the time since the last validation over *all* steps: a clock that
    was restarted with a count that was not.
    """
    averaged = [line for line in log.steps if line.average_ms and line.elapsed_ms]
    if not averaged:
        return cant_tell("no step line with an average")
    wrong = wrong_averages(log)
    if not wrong:
        return holds(f"{len(averaged)} averages")
    restarted = sum(is_since_validation(log, line) for line in wrong)
    smallest = min(line.average_ms.value for line in wrong if line.average_ms)
    return judge(
        False,
        f"{len(wrong)} of {len(averaged)} are not t/step (down to {smallest} ms); "
        f"{restarted} are the time since the last validation over all steps so far",
    )


def is_since_validation(log: RunLog, line: StepLine) -> bool:
    """Whether a step's average is the time since the validation before it over all steps so far."""
    earlier = [v.train_ms.value for v in log.validations if v.train_ms and v.step < line.step]
    return bool(earlier) and _is_average(line, since=earlier[-1])


@LOG_CHECKS("timing.order", "time and steps only grow")
def time_only_grows(log: RunLog) -> Outcome:
    """Proves that the log's lines are of one run in order: steps and elapsed times increase from line to line.

    A run that says that it was resumed may print steps again.
    """
    points = [(line.step, line.elapsed_ms.value) for line in log.steps if line.elapsed_ms]
    if len(points) < 2 or log.resumes:
        return cant_tell(f"resumed: '{log.resumes[0]}'" if log.resumes else "fewer than two step lines")
    back = [b[0] for a, b in pairwise(points) if b[0] <= a[0] or b[1] <= a[1]]
    return judge(not back, f"goes back at step {back[0]}" if back else f"{len(points)} step lines in order")
