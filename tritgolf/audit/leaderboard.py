"""The audited leaderboard: every submission below a folder, with what it claims, what its logs give, and what holds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tritgolf.audit.auditor import audit_submission
from tritgolf.audit.claimed_runs import Scored, claimed_runs, claimed_score
from tritgolf.audit.contest import RECORD_MARGIN_NATS
from tritgolf.audit.intervals import Printed
from tritgolf.audit.report import Report
from tritgolf.audit.reruns import Rerun, reruns_of
from tritgolf.audit.significance import WelchTest, improvement
from tritgolf.audit.submission import Submission, read_submission
from tritgolf.audit.submission_folders import find_submissions, names_of
from tritgolf.audit.track import ten_minutes
from tritgolf.errors import InputError
from tritgolf.progress import progress
from tritgolf.report.statistics import mean

DATED = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Row:
    """One submission: its claimed score, the scores of its runs by seed at the stage that it claims, and the audit."""

    folder: str
    submission: Submission
    report: Report
    claimed: Printed | None
    scored: Scored
    reruns: tuple[Rerun, ...] = ()

    @property
    def date(self) -> str:
        """The day in the folder's name; "" if there is none."""
        match = DATED.match(self.submission.path.name)
        return match[0] if match else ""

    @property
    def text(self) -> tuple[str, int | None]:
        """The vocabulary and the validation text's tokens in it: nats a token compare where both are equal."""
        runs = self.scored.runs
        vocabulary = next(
            (log.hyperparameters["vocab_size"] for log in runs if "vocab_size" in log.hyperparameters), ""
        )
        return vocabulary, next((log.validation_tokens for log in runs if log.validation_tokens), None)

    @property
    def is_of_the_track(self) -> bool:
        """Whether it is of the 10-minute track, or nothing says that it isn't."""
        return ten_minutes(self.submission) is not False


@dataclass(frozen=True)
class Leaderboard:
    """The submissions below a folder by date and name, and (name, reason) of the folders in it that are not read."""

    rows: tuple[Row, ...]
    not_read: tuple[tuple[str, str], ...] = ()


def read_leaderboard(folder: str | Path) -> Leaderboard:
    """Every submission below ``folder``, at any depth, with the notes of reruns that lie beside them.

    Raises ``InputError`` where there is none.
    """
    folder = Path(folder)
    found = find_submissions(folder)
    names = names_of(found.folders, folder)
    reruns = reruns_of(folder, names)
    rows: list[Row] = []
    not_read = dict((*found.not_read, *reruns.not_read))
    problem: InputError | None = None
    for path, name in progress(names.items(), what="audit", unit="submissions"):
        try:
            submission = read_submission(path)
        except InputError as error:
            problem, not_read[path.relative_to(folder).as_posix()] = error, error.what
            continue
        report = audit_submission(submission)
        rows.append(Row(name, submission, report, claimed_score(submission), claimed_runs(submission), reruns.of[path]))
    if problem is not None and not rows:
        raise problem
    return Leaderboard(tuple(sorted(rows, key=lambda row: (row.date, row.folder))), tuple(sorted(not_read.items())))


@dataclass(frozen=True)
class Comparison:
    """A record against the standing one: the test, and in which unit (nats a token, or BPB across texts)."""

    against: str
    unit: str
    test: WelchTest


def comparisons(rows: Sequence[Row]) -> dict[str, Comparison]:
    """Folder → its test against the best mean of earlier days, of the 10-minute track; only where both have two runs.

    A submission without a date is compared with none. In nats a token with the contest's margin where both score one
    text in one vocabulary; else in BPB, without one.
    """
    found: dict[str, Comparison] = {}
    dated = [row for row in rows if row.date and row.is_of_the_track and row.scored.bpb]
    for row in dated:
        earlier = [other for other in dated if other.date < row.date]
        standing = min(earlier, key=lambda other: mean(other.scored.bpb), default=None)
        if standing is not None and min(len(row.scored.bpb), len(standing.scored.bpb)) >= 2:
            found[row.folder] = _compared(row, standing)
    return found


def _compared(row: Row, standing: Row) -> Comparison:
    if row.text == standing.text and row.text[0] and row.scored.nats and standing.scored.nats:
        test = improvement(row.scored.nats, standing.scored.nats, RECORD_MARGIN_NATS)
        return Comparison(standing.folder, "nats", test)
    return Comparison(standing.folder, "BPB", improvement(row.scored.bpb, standing.scored.bpb, 0.0))
