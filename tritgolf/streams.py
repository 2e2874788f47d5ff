"""Standard output and standard error that take any text, whatever their encoding, and whether or not they are open.

Python ends with a ``UnicodeEncodeError`` where an encoding (a Windows pipe's cp1252, ASCII) lacks a character, and has
None in place of a stream that was closed (``>&-``). Every entry point calls ``ready_streams`` first.
"""

import codecs
import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Iterator

NO_READER = 141  # the exit code of what a shell ends by SIGPIPE
PLAIN = {
    "✓": "ok",
    "✗": "no",
    "·": "-",
    "•": "-",
    "−": "-",
    "–": "-",
    "—": "-",
    "×": "x",
    "±": "+/-",
    "‰": "/1000",
    "√": "sqrt",
    "∘": "o",
    "‖": "||",
    "≥": ">=",
    "≤": "<=",
    "≠": "!=",
    "→": "->",
    "↑": "up",
    "↓": "down",
    "←": "<-",
    "†": "+",
    "‡": "++",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "▁": "_",
    "▅": "_",
    "δ": "delta",
    "Δ": "delta",
    "σ": "sigma",
    "≈": "~",
}  # the rest by Unicode's own decompositions: … is ..., é is e
_SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_ERRORS = "tritgolf_plain"  # the name under which codecs know ``_replace``


def plain(text: str) -> str:
    """``text`` in ASCII: plain words and signs for what it has beyond, ``?`` where there are none.

    >>> plain("2⁻⁸ ± 0.1 → café … 東")
    '2^-8 +/- 0.1 -> cafe ... ?'
    """
    text = _SUPERSCRIPT.sub(lambda found: "^" + found[0].replace("⁻", "-"), text)
    text = "".join(PLAIN.get(character, character) for character in text)
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c)).encode("ascii", "replace").decode("ascii")


def ready_streams() -> None:
    """Make both streams take any text: what their encoding lacks is written ``plain``, a closed one takes all."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  (as long as we run)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def say(text: str, name: str = "stdout") -> None:
    """Print a line on the stream ``name`` at once; one whose reader has left, as head does, is heard no more.

    For what works on for hours: it is not lost because nobody looks on.
    """
    try:
        print(text, file=getattr(sys, name), flush=True)
    except BrokenPipeError:
        setattr(sys, name, None)
        ready_streams()


@contextlib.contextmanager
def written_out() -> Iterator[None]:
    """See that what is printed in the block gets out; where its reader has left, as head does, end quietly."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(NO_READER) from None
    except OSError:  # no room for it
        _drop_output()
        raise


def _drop_output() -> None:
    """Let what standard output still holds go nowhere: Python would try again at its end, and exit with a 120."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it is no file of the system's, or closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain(error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _replace)
