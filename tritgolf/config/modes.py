"""The two named modes, setting by setting."""

from typing import Any

# What the two named modes mean for the ternary U-Net, setting by setting: the table of docs/running.md.
MODES: dict[str, dict[str, Any]] = {
    "faithful": {
        "model.rotary_frequencies": "bfloat16",
        "export.decide": "master",
        "export.shrinkage": True,
        "export.reload_dtype": "bfloat16",
        "export.mixes": "e4m3",
        "evaluate.window_rule": "drop_tail",
        "evaluate.headline_z_loss": True,
        "evaluate.apply_temperature": False,
        "report.zero_fraction": "record",
        "report.bytes": "published",
    },
    "honest": {
        "model.rotary_frequencies": "float32",
        "export.decide": "forward",
        "export.shrinkage": False,
        "export.reload_dtype": "float32",
        "export.mixes": "bfloat16",
        "evaluate.window_rule": "every_token",
        "evaluate.headline_z_loss": False,
        "evaluate.apply_temperature": True,
        "report.zero_fraction": "true",
        "report.bytes": "raw",
    },
}

# The transformer of #1716: its published code never trains its hash embedding, and leaves codes to Brotli.
TRANSFORMER_MODES: dict[str, dict[str, Any]] = {
    "faithful": {
        "model.rotary_frequencies": "bfloat16",
        "train.adam.trains_hash_embedding": False,
        "export.codecs": ["brotli"],
        "export.code_layouts": ["int_bits", "byte_planes"],
        "report.bytes": "published",
    },
    "honest": {
        "model.rotary_frequencies": "float32",
        "train.adam.trains_hash_embedding": True,
        "export.codecs": ["xz"],
        "export.code_layouts": ["arithmetic"],
        "report.bytes": "raw",
    },
}

MODES_OF = {"unet": MODES, "transformer": TRANSFORMER_MODES}  # by the kind of the model
