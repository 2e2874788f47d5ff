"""Totals that count the script compressed, of runs whose logs count it as it is.

A log that prints "Code needs LZMA wrapping" is of a script that is packed afterwards: what README.md and
submission.json then state is no log's total, but its model and the smaller script.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from tritgolf.audit.claimed import KEPT, tables_of
from tritgolf.audit.json_facts import every_row, size_of
from tritgolf.audit.packed_script import unpacked_size
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import Submission

PACKING = r"(?:lzma|zlib|brotli|zstd|compress\w{0,8}|pack\w{0,8}|wrap\w{0,8}|minif\w{0,8})"
IS_PACKED = re.compile(rf"\b{PACKING}\W{{1,3}}(?:\w{{1,12}} )?code\b|\bcode\W{{1,3}}{PACKING}\b", re.IGNORECASE)
LEAST_RUNS = 2  # whose totals one size of the packed script must make


def with_shipped_code(submission: Submission, log: RunLog) -> tuple[int, ...]:
    """What a run's stored model makes with a script of the folder that unpacks itself."""
    return tuple(model + code for model in log.models for code in _shipped(submission))


def with_packed_code(submission: Submission, log: RunLog) -> tuple[int, ...]:
    """The same with any size of the packed script that the stated sizes of several runs share.

    Only where the README says that code is packed: a constant by which sizes are stated too small is no excuse else.
    """
    return tuple(model + code for model in log.models for code in _shared(submission))


@lru_cache(maxsize=KEPT)
def _shipped(submission: Submission) -> tuple[int, ...]:
    return tuple(file.stat().st_size for file in submission.scripts if unpacked_size(file) is not None)


@lru_cache(maxsize=KEPT)
def _shared(submission: Submission) -> tuple[int, ...]:
    if not IS_PACKED.search(submission.readme or ""):
        return ()
    codes = Counter(code for of_run in _codes(submission) for code in of_run)
    return tuple(code for code, runs in codes.items() if runs >= LEAST_RUNS)


def _codes(submission: Submission) -> Iterator[set[int]]:
    """Of each run: what its stated sizes leave for code, where that is less than the log counts."""
    for log in submission.readable_logs:
        most = max(log.code_bytes, default=0)
        yield {size - model for size in _stated(submission, log.named_seed) for model in log.models
               if 0 < size - model < most}  # fmt: skip


def _stated(submission: Submission, seed: int | None) -> Iterator[int]:
    """The sizes to the byte that README.md's tables and submission.json have of a seed."""
    rows = [row for its_seed, row in every_row(submission.facts) if its_seed == seed]
    sizes = (size_of(row.get(name)) for row in rows for name in ("artifact_bytes", "bytes_total"))
    yield from (int(size.value) for size in sizes if size)
    for table in tables_of(submission):
        cells = (item for its_seed, row in table.every_row if its_seed == seed for item in row.items())
        yield from (int(cell.printed.value) for title, cell in cells
                    if table.kinds[title] == "total_bytes" and not cell.unit and not cell.printed.decimals)  # fmt: skip
