"""The two named modes, setting by setting."""

from collections.abc import Mapping
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

# The transformer. The published code of #1716 never trains its hash embedding, and leaves codes to Brotli.
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

# Settings of mechanisms that not every record of the kind has: decided where the mapping that they are in is there.
# #1019 and #1722: the switch for late QAT reaches the two layers alone that are not stored on its grid, and scores are
# of master weights (trinity-spec, row 13); the rotary base of a short call is not the one of training (row 18).
MECHANISMS_OF: dict[str, dict[str, dict[str, Any]]] = {
    "transformer": {
        "faithful": {"model.qat.roles": ["projection"], "model.qat.scored": False, "model.rotary_stretch.of": "call"},
        "honest": {
            "model.qat.roles": ["attention", "mlp"],
            "model.qat.scored": True,
            "model.rotary_stretch.of": "context",
        },
    }
}


def modes_for(raw: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Mode → dotted setting → value, for a record before it is validated, or dumped.

    Those of a U-Net where it names no kind of model, or an impossible one.
    """
    model = raw.get("model")
    kind = str(model.get("kind", "unet")) if isinstance(model, Mapping) else "unet"
    of_kind, mechanisms = MODES_OF.get(kind, MODES), MECHANISMS_OF.get(kind, {})
    return {mode: settings | _of_mechanisms(raw, mechanisms.get(mode, {})) for mode, settings in of_kind.items()}


def _of_mechanisms(raw: Mapping[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if isinstance(_parent(raw, key), Mapping)}


def _parent(raw: Mapping[str, Any], dotted: str) -> Any:
    """What the setting would be in; None where that isn't there."""
    inner: Any = raw
    for key in dotted.split(".")[:-1]:
        inner = inner.get(key) if isinstance(inner, Mapping) else None
    return inner
