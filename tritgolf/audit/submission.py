"""Reads a submission folder: README.md, submission.json, the runs of its logs, scripts, the artifact's path.

Nothing in the folder is executed or unpickled, symbolic links are not followed, sizes are checked before reading.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tritgolf.audit.facts import NAME as FACTS
from tritgolf.audit.facts import is_facts, read_facts
from tritgolf.audit.json_facts import as_written, lifted
from tritgolf.audit.listing import ARTIFACTS, JSON, README, Listing, files_below, in_words, is_log, list_folder
from tritgolf.audit.logs import MAX_LOG_BYTES, read_runs
from tritgolf.audit.readme_text import as_read
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.transcript import decode
from tritgolf.errors import InputError
from tritgolf.progress import progress

MAX_TEXT_BYTES = 4 << 20
OTHER_README = re.compile(r".*readme.*\.(?:md|markdown)|readme(?:\.(?:txt|rst))?|submission\.md", re.IGNORECASE)
NO_LOG = re.compile(r"requirements|readme", re.IGNORECASE)  # how the names of some .txt begin
POINTER = b"version https://git-lfs"
NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,15})(?:\.\d{1,18})?", re.ASCII)
UNITS = {
    "bpb": re.compile(r"\s*bp[bp]$", re.IGNORECASE),
    "bytes": re.compile(r"\s*(?:bytes|B)$"),
}  # by a word of the key


@dataclass(frozen=True, eq=False)  # each is itself alone: what is found out about it is kept by that
class Submission:
    """A submission folder. ``known``: published logs to compare with; ``against``: logs of the record to beat.

    ``logs``: its runs, each once; ``copies``: (name, name of the run it repeats) of what is a run's copy; ``scripts``:
    all Python files; ``readme_name``: of the text that is read as README.md; ``recognized``: (name, name of the known
    run that it is); ``unread``: names of logs and texts in which no run was found; ``not_read``: (name, reason) of what
    was not read; ``unread_logs``: what of that may be logs.
    """

    path: Path
    logs: tuple[RunLog, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()
    recognized: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    not_read: tuple[tuple[str, str], ...] = ()
    unread_logs: tuple[str, ...] = ()
    scripts: tuple[Path, ...] = ()
    readme: str | None = None
    readme_name: str = README
    readme_problem: str = "no README.md"
    facts: dict[str, Any] | None = None
    facts_problem: str = "no submission.json"
    script: Path | None = None
    artifact: Path | None = None
    has_one_artifact: bool = True
    known: tuple[RunLog, ...] = field(default=(), repr=False)
    against: tuple[RunLog, ...] = field(default=(), repr=False)

    @cached_property
    def readable_logs(self) -> tuple[RunLog, ...]:
        """The logs in which any record was found."""
        return tuple(log for log in self.logs if log.is_readable)

    @property
    def broken(self) -> tuple[str, ...]:
        """What is wrong with a README.md or submission.json that is there."""
        problems = [
            self.readme_problem if self.readme is None else "",
            self.facts_problem if self.facts is None else "",
        ]
        return tuple(problem for problem in problems if problem and not problem.startswith("no "))

    def not_in_readme(self, what: str) -> str:
        """``what`` is not in README.md, or why that was not read: the reason why a check of it can't tell."""
        return what if self.readme is not None else self.readme_problem


