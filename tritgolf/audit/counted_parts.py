"""What a log counts into its total besides model and code: a table, a stored prefix, told in a line of its own."""

import re

from tritgolf.audit.run_log import RunLog

PART = re.compile(
    r"[A-Za-z][\w .+/-]{0,60}:[ \t]{0,4}(\d{1,3}(?:,\d{3}){1,4}|\d{1,15}) bytes\b", re.ASCII
)  # "Paid prefix blob: 4240256 bytes"


def makes_the_total(log: RunLog, total: int, model: int) -> bool:
    """Whether a total is the model, a script that the log counts and, besides, one other size that it tells."""
    rest = {total - model - code for code in log.code_bytes}
    return bool(rest & _other_sizes(log))


def _other_sizes(log: RunLog) -> set[int]:
    """The sizes of lines of their own that are none of a model, of code or of a total."""
    told = {int(match[1].replace(",", "")) for match in map(PART.match, log.lines) if match}
    return told - {size.bytes for size in log.sizes}
