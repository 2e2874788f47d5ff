"""Results folders of ours for the audit's tests: synthetic runs whose sums come out."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.report.synthetic import SEEDS, config, write_run
from tritgolf.config.record import RecordConfig
from tritgolf.evaluate.no_network import BLOCKED
from tritgolf.files import write_json
from tritgolf.model.counts import count_parameters

CAUSAL = {"changes": 64, "leak": None, "repeatable": True}


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON file in place."""
    raw = json.loads(path.read_text())
    change(raw)
    write_json(path, raw)


def sound_run(folder: Path, name: str = "demo") -> Path:
    """A run on which every compliance check but that of the corpus can hold."""
    write_run(folder, name)
    counts = count_parameters(config(name).model).as_dict()
    for seed in SEEDS:
        edit(folder / f"seed{seed}/train/train.json", lambda raw: raw["metrics"].update(parameters=counts))
        edit(folder / f"seed{seed}/final/evaluate.json", _make_evaluation_sound)
    return folder


def time_limited(record: RecordConfig) -> dict[str, Any]:
    """The record's resolved configuration with a time budget."""
    raw = record.model_dump(mode="json")
    raw["train"]["seconds"] = 600
    return raw


def _make_evaluation_sound(raw: dict[str, Any]) -> None:
    for name in ("chunked", "sliding"):
        score = raw["metrics"][name]
        score["nats"] = score["bpb"] * math.log(2) * score["bytes"] / score["tokens_scored"]
    raw["metrics"]["causality"] = CAUSAL
    raw["provenance"]["network"] = BLOCKED
