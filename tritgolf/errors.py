"""The one exception a user is meant to read.

Everything the outside world can get wrong (a file, a configuration, a full disk) ends in an ``InputError`` whose text
is one line: which file or key, what is wrong with it, what to do. Entry points print that line and exit non-zero; any
other exception is a bug of ours and keeps its traceback. The exit codes tell which it was, in every entry point.
"""

import contextlib
import errno
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from tritgolf.streams import ready_streams, say

BAD_INPUT = 2  # or wrong usage; 0 and 1 are answers: nothing is contradicted or has changed, something is or has
CRASHED = 3
STOPPED = 130  # by Ctrl-C, as shells have it
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_RIGHT = (errno.EROFS, errno.EACCES, errno.EPERM)


class InputError(Exception):
    """Bad input, told in one line.

    >>> raise InputError("corpus.txt", "is empty", "give a file with text in it")
    Traceback (most recent call last):
    tritgolf.errors.InputError: corpus.txt: is empty; give a file with text in it
    """

    def __init__(self, where: str | Path, what: str, fix: str = "") -> None:
        self.where, self.what, self.fix = str(where), what, fix
        super().__init__(f"{where}: {what}" + (f"; {fix}" if fix else ""))


def full_disk(error: OSError) -> bool:
    """Whether ``error`` is about room or permission on the disk: the user's to solve, not a bug."""
    return error.errno in (*NO_ROOM, *NO_RIGHT)


def file_error(error: OSError, where: str | Path) -> InputError:
    """An ``error`` about a file as one line; ``where`` stands in for the file if the error does not name it."""
    return InputError(error.filename or where, str(error.strerror), _fix_of(error))


def _fix_of(error: OSError) -> str:
    if error.errno in NO_ROOM:
        return "free space or choose another folder, then run again"
    if error.errno in NO_RIGHT:
        return "get the right to it or choose another folder, then run again"
    return "check this path"


def warn(message: str) -> None:
    """Tell on standard error, in one line, what stops nothing."""
    say(f"warning: {message}", "stderr")


@contextlib.contextmanager
def one_line_errors(*, log: str | Path | None = None) -> Iterator[None]:
    """End with the exit codes of this module: bad input in one line on standard error, a crash with its traceback.

    Bad input is an ``InputError``, a full disk, or any other file that the system refuses. The line is written to
    ``log`` too, where a workflow says that one should look; so is the traceback.
    """
    ready_streams()
    try:
        yield
    except InputError as error:
        _tell(_line(error), log)
        raise SystemExit(BAD_INPUT) from None
    except KeyboardInterrupt:
        raise SystemExit(STOPPED) from None
    except Exception as error:
        if isinstance(error, OSError) and (full_disk(error) or error.filename is not None):
            _tell(_line(file_error(error, "output")), log)
            raise SystemExit(BAD_INPUT) from None
        _tell(traceback.format_exc(), log)
        raise SystemExit(CRASHED) from None


@contextlib.contextmanager
def bad_input_in_one_line() -> Iterator[None]:
    """The same of an ``InputError`` alone, while a workflow is planned: all else is Snakemake's to tell."""
    try:
        yield
    except InputError as error:
        _tell(_line(error), None)
        raise SystemExit(BAD_INPUT) from None


def _line(error: InputError) -> str:
    return f"error: {' '.join(str(error).splitlines())}\n"  # a file's name may have line ends


def _tell(text: str, log: str | Path | None) -> None:
    with contextlib.suppress(OSError):  # nobody reads standard error any more
        sys.stderr.write(text)  # in one go: jobs that run side by side share it
    if log is not None:
        with contextlib.suppress(OSError):  # on a full disk; it has been told on standard error
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            with Path(log).open("a", encoding="utf-8", errors="replace") as file:  # after what a training said
                file.write(text)
