"""The time of sliding evaluations against the strides that they print."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tritgolf.audit.checks.registers import SUBMISSION_CHECKS
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds

SAME_TIME = 0.25  # run times within this share count as the same; halving the stride doubles them
# Settings that leave the work of a sliding evaluation alone (the stride, whose effect is known, among them). Runs that
# differ in any other setting are not compared.
NOT_THE_WORK = {
    "seed", "run_id", "sliding_eval_stride", "iterations", "max_wallclock_seconds", "warmdown_fraction", "warmup_steps",
    "checkpoint_dir", "checkpoint_every", "train_log_every", "val_loss_every",
}  # fmt: skip


@SUBMISSION_CHECKS("evaluation.run_time", "runs of different stride took different time")
def run_time_follows_stride(submission: Submission) -> Outcome:
    """Proves that the strides printed in different runs fit their evaluation times.

    The number of windows, so the time, goes as 1/stride if all else is equal: only runs of the same model, evaluation
    settings and number of GPUs are compared. Contradicted: two of them whose printed strides differ by a factor took
    the same time. Two of one stride may differ: a machine may be slower.
    """
    of_the_script = [log for log in submission.readable_logs if log.dialect == "ternary"]
    groups = [runs for runs in runs_by_work(of_the_script) if len(runs) > 1]
    if not groups:
        return cant_tell("no two sliding results with stride and time whose settings make for the same work")
    pairs = [(first, run) for first, *others in groups for run in others if not _fit(first, run)]
    odd = [
        f"{run.name} took {run.seconds:.0f} s at stride {run.stride}, {first.name} {first.seconds:.0f} s at stride "
        f"{first.stride}"
        for first, run in pairs
    ]
    wrong = any(first.stride != run.stride and _is_same_time(first.seconds, run.seconds) for first, run in pairs)
    compared = [run for runs in groups for run in runs]
    times = ", ".join(f"{run.seconds:.0f} s" for run in compared)
    strides = sorted({run.stride for run in compared})
    if odd:
        return contradicted("; ".join(odd)) if wrong else cant_tell("; ".join(odd))
    return holds(f"strides {strides}, times {times}")


class SlidingRun(NamedTuple):
    """A sliding evaluation: the log's name, the printed stride, and the seconds it took."""

    name: str
    stride: int
    seconds: float


def runs_by_work(logs: Iterable[RunLog]) -> list[list[SlidingRun]]:
    """The sliding results that have a stride and a time, those whose work is the same but for the stride together.

    The work follows from the settings (all but ``NOT_THE_WORK``), the parameter count and the number of GPUs; logs
    that print no settings are left out.
    """
    groups: dict[tuple[object, ...], list[SlidingRun]] = {}
    for log in logs:
        result = log.sliding
        if not (log.hyperparameters and result and result.stride and result.eval_ms):
            continue
        if result.stride > 0 and result.eval_ms.value > 0:
            settings = sorted(pair for pair in log.hyperparameters.items() if pair[0] not in NOT_THE_WORK)
            run = SlidingRun(log.name, result.stride, result.eval_ms.value / 1000)
            groups.setdefault((*settings, log.parameters, log.gpus), []).append(run)
    return list(groups.values())


def took_one_time(runs: Sequence[SlidingRun]) -> bool:
    """Whether the runs took the same time, whatever strides they print."""
    return all(_is_same_time(a.seconds, b.seconds) for a in runs for b in runs)


def _fit(a: SlidingRun, b: SlidingRun) -> bool:
    """Whether two runs' times are as their strides."""
    return _is_same_time(a.seconds * a.stride, b.seconds * b.stride)


def _is_same_time(a: float, b: float) -> bool:
    return abs(math.log(a / b)) <= math.log(1 + SAME_TIME)
