"""How the low-level readers say "these bytes are not what they claim"."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tritgolf.errors import InputError


class MalformedError(Exception):
    """Bytes that cannot be what they claim to be; whoever knows the file's name turns it into an ``InputError``."""


@contextlib.contextmanager
def blame(path: str | Path) -> Iterator[None]:
    """Turn a ``MalformedError`` or a missing file inside the block into one ``InputError`` that names ``path``."""
    try:
        yield
    except MalformedError as error:
        raise InputError(path, str(error), "delete it and run the same command again, or fetch it again") from None
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(path, "is not a file", "give the path of an artifact") from None


def require(holds: bool, what: str = "is damaged") -> None:
    """Raise ``MalformedError(what)`` unless ``holds``; records' scripts leave ``what`` out (``specialize``)."""
    if not holds:
        raise MalformedError(what)
