"""Published runs of the recurrent transformers (#1493, #1716) as typed facts, ``facts.json`` of another schema.

Their logs print what a ternary log doesn't: Hessians, the step of the recurrence, four scores after training. A run is
its settings and figures, never its text. ``{"schema", "source", "runs": {"seed42": {…}}, "script": {…}}``; ``script``,
where there is one, has the submitted script's sizes in bytes, as counted on it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tritgolf.audit.facts import read_kind
from tritgolf.audit.run_log import RunLog

SCHEMA = "tritgolf/published-recurrent-runs/1"
# Figure → the line that prints it, one whole number or decimal.
NUMBERS = {
    "train_shards": r"train_shards: (\d+)",
    "validation_tokens": r"val_tokens: (\d+)",
    "parameters": r"model_params:(\d+)",
    "reserved_seconds": r"gptq:reserving (\d+)s,.*",
    "recurrence_step": r"layer_loop:enabled step:(\d+) .*",
    "steps": r"stopping_early: .* step: (\d+)/\d+",
    "train_ms": r"stopping_early: .* train_time: (\d+)ms .*",
    "hessians": r"GPTQ:collected (\d+) Hessians in .*",
    "hessian_seconds": r"GPTQ:collected \d+ Hessians in ([\d.]+)s",
    "code_bytes": r"Code size: (\d+) bytes",
    "artifact_bytes": r"Serialized model quantized\+brotli: (\d+) bytes",
    "total_bytes": r"Total submission size quantized\+brotli: (\d+) bytes",
    "ttt_chunks": r"ttt:start chunks=(\d+) .*",
}
SCORES = {
    "post_ema": "pre-quantization post-ema",
    "quantized": "quantized",
    "sliding": "quantized_sliding_window",
    "ttt": "quantized_ttt",
}
KIND = re.compile(r"\s*([a-z][\w ]*\([^)]*\)): (\S.*)")
# Printed among the settings: paths and names of its machine, and figures that ``NUMBERS`` has.
NO_SETTING = re.compile(
    r".*_(?:dir|path|files)|logfile|run_id|rank|local_rank|is_main_process|train_shards|val_tokens|model_params"
)


class Score(NamedTuple):
    """A score after training: nats a token, bits a byte, seconds it took."""

    nats: float
    bpb: float
    seconds: float


@dataclass(frozen=True)
class RecurrentRun:
    """One published run: settings as printed, figures by ``NUMBERS``' names, scores by ``SCORES``' names.

    ``kinds``: how tensors are stored, as printed → their names. ``validations``: steps at which the split was scored.
    ``losses``: (step, nats a token) of the training batch.
    """

    seed: int
    settings: Mapping[str, str]
    numbers: Mapping[str, float]
    scores: Mapping[str, Score]
    kinds: Mapping[str, tuple[str, ...]]
    validations: tuple[int, ...]
    losses: tuple[tuple[int, float], ...] = ()

    def setting(self, key: str) -> float | None:
        """A numeric setting; None if there is none."""
        try:
            return float(self.settings[key])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class RecurrentRuns:
    """A system's runs, and its script's sizes in bytes (none where nobody counted them)."""

    runs: tuple[RecurrentRun, ...] = ()
    script: Mapping[str, int] | None = None

    def __bool__(self) -> bool:
        return bool(self.runs)

    def numbers(self, name: str) -> list[float]:
        """A figure of every run."""
        return [run.numbers[name] for run in self.runs]

    def bpb(self, name: str) -> list[float]:
        """A score of every run, bits a byte."""
        return [run.scores[name].bpb for run in self.runs]


def facts_of(log: RunLog) -> dict[str, Any]:
    """The facts of a log of this family, as plain values for JSON; ``ValueError`` where a line is missing."""
    scores = {name: list(_score(log.lines, label)) for name, label in SCORES.items()}
    return {
        "sha256_of_the_log": log.digest,
        "settings": {key: value for key, value in log.hyperparameters.items() if not NO_SETTING.fullmatch(key)},
        "numbers": {name: _number(log.lines, pattern) for name, pattern in NUMBERS.items()},
        "scores": scores,
        "kinds": {match[1]: match[2].split(", ") for line in log.lines if (match := KIND.fullmatch(line))},
        "validations": [int(m[1]) for line in log.lines if (m := re.match(r"(\d+)/\d+ val_loss", line))],
        "losses": [[line.step, line.loss.value] for line in log.steps],
    }


def _number(lines: tuple[str, ...], pattern: str) -> float:
    return _value(next((m[1] for line in lines if (m := re.fullmatch(pattern, line))), None), pattern)


def _value(text: str | None, what: str) -> float:
    if text is None:
        raise ValueError(f"no line like {what!r}")
    return float(text) if "." in text else int(text)


def _score(lines: tuple[str, ...], label: str) -> Score:
    pattern = rf"{re.escape(label)} val_loss:([\d.]+) val_bpb:([\d.]+) eval_time:(\d+)ms"
    found = next((m for line in lines if (m := re.fullmatch(pattern, line))), None)
    if found is None:
        raise ValueError(f"no score {label!r}")
    return Score(float(found[1]), float(found[2]), int(found[3]) / 1000)


def read_recurrent(folder: str | Path) -> RecurrentRuns:
    """The runs of a system's folder; none where it has no such facts. Damaged facts are an ``InputError``."""
    return read_kind(folder, SCHEMA, _runs, RecurrentRuns())


def _runs(facts: Mapping[str, Any]) -> RecurrentRuns:
    return RecurrentRuns(tuple(_run(one) for one in facts["runs"].values()), facts.get("script"))


def _run(facts: Mapping[str, Any]) -> RecurrentRun:
    return RecurrentRun(
        seed=int(facts["settings"]["seed"]),
        settings=facts["settings"],
        numbers={name: facts["numbers"][name] for name in NUMBERS},
        scores={name: Score(*facts["scores"][name]) for name in SCORES},
        kinds={kind: tuple(names) for kind, names in facts["kinds"].items()},
        validations=tuple(facts["validations"]),
        losses=tuple((step, loss) for step, loss in facts["losses"]),
    )
