"""Reads a submission folder: README.md, submission.json, the runs of its logs, scripts, the artifact's path.

Nothing in the folder is executed or unpickled, symbolic links are not followed, sizes are checked before reading.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tritgolf.audit.facts import NAME as FACTS
from tritgolf.audit.facts import is_facts, read_facts
from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.logs import MAX_LOG_BYTES, read_runs
from tritgolf.errors import InputError

MAX_TEXT_BYTES = 4 << 20
MAX_FILES = 2000
POINTER = b"version https://git-lfs"


@dataclass(frozen=True)
class Submission:
    """A submission folder. ``known``: published logs to compare with; ``against``: logs of the record to beat.

    ``logs``: its runs, each once; ``copies``: (name, name of the run it repeats) of what is a run's copy; ``scripts``:
    all Python files; ``recognized``: (name, name of the known run that it is); ``unread``: names of logs and texts in
    which no run was found.
    """

    path: Path
    logs: tuple[RunLog, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()
    recognized: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    scripts: tuple[Path, ...] = ()
    readme: str | None = None
    facts: dict[str, Any] | None = None
    facts_problem: str = "no submission.json"
    script: Path | None = None
    artifact: Path | None = None
    known: tuple[RunLog, ...] = field(default=(), repr=False)
    against: tuple[RunLog, ...] = field(default=(), repr=False)

    @property
    def readable_logs(self) -> tuple[RunLog, ...]:
        """The logs in which any record was found."""
        return tuple(log for log in self.logs if log.is_readable)

    def not_in_readme(self, what: str) -> str:
        """``what`` is not in README.md, or there is no README.md: the reason why a check of it can't tell."""
        return what if self.readme is not None else "no README.md"


def read_submission(path: str | Path, known: tuple[RunLog, ...] = (), against: tuple[RunLog, ...] = ()) -> Submission:
    """Read the folder at ``path``; one without any log, README.md or submission.json is an ``InputError``."""
    path = Path(path)
    if not path.is_dir():
        raise InputError(path, "is not a folder", "give a submission folder (README.md, submission.json, logs)")
    files = list(_files(path))
    every_run = [log for file in files for log in _logs(file, path)]
    logs, copies = distinct(every_run)
    readme = _text(path / "README.md")
    facts_file = _facts_file(path, files)
    facts, problem = _facts(facts_file)
    _refuse_what_is_none(path, logs, is_told=readme is not None or facts_file.is_file())
    known_names = {log.fingerprint: log.name for log in known if log.is_readable}
    recognized = tuple((log.name, known_names[log.fingerprint]) for log in logs if log.fingerprint in known_names)
    its_own = {log.fingerprint for log in logs}
    scripts = tuple(file for file in files if file.suffix == ".py")
    return Submission(
        path=path,
        logs=logs,
        copies=copies,
        recognized=recognized,
        unread=_unread(path, files, every_run),
        scripts=scripts,
        readme=readme,
        facts=facts,
        facts_problem=problem,
        script=_script(scripts),
        artifact=next((file for file in files if file.suffix == ".ptz" and not _is_pointer(file)), None),
        known=tuple(log for log in known if log.fingerprint not in its_own),
        against=against,
    )


def _refuse_what_is_none(path: Path, logs: tuple[RunLog, ...], is_told: bool) -> None:
    """Raise where the folder holds nothing to audit; ``is_told``: whether it has a README.md or submission.json."""
    if not logs and not is_told:
        raise InputError(path, "is not a submission: no log, README.md or submission.json", "give a submission folder")
    if not is_told and not any(log.tells_of_training for log in logs):
        what = (
            f"is not a submission: no README.md or submission.json, and none of its {len(logs)} logs is a training log"
        )
        raise InputError(path, what, "give a submission folder, or results/RECORD with its record.json")


