"""The transformer in an artifact of #1716, #1019 or #1722: sizes by shapes, what these don't tell by a record."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tritgolf.artifact.header import Artifact, published_header
from tritgolf.artifact.kinds import CODES, PAYLOAD_KIND, Shape, TensorSpec, spec_of
from tritgolf.artifact.layouts.registry import Layout
from tritgolf.artifact.published.labelled import Labelled
from tritgolf.artifact.storage import Stored
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import Settings, validate
from tritgolf.config.storage import FormConfig, RoleStorage
from tritgolf.config.transformer import RecurrenceConfig, TransformerConfig
from tritgolf.errors import InputError
from tritgolf.model.parts.recurrence import skip_rows
from tritgolf.model.specs import parameters_of
from tritgolf.parameters import Parameter
from tritgolf.quantize.widths import width_of

TOLD = (
    "vocab_size", "layers", "width", "heads", "kv_heads", "mlp_multiple", "bigram", "gates", "value_embedding",
    "logit_temp",
)  # fmt: skip
BYTE_CODES: Layout = "byte_planes"  # a code a byte, also where it has 6 bits
FIX = "give a published artifact, or ours"
NOT_A_TRANSFORMER = "its tensors are not those of a transformer of #1716, #1019 or #1722"


class System(NamedTuple):
    """What files of one format have in common. ``forms``: what each label says in a record's settings.

    ``untold``: settings of the model that no shape tells; ``usual``: number of layers → those that differ from the
    defaults in the published runs. ``recurrence``: theirs, where their layers repeat.
    """

    file_format: Literal["int6_brotli", "int6_lzma"]
    forms: Mapping[str, FormConfig]
    untold: tuple[str, ...]
    usual: Callable[[int], dict[str, Any]]
    recurrence: RecurrenceConfig | None = None


def transformer_artifact(
    path: Path,
    file: Labelled,
    system: System,
    model: Settings | None = None,
    known: Iterable[RecordConfig] = (),
) -> Artifact:
    """``file`` of ``system``, read from ``path``, as an artifact of its model.

    The model is ``model`` (a record's, named by the user), or that of the ``known`` record with these shapes, faithful
    ones first, or one with the published settings: then ``assumed`` names those that nothing tells. Raises
    ``InputError`` where the tensors are not those of ``model``, or of any transformer.
    """
    shapes = {name: tensor.shape for name, tensor in file.tensors.items()}
    sizes = told_by_shapes(shapes, system, path)
    given = _matching(shapes, known) if model is None else _named(sizes, model, path)
    chosen = sizes if given is None else given
    if shapes != {name: parameter.shape for name, parameter in parameters_of(chosen).items()}:
        raise InputError(path, NOT_A_TRANSFORMER, FIX)
    table = parameters_of(chosen)
    stored = _stored(file, table, system.forms)
    return Artifact(
        path=path,
        file_format=system.file_format,
        header=published_header(chosen, _storage(file, table, system.forms, path)),
        stored=stored,
        layouts={CODES[spec.kind].section: BYTE_CODES for spec in stored.specs.values() if spec.codes},
        file_bytes=file.file_bytes,
        bytes_by_kind=_bytes_by_kind(stored.specs),
        compressed_by_kind={},
        assumed=system.untold if given is None else (),
    )


def told_by_shapes(shapes: Mapping[str, Shape], system: System, path: Path) -> TransformerConfig:
    """Sizes and mechanisms by ``shapes``, the rest as published. ``InputError`` if it is no transformer."""
    try:
        sizes, rows = _sizes(shapes), shapes["skip_weights"][0]
        usual = system.usual(sizes["layers"])
    except (KeyError, ValueError, IndexError, ZeroDivisionError):
        raise InputError(path, "lacks tensors of a transformer of #1716, #1019 or #1722", FIX) from None
    plain = validate(TransformerConfig, sizes | usual, path)
    for recurrence in (None, system.recurrence, *_recurrences(plain.layers)):
        model = plain.model_copy(update={"recurrence": recurrence})
        if (recurrence is None or recurrence.layers[1] < plain.layers) and skip_rows(model) == rows:
            return model
    raise InputError(path, NOT_A_TRANSFORMER, FIX)


def _sizes(shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """What shapes tell, as settings; an error of lookup or unpacking if they are not those of a transformer."""
    blocks = {int(match[1]) for name in shapes if (match := re.match(r"blocks\.(\d{1,4})\.", name))}
    (vocabulary, width), (heads,) = shapes["tok_emb.weight"], shapes["blocks.0.attn.q_gain"]
    (hidden, _), (keys, _) = shapes["blocks.0.mlp.fc.weight"], shapes["blocks.0.attn.c_k.weight"]
    gate, smear = shapes.get("blocks.0.attn.attn_gate_proj.weight"), shapes.get("smear_gate.weight")
    bigram, value = shapes.get("bigram.embed.weight"), shapes.get("ve_shared.embed.weight")
    value_layers = sum(name.startswith("ve_layer_scales.") for name in shapes)
    return {
        "kind": "transformer",
        "vocab_size": vocabulary,
        "layers": len(blocks),
        "width": width,
        "heads": heads,
        "kv_heads": keys // (width // heads),
        "mlp_multiple": hidden / width,
        "bigram": {"buckets": bigram[0], "width": bigram[1]} if bigram else None,
        "gates": {
            "attention": gate[1] if gate else None,
            "smear": smear[1] if smear else None,
            "skips": "skip_gates" in shapes,
            "previous": "smear.gate" in shapes,
        },
        "value_embedding": {"width": value[1], "layers": value_layers} if value else None,
        "logit_temp": "logit_temp" in shapes,
    }


def _recurrences(layers: int) -> Iterable[RecurrenceConfig]:
    """Some that give every possible number of skips: the first layers once more."""
    return (RecurrenceConfig(layers=(0, last), loops=1) for last in range(layers))


def _named(sizes: TransformerConfig, model: Settings, path: Path) -> Any:
    """The model that the user named, if its sizes are the file's."""
    told = ((name, getattr(sizes, name), getattr(model, name, None)) for name in TOLD)
    if different := [f"{name} {found} instead of {wanted}" for name, found, wanted in told if found != wanted]:
        fix = "leave out --record, and it is recognized, or name another"
        raise InputError(path, f"is not of the named record: it has {', '.join(different)}", fix)
    return model


def _matching(shapes: Mapping[str, Shape], known: Iterable[RecordConfig]) -> Any:
    """The model of the first record with these shapes, of faithful ones before others; None if there is none."""
    models = [
        (record.mode != "faithful", record.model)
        for record in known
        if {name: parameter.shape for name, parameter in parameters_of(record.model).items()} == shapes
    ]
    return min(models, key=lambda one: one[0])[1] if models else None


def _stored(file: Labelled, table: Mapping[str, Parameter], forms: Mapping[str, FormConfig]) -> Stored:
    specs = {name: spec_of(table[name], forms[tensor.label]) for name, tensor in file.tensors.items()}
    quantized = {name: tensor.quantized for name, tensor in file.tensors.items() if tensor.quantized is not None}
    tensors = {name: tensor.numbers for name, tensor in file.tensors.items() if tensor.numbers is not None}
    return Stored(specs, quantized, tensors)


def _storage(
    file: Labelled, table: Mapping[str, Parameter], forms: Mapping[str, FormConfig], path: Path
) -> RoleStorage:
    """How the file stores each role; where it stores small matrices otherwise, each layer type.

    ``InputError`` where neither says it.
    """
    by_role: dict[str, set[str]] = {}
    by_layer: dict[str, set[str]] = {}
    for name, tensor in file.tensors.items():
        by_role.setdefault(table[name].role, set()).add(tensor.label)
        by_layer.setdefault(table[name].layer or table[name].role, set()).add(tensor.label)
    alike = {role: labels for role, labels in by_role.items() if len(labels) == 1}
    rest = {
        str(table[name].layer or table[name].role): by_layer[table[name].layer or table[name].role]
        for name in file.tensors
        if table[name].role not in alike
    }
    for key, labels in rest.items():
        if len(labels) > 1:
            raise InputError(path, f"stores {key} in several ways: {', '.join(sorted(labels))}", "give another file")
    return RoleStorage(roles={key: forms[next(iter(labels))] for key, labels in (alike | rest).items()})


def _bytes_by_kind(specs: Mapping[str, TensorSpec]) -> dict[str, int]:
    """Bytes before compression, as the published code keeps them: a byte a code."""
    totals: dict[str, int] = {}
    for spec in specs.values():
        kind = PAYLOAD_KIND[spec.kind]
        totals[kind] = totals.get(kind, 0) + math.prod(spec.numbers_shape(0)) * width_of(spec.format)
        if spec.codes:
            totals[spec.codes.section] = totals.get(spec.codes.section, 0) + math.prod(spec.shape)
    return dict(sorted(totals.items()))
