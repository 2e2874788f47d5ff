"""What #1716 trains with, as settings (sp8192-spec, "Training"), and its published numbers at toy sizes."""

import json
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from tritgolf.config.train import AdamConfig, AverageConfig, MuonConfig, StartConfig, TrainConfig

FOLDER = Path(__file__).parent


def facts(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def tensors(name: str, under: str = "") -> dict[str, Tensor]:
    """The tensors of a file whose names begin with ``under``, without that."""
    found = load_file(FOLDER / f"{name}.safetensors")
    return {key.removeprefix(under): tensor for key, tensor in found.items() if key.startswith(under)}


def training_1716(**settings) -> TrainConfig:
    """Its optimizers, clipping, average, order and schedule; sizes as in ``settings``."""
    muon = MuonConfig(
        lr=0.022,
        momentum=0.99,
        momentum_start=0.92,
        momentum_warmup_steps=1500,
        iterations=5,
        rows="l2",
        weight_decay=0.095,
    )
    adam = AdamConfig(
        kind="adamw",
        table_lr=0.03,
        vector_lr=0.02,
        table_weight_decay=0.085,
        vector_weight_decay=0.02,
        trains_hash_embedding=False,
    )
    mechanisms = {"muon": muon, "adam": adam, "clip_norm": 0.3, "average": AverageConfig(decay=0.9965)}
    schedule = {"warmdown_fraction": 0.72, "start": StartConfig(recurrence=0.35), "order": "shuffled", "z_loss": 0.0}
    return TrainConfig(**{**mechanisms, **schedule, **settings})
