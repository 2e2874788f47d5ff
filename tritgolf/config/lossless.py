"""When a storage choice loses nothing: the reloaded model then computes with the trained model's numbers, to the bit.

Storing rounds a master weight once, and the forward pass rounds what was reloaded again. Nothing is lost where the
format is the very one that the forward pass rounds to (the second rounding then does nothing), or holds every master
weight. A format in between is not enough: two roundings may end elsewhere than one.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tritgolf.config.export import StorageConfig
    from tritgolf.config.model import UNetConfig
    from tritgolf.config.types import Format

WIDER = {
    "float32": {"float32"},
    "bfloat16": {"bfloat16", "float32"},
    "float16": {"float16", "float32"},
    "e4m3": {"scaled_e4m3", "bfloat16", "float32"},  # as ``quantizer.scale_dtype``
}


def lossy_settings(model: "UNetConfig", storage: "StorageConfig") -> dict[str, tuple[object, str]]:
    """Settings of ``storage`` (all fields filled in) that change what ``model`` computes with: empty if it is lossless.

    Setting → (its value, what it must be instead).
    """
    needed: dict[str, Collection[object]] = {
        "estimator": {"own", model.quantizer.estimator},
        "decide": {"forward"},
        "shrinkage": {False},
        "reload_dtype": {"float32"},
        **exact_formats(model),
    }
    found = storage.model_dump()
    return {
        key: (found[key], " or ".join(sorted(str(value) for value in allowed)))
        for key, allowed in needed.items()
        if found[key] not in allowed
    }


def exact_formats(model: "UNetConfig") -> dict[str, set[str]]:
    """Kind of tensor (as ``StorageConfig`` names it) → the formats that lose nothing of it.

    In BF16 compute a matrix is BF16(q·s) = q·BF16(s), so BF16 scales do, and mixes are used in BF16. The table's master
    weights are BF16. The vocabulary's bias and the smear gates are used in FP32, unless trained otherwise.
    """
    scales = WIDER[model.quantizer.scale_dtype] | ({"bfloat16"} if model.compute == "bfloat16" else set())
    projections = "e4m3" if model.fp8_embedding else model.compute
    table = {"e4m3"} if model.fp8_embedding and model.head_table == "e4m3" else set()
    return {
        "scales": scales,
        "table": WIDER["bfloat16"] | table,
        "projections": {projections, "float32"},
        "mixes": {used_mixes(model), "float32"},
        "vectors": {model.vectors, "float32"},
    }


def used_mixes(model: "UNetConfig") -> "Format":
    """What mixes and skips are rounded to before they are used: the compute precision where not trained otherwise.

    Said here rather than left to a cast, which compiled code drops: it would compute with the FP32 numbers.
    """
    return model.compute if model.mixes == "float32" else model.mixes
