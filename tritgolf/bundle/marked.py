"""The mark of a submission that was written although it can't be submitted, and the file beside one. No torch."""

from pathlib import Path

from tritgolf.errors import InputError
from tritgolf.files import read_json

WRITTEN = "bundled.txt"  # beside the folder "bundle", as new as that
MARK = "not_to_be_submitted"  # in submission.json: why


def check_unmarked(submission: Path) -> None:
    """``InputError`` for a ``submission.json`` that has the mark."""
    facts = read_json(submission)
    if reasons := facts.get(MARK) if isinstance(facts, dict) else None:
        fix = "delete it and run this again, which says what to do"
        raise InputError(submission, f"is marked not to be submitted ({reasons[0]})", fix)
