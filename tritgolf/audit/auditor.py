"""Runs the checks on a folder: a submission, or a results folder of ours."""

from pathlib import Path

from tritgolf.audit.checks import LOG_CHECKS, RESULTS_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.dialects import SCRIPT_RULES
from tritgolf.audit.dialects import named as dialect_named
from tritgolf.audit.listing import CALLED_A_LOG, first_of, in_words
from tritgolf.audit.report import Report
from tritgolf.audit.results import Results, is_results, read_results
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission, read_logs, read_submission
from tritgolf.errors import InputError
from tritgolf.outcome import Finding
from tritgolf.progress import progress

NOT_COMPARED = (
    "not compared with the logs of published runs (for repeated byte counts and batch losses): no folder of theirs was "
    "named or found; name it with --published FOLDER"
)


def audit(path: str | Path, published: str | Path | None = None, against: str | Path | None = None) -> Report:
    """Audit the folder at ``path``.

    ``published``: folder whose logs are known runs (a byte count repeated from one of them shows); without it the
    report of a submission has a note that they were left out. ``against``: folder with the logs of the record to beat.
    Raises ``InputError`` if ``path`` is neither a submission nor results, or if a folder named has no logs.
    """
    known = _named_logs(published, "--published")
    beaten = _named_logs(against, "--against")
    if is_results(path):
        return audit_results(read_results(path))
    notes = (NOT_COMPARED,) if published is None else ()
    return audit_submission(read_submission(path, known, beaten), notes)


def _named_logs(folder: str | Path | None, option: str) -> tuple[RunLog, ...]:
    """Logs of a folder that the user named with ``option``; none if it wasn't."""
    if folder is None:
        return ()
    if not Path(folder).is_dir():
        raise InputError(folder, "is not a folder", f"give a folder of logs after {option}, or leave it out")
    if not (logs := read_logs(folder)):
        raise InputError(folder, "has no logs (*.log)", f"give a folder of logs after {option}, or leave it out")
    return logs


def audit_submission(submission: Submission, notes: tuple[str, ...] = ()) -> Report:
    """Every log check on every run it applies to, every submission check on the whole, ordered by theme.

    The checks of one family's script are left out where no run is of that family. ``notes``: as they are.
    """
    logs = progress(submission.logs, what="check logs", unit="runs")
    findings = [finding for log in logs for finding in LOG_CHECKS.apply(log, log.name, _not_for(log))]
    findings += SUBMISSION_CHECKS.apply(submission, submission.path.name)
    there = [f"{len(submission.logs)} logs" if len(submission.logs) != 1 else "1 log"]
    there += _parts(submission)
    notes = (*notes, *_left_out(submission))
    notes = (*notes, *(f"{name} is the published run {known}" for name, known in submission.recognized))
    return Report(submission.path.resolve().name, ", ".join(there), _by_theme(findings), notes)


def _left_out(submission: Submission) -> list[str]:
    """What of a folder is not read, logs in which nothing was found, texts that are none, each in a line."""
    no_run = [name for name in submission.unread if CALLED_A_LOG.search(name)]
    return [
        *filter(None, [in_words(submission.not_read)]),
        *([f"no run found in: {first_of(no_run)}"] if no_run else []),
        *(f"{problem}, so nothing is held against it" for problem in submission.broken),
    ]


def _not_for(log: RunLog) -> frozenset[str]:
    """The checks that hold a log to another family's script."""
    return SCRIPT_RULES - dialect_named(log.dialect).rules


def audit_results(results: Results) -> Report:
    """Every compliance check on a results folder."""
    findings = RESULTS_CHECKS.apply(results, results.path.name)
    seeds = ", ".join(str(seed.seed) for seed in results.run.seeds)
    return Report(results.path.resolve().name, f"results of seeds {seeds}", _by_theme(findings))


def _parts(submission: Submission) -> list[str]:
    """What a submission has besides logs, and what it lacks."""
    return [
        submission.not_in_readme(submission.readme_name),
        submission.facts_problem or "submission.json",
        _scripts(submission),
        _artifact(submission),
    ]


def _artifact(submission: Submission) -> str:
    """Whether there is an artifact, and which one is read where there are several."""
    if submission.artifact is None:
        return "no artifact"
    return "artifact" if submission.has_one_artifact else f"several artifacts ({submission.artifact.name} is read)"


def _scripts(submission: Submission) -> str:
    """How many scripts there are, and which is taken for the counted one where there are several."""
    if len(submission.scripts) <= 1:
        return "script" if submission.scripts else "no script"
    which = f" ({submission.script.name} is taken)" if submission.script else ""
    return f"{len(submission.scripts)} scripts{which}"


def _by_theme(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings with their themes together, in the order in which themes, and checks within them, first appear."""
    themes = list(dict.fromkeys(finding.check.partition(".")[0] for finding in findings))
    checks = list(dict.fromkeys(finding.check for finding in findings))
    return tuple(sorted(findings, key=lambda f: (themes.index(f.check.partition(".")[0]), checks.index(f.check))))
