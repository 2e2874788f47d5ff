"""The sizes that the logs of a submission print: totals, and models without the code."""

from tritgolf.audit.claimed import claimed_seeds
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission


def has_all_totals(submission: Submission) -> bool:
    """Whether every run of the folder has its total, and every claimed seed a run."""
    logs = submission.readable_logs
    return all(log.total_bytes for log in logs) and set(claimed_seeds(submission)) <= {log.seed for log in logs}


def totals_of(submission: Submission) -> list[float]:
    """The total of each run that has one."""
    return [float(log.total_bytes) for log in submission.readable_logs if log.total_bytes]


def models_of(log: RunLog) -> list[float]:
    """The sizes of a run's compressed models, in bytes."""
    return [float(size) for size in log.models or (log.artifact_bytes,) if size]
