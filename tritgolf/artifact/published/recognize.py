"""What model a published artifact belongs to: it doesn't say, but its tensors do."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tritgolf.artifact.header import ArtifactHeader, published_header
from tritgolf.artifact.kinds import Kind, Shape, TensorSpec
from tritgolf.config.export import StorageConfig
from tritgolf.config.model import UNetConfig
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import Settings, validate
from tritgolf.config.types import Format, ScaleFormat
from tritgolf.errors import InputError
from tritgolf.model.counts import parameter_shapes
from tritgolf.quantize.ternary import Estimator

ESTIMATORS: dict[Format, Estimator] = {"float16": "absmean", "bfloat16": "rms"}  # by format of the vectors: #640, #920


def header_of(
    specs: Mapping[str, TensorSpec], group_size: int, estimator: Estimator | None, path: str | Path
) -> ArtifactHeader:
    """The header that a published artifact would have: its model, and the published way to reload it.

    Raises ``InputError`` that names ``path`` if no model of this package has these tensors.
    """
    shapes = {name: spec.shape for name, spec in specs.items()}
    chosen = estimator or infer_estimator(specs, path)
    model = validate(UNetConfig, infer_model_config(shapes, group_size, chosen, path), path)
    if shapes != parameter_shapes(model):
        raise InputError(path, "its tensors are not those of a ternary U-Net", "give a published artifact, or ours")
    formats: dict[Kind, ScaleFormat] = {spec.kind: spec.format for spec in specs.values()}
    storage = StorageConfig.model_validate(
        {
            "scales": formats["ternary"],
            "decide": "master",
            "shrinkage": True,
            "reload_dtype": "bfloat16",
            "table": formats["table"],
            "projections": formats["projection"],
            "mixes": formats["mix"],
            "vectors": formats["vector"],
        }
    )
    return published_header(model, storage)


def infer_estimator(specs: Mapping[str, TensorSpec], path: str | Path) -> Estimator:
    """absmean where the vectors are FP16 (#640), rms where they are BF16 (#920, #923); else an ``InputError``."""
    formats = {spec.format for spec in specs.values() if spec.kind == "vector"}
    if len(formats) == 1 and (only := formats.copy().pop()) in ESTIMATORS:
        return ESTIMATORS[only]
    raise InputError(path, "doesn't tell which scale estimator it was made with", "name it: absmean or rms")


def infer_model_config(
    shapes: Mapping[str, Shape], group_size: int, estimator: Estimator, path: str | Path
) -> dict[str, Any]:
    """Values for ``UNetConfig``: sizes from the shapes; the rest as in the published runs (context 1024)."""
    blocks = {int(match[1]) for name in shapes if (match := re.match(r"blocks\.(\d{1,4})\.", name))}
    try:
        (vocabulary, embed_dim), (width, _) = shapes["tok_emb.weight"], shapes["embed_proj.weight"]
        (heads,), (hidden, _) = shapes["blocks.0.attn.q_gain"], shapes["blocks.0.mlp.fc.weight"]
        key_value_rows = shapes["blocks.0.attn.c_qkv.weight"][0] - width
    except (KeyError, ValueError):
        raise InputError(path, "lacks tensors of a ternary U-Net", "give a published artifact, or ours") from None
    if len(blocks) != max(blocks) + 1 or width % heads:
        raise InputError(path, "its tensors are not those of a ternary U-Net", "give a published artifact, or ours")
    return {
        "vocab_size": vocabulary,
        "layers": len(blocks),
        "width": width,
        "heads": heads,
        "kv_heads": key_value_rows // (2 * (width // heads)),
        "mlp_multiple": hidden // width,
        "embed_dim": embed_dim,
        "smear": "blocks.0.smear.gate" in shapes,
        "rotary_frequencies": "bfloat16",
        "quantizer": {"group_size": group_size, "estimator": estimator},
    }


def recognize_record(model: Settings, records: Iterable[RecordConfig]) -> str | None:
    """Name of the first record whose model has the sizes and mechanisms of ``model``; None if there is none."""
    open_fields = {"context": None, "yarn_max": None, "compute": None}
    wanted = model.model_dump() | open_fields
    return next((record.name for record in records if record.model.model_dump() | open_fields == wanted), None)
