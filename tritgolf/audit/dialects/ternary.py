"""Logs of the ternary records' script (#640, #920, #923): the settings in one line, ``t:`` and ``avg:`` a step.

The format drifted between records (``avg:`` became ``step_avg:``, lines came and went), so a line is recognised by its
first words and read as ``key:value`` pairs in any order. A line that is not understood is skipped, a number that is
not a number makes its record absent: a damaged log gives fewer records, never wrong ones.
"""

import re
from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects.base import (
    NUMBER,
    Dialect,
    every,
    first,
    fraction,
    milliseconds,
    number,
    pairs_of,
    resumes,
    settings_line,
    whole_milliseconds,
)
from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import (
    ArtifactLine,
    BudgetLine,
    ScoreLine,
    StepLine,
    StopLine,
    TemperatureLine,
    ValidationLine,
)
from tritgolf.audit.run_log import RunLog

SIZE = re.compile(r"(\d{1,18})\((\d{1,18})B\)", re.ASCII)
PARAMETERS = re.compile(r"^(?:model_)?params:(\d{1,18})\b", re.ASCII)
GPUS = re.compile(r"^(?:model_)?params:\d{1,18}\b.* ws:(\d{1,6})\b", re.ASCII)
BUDGET = re.compile(r"^budget:(\d{1,18})/(\d{1,18}) \(([\d.]+)/[\d.]+MB\)\s*(\w+)", re.ASCII)
COUNTED = re.compile(r"^(?:warmup|warmup_step):\s*(\d{1,18})/(\d{1,18})$", re.ASCII)
OF_THE_BASELINE = re.compile(r"step:\d{1,18}/\d{1,18} train_loss:", re.ASCII)
CHECKPOINT = re.compile(r"^step:(\d{1,18}) checkpoint\b", re.ASCII)
SCRIPT_BYTES = {70_853, 76_908}  # of #640 and the 150k run, of #920 and #923, as their logs count them
# Checks that ask what this script prints, searches or stores.
RULES = frozenset(
    {
        "budget.megabytes", "budget.fits", "parameters.count", "parameters.stored", "parameters.used", "lines.complete",
        "lines.formats", "evaluation.stride", "evaluation.temperature", "evaluation.step_zero", "ternary.layout",
        "ternary.zero_fraction", "timing.averages", "timing.order", "timing.stop",
    }
)  # fmt: skip


def recognizes(lines: Sequence[str]) -> bool:
    """Whether it scored a ternary roundtrip or stored ternary weights.

    Without any result, as of a run that was cut: whether it was configured with groups of trits. Scripts of the same
    author that store other weights have that setting, too. Others' scripts that score trits under this name print the
    baseline's steps.
    """
    if any(OF_THE_BASELINE.match(line) for line in lines):
        return False
    results = [line for line in lines if line.startswith(("final_", "artifact:"))]
    if results:
        return any(line.startswith("final_ternary_roundtrip") or " ternary:" in line for line in results)
    return any(" bitnet_group_size=" in line for line in lines)


def is_published_script(log: RunLog) -> bool:
    """Whether a log's counted code is one of the published scripts, whose lines, formats and grid are known."""
    return log.dialect == TERNARY.name and (log.artifact is None or log.artifact.code_bytes in SCRIPT_BYTES)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of this style's lines."""
    return {
        "hyperparameters": settings_line(lines),
        "parameters": first(parameters, lines),
        "gpus": first(gpus, lines),
        "steps": every(step, lines),
        "validations": every(validation, lines),
        "scores": every(score, lines),
        "artifact": first(_artifact, lines),
        "budget": first(budget, lines),
        "stop": first(stop, lines),
        "temperature": first(temperature, lines),
        "warmups": warmups(lines),
        "checkpoints": tuple(int(m[1]) for m in map(CHECKPOINT.match, lines) if m),
        "resumes": resumes(lines),
    }


def warmups(lines: Sequence[str]) -> tuple[int, ...]:
    """The warm-up steps that were printed."""
    return tuple(int(m[1]) for m in map(COUNTED.match, lines) if m)


