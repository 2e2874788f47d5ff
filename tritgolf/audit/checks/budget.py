"""Bytes: artifact, code, their sum and the limit."""

from collections import defaultdict

from tritgolf.audit.checks.registers import LOG_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.contest import BYTE_LIMIT
from tritgolf.audit.expected import expected
from tritgolf.audit.intervals import rounds_to
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.submission import Submission
from tritgolf.outcome import Outcome, cant_tell, contradicted, holds, judge


@LOG_CHECKS("budget.sum", "artifact + code = total")
def artifact_and_code_make_the_total(log: RunLog) -> Outcome:
    """Proves that the total less the code is an artifact of the printed size.

    The log prints the artifact in megabytes and code and total in bytes, so the difference must round to what is
    printed. Contradicted: the two lines are not of the same artifact.
    """
    artifact, size = log.artifact, log.artifact_bytes
    if artifact is None or size is None:
        return cant_tell("no artifact line or no budget line")
    return judge(
        rounds_to(size / 1e6, artifact.megabytes),
        f"total − code = {size:,} bytes = {size / 1e6:.2f} MB; the artifact line says {artifact.megabytes} MB",
    )


@LOG_CHECKS("budget.megabytes", "the printed megabytes are the printed bytes")
def megabytes_are_the_bytes(log: RunLog) -> Outcome:
    """Proves that one number was printed twice: bytes, and the same in megabytes (10⁶), rounded."""
    if (budget := log.budget) is None:
        return cant_tell("no budget line")
    return judge(
        rounds_to(budget.total / 1e6, budget.megabytes),
        f"{budget.total:,} bytes are {budget.total / 1e6:.2f} MB; printed {budget.megabytes} MB",
    )


@LOG_CHECKS("budget.fits", "FITS or OVER agrees with the limit")
def verdict_agrees_with_the_limit(log: RunLog) -> Outcome:
    """Proves that the printed verdict is that of the printed total against the printed limit, the contest's own."""
    if (budget := log.budget) is None:
        return cant_tell("no budget line")
    if budget.limit != BYTE_LIMIT:
        return contradicted(f"the printed limit is {budget.limit:,} bytes; the contest's is {BYTE_LIMIT:,}")
    truth = "FITS" if budget.total <= budget.limit else "OVER"
    return judge(
        budget.verdict == truth, f"{budget.total:,} of {budget.limit:,} bytes: {truth}; printed {budget.verdict}"
    )


@LOG_CHECKS("budget.limit", "code and artifact fit 16,000,000 bytes")
def total_is_within_the_limit(log: RunLog) -> Outcome:
    """Proves that the logged total is within the contest's limit, whatever verdict was printed."""
    if (budget := log.budget) is None:
        return cant_tell("no budget line")
    spare = BYTE_LIMIT - budget.total
    word = "spare" if spare >= 0 else "too many"
    return judge(spare >= 0, f"total {budget.total:,} bytes: {abs(spare):,} {word}")


@SUBMISSION_CHECKS("budget.identical", "different runs have different byte counts")
def byte_counts_differ_between_runs(submission: Submission) -> Outcome:
    """Proves that no two runs logged the same ternary bytes.

    The bitmask's size counts nonzero weights, so two trainings give the same number only by a coincidence of about one
    in a thousand at most. Compared with the folder's other logs and with the published ones. (A base-3 size is the
    same for every run and proves nothing; then only the compressed total is compared.)
    """
    logs = [log for log in submission.logs if log.artifact]
    if len(logs) + len(submission.known) < 2 or not logs:
        return cant_tell("fewer than two logs with an artifact line")
    runs = defaultdict(list)
    for log in [*logs, *submission.known]:
        if log.artifact and log.artifact_bytes:
            size = log.artifact_bytes if _is_constant_size(log) else log.artifact.ternary_bytes
            runs[size].append(log)
    repeats = [
        f"{size:,} bytes in {' and '.join(log.name for log in same)}"
        for size, same in runs.items()
        if len(same) > 1 and any(log in logs for log in same)
    ]
    if repeats:
        return contradicted(
            f"the same count to the byte: {'; '.join(repeats)} (which one was copied, the counts don't say)"
        )
    return holds(f"{len(runs)} runs compared, all counts differ")


def _is_constant_size(log: RunLog) -> bool:
    sizes = expected(log)
    return sizes is not None and log.artifact is not None and log.artifact.ternary_bytes == sizes.base3_bytes


@SUBMISSION_CHECKS("budget.script", "the logged code bytes are the script's")
def code_bytes_are_the_scripts(submission: Submission) -> Outcome:
    """Proves that the script in the folder is as long as the code the logs counted (UTF-8 bytes)."""
    logged = {log.artifact.code_bytes for log in submission.logs if log.artifact}
    if submission.script is None or not logged:
        return cant_tell("no script in the folder" if logged else "no artifact line")
    size = submission.script.stat().st_size
    said = ", ".join(f"{count:,}" for count in sorted(logged))
    return judge(logged == {size}, f"{submission.script.name} has {size:,} bytes; logged {said}")