def read_submission(path: str | Path, known: tuple[RunLog, ...] = (), against: tuple[RunLog, ...] = ()) -> Submission:
    """Read the folder at ``path``; one without any log, README.md or submission.json is an ``InputError``."""
    path = Path(path)
    if not path.is_dir():
        raise InputError(path, "is not a folder", "give a submission folder (README.md, submission.json, logs)")
    listing = list_folder(path)
    files = listing.files
    every_run = [log for file in _told(files) for log in _logs(file, path)]
    logs, copies = distinct(every_run)
    others = [file for file in files if file.parent == path and OTHER_README.fullmatch(file.name)]
    readme_file = listing.named(path, README) or (others[0] if len(others) == 1 else None)
    readme = _text(readme_file)
    facts_file = listing.named(path, JSON) or _named_facts(path, files)
    facts, problem = _facts(facts_file)
    _refuse_what_is_none(path, logs, listing, is_told=readme_file is not None or facts_file is not None)
    known_names = {log.fingerprint: log.name for log in known if log.is_readable}
    recognized = tuple((log.name, known_names[log.fingerprint]) for log in logs if log.fingerprint in known_names)
    its_own = {log.fingerprint for log in logs}
    scripts = tuple(file for file in files if file.suffix == ".py")
    artifacts = [file for file in files if file.suffix in ARTIFACTS and not _is_pointer(file)]
    return Submission(
        path=path,
        logs=logs,
        copies=copies,
        recognized=recognized,
        unread=_unread(path, files, every_run),
        scripts=scripts,
        not_read=listing.not_read,
        unread_logs=listing.unread_logs,
        readme=as_read(readme) if readme is not None else None,
        readme_name=readme_file.name if readme_file is not None else README,
        readme_problem=_readme_problem(readme_file, others),
        facts=facts,
        facts_problem=problem,
        script=_script(scripts),
        artifact=next(iter(artifacts), None),
        has_one_artifact=len(artifacts) == 1,
        known=tuple(log for log in known if log.fingerprint not in its_own),
        against=against,
    )


def _refuse_what_is_none(path: Path, logs: tuple[RunLog, ...], listing: Listing, is_told: bool) -> None:
    """Raise where the folder holds nothing to audit; ``is_told``: whether it has a README.md or submission.json."""
    left_out = f" ({in_words(listing.not_read)})" if listing.not_read else ""
    if not logs and not is_told:
        what = f"is not a submission: no log, README.md or submission.json{left_out}"
        raise InputError(path, what, "give a submission folder")
    if not is_told and not any(log.tells_of_training for log in logs):
        what = "is not a submission: no README.md or submission.json, and none of its "
        what += f"{len(logs)} logs is a training log{left_out}"
        raise InputError(path, what, "give a submission folder, or results/RECORD with its record.json")


def distinct(logs: Sequence[RunLog]) -> tuple[tuple[RunLog, ...], tuple[tuple[str, str], ...]]:
    """Each run once, and (name, name of the run it repeats) for the others; what prints another seed is no copy.

    Of a run and its copies the one stays whose name tells its seed (``train.log`` is often a copy of one of those).
    """
    alike: dict[str, list[list[RunLog]]] = {}
    for log in logs:
        runs = alike.setdefault(log.fingerprint, [])
        its_own = next((run for run in runs if len({log.seed, *(each.seed for each in run)} - {None}) <= 1), None)
        if its_own is None:
            runs.append([log])
        else:
            its_own.append(log)
    kept: dict[int, RunLog] = {}
    for run in (run for runs in alike.values() for run in runs):
        kept |= dict.fromkeys(map(id, run), next(filter(_names_seed, run), run[0]))
    copies = ((log.name, kept[id(log)].name) for log in logs if kept[id(log)] is not log)
    return tuple(log for log in logs if kept[id(log)] is log), tuple(copies)


def _is_pointer(file: Path) -> bool:
    """Whether Git LFS left its pointer in a file's place."""
    with file.open("rb") as content:
        return content.read(len(POINTER)) == POINTER


def _unread(path: Path, files: Sequence[Path], runs: Sequence[RunLog]) -> tuple[str, ...]:
    """The names of .log, .txt and .out files in which no run was found; lists of packages and READMEs are none."""
    readable = {run.name.partition("#")[0] for run in runs if run.is_readable}
    names = (file.relative_to(path).as_posix() for file in files
             if is_log(file) and file.suffix and not NO_LOG.match(file.name))  # fmt: skip
    return tuple(name for name in names if name not in readable)


