"""A log file as the lines of its runs: decoded, without time stamps, without the script that some logs begin with.

A file may hold several runs, one after another. What stands before the first line of a run (the script's source,
messages of the machine) is no output of the run and is left out where it is source.
"""

import re
from collections import deque
from collections.abc import Sequence
from itertools import accumulate

MAX_LINE = 20_000  # the one long line of a log is its settings, some 2,000 characters
MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
MOST_PARTS = 4  # a rank, a time, a level and a place, each once
MOST_LOOKED_AT = 2000  # lines that show what most begin with
REPLACED = "\ufffd"  # what stands for bytes that are no text
AROUND = 10  # lines before and behind one that show what most begin with there
OUT_OF_STEP = 8  # lines by which ranks that print alike are apart
SAMPLE = 400  # bytes of which half are zeros where a text is UTF-16 without a mark

# What a logger, a launcher or a cluster puts before each line. Each is taken off where most lines begin with it, of all
# or of those around: a file may hold the logs of several tools.
SEPARATOR = r"(?:[ \t]+(?:[-–|:>]+[ \t]+)?|[-–|:>]+[ \t]*|(?<=\])(?=\[))"
DATE = (
    r"(?:\d{4}[-/]\d\d[-/]\d\d|\d\d[-/.]\d\d(?:[-/.]\d{2,4})?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d\d?)"
)
CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?[AP]M)?(?:Z| UTC|[+-]\d\d:?\d\d)?"
BEFORE_LINES = tuple(
    re.compile(rf"^\s*{pattern}", re.ASCII)
    for pattern in (
        # "1776142360.538 ", "2026-04-14 04:52:28,134 - ", "[2026-04-14T04:52:28Z] ", "04:52:28 ", "[Apr 14 04:52:28] "
        rf"[\[(]?(?:\d{{10}}(?:\.\d+)?|(?:{DATE}[T ])?{CLOCK})[\])]?{SEPARATOR}",
        rf"\[ *\+?\d+(?:\.\d+)?s?\]{SEPARATOR}",  # seconds since the start
        rf"[\[(]?(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL) *[\])]?{SEPARATOR}",
        r"[IWEF]\d{4} (?=\d\d:\d\d:\d\d)",  # of glog: a level and a day
        r"(?:\d{1,8} )?[\w./-]{1,80}\.py:\d{1,6}\]?" + SEPARATOR,
        rf"(?:root|__main__(?::\w+:\d+)?){SEPARATOR}",
        r"[\w.-]{1,80} [\w./-]{1,80}\[\d{1,9}\]: ",  # of syslog: a machine and a process
        r"std(?:out|err) [FP] ",  # of a container's log
    )
)
# What a terminal takes for colours, the cursor's place and a window's title.
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))")
# Of a launcher, before what each process prints: "[rank0]:", "[default0]:", "rank 0 |", "[GPU0]", "[1,0]<stdout>:".
RANK = re.compile(
    r"^(?:\[(?:rank|default|GPU)[ =]?(\d{1,6})\]:?|\[\d+,(\d{1,6})\]<std\w+>:"
    r"|rank[ =]?(\d{1,6}) *[:|])[ \t]?"
)
TASK = re.compile(r"^ *(\d{1,4}): ")  # of a cluster, where most lines begin so
SOURCE = re.compile(r"(?:import \w|from [\w.]+ import |def \w+\(|class \w+|# source of the script left out)")
RULE = re.compile(r"={20,}")
STEP = re.compile(r"(?:step:\s*)?(\d{1,9})/(\d{1,9})\b.*\b(?:train_loss|val_loss|loss):\s*[\d.]", re.ASCII)
RUN = re.compile(
    r"(?:warmup(?:_step)?:\s*\d+/\d|model_params:\s*\d|params:\d|seed:\s*\d+$|val_tokens:\s*\d|val_bpb:enabled"
    r"|train_loader:|val_loader:|Hyperparameters:$|--- Hyperparameters ---$|(?:\w+=\S+ ){7})",
    re.ASCII,
)
SCORED = re.compile(  # at any stage
    r"[A-Za-z][\w .+:-]{0,60}[ :]val_loss[:=]\s*\d[^\n]{0,60}\bval_bpb[:=]\s*\d", re.ASCII
)
BANNER = re.compile(  # of a launcher: "=== RUN 2 (seed=42) ==="
    r"[=#*-]{2,20} (?:(?!\bseeds?\b)[^\d=#*]|\d(?!\d)){0,40}\bseed[ :=]{1,2}(\d{1,9})\b[^\d=#*]{0,40} [=#*-]{2,20}",
    re.ASCII | re.IGNORECASE,
)
SEED = re.compile(r"\bseed\s?[:=]", re.IGNORECASE)
BEGINNING = re.compile(
    r"(?:val_bpb:enabled|world_size:\s*\d|train_loader:|Hyperparameters:$|--- Hyperparameters ---$|model_params:\s*\d"
    r'|"""'
    r"|import \w|from [\w.]+ import |# source of the script left out|Running Python )",
)


