"""What kind of tensor a state-dict name is, and in which format a storage choice puts it.

The names are the published ones. In our own format the four matrix kinds of a block are ternary whatever their size;
the published format's rule is in ``record_format``.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from tritgolf.artifact.formats import width_of
from tritgolf.artifact.trits import base3_length
from tritgolf.config import Format, StorageConfig
from tritgolf.errors import InputError

Kind = Literal["ternary", "table", "projection", "mix", "vector"]
Shape = tuple[int, ...]

MAX_ELEMENTS = 1 << 27  # of all tensors in a file that is read: twice the full-size model's

LAYER_TYPES = {
    "attn.c_qkv.weight": "attn.qkv",
    "attn.proj.weight": "attn.proj",
    "mlp.fc.weight": "mlp.fc",
    "mlp.proj.weight": "mlp.proj",
}
PLAIN_KINDS: dict[str, Kind] = {
    "tok_emb.weight": "table",
    "embed_proj.weight": "projection",
    "embed_proj_rev.weight": "projection",
    "skip_weights": "mix",
    "vocab_bias": "vector",
    "resid_mix": "mix",
    "attn_scale": "vector",
    "mlp_scale": "vector",
    "attn.q_gain": "vector",
    "smear.gate": "vector",
}
PAYLOAD_KINDS = ("trits", "scales", "table", "projections", "mixes", "vectors")
PAYLOAD_KIND: dict[Kind, str] = {"table": "table", "projection": "projections", "mix": "mixes", "vector": "vectors"}


class TensorSpec(NamedTuple):
    """How one tensor is stored: ``format`` is that of its numbers, or of a ternary matrix's scales."""

    kind: Kind
    format: Format
    shape: Shape


def kind_of(name: str, shape: Shape) -> Kind:
    """The kind of the tensor ``name``; ``InputError`` if the model has no such tensor."""
    local = _local_name(name)
    kind: Kind | None = "ternary" if local in LAYER_TYPES else PLAIN_KINDS.get(local)
    if kind is None:
        raise InputError(f"tensor {name!r}", "is not part of the ternary U-Net", "give the state of such a model")
    return kind


def possible_kinds(name: str) -> tuple[Kind, ...]:
    """The kinds a file may store ``name`` as: a ternary matrix also as numbers, like a projection."""
    kind = kind_of(name, ())
    return ("ternary", "projection") if kind == "ternary" else (kind,)


def layer_type(name: str) -> str:
    """``attn.qkv``, ``attn.proj``, ``mlp.fc`` or ``mlp.proj`` of a ternary matrix's name."""
    return LAYER_TYPES[_local_name(name)]


def format_for(kind: Kind, storage: StorageConfig) -> Format:
    """The format ``storage`` (all fields filled in) gives a kind; a ternary matrix's is that of its scales."""
    formats = {
        "ternary": storage.scales,
        "table": storage.table,
        "projection": storage.projections,
        "mix": storage.mixes,
        "vector": storage.vectors,
    }
    chosen = formats[kind]
    if chosen is None:
        raise ValueError(f"the storage choice leaves the format of {kind!r} open; ExportConfig.storage fills it in")
    return chosen


def tensor_specs(
    shapes: Mapping[str, Shape], storage: StorageConfig, rule: Callable[[str, Shape], Kind] = kind_of
) -> dict[str, TensorSpec]:
    """How ``storage`` stores tensors of these names and shapes, in their order."""
    kinds = {name: rule(name, shape) for name, shape in shapes.items()}
    return {name: TensorSpec(kind, format_for(kind, storage), tuple(shapes[name])) for name, kind in kinds.items()}


def stored_bytes(specs: Mapping[str, TensorSpec], group_size: int) -> dict[str, int]:
    """Uncompressed payload bytes by payload kind: an estimate of an artifact from its shapes alone.

    Trits are counted in base 3, each matrix filled up to a byte, as published; compression gains a few percent on it.
    """
    totals = dict.fromkeys(PAYLOAD_KINDS, 0)
    for spec in specs.values():
        count = math.prod(spec.shape)
        if spec.kind == "ternary":
            totals["trits"] += base3_length(count)
            totals["scales"] += count // group_size * width_of(spec.format)
        else:
            totals[PAYLOAD_KIND[spec.kind]] += count * width_of(spec.format)
    return totals


def _local_name(name: str) -> str:
    return re.sub(r"^blocks\.\d+\.", "", name)
