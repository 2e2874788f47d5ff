"""Reads a published log into typed records.

The format drifted between records (``avg:`` became ``step_avg:``, lines came and went), so a line is recognised by its
first words and read as ``key:value`` pairs in any order. A line that is not understood is skipped, a number that is
not a number makes its record absent: a damaged log gives fewer records, never wrong ones.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import (
    ArtifactLine,
    BudgetLine,
    RunLog,
    ScoreLine,
    StepLine,
    StopLine,
    TemperatureLine,
    ValidationLine,
)
from tritgolf.errors import InputError
from tritgolf.files import digest_bytes

MAX_LOG_BYTES = 64 << 20
MAX_LINE = 20_000  # the one long line of a log is its settings, some 2,000 characters

T = TypeVar("T")
Pairs = dict[str, str]

NUMBER = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,12})?", re.ASCII)
PAIR = re.compile(r"([A-Za-z_]\w*)[:=]([^\s,()]+)", re.ASCII)
SETTING = re.compile(r"(?:^|\s)([A-Za-z_]\w*)=(\S+)", re.ASCII)
SIZE = re.compile(r"(\d{1,18})\((\d{1,18})B\)", re.ASCII)
PARAMETERS = re.compile(r"^(?:model_)?params:(\d{1,18})\b", re.ASCII)
GPUS = re.compile(r"^(?:model_)?params:\d{1,18}\b.* ws:(\d{1,6})\b", re.ASCII)
BUDGET = re.compile(r"^budget:(\d{1,18})/(\d{1,18}) \(([\d.]+)/[\d.]+MB\)\s*(\w+)", re.ASCII)
COUNTED = re.compile(r"^(?:warmup|warmup_step):(\d{1,18})/(\d{1,18})$", re.ASCII)
CHECKPOINT = re.compile(r"^step:(\d{1,18}) checkpoint\b", re.ASCII)
RESUME = re.compile(r"\bresum|\brestor|loaded checkpoint|load(?:ing|ed)? .*ckpt", re.IGNORECASE)


def read_log(path: str | Path) -> RunLog:
    """Parse the log at ``path``; a missing, unreadable or huge file is an ``InputError``, a garbled one is not."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_LOG_BYTES:
            raise InputError(path, f"is larger than {MAX_LOG_BYTES >> 20} MiB", "give a text log")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "give a log file") from None
    return parse_log(data.decode("utf-8", errors="replace"), name=path.name, digest=digest_bytes(data))


def parse_log(text: str, name: str, digest: str = "") -> RunLog:
    """Parse a log's text into a ``RunLog`` called ``name``."""
    lines = tuple(line.strip() for line in text.splitlines() if len(line) <= MAX_LINE)
    return RunLog(
        name=name,
        digest=digest or digest_bytes(text.encode()),
        lines=lines,
        hyperparameters=_settings(lines),
        parameters=_first(_parameters, lines),
        gpus=_first(_gpus, lines),
        steps=tuple(_every(_step, lines)),
        validations=tuple(_every(_validation, lines)),
        scores=tuple(_every(_score, lines)),
        artifact=_first(_artifact, lines),
        budget=_first(_budget, lines),
        stop=_first(_stop, lines),
        temperature=_first(_temperature, lines),
        warmups=tuple(int(m[1]) for m in map(COUNTED.match, lines) if m),
        checkpoints=tuple(int(m[1]) for m in map(CHECKPOINT.match, lines) if m),
        resumes=tuple(line for line in lines if RESUME.search(line) and not SETTING.search(line)),
    )


def _every(parse: Callable[[str], T | None], lines: Iterable[str]) -> Iterable[T]:
    return (record for line in lines if (record := parse(line)) is not None)


def _first(parse: Callable[[str], T | None], lines: Iterable[str]) -> T | None:
    return next(iter(_every(parse, lines)), None)


