"""The one exception a user is meant to read.

Everything the outside world can get wrong (a file, a configuration, a full disk) ends in an ``InputError`` whose text
is one line: which file or key, what is wrong with it, what to do. Entry points print that line and exit non-zero; any
other exception is a bug of ours and keeps its traceback.
"""

import contextlib
import errno
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path


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
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)


def full_disk_error(error: OSError, where: str | Path) -> InputError:
    """Such an ``error`` as one line; ``where`` stands in for the file if the error does not name it."""
    return InputError(
        error.filename or where, str(error.strerror), "free space or choose another folder, then run again"
    )


@contextlib.contextmanager
def one_line_errors(exit_code: int = 1, *, log: str | Path | None = None) -> Iterator[None]:
    """Turn an ``InputError`` or a full disk into one line on standard error and ``exit_code``.

    The line is written to ``log`` too, where a workflow says that one should look; so is the traceback of a bug.
    """
    try:
        yield
    except InputError as error:
        _tell(error, log)
        raise SystemExit(exit_code) from None
    except Exception as error:
        if not (isinstance(error, OSError) and full_disk(error)):
            _write_log(log, traceback.format_exc())
            raise
        _tell(full_disk_error(error, "output"), log)
        raise SystemExit(exit_code) from None


def _tell(error: InputError, log: str | Path | None) -> None:
    line = f"error: {error}\n"
    sys.stderr.write(line)  # in one go: jobs that run side by side share standard error
    _write_log(log, line)


def _write_log(log: str | Path | None, text: str) -> None:
    if log is not None:
        with contextlib.suppress(OSError):  # on a full disk; it has been told on standard error
            Path(log).parent.mkdir(parents=True, exist_ok=True)
            Path(log).write_text(text, encoding="utf-8")
