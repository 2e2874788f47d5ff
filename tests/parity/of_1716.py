"""Numbers that the published code of #1716 made on a CPU at toy sizes: in FP32, attention by PyTorch's SDPA.

Weights that start at 0 or 1 were replaced by small random ones, so that nothing is masked.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from tritgolf.config.transformer import TransformerConfig

FOLDER = Path(__file__).parent


def facts(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def tensors(name: str) -> dict[str, torch.Tensor]:
    return load_file(FOLDER / f"{name}.safetensors")


def published_model(sizes: dict, **settings) -> TransformerConfig:
    """The model of #1716 by the published names of its settings, in FP32 with exact frequencies."""
    gates = {
        "attention": sizes.get("gate_width", 12) if sizes["gate_attn_out"] else None,
        "smear": sizes.get("smear_gate_width", 12) if sizes["smear_gate_enabled"] else None,
        "skips": sizes.get("skip_gates_enabled", True),
    }
    loop = {"layers": (sizes["loop_start"], sizes["loop_end"]), "loops": sizes["num_loops"]}
    of_model = {
        "kind": "transformer",
        "vocab_size": sizes["vocab_size"],
        "layers": sizes["num_layers"],
        "width": sizes["model_dim"],
        "heads": sizes["num_heads"],
        "kv_heads": sizes["num_kv_heads"],
        "mlp_multiple": int(sizes["mlp_mult"]),
        "context": sizes["train_seq_len"],
        "rotary_dims": sizes["rope_dims"],
        "rotary_frequencies": "float32",
        "recurrence": loop,
        "parallel_from": sizes["parallel_residual_start"],
        "xsa_layers": sizes["xsa_last_n"],
        "bigram": {"buckets": sizes["bigram_vocab_size"], "width": sizes["bigram_dim"]},
        "gates": gates,
        "compute": "float32",
    }
    return TransformerConfig(**{**of_model, **settings})
