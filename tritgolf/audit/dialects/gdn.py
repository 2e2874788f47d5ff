"""Logs of the hybrids with gated delta nets (#1370, #1545 and kin): sentences, and scores in bits a byte alone.

Times are whole seconds since the start, compiling included. The artifact's size is that of the model without code.
"""

import re
from collections.abc import Sequence
from typing import Any

from tritgolf.audit.dialects import lines as common
from tritgolf.audit.dialects.base import Dialect, Pairs, every, failed_stages, first
from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import ScoreLine, SizeLine, StepLine, StopLine

NUMBER = r"(\d{1,9}(?:\.\d{1,12})?)"
SCORE = re.compile(rf"(EMA|Quantized) BPB \((no XSA|XSA[^)]{{0,20}})\): (?:{NUMBER}|nan|inf)$", re.ASCII)
STAGES = {"EMA": "pre-quant_ema", "Quantized": "quantized"}
STEP = re.compile(rf"step\s+(\d{{1,9}})/(\d{{1,9}}) \| loss {NUMBER} \|", re.ASCII)
END = re.compile(r"Training complete in (\d{1,7})s", re.ASCII)
STOPPED = re.compile(r"Stopping early at step (\d{1,9}) \((.{1,40})\)", re.ASCII)
ARTIFACT = re.compile(r"Artifact: (\d{1,3}(?:,\d{3}){1,4}) bytes", re.ASCII)
METHOD = re.compile(r"=== Quantizing to (\w+) \+ ([\w-]+) ===", re.ASCII)
TOKENS = re.compile(r"Validation tokens: (\d{1,3}(?:,\d{3}){1,4})$", re.ASCII)
PARAMETERS = re.compile(r"Total params: (\d{1,3}(?:,\d{3}){1,4})$", re.ASCII)
SETTINGS = {
    "seed": re.compile(r"Seed: (\d{1,9})\b", re.ASCII),
    "world_size": re.compile(r"World size: (\d{1,4})\b", re.ASCII),
    "max_wallclock_seconds": re.compile(r"Wallclock limit reached \((\d{1,7})s\)", re.ASCII),
}


def recognizes(lines: Sequence[str]) -> bool:
    """Whether its steps or its scores are in the family's style."""
    return any(STEP.match(line) or SCORE.match(line) for line in lines)


def read(lines: Sequence[str]) -> dict[str, Any]:
    """The records of the common lines, and those of the family's own."""
    records = common.read(lines, _settings)
    records["steps"] = records["steps"] or every(_step, lines)
    records["scores"] = every(lambda line: _score(line) or common.score(line), lines)
    records["stop"] = records["stop"] or _stop(lines)
    records["sizes"] += _models(lines)
    records["parameters"] = _count(PARAMETERS, lines)
    records["validation_tokens"] = _count(TOKENS, lines)
    return records


def _settings(lines: Sequence[str]) -> Pairs:
    found = {name: first(pattern.match, lines) for name, pattern in SETTINGS.items()}
    return common.header_settings(lines) | {name: match[1] for name, match in found.items() if match}


def _step(line: str) -> StepLine | None:
    """``step   100/7000 | loss 5.1039 | lr_mul 1.0000 | …``."""
    match = STEP.match(line)
    return StepLine(int(match[1]), int(match[2]), Printed(match[3]), None, None, "") if match else None


def _score(line: str) -> ScoreLine | None:
    """``Quantized BPB (no XSA): 1.041537``."""
    match = SCORE.match(line)
    if not (match and match[3]):
        return None
    bpb = Printed(match[3])
    return ScoreLine(_stage(match), None, bpb) if bpb.interval.low > 0 else None


def _stage(match: re.Match[str]) -> str:
    return STAGES[match[1]] + ("" if match[2] == "no XSA" else "_xsa")


def _stop(lines: Sequence[str]) -> StopLine | None:
    """The end of training, and the step of it where a line says so."""
    end, stopped = first(END.match, lines), first(STOPPED.match, lines)
    if not end:
        return None
    train_ms = Printed(f"{int(end[1]) * 1000}")
    return StopLine(stopped[2], train_ms, int(stopped[1])) if stopped else StopLine("end", train_ms)


def _models(lines: Sequence[str]) -> tuple[SizeLine, ...]:
    size, method = _count(ARTIFACT, lines), first(METHOD.match, lines)
    return (SizeLine("model", "+".join(method.groups()) if method else "compressed", size),) if size else ()


def _count(pattern: re.Pattern[str], lines: Sequence[str]) -> int | None:
    match = first(pattern.match, lines)
    return int(match[1].replace(",", "")) if match else None


def _failed(lines: Sequence[str]) -> tuple[str, ...]:
    own = (match for match in map(SCORE.match, lines) if match and match[1] == "Quantized" and not match[3])
    return tuple(dict.fromkeys([*map(_stage, own), *failed_stages(lines)]))


GDN = Dialect("gdn", recognizes, read, failed=_failed)
