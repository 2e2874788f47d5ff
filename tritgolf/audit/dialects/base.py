"""What a dialect of logs is, and how single lines are read: pairs, numbers, the first record that a line makes."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from tritgolf.audit.intervals import Printed
from tritgolf.audit.run_log import DIAGNOSTIC
from tritgolf.progress import progress

T = TypeVar("T")
Pairs = dict[str, str]

NUMBER = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,12})?", re.ASCII)
THOUSANDS = r"\d{1,3}(?:,\d{3}){1,5}(?![\d,])"  # 612,345
VALUE = rf"({THOUSANDS}[^\s,()]*|[^\s,()]+)"
PAIR = re.compile(rf"(?<![A-Za-z_])([A-Za-z_]\w{{0,80}})[:=]{VALUE}", re.ASCII)
SETTING = re.compile(r"(?:^|\s)([A-Za-z_]\w*)=(\S+)", re.ASCII)
STAGE = r"(?P<name>[A-Za-z][\w .+-]{0,60}?(?:\([\w.+-]{1,40}\)|:done)?)[\s:|,]+"  # "final_roundtrip(ttt) "
BETWEEN = r"(?:(?!(?i:val_))[A-Za-z_]\w{0,40}[:=]\s?[^\s:=]{1,40}\s+){0,4}"  # "stride:64 mode:int5 "
FAILED = re.compile(  # a score of which one figure is no number
    rf"{STAGE}{BETWEEN}(?:sliding )?val_(?:loss|bpb)[:=]\s*"
    r"(?:[-+]?(?:nan|inf)|\S+\s+val_(?:loss|bpb)[:=]\s*[-+]?(?:nan|inf))",
    re.ASCII | re.IGNORECASE,
)
RESUME = re.compile(r"\bresum|\brestor|loaded checkpoint|load(?:ing|ed)? .*ckpt", re.IGNORECASE)
MANY = 100_000  # lines, which take a second or more
FEWEST_SETTINGS = 8  # words name=value that make a line the settings of a run


def failed_stages(lines: Iterable[str]) -> tuple[str, ...]:
    """The stages that were scored as NaN or infinite, by lines with ``val_loss`` and ``val_bpb`` behind their name."""
    suspects = (line for line in lines if "val_" in line and ("nan" in line.lower() or "inf" in line.lower()))
    names = [
        re.sub(r"[\s:]+", "_", match["name"].strip()).replace("_exact", "")
        for match in map(FAILED.match, suspects)
        if match
    ]
    return tuple(name for name in dict.fromkeys(names) if not DIAGNOSTIC.match(name) and not name.startswith("step"))


@dataclass(frozen=True)
class Dialect:
    """The style in which one family of scripts logs.

    ``recognizes``: whether the lines of a run are of this family. ``read``: the fields of ``RunLog`` that its lines
    fill, by name. ``rules``: names of the checks that hold a log to this family's script, and to no other.
    ``one_text``: whether every evaluation of this family scores the same tokens, so that nats and BPB of all lines of
    a log have one ratio. ``failed``: the stages whose scores are no numbers, diagnostics apart.
    """

    name: str
    recognizes: Callable[[Sequence[str]], bool]
    read: Callable[[Sequence[str]], dict[str, Any]]
    rules: frozenset[str] = frozenset()
    one_text: bool = False
    failed: Callable[[Sequence[str]], tuple[str, ...]] = failed_stages


def every(parse: Callable[[str], T | None], lines: Iterable[str]) -> tuple[T, ...]:
    """The records that lines make, in order; of a long log it is told how far it is read, which takes a while."""
    is_long = isinstance(lines, Sequence) and len(lines) > MANY
    told = progress(lines, what="read a log", unit="lines") if is_long else lines
    return tuple(record for line in told if (record := parse(line)) is not None)


def first(parse: Callable[[str], T | None], lines: Iterable[str]) -> T | None:
    """The first record that a line makes."""
    return next((record for line in lines if (record := parse(line)) is not None), None)


def pairs_of(line: str) -> Pairs:
    """``name:value`` and ``name=value`` words of a line."""
    return dict(PAIR.findall(line))


def number(pairs: Pairs, *keys: str) -> Printed | None:
    """The first of ``keys`` that is there, without its unit; None if it is not a plain number."""
    text = _of(pairs, keys).removesuffix("ms").removesuffix("MB")
    text = text.replace(",", "") if "," in text and re.match(THOUSANDS, text) else text
    return Printed(text) if NUMBER.fullmatch(text) else None


def _of(pairs: Pairs, keys: Sequence[str]) -> str:
    """The word of the first of ``keys`` that is there; "" of none."""
    for key in keys:
        if key in pairs:
            return pairs[key]
    return ""


def milliseconds(pairs: Pairs, *keys: str) -> Printed | None:
    """The first of ``keys`` that is there, a time in ms or s; None if it is none, or has no unit to tell which.

    One in seconds keeps their decimals: 612.3s are 612300.0.
    """
    text = _of(pairs, keys)
    seconds = text.removesuffix("s")
    if text != seconds and NUMBER.fullmatch(seconds):
        text = f"{Decimal(seconds) * 1000:f}"
    elif not text.endswith("ms"):
        return None
    found = number({"": text}, "")
    return found if found and found.value >= 0 else None


def whole_milliseconds(pairs: Pairs, *keys: str) -> Printed | None:
    """The same, but None unless it is printed in ms: what averages are held to needs those."""
    text = _of(pairs, keys)
    return number({"": text}, "") if text.endswith("ms") else None


def fraction(text: str) -> tuple[int, int] | None:
    """``7/20`` as two numbers."""
    match = re.fullmatch(r"(\d{1,12})/(\d{1,12})", text, re.ASCII)
    return (int(match[1]), int(match[2])) if match else None


def settings_line(lines: Iterable[str]) -> Pairs:
    """The line with the most ``name=value`` words, if it has at least eight: the run's settings."""
    best: Pairs = {}
    for line in lines:
        if line.count("=") < FEWEST_SETTINGS:
            continue
        pairs = dict(SETTING.findall(line))
        best = pairs if len(pairs) > max(len(best), FEWEST_SETTINGS - 1) else best
    return best


def resumes(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines that say that a run was resumed."""
    suspects = having(lines, "resum", "restor", "ckpt", "checkpoint")
    return tuple(line for line in suspects if RESUME.search(line) and not SETTING.search(line))


def having(lines: Iterable[str], *words: str) -> Iterator[str]:
    """The lines with any of these words, in whichever case: few, of the many of a long log, need a closer look."""
    for line in lines:
        lower = line.lower()
        if any(word in lower for word in words):
            yield line