def _settings(lines: Iterable[str]) -> Pairs:
    """The line with the most ``name=value`` words, if it has at least eight: the run's settings."""
    best: Pairs = {}
    for line in lines:
        pairs = dict(SETTING.findall(line))
        best = pairs if len(pairs) > max(len(best), 7) else best
    return best


def _pairs(line: str) -> Pairs:
    return dict(PAIR.findall(line))


def _number(pairs: Pairs, *keys: str) -> Printed | None:
    """The first of ``keys`` that is there, without its unit; None if it is not a plain number."""
    text = next((pairs[key] for key in keys if key in pairs), "")
    text = text.removesuffix("ms").removesuffix("MB")
    return Printed(text) if NUMBER.fullmatch(text) else None


def _fraction(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d{1,12})/(\d{1,12})", text, re.ASCII)
    return (int(match[1]), int(match[2])) if match else None


def _parameters(line: str) -> int | None:
    match = PARAMETERS.match(line)
    return int(match[1]) if match else None


def _step(line: str) -> StepLine | None:
    pairs = _pairs(line) if line.startswith("step:") else {}
    place, loss = _fraction(pairs.get("step", "")), _number(pairs, "loss", "train_loss")
    elapsed = _number(pairs, "t", "train_time")
    if not (place and loss and elapsed):
        return None
    label = next((key for key in ("avg", "step_avg") if key in pairs), "")
    return StepLine(*place, loss, elapsed, _number(pairs, label), label)


def _validation(line: str) -> ValidationLine | None:
    pairs = _pairs(line) if line.startswith("step:") else {}
    place = _fraction(pairs.get("step", ""))
    nats, bpb = _number(pairs, "val_loss"), _number(pairs, "val_bpb")
    if not (place and nats and bpb and bpb.interval.low > 0):
        return None
    return ValidationLine(*place, nats, bpb, _number(pairs, "train_time"), _number(pairs, "zero_frac"))


def _score(line: str) -> ScoreLine | None:
    if not line.startswith("final_"):
        return None
    pairs = _pairs(line)
    nats, bpb, stride = _number(pairs, "val_loss"), _number(pairs, "val_bpb"), _number(pairs, "stride")
    if not (nats and bpb and bpb.interval.low > 0):
        return None
    name = re.split(r"[\s:]", line, maxsplit=1)[0]
    stride_tokens = int(stride.value) if stride and not stride.decimals else None
    return ScoreLine(name, nats, bpb, stride_tokens, _number(pairs, "T"), _number(pairs, "eval_time"))


def _artifact(line: str) -> ArtifactLine | None:
    if not line.startswith("artifact:"):
        return None
    sizes = {key: SIZE.match(text) for key, text in re.findall(r"(ternary|fp):(\S+)", line)}
    pairs = _pairs(line)
    megabytes, code, ternary, fp = (
        _number(pairs, "artifact"),
        _number(pairs, "code"),
        sizes.get("ternary"),
        sizes.get("fp"),
    )
    if not (megabytes and code and not code.decimals and ternary and fp):
        return None
    return ArtifactLine(megabytes, int(ternary[1]), int(ternary[2]), int(fp[1]), int(fp[2]), int(code.value))


def _gpus(line: str) -> int | None:
    match = GPUS.match(line)
    return int(match[1]) if match else None


def _budget(line: str) -> BudgetLine | None:
    match = BUDGET.match(line)
    if not match or not NUMBER.fullmatch(match[3]):
        return None
    return BudgetLine(int(match[1]), int(match[2]), Printed(match[3]), match[4])


def _stop(line: str) -> StopLine | None:
    match = re.match(r"stopping_early:\s*(\w+)", line)
    pairs = _pairs(line) if match else {}
    place, train_ms = _fraction(pairs.get("step", "")), _number(pairs, "train_time")
    return StopLine(match[1], train_ms, *place) if match and place and train_ms else None


def _temperature(line: str) -> TemperatureLine | None:
    pairs = _pairs(line) if line.startswith("temp_scaling") else {}
    best = _number(pairs, "optimal_T")
    return TemperatureLine(best, _number(pairs, "eval_time")) if best else None