def parameters(line: str) -> int | None:
    """``params:74250064 L:10 …``: the number of parameters."""
    match = PARAMETERS.match(line)
    return int(match[1]) if match else None


def gpus(line: str) -> int | None:
    """``params:74250064 … ws:8``: the number of GPUs."""
    match = GPUS.match(line)
    return int(match[1]) if match else None


def step(line: str) -> StepLine | None:
    """``step:1000/10000 loss:3.2962 t:110397ms step_avg:110.4ms``."""
    pairs = pairs_of(line) if line.startswith("step:") else {}
    place, loss = fraction(pairs.get("step", "")), number(pairs, "loss", "train_loss")
    elapsed = whole_milliseconds(pairs, "t", "train_time")
    if not (place and loss and elapsed):
        return None
    label = next((key for key in ("avg", "step_avg") if key in pairs), "")
    return StepLine(*place, loss, elapsed, whole_milliseconds(pairs, label), label)


def validation(line: str) -> ValidationLine | None:
    """``step:0/100000 val_loss:9.0188 val_bpb:3.4921 train_time:0ms zero_frac:0.160``."""
    pairs = pairs_of(line) if line.startswith("step:") else {}
    place = fraction(pairs.get("step", ""))
    nats, bpb = number(pairs, "val_loss"), number(pairs, "val_bpb")
    if not (place and nats and bpb and bpb.interval.low > 0):
        return None
    return ValidationLine(*place, nats, bpb, milliseconds(pairs, "train_time"), number(pairs, "zero_frac"))


def score(line: str) -> ScoreLine | None:
    """``final_sliding val_loss:2.9 val_bpb:1.15 (stride=16, T=0.90) eval_time:429000ms``."""
    if not line.startswith("final_"):
        return None
    pairs = pairs_of(line)
    nats, bpb, stride = number(pairs, "val_loss"), number(pairs, "val_bpb"), number(pairs, "stride")
    if not (nats and bpb and bpb.interval.low > 0):
        return None
    name = re.split(r"[\s:]", line, maxsplit=1)[0]
    stride_tokens = int(stride.value) if stride and not stride.decimals else None
    return ScoreLine(name, nats, bpb, stride_tokens, number(pairs, "T"), milliseconds(pairs, "eval_time"))


def _artifact(line: str) -> ArtifactLine | None:
    if not line.startswith("artifact:"):
        return None
    sizes = {key: SIZE.match(text) for key, text in re.findall(r"(ternary|fp):(\S+)", line)}
    pairs = pairs_of(line)
    megabytes, code, ternary, fp = (
        number(pairs, "artifact"),
        number(pairs, "code"),
        sizes.get("ternary"),
        sizes.get("fp"),
    )
    if not (megabytes and code and not code.decimals and ternary and fp):
        return None
    return ArtifactLine(megabytes, int(ternary[1]), int(ternary[2]), int(fp[1]), int(fp[2]), int(code.value))


def budget(line: str) -> BudgetLine | None:
    """``budget:15952348/16000000 (15.95/16.00MB) FITS``."""
    match = BUDGET.match(line)
    if not match or not NUMBER.fullmatch(match[3]):
        return None
    return BudgetLine(int(match[1]), int(match[2]), Printed(match[3]), match[4])


def stop(line: str) -> StopLine | None:
    """``stopping_early: wallclock_cap train_time:600666ms step:6540/10000``."""
    match = re.match(r"stopping_early:\s*(\w+)", line)
    pairs = pairs_of(line) if match else {}
    place, train_ms = fraction(pairs.get("step", "")), milliseconds(pairs, "train_time")
    return StopLine(match[1], train_ms, *place) if match and place and train_ms else None


def temperature(line: str) -> TemperatureLine | None:
    """``temp_scaling optimal_T:0.90 eval_time:442ms``."""
    pairs = pairs_of(line) if line.startswith("temp_scaling") else {}
    best = number(pairs, "optimal_T")
    return TemperatureLine(best, number(pairs, "eval_time")) if best else None


TERNARY = Dialect("ternary", recognizes, read, RULES, one_text=True)
