"""Reads a submission folder: README.md, submission.json, logs, the script's size, the artifact's path.

Nothing in the folder is executed or unpickled, symbolic links are not followed, sizes are checked before reading.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tritgolf.audit.log_lines import RunLog
from tritgolf.audit.logs import MAX_LOG_BYTES, read_log
from tritgolf.errors import InputError

MAX_TEXT_BYTES = 4 << 20
MAX_FILES = 2000


@dataclass(frozen=True)
class Submission:
    """A submission folder. ``known``: published logs to compare with; ``against``: logs of the record to beat."""

    path: Path
    logs: tuple[RunLog, ...] = ()
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
    logs = tuple(log for file in files if (log := _log(file, path)) is not None)
    readme = _text(path / "README.md")
    facts, problem = _facts(path / "submission.json")
    if not logs and readme is None and not (path / "submission.json").is_file():
        raise InputError(path, "is not a submission: no log, README.md or submission.json", "give a submission folder")
    if readme is None and not (path / "submission.json").is_file() and not any(log.tells_of_training for log in logs):
        what = (
            f"is not a submission: no README.md or submission.json, and none of its {len(logs)} logs is a training log"
        )
        raise InputError(path, what, "give a submission folder, or results/RECORD with its record.json")
    digests = {log.digest for log in logs}
    return Submission(
        path=path,
        logs=logs,
        readme=readme,
        facts=facts,
        facts_problem=problem,
        script=_script(files),
        artifact=next((file for file in files if file.suffix == ".ptz"), None),
        known=tuple(log for log in known if log.digest not in digests),
        against=against,
    )


def read_logs(folder: str | Path) -> tuple[RunLog, ...]:
    """All logs under ``folder``, named by their path below it, in order."""
    return tuple(log for file in log_files(folder) if (log := _log(file, Path(folder))) is not None)


def log_files(folder: str | Path) -> list[Path]:
    """The files that ``read_logs`` reads."""
    logs = (file for file in _files(Path(folder)) if file.suffix == ".log")
    return [file for file in logs if file.stat().st_size <= MAX_LOG_BYTES]


def _files(folder: Path) -> Iterator[Path]:
    """Regular files below ``folder`` (two levels), sorted; at most ``MAX_FILES``."""
    found = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    return (path for path in found[:MAX_FILES] if path.is_file() and not path.is_symlink())


def _log(file: Path, folder: Path) -> RunLog | None:
    """A .log file, or a .txt file in which a record was found, named by its path below ``folder``."""
    if file.suffix not in (".log", ".txt") or file.stat().st_size > MAX_LOG_BYTES:
        return None
    log = replace(read_log(file), name=file.relative_to(folder).as_posix())
    return log if file.suffix == ".log" or log.is_readable else None


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


def _script(files: list[Path]) -> Path | None:
    """The training script: train_gpt*.py, or the only Python file."""
    scripts = [file for file in files if file.suffix == ".py"]
    named = [file for file in scripts if file.name.startswith("train_gpt")]
    candidates = named or scripts
    return candidates[0] if len(candidates) == 1 else None