def decode(data: bytes) -> str:
    """A log's bytes as text: UTF-8 with or without a mark, UTF-16; what is neither is replaced, not refused.

    A text without any character of UTF-8 beyond ASCII, but with others, is an old one of Windows.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    even, odd = data[:SAMPLE:2], data[1:SAMPLE:2]
    for zeros, others, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if zeros and 2 * zeros.count(0) > len(zeros) and not others.count(0):
            return data.decode(encoding, errors="replace")
    text = data.decode("utf-8", errors="replace")
    is_whole = text.count(REPLACED) == data.count(REPLACED.encode())
    if is_whole or any(character > "\x7f" for character in text if character != REPLACED):
        return text
    return data.decode("cp1252", errors="replace")


def lines_of(text: str) -> list[str]:
    """The lines of a text, stripped, without colours and what most of them begin with; endless ones left out.

    That is time stamps, levels of a logger, ranks. A line that is printed twice in a row, as by a logger and its
    parent, is one; so is what several ranks print.
    """
    written = ESCAPE.sub("", text.replace("\0", ""))  # zeros are space that was reserved and not written
    lines = [line.replace("\t", " ") for line in written.splitlines() if len(line) <= MAX_LINE]
    for _ in range(MOST_PARTS):
        before = lines
        lines = _of_the_first_rank(lines, RANK)
        if _most_begin(TASK, lines):
            lines = _of_the_first_rank(lines, TASK)
        for part in BEFORE_LINES:
            lines = _without(part, lines)
        if lines == before:
            break
    return _each_once([line.strip() for line in lines])


def _without(part: re.Pattern[str], lines: list[str]) -> list[str]:
    """The lines without such a beginning, where most of all begin so, or most of the nearest that aren't empty."""
    if not (share := _share_that_begins(part, lines)):
        return lines
    if share > 1 / 2:
        return [part.sub("", line, count=1) for line in lines]
    filled = [at for at, line in enumerate(lines) if line.strip()]
    begins = [bool(part.match(lines[at])) for at in filled]
    before = [0, *accumulate(begins)]
    kept = list(lines)
    for place, at in enumerate(filled):
        first, behind = max(0, place - AROUND), min(len(filled), place + AROUND + 1)
        if begins[place] and 2 * (before[behind] - before[first]) > behind - first:
            kept[at] = part.sub("", lines[at], count=1)
    return kept


def _most_begin(part: re.Pattern[str], lines: Sequence[str]) -> bool:
    """Whether more than half of the lines that aren't empty begin so."""
    return _share_that_begins(part, lines) > 1 / 2


def _share_that_begins(part: re.Pattern[str], lines: Sequence[str]) -> float:
    """How many of the lines that aren't empty begin so, as a share of them; a sample of many tells."""
    filled = [line for line in lines if line.strip()]
    sample = filled[:: max(1, len(filled) // MOST_LOOKED_AT)]
    return sum(bool(part.match(line)) for line in sample) / max(1, len(sample))


def _of_the_first_rank(lines: Sequence[str], prefix: re.Pattern[str]) -> list[str]:
    """The lines without a rank before them, and those of the lowest rank without it."""
    found = [(match, line) for line in lines for match in [prefix.match(line)]]
    ranks = [int(next(filter(None, match.groups()))) for match, _ in found if match]
    lowest = min(ranks, default=0)
    return [line[match.end() :] if match else line for match, line in found
            if match is None or int(next(filter(None, match.groups()))) == lowest]  # fmt: skip


def _each_once(lines: Sequence[str]) -> list[str]:
    """The lines without those that repeat the one before; empty lines, which may stand between the two, stay.

    A loss that is printed again a few lines further is another rank's line, which is not in step.
    """
    kept: list[str] = []
    before = ""
    last: deque[str] = deque(maxlen=OUT_OF_STEP)
    for line in lines:
        is_again = line and (line == before or ("loss" in line and line in last))
        if not is_again:
            kept.append(line)
        before = line or before
        if line:
            last.append(line)
    return kept


def runs_of(lines: Sequence[str]) -> list[list[str]]:
    """The lines of each run, in order.

    A new one begins where a script, a header or settings follow steps or scores, or where steps are counted anew.
    """
    runs: list[list[str]] = [[]]
    under_way = False
    starts: set[tuple[str, str, bool]] = set()  # a run's first steps: which, of how many, whether a validation
    for line in lines:
        step = STEP.match(line)
        start = {(step[1], step[2], "val_loss" in line)} if step and int(step[1]) <= 1 else set()
        if under_way and (start & starts or BEGINNING.match(line)):
            runs.append(_taken_from_its_banner(runs[-1]))
            under_way, starts = False, set()
        starts |= start
        under_way = under_way or _is_result(line)
        runs[-1].append(line)
    return [_without_repetitions(_with_its_seed(run)) for run in runs]


def _without_repetitions(run: Sequence[str]) -> list[str]:
    """A run's lines without steps and scores that are printed again to the letter: by another rank, by a copied end."""
    seen: set[str] = set()
    kept = []
    for line in run:
        is_again = line in seen and (STEP.match(line) or SCORED.match(line))
        if "loss" in line:
            seen.add(line)
        if not is_again:
            kept.append(line)
    return kept


def _taken_from_its_banner(before: list[str]) -> list[str]:
    """What a launcher printed behind the results of the run before, from the line on that names the next one's seed."""
    results = [at for at, line in enumerate(before) if _is_result(line)]
    banners = [at for at, line in enumerate(before) if BANNER.fullmatch(line)]
    if not banners or banners[-1] < max(results, default=0):
        return []
    taken = before[banners[-1] :]
    del before[banners[-1] :]
    return taken


def _with_its_seed(run: Sequence[str]) -> list[str]:
    """A run's lines without source; where it prints no seed and a launcher's line before it does, with that one."""
    lines = without_source(run)
    start = next((at for at, line in enumerate(run) if STEP.match(line)), len(run))
    named = {match[1] for match in map(BANNER.fullmatch, run[:start]) if match}
    return [f"seed:{named.pop()}", *lines] if len(named) == 1 and not any(map(SEED.search, lines)) else lines


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
    if step:
        return int(step[1]) > 0
    return line.startswith(("final_", "Total submission size")) or ("val_bpb" in line and bool(SCORED.match(line)))
