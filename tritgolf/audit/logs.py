"""Reads published logs into typed runs, in whichever dialect they are written.

A line that is not understood is skipped, a number that is not a number makes its record absent: a damaged log gives
fewer records, never wrong ones.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tritgolf.audit.dialects import dialect_of
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.transcript import decode, lines_of, runs_of
from tritgolf.errors import InputError
from tritgolf.files import digest_bytes

MAX_LOG_BYTES = 64 << 20


def read_log(path: str | Path) -> RunLog:
    """Parse the log at ``path``, its first run if it holds several; one that can't be read is an ``InputError``."""
    return read_runs(path)[0]


def read_runs(path: str | Path) -> list[RunLog]:
    """Every run of the log at ``path``; a missing, unreadable or huge file is an ``InputError``, not a garbled one."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_LOG_BYTES:
            raise InputError(path, f"is larger than {MAX_LOG_BYTES >> 20} MiB", "give a text log")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "give a log file") from None
    return parse_runs(decode(data), path.name, digest_bytes(data))


def parse_log(text: str, name: str, digest: str = "") -> RunLog:
    """Parse a log's text into a ``RunLog`` called ``name``: the first run, if it holds several."""
    return parse_runs(text, name, digest)[0]


def parse_runs(text: str, name: str, digest: str = "") -> list[RunLog]:
    """Parse a log's text into its runs, called ``name``, ``name#2`` … in the order of the text."""
    digest = digest or digest_bytes(text.encode(errors="replace"))
    runs = [_parse(lines, name, digest) for lines in runs_of(lines_of(text))]
    runs = [run for run in runs if run.is_readable] or runs[:1]
    if len(runs) == 1:
        return runs
    return [_named(run, name if at == 0 else f"{name}#{at + 1}", f"{digest}#{at}") for at, run in enumerate(runs)]


def _parse(lines: Sequence[str], name: str, digest: str) -> RunLog:
    dialect = dialect_of(lines)
    records = {"failed": dialect.failed(lines), **dialect.read(lines)}
    return RunLog(name=name, digest=digest, lines=tuple(lines), dialect=dialect.name, **records)


def _named(run: RunLog, name: str, digest: str) -> RunLog:
    return replace(run, name=name, digest=digest)
