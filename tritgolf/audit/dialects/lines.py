"""Lines that most scripts of the contest print alike, for the dialects to choose from.

Steps and validations begin ``step:7/20000`` or ``7/20000``; ``name:value`` may have a space after the colon; a score is
any line with both ``val_loss`` and ``val_bpb`` behind its name; sizes are sentences that end in "bytes".
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

from tritgolf.audit.dialects.base import (
    BETWEEN,
    STAGE,
    VALUE,
    Pairs,
    every,
    first,
    having,
    milliseconds,
    number,
    resumes,
    settings_line,
    whole_milliseconds,
)
from tritgolf.audit.dialects.ternary import budget, gpus, parameters, temperature, warmups
from tritgolf.audit.intervals import Printed
from tritgolf.audit.log_lines import ScoreLine, SizeLine, StepLine, StopLine, ValidationLine

PLACE = re.compile(r"(?:step:\s*)?(\d{1,12})/(\d{1,12})\s", re.ASCII)
SPACED = re.compile(rf"(?<![A-Za-z_])([A-Za-z_]\w{{0,80}})[:=]\s*{VALUE}", re.ASCII)
SIZE = re.compile(
    r"(?P<what>Serialized model|Total submission size|Total (?P<kind>\w{1,40}) submission|Code size)\s*"
    r"(?P<method>[^:]{0,60}?)\s*:\s*(?:[\d.]{1,9} ?Mi?B ?\()?(?P<bytes>\d{1,3}(?:,\d{3}){1,4}|\d{1,15}) bytes",
    re.ASCII | re.IGNORECASE,
)
SIZES: dict[str, Literal["model", "total", "code"]] = {"serialized": "model", "total": "total", "code": "code"}
MLX_MODEL = re.compile(r"serialized_model_(\w{1,40}):(\d{1,15}) bytes", re.ASCII)
TOLD = re.compile(
    r"(\w{0,40}(?:total|artifact)\w{1,40})\s?[:=]\s?(\d{1,3}(?:,\d{3}){1,4}|\d{1,15}) bytes", re.ASCII | re.IGNORECASE
)
CODE = re.compile(r"^artifact:.*\bcode:(\d{1,9})$|(?:\||\bbytes) {1,4}Code: (\d{1,9}) bytes", re.ASCII)
PARTS = re.compile(  # "Int6+zstd: 95 bytes  code: 7 bytes  total: 102 bytes"
    r"(?:model_size )?(?P<method>[\w+-]{1,40}):\s?(?P<model>\d{1,15}) bytes\s{1,8}code:\s?(?P<code>\d{1,15}) bytes"
    r"\s{1,8}total:\s?(?P<total>\d{1,15}) bytes",
    re.ASCII | re.IGNORECASE,
)
BRIEF = re.compile(r"artifact:\s?(\d{1,15})B\s{1,8}code:\s?(\d{1,15})B\s{1,8}total:\s?(\d{1,15})B\b", re.ASCII)
STORED = re.compile(r"(?:\w{1,40} )?artifact: (\d{1,15}) bytes \((\w{1,20})\)", re.ASCII | re.IGNORECASE)
NAMED_TOTAL = re.compile(r"total_submission_size_(\w{1,40}):\s?(\d{1,15}) bytes", re.ASCII)  # of MLX_MODEL's method
NAMED_CODE = re.compile(r"code_size:\s?(\d{1,15}) bytes", re.ASCII)
PACKED = re.compile(
    r"(?:Serialized )?(?P<method>\S+)(?: model)?: (?P<model>\d{1,15}) bytes(?: \|)? {1,4}"
    r"Total(?: submission)?: (?P<total>\d{1,15}) bytes",
    re.ASCII,
)
SCORE = re.compile(rf"{STAGE}(?P<between>{BETWEEN})(?:sliding )?val_(?:loss|bpb)[:=]", re.ASCII)
TOKENS = re.compile(
    r"(?:(?:train_loader:.*\s)?val_tokens:\s*|val_loader:.*\btokens:)(\d{1,15})(?: \w{1,30}_tokens:\d{1,15})?$",
    re.ASCII,
)
VOCABULARY = re.compile(r"(?:_|sp)(\d{3,6})(?:_bpe|\b)", re.ASCII)
SPACE_BEHIND_NAME = re.compile(r"(\b[A-Za-z_]\w{0,80}[:=])[ \t](?=\S)", re.ASCII)
PROGRESS = re.compile(r"chunk|batch|epoch|progress|window \d", re.IGNORECASE)
ON_THE_WAY = re.compile(r"\b(?:step|iter\w*)[:=\s]\s*\d|\b(?:chunk|batch|epoch|doc\w*)[:=]\s?\d+/", re.IGNORECASE)


def read(lines: Sequence[str], settings: Callable[[Sequence[str]], Pairs]) -> dict[str, Any]:
    """The records of lines in the common styles; ``settings`` reads a family's own style of settings."""
    found = settings(lines)
    return {
        "hyperparameters": found,
        "parameters": first(parameters, (line.replace(": ", ":") for line in lines)),
        "gpus": _gpus(lines, found),
        "steps": every(step, lines),
        "validations": every(validation, lines),
        "scores": every(score, lines),
        "budget": first(budget, lines),
        "stop": first(stop, having(lines, "stopping_early")),
        "temperature": first(temperature, having(lines, "temp_scaling")),
        "warmups": warmups(lines),
        "resumes": resumes(lines),
        "sizes": _sizes(lines),
        "validation_tokens": first(_tokens, having(lines, "tokens:")),
    }


