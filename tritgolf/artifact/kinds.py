"""The form in which a tensor is stored: numbers of a format, or codes of a grid with scales; chosen by its role.

In our own format the matrices of a U-Net's blocks are ternary whatever their size; the published format's rule is in
``published.ptz``.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from tritgolf.artifact.layouts.registry import CODE_SECTIONS, length_range
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.storage import FormConfig, RoleStorage
from tritgolf.config.types import ScaleFormat
from tritgolf.errors import InputError
from tritgolf.model.unet_parameters import described
from tritgolf.parameters import Parameter, Role
from tritgolf.quantize.widths import length_of

NumbersKind = Literal["table", "projection", "mix", "vector"]
CodesKind = Literal[
    "ternary", "int2_row", "int2_even_row", "int3_row", "int4_row", "int5_row", "int6_row", "int8_row", "int8_tensor"
]
Kind = NumbersKind | CodesKind
Shape = tuple[int, ...]

MAX_ELEMENTS = 1 << 27  # of all tensors in a file that is read: twice the full-size model's


class Codes(NamedTuple):
    """Codes of a grid: integers of so many ``bits``, or trits; and what has a scale. ``section``: where they are."""

    bits: int
    scale: Literal["group", "row", "tensor"]
    section: str


CODES: dict[str, Codes] = {
    "ternary": Codes(2, "group", "trits"),
    "int2_row": Codes(2, "row", "codes2"),
    "int2_even_row": Codes(3, "row", "codes3"),  # −3, −1, 1, 3: only a coder by frequencies writes them in two bits
    "int3_row": Codes(3, "row", "codes3"),
    "int4_row": Codes(4, "row", "codes4"),
    "int5_row": Codes(5, "row", "codes5"),
    "int6_row": Codes(6, "row", "codes6"),
    "int8_row": Codes(8, "row", "codes8"),
    "int8_tensor": Codes(8, "tensor", "codes8"),
}
INTEGER_KINDS: dict[tuple[int, str, str], CodesKind] = {  # by bits, what has a scale, number of levels
    (2, "row", "odd"): "int2_row",
    (2, "row", "even"): "int2_even_row",
    (3, "row", "odd"): "int3_row",
    (4, "row", "odd"): "int4_row",
    (5, "row", "odd"): "int5_row",
    (6, "row", "odd"): "int6_row",
    (8, "row", "odd"): "int8_row",
    (8, "tensor", "odd"): "int8_tensor",
}
KIND_OF_ROLE: dict[Role, NumbersKind] = {
    "attention": "projection",
    "mlp": "projection",
    "embedding": "table",
    "hash_embedding": "table",
    "value_embedding": "table",
    "projection": "projection",
    "gate": "projection",
    "mix": "mix",
    "control": "vector",
}

# The parts of a U-Net's payload, and the one in which a kind's numbers are; those of codes are their scales.
PAYLOAD_KINDS = ("trits", "scales", "table", "projections", "mixes", "vectors")
PAYLOAD_KIND: dict[str, str] = {
    **dict.fromkeys(CODES, "scales"),
    "table": "table",
    "projection": "projections",
    "mix": "mixes",
    "vector": "vectors",
}


class TensorSpec(NamedTuple):
    """How one tensor is stored: ``format`` is that of its numbers, or of the scales that its codes have."""

    kind: Kind
    format: ScaleFormat
    shape: Shape

    @property
    def codes(self) -> Codes | None:
        """What its codes are; None of numbers."""
        return CODES.get(self.kind)

    @property
    def matrix_shape(self) -> Shape:
        """Shape of its codes: a vector is a matrix of one row."""
        return self.shape if len(self.shape) == 2 else (1, math.prod(self.shape))

    def numbers_shape(self, group_size: int) -> Shape:
        """Shape of the numbers that are stored: of the scales, or of the tensor itself.

        ``group_size``: columns that share a scale of the ternary grid.
        """
        if self.codes is None:
            return self.shape
        rows, columns = self.matrix_shape
        whole = {"row": (rows, 1), "tensor": (1, 1)}
        return whole.get(self.codes.scale) or (rows, columns // group_size)


RoleRule = Callable[[str, Parameter], Role]


def own_role(_name: str, parameter: Parameter) -> Role:
    """Every parameter is stored as its role says."""
    return parameter.role


def kind_of(name: str, shape: Shape) -> Kind:
    """The kind that a U-Net's tensor ``name`` is stored as, whatever its ``shape``.

    ``InputError`` if the model has no such tensor.
    """
    parameter = described(name, shape)
    return "ternary" if parameter.is_quantized else KIND_OF_ROLE[parameter.role]


def possible_kinds(parameter: Parameter) -> tuple[str, ...]:
    """The kinds a file may store a parameter as: numbers, codes, those with a scale a group where a quantizer sits."""
    codes = [kind for kind, codes in CODES.items() if codes.scale != "group" or parameter.is_quantized]
    return (KIND_OF_ROLE[parameter.role], *codes)


def form_of(name: str, parameter: Parameter, storage: RoleStorage, rule: RoleRule = own_role) -> FormConfig:
    """How ``storage`` stores a parameter: as its layer type says, else its role, or the one that ``rule`` gives it.

    ``InputError`` if the storage says nothing of it.
    """
    role = rule(name, parameter)
    keys = (parameter.layer, role) if role == parameter.role else (role,)
    for key in keys:
        if key in storage.roles:
            return storage.roles[key]
    raise InputError("storage.roles", f"don't say how {role} is stored", f"add it to {', '.join(storage.roles)}")


def spec_of(parameter: Parameter, form: FormConfig) -> TensorSpec:
    """A parameter in this form."""
    return TensorSpec(*KINDS[getattr(form, "grid", None)](parameter, form), parameter.shape)


def integer_kind(form: IntegerConfig) -> CodesKind:
    """The kind of codes of this integer grid. ``InputError`` if no file stores such codes."""
    if (form.bits, form.scale, form.levels) not in INTEGER_KINDS:
        possible = ", ".join(f"{bits} bits a {scale}" + ", even" * (n == "even") for bits, scale, n in INTEGER_KINDS)
        even = " and an even number of levels" if form.levels == "even" else ""
        what = f"has no codes of {form.bits} bits with a scale a {form.scale}{even}"
        raise InputError("storage", what, f"use {possible}")
    return INTEGER_KINDS[form.bits, form.scale, form.levels]


# Of a parameter in a form its kind and its format: by the form's ``grid``, as ``FORMS`` of ``config.storage``.
KINDS: dict[Any, Callable[[Parameter, Any], tuple[Kind, ScaleFormat]]] = {
    None: lambda parameter, form: (KIND_OF_ROLE[parameter.role], form.format),
    "ternary": lambda _, form: ("ternary", form.scales),
    "integer": lambda _, form: (integer_kind(form), form.scale_dtype),
}


def tensor_specs(
    table: Mapping[str, Parameter], storage: RoleStorage, rule: RoleRule = own_role
) -> dict[str, TensorSpec]:
    """How ``storage`` stores the parameters of a model's ``table``, in their order.

    ``rule``: name and parameter → the role as which it is stored, as published files have small matrices.
    """
    return {name: spec_of(one, form_of(name, one, storage, rule)) for name, one in table.items()}


def formats_of(storage: RoleStorage) -> dict[str, ScaleFormat]:
    """Kind → its format, of all that ``storage`` names by role."""
    roles = {role: form for role, form in storage.roles.items() if role in KIND_OF_ROLE}
    specs = [spec_of(Parameter((1, 1), role), form) for role, form in roles.items()]
    return {spec.kind: spec.format for spec in specs}


def stored_bytes(specs: Mapping[str, TensorSpec], group_size: int) -> dict[str, int]:
    """Uncompressed payload bytes by payload kind: an estimate of an artifact from its shapes alone.

    Codes are counted in the first layout of their section, each matrix filled up to a byte: trits in base 3, as
    published, integers in their bits. Compression gains a few percent on it.
    """
    totals = dict.fromkeys(PAYLOAD_KINDS, 0)
    for spec in specs.values():
        totals[PAYLOAD_KIND[spec.kind]] += length_of(spec.format, spec.numbers_shape(group_size))
        if spec.codes is not None:
            totals[spec.codes.section] = totals.get(spec.codes.section, 0) + _codes_length(spec.codes, spec.shape)
    return {kind: size for kind, size in totals.items() if size}


def _codes_length(codes: Codes, shape: Shape) -> int:
    layout = CODE_SECTIONS[codes.section].layouts[0]
    return length_range(math.prod(shape), layout, codes.bits)[1]
