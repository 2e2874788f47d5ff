"""Opens either kind of artifact, and tells what is in it."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from tritgolf.artifact.container import is_container, read_artifact
from tritgolf.artifact.header import Artifact
from tritgolf.artifact.published.formats import READERS, published_format
from tritgolf.artifact.statistics import scale_range, stored_trits
from tritgolf.artifact.storage import Stored
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import Settings
from tritgolf.config.storage import form_in_words
from tritgolf.errors import InputError
from tritgolf.model.counts import trained_parameters
from tritgolf.model.specs import parameters_of
from tritgolf.model.zeros import zero_fractions
from tritgolf.quantize.plan import grid_settings


def open_artifact(path: str | Path, model: Settings | None = None, known: Iterable[RecordConfig] = ()) -> Artifact:
    """Read our ``.tgolf`` or a published artifact, told apart by their first bytes.

    For a published file, which doesn't say what it is of: ``model``, of the record that the user named, or ``known``
    records to recognize it by. Ours says its own, which a named one must equal. Raises ``InputError``.
    """
    if not Path(path).is_file():  # a pipe would be waited for
        raise InputError(path, "is not a file", "give the path of an artifact")
    with Path(path).open("rb") as file:
        start = file.read(8)
    if is_container(start):
        artifact = read_artifact(path)
        if model is not None and artifact.header.model != model:
            what = (
                f"says itself which record it is of, {artifact.header.record}, and has another model than the named one"
            )
            raise InputError(path, what, "leave out --record")
        return artifact
    published = published_format(path)
    if published is None:
        raise InputError(path, "is neither a .tgolf nor a published .ptz artifact", "give the path of an artifact")
    return READERS[published].open(Path(path), model, known)


def inspect_artifact(path: str | Path) -> dict[str, Any]:
    """``artifact_facts`` of the file at ``path``."""
    return artifact_facts(open_artifact(path), path)


def artifact_facts(artifact: Artifact, path: str | Path) -> dict[str, Any]:
    """Facts of an artifact, read from ``path``, for JSON: sizes in bytes, fractions of 1."""
    stored, header = artifact.stored, artifact.header
    trits, main = stored_trits(stored), with_trits_alone(stored)
    return {
        "file": str(path),
        "format": artifact.file_format,
        "bytes": artifact.file_bytes,
        "layout": artifact.layout,
        "bytes_by_kind": artifact.bytes_by_kind,
        "compressed_by_kind": artifact.compressed_by_kind,
        **(facts_of_trits(trits, header.model) if trits else {"parameters": trained_parameters(header.model)}),
        **_facts_of_codes(stored),
        "scales": sum(matrix.scale.numel() for matrix in main.quantized.values()),
        "stored_fp": sum(tensor.numel() for tensor in stored.tensors.values()),
        "scale_range": scale_range(main),
        "payload_digest": stored.payload_digest,
        **({"assumed": list(artifact.assumed)} if artifact.assumed else {}),
        "header": header.model_dump(mode="json"),
    }


def facts_of_trits(trits: Mapping[str, Tensor], model: Settings) -> dict[str, Any]:
    """How many there are and, by layer type, the share of zeros; ``trits``: ``stored_trits``.

    ``estimator``: of the scales that the model trains with; None where it trains no trits.
    """
    return {
        "estimator": getattr(grid_settings(model), "estimator", None),
        "ternary_weights": sum(q.numel() for q in trits.values()),
        "zero_fraction": zero_fractions(trits, parameters_of(model)),
    }


def with_trits_alone(stored: Stored) -> Stored:
    """``stored`` without its other codes; as it is where it has no trits."""
    trits = {name: stored.quantized[name] for name in stored_trits(stored)}
    return dataclasses.replace(stored, quantized=trits or stored.quantized)


def _facts_of_codes(stored: Stored) -> dict[str, Any]:
    """How many numbers are codes of each kind that is not trits; {} if all are."""
    counts: dict[str, int] = {}
    for name, matrix in stored.quantized.items():
        if (kind := stored.specs[name].kind) != "ternary":
            counts[kind] = counts.get(kind, 0) + matrix.codes.numel()
    return {"codes": dict(sorted(counts.items()))} if counts else {}


def render_facts(facts: dict[str, Any]) -> str:
    """The facts of ``inspect_artifact`` as aligned lines of text."""
    header, model = facts["header"], facts["header"]["model"]
    estimator = f", {facts['estimator']} scales" if facts.get("estimator") else ""
    scales = "scales of trits" if "ternary_weights" in facts else "scales"
    lines = [
        ("artifact", f"{facts['file']} ({facts['format']}, {facts['bytes']:,} bytes)"),
        ("record", _record(header) if facts["format"] == "tgolf" else _recognized(header)),
        ("model", f"{model['layers']} layers, width {model['width']}{estimator}"),
        *((("not told", f"{', '.join(facts['assumed'])} (as published)"),) if "assumed" in facts else ()),
        *_quantized(facts),
        ("other numbers", f"{facts['stored_fp']:,}"),
        *_formats(header["storage"]),
        *((f"bytes, {kind}", _sizes(facts, kind)) for kind, size in facts["bytes_by_kind"].items() if size),
        *((f"zeros, {layer}", f"{share:.4f}") for layer, share in facts.get("zero_fraction", {}).items()),
        (scales, ", ".join(f"{name} {value:.6g}" for name, value in facts["scale_range"].items())),
        ("payload", facts["payload_digest"]),
    ]
    width = max(20, *(len(label) + 1 for label, _ in lines))
    return "\n".join(f"{label:<{width}}{text}" for label, text in lines)


def _quantized(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What is stored as codes."""
    codes = [(f"codes, {kind}", f"{count:,}") for kind, count in facts.get("codes", {}).items()]
    if "ternary_weights" in facts:
        text = f"{facts['ternary_weights']:,} weights in {facts['scales']:,} groups, layout {facts['layout']}"
        return [("ternary", text), *codes]
    return [*codes, ("number of scales", f"{facts['scales']:,}"), ("layout", facts["layout"])]


def _formats(storage: dict[str, Any]) -> list[tuple[str, str]]:
    """The formats of a U-Net's storage, or the form of each role."""
    if "roles" in storage:
        return [(role, form_in_words(form)) for role, form in storage["roles"].items()]
    kinds = ("scales", "table", "projections", "mixes", "vectors")
    return [("formats", ", ".join(f"{kind} {storage[kind]}" for kind in kinds))]


def _record(header: dict[str, Any]) -> str:
    return f"{header['record']}, checkpoint {header['checkpoint']}, storage {header['storage_name']}"


def _recognized(header: dict[str, Any]) -> str:
    """A published file doesn't say what record it is of; whoever reads it may have recognized it."""
    name = header["record"]
    return f"{name} (a published file)" if name else "unknown (a published file; --record NAME if you know it)"


def _sizes(facts: dict[str, Any], kind: str) -> str:
    text = f"{facts['bytes_by_kind'][kind]:,}"
    compressed = facts["compressed_by_kind"].get(kind)
    return text if compressed is None else f"{text} ({compressed:,} compressed)"
