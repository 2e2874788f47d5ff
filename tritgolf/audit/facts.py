"""Published runs as typed facts, ``facts.json``: what their logs say, without being copies of them.

``{"schema", "source", "runs": {"seed42": {…}}}``; a number is the text it was printed as, where its digits matter.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tritgolf.audit.dialects.ternary_writer import write_lines
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
from tritgolf.errors import InputError
from tritgolf.files import digest_bytes

NAME = "facts.json"
SCHEMA = "tritgolf/published-runs/1"
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError)  # what reading a damaged file may raise
Runs = TypeVar("Runs")  # of a system, by the facts of its kind
# Field of a run → (type of its records, whether there are several). Fields that a record names here are in its order.
RECORDS: dict[str, tuple[type, bool]] = {
    "steps": (StepLine, True),
    "validations": (ValidationLine, True),
    "scores": (ScoreLine, True),
    "artifact": (ArtifactLine, False),
    "budget": (BudgetLine, False),
    "stop": (StopLine, False),
    "temperature": (TemperatureLine, False),
}
PLAIN = ("hyperparameters", "parameters", "gpus", "warmups", "checkpoints")
# Fields that are numbers as they were printed, of any record.
PRINTED = frozenset(
    {"loss", "elapsed_ms", "average_ms", "nats", "bpb", "train_ms", "zero_fraction", "temperature", "eval_ms",
     "megabytes", "best"}
)  # fmt: skip


def facts_of(logs: Sequence[RunLog], source: str) -> dict[str, Any]:
    """The facts of ternary runs called ``…/seed42.log``: plain values for JSON."""
    runs = {Path(log.name).stem: {"sha256_of_the_log": log.digest, **_run(log)} for log in logs}
    return {"schema": SCHEMA, "source": source, "runs": runs}


def _run(log: RunLog) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(log, name) for name in PLAIN}
    for name, (_, several) in RECORDS.items():
        value = getattr(log, name)
        found[name] = [_record(one) for one in value] if several else value and _record(value)
    return found


def _record(record: Any) -> list[Any]:
    """A record's fields in their order."""
    values = (getattr(record, field.name) for field in dataclasses.fields(record))
    return [value.text if isinstance(value, Printed) else value for value in values]


def is_facts(path: Path) -> bool:
    """Whether a file is called as facts are and has their schema."""
    return path.name == NAME and SCHEMA in path.read_text(encoding="utf-8", errors="replace")[:200]


def read_facts(path: str | Path) -> list[RunLog]:
    """The runs of a ``facts.json``, named as their logs were; a file that isn't one is an ``InputError``."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        runs = json.loads(text)["runs"]
        return [_log(f"{name}.log", facts, digest_bytes(f"{text}{name}".encode())) for name, facts in runs.items()]
    except DAMAGE as error:
        raise _damaged(path, error) from None


def read_kind(folder: str | Path, schema: str, runs_of: Callable[[Any], Runs], none: Runs) -> Runs:
    """What ``runs_of`` makes of the facts of a system's folder, if they have this ``schema``, else ``none``.

    Damaged facts are an ``InputError``.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        return none
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return runs_of(facts) if facts["schema"] == schema else none
    except DAMAGE as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(path, f"is no file of published runs ({error})", "restore the published file")


def _log(name: str, facts: dict[str, Any], digest: str) -> RunLog:
    fields: dict[str, Any] = {key: facts[key] for key in PLAIN}
    fields |= {key: tuple(facts[key]) for key in ("warmups", "checkpoints")}
    for key, (kind, several) in RECORDS.items():
        value = facts[key]
        if several:
            fields[key] = tuple(_read(kind, one) for one in value)
        else:
            fields[key] = None if value is None else _read(kind, value)
    bare = RunLog(name=name, digest=digest, lines=(), dialect="ternary", **fields)
    return RunLog(name=name, digest=digest, lines=tuple(write_lines(bare)), dialect="ternary", **fields)


def _read(kind: type, values: list[Any]) -> Any:
    """A record from its fields; those that a newer one has besides keep their defaults."""
    named = dict(zip(kind.__dataclass_fields__, values, strict=False))  # type: ignore[attr-defined]
    return kind(**{key: Printed(value) if key in PRINTED and value is not None else value
                   for key, value in named.items()})  # fmt: skip
