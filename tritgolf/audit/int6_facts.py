"""Published runs of the int6 transformers (#1019, #1722) as typed facts, ``facts.json`` of a schema of their own.

A run is its figures and scores, never its text: ``{"schema", "source", "runs": {"seed42": {…}}, "code": {…}}``.
``code``: what the public source says and no log prints, as the specification given to this project has it.
``beaten``, where there is one: the scores of the record that a text compares itself with.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tritgolf.audit.facts import read_kind
from tritgolf.audit.recurrent_facts import Score
from tritgolf.audit.run_log import RunLog

SCHEMA = "tritgolf/published-int6-runs/1"
# Figure → the line that prints it, one whole number or decimal. A run without a stage lacks its figures.
NUMBERS = {
    "train_shards": r"train_loader:.* train_shards:(\d+)",
    "validation_tokens": r"val_loader:.* tokens:(\d+)",
    "parameters": r"model_params:(\d+)\b.*",
    "mlp_multiple": r"model_params:\d+ \(.*mlp_mult=([\d.]+)\)",
    "max_seconds": r".* max_wallclock_seconds:([\d.]+)",
    "steps": r"stopping_early: .* step:(\d+)/\d+",
    "train_ms": r"stopping_early: .* train_time:(\d+)ms .*",
    "swa_step": r"swa:start step:(\d+)",
    "late_qat_step": r"late_qat:enabled step:(\d+) .*",
    "late_qat_scale": r"late_qat:enabled .* scale:([\d.]+)",
    "calibration_sequences": r"\w+:generated (\d+) sequences in .*",
    "calibration_seconds": r"\w+:generated \d+ sequences in ([\d.]+)s",
    "hessians": r"\w+:collected hessians for (\d+) layers.*",
    "ternary_mlps": r"\w+:quantized (\d+) MLP tensors .*",
    "int6_matrices": r"\w+:quantized .* \+ (\d+) attn tensors .*",
    "unpruned_mib": r"\w+_prune: .* unpruned=([\d.]+)MB .*",
    "target_mib": r"\w+_prune: .* target=([\d.]+)MB",
    "raw_bytes": r"Serialized model: (\d+) bytes",
    "code_bytes": r"Code size: (\d+) bytes",
    "artifact_bytes": r"(?:Trinity Hybrid serialized model|Serialized model int6\+lzma): (\d+) bytes",
    "total_bytes": r"Total (?:Trinity submission size|submission size int6\+lzma): (\d+) bytes",
    "ttt_chunks": r"ttt_sliding:start chunks=(\d+) .*",
    "ttt_trained": r"ttt_sliding:params unfrozen=(\d+) .*",
    "ttt_frozen": r"ttt_sliding:params .* frozen=(\d+)",
    "slot_steps": r"slot:starting .* steps=(\d+), .*",
    "slot_stride": r"slot:starting .* stride=(\d+)\)",
}
OPTIONAL = ("mlp_multiple", "ternary_mlps", "int6_matrices", "ttt_", "slot_")  # of some of the scripts
# Score → the name of its line; "_exact" lines have more digits and no seconds.
SCORES = {
    "post_ema": "DIAGNOSTIC post_ema",
    "roundtrip": r"final_(?:int6|trinity)_roundtrip",
    "sliding": r"final_(?:int6|trinity)_sliding_window",
    "ttt": "final_ttt",
    "slot": "final_slot",
}
FITS = r"\w+_prune: already fits.*"


@dataclass(frozen=True)
class Int6Run:
    """One published run: figures by ``NUMBERS``' names, scores by ``SCORES``', in the order in which it was scored.

    ``last_bpb``: of the last step's weights; ``was_pruned``: whether its log says that values were pruned to fit.
    """

    seed: int
    numbers: Mapping[str, float]
    scores: Mapping[str, Score]
    last_bpb: float
    was_pruned: bool


@dataclass(frozen=True)
class Int6Runs:
    """A system's runs; ``code``: what its source says, by name; ``beaten``: nats and BPB by seed of another record."""

    runs: tuple[Int6Run, ...] = ()
    code: Mapping[str, Any] = field(default_factory=dict)
    beaten: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.runs)

    def numbers(self, name: str) -> list[float]:
        """A figure of every run."""
        return [run.numbers[name] for run in self.runs]

    def bpb(self, name: str) -> list[float]:
        """A score of every run, bits a byte; none where a run wasn't scored so."""
        return [run.scores[name].bpb for run in self.runs if name in run.scores]

    def seconds(self, name: str) -> list[float]:
        """How long that score took in every run, seconds."""
        return [run.scores[name].seconds for run in self.runs if name in run.scores]


def facts_of(log: RunLog) -> dict[str, Any]:
    """The facts of a log of this family, as plain values for JSON; ``ValueError`` where a line is missing."""
    if log.final is None or log.seed is None:
        raise ValueError("no seed, or no validation after training")
    return {
        "sha256_of_the_log": log.digest,
        "seed": log.seed,
        "numbers": {name: value for name in NUMBERS if (value := _number(log.lines, name)) is not None},
        "scores": {name: list(score) for name, line in SCORES.items() if (score := _score(log.lines, line))},
        "last_bpb": log.final.bpb.value,
        "was_pruned": not any(re.fullmatch(FITS, line) for line in log.lines),
    }


def _number(lines: tuple[str, ...], name: str) -> float | None:
    text = next((m[1] for line in lines if (m := re.fullmatch(NUMBERS[name], line))), None)
    if text is None and not name.startswith(OPTIONAL):
        raise ValueError(f"no line like {NUMBERS[name]!r}")
    return None if text is None else float(text) if "." in text else int(text)


def _score(lines: tuple[str, ...], line: str) -> Score | None:
    """A score, its digits from the line that has most of them; None where the run has no such stage."""
    timed = re.compile(rf"{line} val_loss:([\d.]+) val_bpb:([\d.]+) .*eval_time:(\d+)ms")
    exact = re.compile(rf"{line}_exact val_loss:([\d.]+) val_bpb:([\d.]+)")
    short = next((m for text in lines if (m := timed.fullmatch(text))), None)
    if short is None:
        return None
    precise = next((m for text in lines if (m := exact.fullmatch(text))), short)
    return Score(float(precise[1]), float(precise[2]), int(short[3]) / 1000)


def read_int6(folder: str | Path) -> Int6Runs:
    """The runs of a system's folder; none where it has no such facts. Damaged facts are an ``InputError``."""
    return read_kind(folder, SCHEMA, _runs, Int6Runs())


def _runs(facts: Mapping[str, Any]) -> Int6Runs:
    runs = tuple(_run(one) for one in facts["runs"].values())
    return Int6Runs(runs, facts.get("code", {}), facts.get("beaten", {}))


def _run(facts: Mapping[str, Any]) -> Int6Run:
    scores = {name: Score(*values) for name, values in facts["scores"].items()}
    return Int6Run(int(facts["seed"]), dict(facts["numbers"]), scores, facts["last_bpb"], facts["was_pruned"])