def distinct(logs: Sequence[RunLog]) -> tuple[tuple[RunLog, ...], tuple[tuple[str, str], ...]]:
    """Each run once, and (name, name of the run it repeats) for the others.

    Of a run and its copies the one stays whose name tells its seed (``train.log`` is often a copy of one of those).
    """
    runs: dict[str, RunLog] = {}
    for log in logs:
        first = runs.setdefault(log.fingerprint, log)
        if first is not log and _names_seed(log) and not _names_seed(first):
            runs[log.fingerprint] = log
    copies = ((log.name, runs[log.fingerprint].name) for log in logs if runs[log.fingerprint] is not log)
    return tuple(log for log in logs if runs[log.fingerprint] is log), tuple(copies)


def _is_pointer(file: Path) -> bool:
    """Whether Git LFS left its pointer in a file's place."""
    with file.open("rb") as content:
        return content.read(len(POINTER)) == POINTER


def _unread(path: Path, files: Sequence[Path], runs: Sequence[RunLog]) -> tuple[str, ...]:
    """The names of .log and .txt files in which no run was found; lists of packages are none."""
    readable = {run.name.partition("#")[0] for run in runs if run.is_readable}
    names = (file.relative_to(path).as_posix() for file in files
             if file.suffix in (".log", ".txt") and not file.name.startswith("requirements"))  # fmt: skip
    return tuple(name for name in names if name not in readable)


def _names_seed(log: RunLog) -> bool:
    return log.seed is not None and str(log.seed) in re.findall(r"\d+", Path(log.name).stem)


def read_logs(folder: str | Path) -> tuple[RunLog, ...]:
    """All logs under ``folder``, and runs of published facts as logs, named by their path below it, in order."""
    return tuple(log for file in log_files(folder) for log in _logs(file, Path(folder)))


def log_files(folder: str | Path) -> list[Path]:
    """The files that ``read_logs`` reads."""
    files = [file for file in _files(Path(folder)) if file.stat().st_size <= MAX_LOG_BYTES]
    return [file for file in files if file.suffix == ".log" or is_facts(file)]


def _files(folder: Path) -> Iterator[Path]:
    """Regular files below ``folder`` (two levels), sorted; at most ``MAX_FILES``."""
    found = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    return (path for path in found[:MAX_FILES] if path.is_file() and not path.is_symlink())


def _logs(file: Path, folder: Path) -> list[RunLog]:
    """The runs of a .log, of a .txt in which records were found, or of published facts, by their path in ``folder``."""
    if file.name == FACTS and is_facts(file):
        above = file.parent.relative_to(folder)
        return [replace(run, name=(above / run.name).as_posix()) for run in read_facts(file)]
    if file.suffix not in (".log", ".txt") or file.stat().st_size > MAX_LOG_BYTES:
        return []
    name = file.relative_to(folder).as_posix()
    runs = [replace(run, name=name + run.name.removeprefix(file.name)) for run in read_runs(file)]
    return [run for run in runs if file.suffix == ".log" or run.is_readable]


def _text(file: Path) -> str | None:
    if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_TEXT_BYTES:
        return None
    return file.read_text(encoding="utf-8", errors="replace")


def _facts(file: Path) -> tuple[dict[str, Any] | None, str]:
    text = _text(file)
    if text is None:
        return None, "no submission.json"
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError):
        return None, "submission.json is not JSON"
    return (facts, "") if isinstance(facts, dict) else (None, "submission.json is not a mapping")


def _facts_file(path: Path, files: Sequence[Path]) -> Path:
    """submission.json; without one, the only file of the folder that is called submission_NAME.json."""
    named = [file for file in files if file.parent == path and re.fullmatch(r"submission\w+\.json", file.name)]
    usual = path / "submission.json"
    return named[0] if len(named) == 1 and not usual.is_file() else usual


def _script(scripts: Sequence[Path]) -> Path | None:
    """The training script: train_gpt.py, the only other train_gpt*.py, or the only Python file."""
    named = [file for file in scripts if file.name.startswith("train_gpt")]
    usual = [file for file in named if file.name == "train_gpt.py"]
    candidates = usual or named or scripts
    return candidates[0] if len(candidates) == 1 else None
