"""The audited leaderboard: every submission below a folder, with what it claims, what its logs give, and what holds."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritgolf.audit.auditor import audit_submission
from tritgolf.audit.claimed import claimed_seeds, counting, printed_of, stated_scores
from tritgolf.audit.contest import RECORD_MARGIN_NATS
from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.published import read_csv
from tritgolf.audit.report import Report
from tritgolf.audit.scores import agrees, samples, stages, stages_of
from tritgolf.audit.significance import WelchTest, improvement
from tritgolf.audit.submission import Submission, read_submission
from tritgolf.audit.track import ten_minutes
from tritgolf.errors import InputError
from tritgolf.report.statistics import mean

NOTES = "repro_notes.csv"
SUFFIXES = (".log", ".txt", ".json")
DATED = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Rerun:
    """Somebody's rerun of a submission: who, what they got, in their words; evidence of a kind of its own."""

    by: str
    claimed: str
    reproduced: str
    source: str
    facts: str


@dataclass(frozen=True)
class Scored:
    """The runs that a claimed score is of: the stage, and each run's bits a byte and nats a token there."""

    stage: str = ""
    runs: tuple[RunLog, ...] = ()
    bpb: tuple[float, ...] = ()
    nats: tuple[float, ...] = ()


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
        match = DATED.match(self.folder)
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


def read_leaderboard(folder: str | Path) -> list[Row]:
    """Every submission below ``folder``, by date and name, with the notes of reruns that lie beside them.

    Raises ``InputError`` where there is none.
    """
    folder = Path(folder)
    notes = list(read_csv(folder / NOTES)) if (folder / NOTES).is_file() else []
    rows = []
    for submission in _submissions(folder):
        path = submission.path
        reruns = [Rerun(note["by"], note["claimed"], note["reproduced"], note["source"], note["facts"])
                  for note in notes if note["folder"] == path.name]  # fmt: skip
        report = audit_submission(submission)
        rows.append(
            Row(path.name, submission, report, claimed_score(submission), claimed_runs(submission), tuple(reruns))
        )
    if not rows:
        raise InputError(folder, "holds no submission folders", "name a folder whose folders are submissions")
    return sorted(rows, key=lambda row: (row.date, row.folder))


def _submissions(folder: Path) -> Iterator[Submission]:
    """The submissions of the first level below the folder that has any; three levels at most."""
    if not folder.is_dir():
        raise InputError(folder, "is not a folder", "name a folder whose folders are submissions")
    for level in ("*", "*/*", "*/*/*"):
        folders = sorted(path for path in folder.glob(level) if path.is_dir() and not path.is_symlink())
        found = [submission for path in folders if (submission := _submission(path)) is not None]
        if found:
            yield from found
            return


def _submission(path: Path) -> Submission | None:
    """The submission in a folder that has its own README.md, JSON or log; None for any other."""
    if not any(file.is_file() and (file.name == "README.md" or file.suffix in SUFFIXES) for file in path.iterdir()):
        return None
    try:
        return read_submission(path)
    except InputError:
        return None


def claimed_score(submission: Submission) -> Printed | None:
    """What the submission says that it scores: in submission.json, else in its README's text."""
    stated = stated_scores(submission.readme)
    return printed_of((submission.facts or {}).get("val_bpb")) or (stated[0].printed if stated else None)


def claimed_runs(submission: Submission) -> Scored:
    """The runs whose mean the claimed score is, or of which it is one; where no log has it, those that count.

    With one run's score stand the other seeds' at the same stage.
    """
    claimed = claimed_score(submission)
    logs = tuple(log for log in counting(submission) if stages(log))
    if not logs:
        return Scored()
    seeds = claimed_seeds(submission)
    named = {log.name: log for log in logs}
    in_nats = {(sample.stage, sample.names): sample.values for sample in samples(logs, seeds, nats=True)}
    for sample in samples(logs, seeds) if claimed else ():
        if claimed and agrees(claimed, sample.mean):
            runs = tuple(named[name] for name in sample.names)
            return Scored(sample.stage, runs, sample.values, in_nats[sample.stage, sample.names])
    owner = next((log for log in logs if claimed and stages_of(log, claimed)), None)
    if owner is None or claimed is None:
        return _at_stage(logs, list(stages(logs[0]))[-1])
    others = [log for log in logs if log.seed != owner.seed and log.dialect == owner.dialect]
    return _at_stage((owner, *others), stages_of(owner, claimed)[-1])


def _at_stage(logs: Sequence[RunLog], stage: str) -> Scored:
    """The runs that have a score at this very stage."""
    found = {log.name: stages(log)[stage] for log in logs if stage in stages(log)}
    runs = tuple(log for log in logs if log.name in found)
    scores = [found[log.name] for log in runs]
    return Scored(stage, runs, tuple(s.bpb.value for s in scores), tuple(s.nats.value for s in scores))


@dataclass(frozen=True)
class Comparison:
    """A record against the standing one: the test, and in which unit (nats a token, or BPB across texts)."""

    against: str
    unit: str
    test: WelchTest


def comparisons(rows: Sequence[Row]) -> dict[str, Comparison]:
    """Folder → its test against the best mean before it, of the 10-minute track; only where both have two runs.

    In nats a token with the contest's margin where both score one text in one vocabulary; else in BPB, without one.
    """
    found: dict[str, Comparison] = {}
    standing: Row | None = None
    for row in rows:
        if not row.is_of_the_track or not row.scored.bpb:
            continue
        if standing is not None and min(len(row.scored.bpb), len(standing.scored.bpb)) >= 2:
            found[row.folder] = _compared(row, standing)
        if standing is None or mean(row.scored.bpb) < mean(standing.scored.bpb):
            standing = row
    return found


def _compared(row: Row, standing: Row) -> Comparison:
    if row.text == standing.text and row.text[0]:
        test = improvement(row.scored.nats, standing.scored.nats, RECORD_MARGIN_NATS)
        return Comparison(standing.folder, "nats", test)
    return Comparison(standing.folder, "BPB", improvement(row.scored.bpb, standing.scored.bpb, 0.0))
