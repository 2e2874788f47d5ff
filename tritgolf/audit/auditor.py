"""Runs the checks on a folder: a submission, or a results folder of ours."""

from pathlib import Path

from tritgolf.audit.checks import LOG_CHECKS, RESULTS_CHECKS, SUBMISSION_CHECKS
from tritgolf.audit.outcome import Finding
from tritgolf.audit.report import Report
from tritgolf.audit.results import Results, is_results, read_results
from tritgolf.audit.submission import Submission, read_logs, read_submission


def audit(path: str | Path, published: str | Path | None = None, against: str | Path | None = None) -> Report:
    """Audit the folder at ``path``.

    ``published``: folder whose logs are known runs (a byte count repeated from one of them shows); ``against``: folder
    with the logs of the record to beat. Raises ``InputError`` if ``path`` is neither a submission nor results.
    """
    if is_results(path):
        return audit_results(read_results(path))
    known = read_logs(published) if published is not None and Path(published).is_dir() else ()
    beaten = read_logs(against) if against is not None else ()
    return audit_submission(read_submission(path, known, beaten))


def audit_submission(submission: Submission) -> Report:
    """Every log check on every log, every submission check on the whole, ordered by theme."""
    findings = [finding for log in submission.logs for finding in LOG_CHECKS.apply(log, log.name)]
    findings += SUBMISSION_CHECKS.apply(submission, submission.path.name)
    there = [f"{len(submission.logs)} logs" if len(submission.logs) != 1 else "1 log"]
    there += [name if found else f"no {name}" for name, found in _parts(submission)]
    return Report(submission.path.resolve().name, ", ".join(there), _by_theme(findings))


def audit_results(results: Results) -> Report:
    """Every compliance check on a results folder."""
    findings = RESULTS_CHECKS.apply(results, results.path.name)
    seeds = ", ".join(str(seed.seed) for seed in results.run.seeds)
    return Report(results.path.resolve().name, f"results of seeds {seeds}", _by_theme(findings))


def _parts(submission: Submission) -> list[tuple[str, bool]]:
    return [
        ("README.md", submission.readme is not None),
        ("submission.json", submission.facts is not None),
        ("script", submission.script is not None),
        ("artifact", submission.artifact is not None),
    ]


def _by_theme(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings with their themes together, in the order in which themes, and checks within them, first appear."""
    themes = list(dict.fromkeys(finding.check.partition(".")[0] for finding in findings))
    checks = list(dict.fromkeys(finding.check for finding in findings))
    return tuple(sorted(findings, key=lambda f: (themes.index(f.check.partition(".")[0]), checks.index(f.check))))