def spaced_pairs(line: str) -> Pairs:
    """``name:value``, ``name: value`` and ``name=value`` words of a line."""
    return dict(SPACED.findall(line))


def header_settings(lines: Sequence[str]) -> Pairs:
    """Settings before the first step: lines of ``name:value`` or ``name: value`` alone, or one long line of them."""
    found: Pairs = {}
    for line in lines:
        if PLACE.match(line):
            break
        words = SPACE_BEHIND_NAME.sub(r"\1", line).split()
        if words and all(re.fullmatch(r"[A-Za-z_]\w*[:=][^\s,()]+", word) for word in words):
            found |= dict(word.replace("=", ":", 1).split(":", 1) for word in words)
    return found | _cap(found) | _vocabulary(lines) | settings_line(lines)


def _cap(found: Pairs) -> Pairs:
    """The time that a run is configured for, where it is called ``wall:600s``."""
    wall = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)s", found.get("wall", ""), re.ASCII)
    return {"max_wallclock_seconds": wall[1]} if wall and "max_wallclock_seconds" not in found else {}


def _vocabulary(lines: Sequence[str]) -> Pairs:
    """The vocabulary's size out of the tokenizer's or the data's name (``fineweb_1024_bpe.model``)."""
    for line in lines:
        if line.startswith(("val_bpb:enabled", "train_loader:", "tokenizer_path:", "datasets_dir:")):
            named = re.search(r"vocab_size=(\d+)", line) or VOCABULARY.search(line)
            if named:
                return {"vocab_size": named[1]}
    return {}


def _gpus(lines: Sequence[str], settings: Pairs) -> int | None:
    stated = settings.get("world_size", "")
    return int(stated) if re.fullmatch(r"\d{1,6}", stated, re.ASCII) else first(gpus, lines)


def step(line: str) -> StepLine | None:
    """``step:7/20000 train_loss:2.3 train_time:600ms step_avg:43.5ms``; ``7/20000 train_loss: 3 train_time: 0.9m``."""
    if not (place := PLACE.match(line)):
        return None
    pairs = spaced_pairs(line)
    loss, elapsed = number(pairs, "loss", "train_loss"), whole_milliseconds(pairs, "t", "train_time")
    if not loss or "val_loss" in pairs:
        return None
    label = next((key for key in ("avg", "step_avg") if key in pairs), "")
    return StepLine(int(place[1]), int(place[2]), loss, elapsed, whole_milliseconds(pairs, label), label)


def validation(line: str) -> ValidationLine | None:
    """``step:7/20000 val_loss:2.06 val_bpb:1.22 train_time:600ms``, or ``7/20000 val_loss: 2.8 val_bpb: 1.09``."""
    place = PLACE.match(line) if "val_loss" in line else None
    pairs = spaced_pairs(line) if place else {}
    nats, bpb = number(pairs, "val_loss"), number(pairs, "val_bpb")
    if not (place and nats and bpb and bpb.interval.low > 0):
        return None
    return ValidationLine(
        int(place[1]), int(place[2]), nats, bpb, milliseconds(pairs, "train_time"), number(pairs, "zero_frac")
    )


