"""What kind of tensor a parameter is stored as, by its role, and in which format a storage choice puts it.

In our own format the four matrix kinds of a block are ternary whatever their size;
the published format's rule is in ``published.ptz``.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from tritgolf.artifact.layouts.base3 import base3_length
from tritgolf.config.export import StorageConfig
from tritgolf.config.types import ScaleFormat
from tritgolf.model.unet_parameters import described
from tritgolf.parameters import Role
from tritgolf.quantize.widths import length_of

Kind = Literal["ternary", "table", "projection", "mix", "vector"]
Shape = tuple[int, ...]

MAX_ELEMENTS = 1 << 27  # of all tensors in a file that is read: twice the full-size model's

KIND_OF_ROLE: dict[Role, Kind] = {
    "attention": "ternary",
    "mlp": "ternary",
    "embedding": "table",
    "projection": "projection",
    "mix": "mix",
    "control": "vector",
}

# The parts of a payload, and the one in which a kind's numbers are; those of a ternary matrix are its scales.
PAYLOAD_KINDS = ("trits", "scales", "table", "projections", "mixes", "vectors")
PAYLOAD_KIND: dict[Kind, str] = {
    "ternary": "scales",
    "table": "table",
    "projection": "projections",
    "mix": "mixes",
    "vector": "vectors",
}


class TensorSpec(NamedTuple):
    """How one tensor is stored: ``format`` is that of its numbers, or of a ternary matrix's scales."""

    kind: Kind
    format: ScaleFormat
    shape: Shape

    def numbers_shape(self, group_size: int) -> Shape:
        """Shape of the numbers that are stored: of the scales, or of the tensor itself."""
        return (self.shape[0], self.shape[1] // group_size) if self.kind == "ternary" else self.shape


def kind_of(name: str, shape: Shape) -> Kind:
    """The kind of the tensor ``name``, whatever its ``shape`` (other rules, as the published one, look at it).

    ``InputError`` if the model has no such tensor.
    """
    return KIND_OF_ROLE[described(name, shape).role]


def possible_kinds(name: str) -> tuple[Kind, ...]:
    """The kinds a file may store ``name`` as: a ternary matrix also as numbers, like a projection."""
    kind = kind_of(name, ())
    return ("ternary", "projection") if kind == "ternary" else (kind,)


def format_for(kind: Kind, storage: StorageConfig) -> ScaleFormat:
    """The format ``storage`` (all fields filled in) gives a kind; a ternary matrix's is that of its scales."""
    formats: dict[Kind, ScaleFormat | None] = {
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
        totals[PAYLOAD_KIND[spec.kind]] += length_of(spec.format, spec.numbers_shape(group_size))
        if spec.kind == "ternary":
            totals["trits"] += base3_length(math.prod(spec.shape))
    return totals