def _names_seed(log: RunLog) -> bool:
    return log.seed is not None and str(log.seed) in re.findall(r"\d+", Path(log.name).stem)


def read_logs(folder: str | Path) -> tuple[RunLog, ...]:
    """All logs under ``folder``, and runs of published facts as logs, named by their path below it, in order."""
    return tuple(log for file in _told(log_files(folder)) for log in _logs(file, Path(folder)))


def _told(files: Sequence[Path]) -> Iterable[Path]:
    """The files, as they are read; if that takes long, it is told."""
    return progress(files, what="read logs", unit="files")


def log_files(folder: str | Path) -> list[Path]:
    """The files that ``read_logs`` reads."""
    files = [file for file in files_below(Path(folder)) if file.stat().st_size <= MAX_LOG_BYTES]
    return [file for file in files if file.suffix == ".log" or is_facts(file)]


def _logs(file: Path, folder: Path) -> list[RunLog]:
    """The runs of a .log, of a .txt or .out with records in it, or of published facts, by their path in ``folder``."""
    if file.name == FACTS and is_facts(file):
        above = file.parent.relative_to(folder)
        return [replace(run, name=(above / run.name).as_posix()) for run in read_facts(file)]
    if not is_log(file) or file.stat().st_size > MAX_LOG_BYTES:
        return []
    name = file.relative_to(folder).as_posix()
    runs = [replace(run, name=name + run.name.removeprefix(file.name)) for run in read_runs(file)]
    return [run for run in runs if file.suffix.lower() == ".log" or run.is_readable]


def _text(file: Path | None) -> str | None:
    """A file's text in whichever encoding; None for none, and for one that is too large."""
    if file is None or file.stat().st_size > MAX_TEXT_BYTES:
        return None
    return decode(file.read_bytes())


def _readme_problem(file: Path | None, others: Sequence[Path]) -> str:
    """Why there is no README, if its text isn't read."""
    if file is not None:
        return f"{file.name} is too large to be one"
    return "no README.md" + (f", but {', '.join(other.name for other in others)}" if others else "")


def _facts(file: Path | None) -> tuple[dict[str, Any] | None, str]:
    text = _text(file)
    if text is None:
        return None, "no submission.json" if file is None else "submission.json is too large to be one"
    try:
        facts = json.loads(text, parse_float=as_written)
    except (ValueError, RecursionError):
        return None, "submission.json is not JSON"
    return (lifted(_with_numbers(facts)), "") if isinstance(facts, dict) else (None, "submission.json is not a mapping")


def _with_numbers(value: Any, key: str = "") -> Any:
    """A JSON value in which text that is a number ("15,993,853", "1.0810 BPB") is one.

    A score with a comma stays text, and so do seeds, which a comma may stand between.
    """
    if isinstance(value, dict):
        return {name: _with_numbers(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_numbers(each, key) for each in value]
    if not isinstance(value, str):
        return value
    text = value.strip()
    for word, unit in UNITS.items():
        text = unit.sub("", text) if word in key else text
    if not NUMBER.fullmatch(text) or ("," in text and re.search("bpb|loss|nats|seed", key)):
        return value
    digits = text.replace(",", "")
    return as_written(digits) if "." in digits else int(digits)


def _named_facts(path: Path, files: Sequence[Path]) -> Path | None:
    """The only file of the folder that is called submission_NAME.json."""
    named = [file for file in files if file.parent == path and re.fullmatch(r"submission\w+\.json", file.name)]
    return named[0] if len(named) == 1 else None


def _script(scripts: Sequence[Path]) -> Path | None:
    """The training script: train_gpt.py, the only other train_gpt*.py, or the only Python file."""
    named = [file for file in scripts if file.name.startswith("train_gpt")]
    usual = [file for file in named if file.name == "train_gpt.py"]
    candidates = usual or named or scripts
    return candidates[0] if len(candidates) == 1 else None
