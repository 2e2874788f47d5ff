"""A log file as the lines of its runs: decoded, without time stamps, without the script that some logs begin with.

A file may hold several runs, one after another. What stands before the first line of a run (the script's source,
messages of the machine) is no output of the run and is left out where it is source.
"""

import re
from collections.abc import Sequence

MAX_LINE = 20_000  # the one long line of a log is its settings, some 2,000 characters
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
SAMPLE = 400  # bytes of which half are zeros where a text is UTF-16 without a mark

# "1776142360.538 ", "2026-04-14 04:52:28,134 ", "[2026-04-14T04:52:28Z] ", "04:52:28 "; digits of a date or a clock.
STAMP = re.compile(
    r"^\s*\[?(?:\d{10}(?:\.\d+)?|(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?[ \t]"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # what a terminal takes for colours and the cursor's place
RANK = re.compile(r"^\[(?:rank|default)(\d+)\]:[ \t]?")  # of torchrun, before what each process prints
SOURCE = re.compile(r"(?:import \w|from [\w.]+ import |def \w+\(|class \w+|# source of the script left out)")
RULE = re.compile(r"={20,}")
STEP = re.compile(r"(?:step:\s*)?(\d{1,9})/\d{1,9}\b.*\b(?:train_loss|val_loss|loss):\s*[\d.]", re.ASCII)
RUN = re.compile(
    r"(?:warmup(?:_step)?:\s*\d+/\d|model_params:\s*\d|params:\d|seed:\s*\d+$|val_tokens:\s*\d|val_bpb:enabled"
    r"|train_loader:|val_loader:|Hyperparameters:$|--- Hyperparameters ---$|(?:\w+=\S+ ){7})",
    re.ASCII,
)
BEGINNING = re.compile(
    r'(?:val_bpb:enabled|train_loader:|Hyperparameters:$|--- Hyperparameters ---$|model_params:\s*\d|"""'
    r"|import \w|from [\w.]+ import |# source of the script left out|Running Python )",
)


def decode(data: bytes) -> str:
    """A log's bytes as text: UTF-8 with or without a mark, UTF-16; what is neither is replaced, not refused."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    sample = data[:SAMPLE]
    if len(sample) > 1 and 2 * sample[1::2].count(0) > len(sample[1::2]) and not sample[::2].count(0):
        return data.decode("utf-16-le", errors="replace")
    return data.decode("utf-8", errors="replace")


def lines_of(text: str) -> list[str]:
    """The lines of a text, stripped, without colours and the time stamps that most begin with; endless ones left out.

    A line that is printed twice in a row, as by a logger and its parent, is one; so is what several ranks print.
    """
    lines = [line for line in COLOUR.sub("", text).splitlines() if len(line) <= MAX_LINE]
    lines = [RANK.sub("", line) for line in lines if (rank := RANK.match(line)) is None or rank[1] == "0"]
    filled = [line for line in lines if line.strip()]
    if filled and 2 * sum(bool(STAMP.match(line)) for line in filled) > len(filled):
        lines = [STAMP.sub("", line, count=1) for line in lines]
    return _each_once([line.strip() for line in lines])


def _each_once(lines: Sequence[str]) -> list[str]:
    """The lines without those that repeat the one before; empty lines, which may stand between the two, stay."""
    kept: list[str] = []
    before = ""
    for line in lines:
        if not line or line != before:
            kept.append(line)
        before = line or before
    return kept


def runs_of(lines: Sequence[str]) -> list[list[str]]:
    """The lines of each run, in order: a new one begins where a script, a header or settings follow steps or scores."""
    runs: list[list[str]] = [[]]
    under_way = False
    for line in lines:
        if under_way and BEGINNING.match(line):
            runs.append([])
            under_way = False
        under_way = under_way or _is_result(line)
        runs[-1].append(line)
    return [without_source(run) for run in runs]


def without_source(lines: Sequence[str]) -> list[str]:
    """The lines without the script before them; all, where no line of a script comes before the first of the run."""
    first = next((at for at, line in enumerate(lines) if STEP.match(line) or RUN.match(line)), len(lines))
    if not any(SOURCE.match(line) for line in lines[:first]):
        return list(lines)
    rules = [at for at, line in enumerate(lines[:first]) if RULE.fullmatch(line)]
    if not rules:
        return list(lines[first:])
    # A log has one rule after the script, or two with what the machine says between them.
    return list(lines[rules[-1] + 1 :])


def _is_result(line: str) -> bool:
    step = STEP.match(line)
    return bool(step and int(step[1]) > 0) or line.startswith(("final_", "Total submission size"))