def score(line: str) -> ScoreLine | None:
    """A score after training, whatever its stage is called; progress of an evaluation that is still running is none."""
    named = SCORE.match(line) if "val_" in line else None
    if not named or PLACE.match(line) or PROGRESS.search(named["name"]) or ON_THE_WAY.search(named[0]):
        return None
    pairs = spaced_pairs(line)
    nats, bpb = number(pairs, "val_loss"), number(pairs, "val_bpb")
    is_in_bits = "val_loss" not in pairs and _evaluation_ms(pairs) is not None  # without its time, it may be a remark
    if not ((nats or is_in_bits) and bpb and bpb.interval.low > 0):
        return None
    name = re.sub(r"[\s:]+", "_", named["name"].strip())
    name += "_sliding" if re.search("sliding val_(?:loss|bpb)", line) and "sliding" not in name else ""
    stride = number(pairs, "stride")
    tokens = int(stride.value) if stride and not stride.decimals else None
    return ScoreLine(name, nats, bpb, tokens, number(pairs, "T"), _evaluation_ms(pairs))


def _evaluation_ms(pairs: Pairs) -> Printed | None:
    """Milliseconds of the evaluation; a time of 0 is none."""
    stated = milliseconds(pairs, "eval_time", "time")
    return stated if stated and stated.value > 0 else None


def stop(line: str) -> StopLine | None:
    """``stopping_early: wallclock_cap train_time:600038ms step:13780/20000``; the step may be missing."""
    match = re.match(r"stopping_early:\s*(\w+)", line)
    pairs = spaced_pairs(line.partition(":")[2]) if match else {}
    train_ms = milliseconds(pairs, "train_time")
    place = re.fullmatch(r"(\d{1,12})/(\d{1,12})", pairs.get("step", ""), re.ASCII)
    if not (match and train_ms):
        return None
    return StopLine(match[1], train_ms, *(int(n) for n in place.groups())) if place else StopLine(match[1], train_ms)


def size(line: str) -> SizeLine | None:
    """``Serialized model int6+zstd: 15650000 bytes``, ``Code size (compressed): 30107 bytes``.

    ``Total mixed submission: 15680107 bytes`` has the method in between.
    """
    match = SIZE.match(line)
    if not match:
        return None
    what = SIZES[match["what"].split()[0].lower()]
    method = match["kind"] or match["method"].strip(" ()")
    return SizeLine(what, method.lower(), int(match["bytes"].replace(",", "")))


def _sizes(lines: Sequence[str]) -> tuple[SizeLine, ...]:
    """Sizes of all lines.

    Those of ``Raw model: 95 bytes | Code: 7 bytes``, ``Serialized zstd-22: 9 bytes  Total: 10 bytes``,
    ``artifact:… code:78442`` and ``serialized_model_int8_zlib:95 bytes``, as the contest's MLX script prints it, are
    among them, and what is told under a script's own names.
    """
    sized = list(having(lines, "bytes", "artifact"))
    found = list(every(size, sized))
    for line in sized:
        code = CODE.search(line)
        if code:
            found.append(SizeLine("code", "", int(code[1] or code[2])))
        if mlx := MLX_MODEL.match(line):
            found.append(SizeLine("model", mlx[1].replace("_", "+"), int(mlx[2])))
        found += _named_sizes(line)
        if (told := TOLD.match(line)) and not NAMED_TOTAL.match(line):
            found.append(SizeLine("told", told[1].lower(), int(told[2].replace(",", ""))))
        packed = PACKED.match(line)
        if packed:
            found.append(SizeLine("model", packed["method"].lower(), int(packed["model"])))
            found.append(SizeLine("total", packed["method"].lower(), int(packed["total"])))
    return tuple(found)


def _named_sizes(line: str) -> list[SizeLine]:
    """The sizes of a line that names the method once, or not at all, or within the name of the total.

    ``Ternary artifact: 95 bytes (lzma)`` and ``artifact:95B  code:7B  total:102B`` are some.
    """
    if parts := PARTS.match(line):
        method = parts["method"].lower()
        return [SizeLine("model", method, int(parts["model"])), SizeLine("code", "", int(parts["code"])),
                SizeLine("total", method, int(parts["total"]))]  # fmt: skip
    if brief := BRIEF.match(line):
        model, code_size, total = map(int, brief.groups())
        return [SizeLine("model", "artifact", model), SizeLine("code", "", code_size),
                SizeLine("total", "artifact", total)]  # fmt: skip
    if stored := STORED.match(line):
        return [SizeLine("model", stored[2].lower(), int(stored[1]))]
    if named := NAMED_TOTAL.match(line):
        return [SizeLine("total", named[1].replace("_", "+"), int(named[2]))]
    return [SizeLine("code", "", int(code[1]))] if (code := NAMED_CODE.match(line)) else []


def _tokens(line: str) -> int | None:
    match = TOKENS.match(line)
    return int(match[1]) if match else None
