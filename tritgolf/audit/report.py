"""An audit's findings for people and programs: terminal, Markdown, JSON."""

import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tritgolf.audit.markdown import write_table
from tritgolf.outcome import Finding, Verdict, counted

SCHEMA = "tritgolf/audit/1"
MARKS = {Verdict.HOLDS: "✓", Verdict.CONTRADICTED: "✗", Verdict.CANT_TELL: "·"}
COLOURS = {Verdict.HOLDS: "32", Verdict.CONTRADICTED: "1;31", Verdict.CANT_TELL: "2"}
WORDS = {  # of one check, of several
    Verdict.HOLDS: ("holds", "hold"),
    Verdict.CONTRADICTED: ("contradicted", "contradicted"),
    Verdict.CANT_TELL: ("can't tell", "can't tell"),
}
STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of characters: controls, directions, lone surrogates, line ends
CLAIM_WIDTH = 64


@dataclass(frozen=True)
class Report:
    """All findings on one folder. ``subject``: its name; ``summary``: what was in it; ``notes``: what was left out."""

    subject: str
    summary: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 if anything is contradicted, else 0."""
        return int(any(finding.verdict is Verdict.CONTRADICTED for finding in self.findings))

    @property
    def checks(self) -> list["CheckResult"]:
        """The findings by check, in the order the checks ran."""
        by_check: dict[str, list[Finding]] = {}
        for finding in self.findings:
            by_check.setdefault(finding.check, []).append(finding)
        return [CheckResult(tuple(found)) for found in by_check.values()]

    @property
    def counts(self) -> dict[Verdict, int]:
        """Checks by verdict, of those a check can give."""
        found = Counter(check.verdict for check in self.checks)
        return {verdict: found[verdict] for verdict in WORDS}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON (schema ``tritgolf/audit/1``)."""
        counts = {verdict.value: count for verdict, count in self.counts.items()}
        findings = [asdict(finding) | {"verdict": finding.verdict.value} for finding in self.findings]
        facts = {"subject": self.subject, "summary": self.summary, "exit_code": self.exit_code}
        facts |= {"notes": list(self.notes)}
        return {"schema": SCHEMA, **facts, "checks": counts, "findings": findings}


@dataclass(frozen=True)
class CheckResult:
    """One check's findings on all its subjects; at least one."""

    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The check's name, "theme.what"."""
        return self.findings[0].check

    @property
    def claim(self) -> str:
        """What the check tests."""
        return self.findings[0].claim

    @property
    def verdict(self) -> Verdict:
        """Contradicted if any finding is, else holds if any does, else can't tell."""
        found = {finding.verdict for finding in self.findings}
        return next(v for v in (Verdict.CONTRADICTED, Verdict.HOLDS, Verdict.CANT_TELL) if v in found)

    @property
    def deciding(self) -> list[Finding]:
        """The findings that gave the verdict."""
        return [finding for finding in self.findings if finding.verdict is self.verdict]

    @property
    def share(self) -> str:
        """``2 of 3`` where there is more than one subject."""
        count = len(self.findings)
        return f"{len(self.deciding)} of {count}" if count > 1 else ""


def printable(text: str) -> str:
    """The text with what steers a terminal or turns its direction, as names of files may, as an escape (``\\x1b``)."""
    return "".join(c.encode("unicode_escape").decode() if unicodedata.category(c) in STEERING else c for c in text)


def _printable(report: Report) -> Report:
    findings = tuple(replace(finding, subject=printable(finding.subject), evidence=printable(finding.evidence))
                     for finding in report.findings)  # fmt: skip
    notes = tuple(printable(note) for note in report.notes)
    return Report(printable(report.subject), printable(report.summary), findings, notes)


def terminal(report: Report, width: int = 100, colour: bool = False) -> str:
    """The report as aligned text: one line a check, evidence below what is contradicted, notes, counts."""
    report = _printable(report)
    lines = [_paint(report.subject, "1", colour) + f"  {report.summary}"]
    theme = ""
    for check in report.checks:
        if check.name.partition(".")[0] != theme:
            theme = check.name.partition(".")[0]
            lines += ["", _paint(theme, "1", colour)]
        lines += _lines(check, width, colour)
    summary = " · ".join(_paint(counted(n, WORDS[v]), COLOURS[v], colour) for v, n in report.counts.items())
    for note in report.notes:
        lines += ["", textwrap.fill(f"Note: {note}", width)]
    return "\n".join([*lines, "", summary]) + "\n"


def _lines(check: CheckResult, width: int, colour: bool) -> Iterator[str]:
    mark, paint = MARKS[check.verdict], COLOURS[check.verdict]
    if check.verdict is Verdict.CANT_TELL:
        reason = check.deciding[0].evidence
        line = f"  {mark} {check.claim:<{CLAIM_WIDTH}} {reason}"
        lines = [line] if len(line) <= width else [f"  {mark} {check.claim}", _wrapped(reason, width)]
        yield _paint("\n".join(lines), paint, colour)
        return
    yield _paint(f"  {mark} {check.claim:<{CLAIM_WIDTH}} {check.share}".rstrip(), paint, colour)
    if check.verdict is Verdict.CONTRADICTED:
        for subjects, evidence in _by_evidence(check.deciding):
            text = f"{subjects}: {evidence}" if len(check.findings) > 1 else evidence
            yield _wrapped(text, width)


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent=" " * 6, subsequent_indent=" " * 8)


def _by_evidence(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """(subjects, evidence), subjects with the same evidence together."""
    subjects: dict[str, list[str]] = {}
    for finding in findings:
        subjects.setdefault(finding.evidence, []).append(finding.subject)
    return ((", ".join(names), evidence) for evidence, names in subjects.items())


def _paint(text: str, code: str, colour: bool) -> str:
    return f"\033[{code}m{text}\033[0m" if colour else text


def markdown(report: Report) -> str:
    """The report as a Markdown page: the contradicted checks with evidence first, then all of them."""
    report = _printable(report)
    summary = ", ".join(counted(count, WORDS[verdict]) for verdict, count in report.counts.items())
    parts = [f"# Audit of {report.subject}\n\n{report.summary}. {summary}.\n"]
    parts += [f"Note: {note}.\n" for note in report.notes]
    if wrong := [check for check in report.checks if check.verdict is Verdict.CONTRADICTED]:
        rows = [(c.claim, subjects, evidence) for c in wrong for subjects, evidence in _by_evidence(c.deciding)]
        parts.append("## Contradicted\n\n" + write_table(("claim", "in", "evidence"), rows))
    header = ("", "check", "claim", "verdict", "evidence")
    rows_all = [
        (MARKS[c.verdict], f"`{c.name}`", c.claim, f"{c.verdict.value} {c.share}".strip(), c.deciding[0].evidence)
        for c in report.checks
    ]
    parts.append("## All checks\n\n" + write_table(header, rows_all))
    return "\n".join(parts)
