"""Opens either kind of artifact, and tells what is in it."""

from pathlib import Path
from typing import Any

from tritgolf.artifact.container import is_container, read_artifact
from tritgolf.artifact.header import Artifact
from tritgolf.artifact.published.ptz import is_published, read_ptz
from tritgolf.artifact.statistics import scale_range, stored_trits
from tritgolf.errors import InputError
from tritgolf.model.specs import parameters_of
from tritgolf.model.zeros import zero_fractions
from tritgolf.quantize.ternary import Estimator


def open_artifact(path: str | Path, estimator: Estimator | None = None) -> Artifact:
    """Read our ``.tgolf`` or the published ``.ptz``, told apart by their first bytes.

    ``estimator`` is for a published file whose own is not the one its vectors' format suggests; ours says its own.
    Raises ``InputError``.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(8)
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(path, "is not a file", "give the path of an artifact") from None
    if is_container(start):
        if estimator is not None:
            raise InputError(path, "says itself which record it is of", "leave out --record, for published files")
        return read_artifact(path)
    if is_published(start):
        return read_ptz(path, estimator)
    raise InputError(path, "is neither a .tgolf nor a published .ptz artifact", "give the path of an artifact")


def inspect_artifact(path: str | Path) -> dict[str, Any]:
    """``artifact_facts`` of the file at ``path``."""
    return artifact_facts(open_artifact(path), path)


def artifact_facts(artifact: Artifact, path: str | Path) -> dict[str, Any]:
    """Facts of an artifact, read from ``path``, for JSON: sizes in bytes, fractions of 1."""
    stored, header = artifact.stored, artifact.header
    return {
        "file": str(path),
        "format": artifact.file_format,
        "bytes": artifact.file_bytes,
        "layout": artifact.layout,
        "bytes_by_kind": artifact.bytes_by_kind,
        "compressed_by_kind": artifact.compressed_by_kind,
        "ternary_weights": sum(q.numel() for q in stored_trits(stored).values()),
        "scales": sum(ternary.scale.numel() for ternary in stored.quantized.values()),
        "stored_fp": sum(tensor.numel() for tensor in stored.tensors.values()),
        "zero_fraction": zero_fractions(stored_trits(stored), parameters_of(header.model)),
        "scale_range": scale_range(stored),
        "payload_digest": stored.payload_digest,
        "header": header.model_dump(mode="json"),
    }


def render_facts(facts: dict[str, Any]) -> str:
    """The facts of ``inspect_artifact`` as aligned lines of text."""
    header, storage = facts["header"], facts["header"]["storage"]
    formats = ", ".join(f"{kind} {storage[kind]}" for kind in ("scales", "table", "projections", "mixes", "vectors"))
    model = header["model"]
    lines = [
        ("artifact", f"{facts['file']} ({facts['format']}, {facts['bytes']:,} bytes)"),
        ("record", _record(header) if facts["format"] == "tgolf" else _recognized(header)),
        ("model", f"{model['layers']} layers, width {model['width']}, {model['quantizer']['estimator']} scales"),
        ("ternary", f"{facts['ternary_weights']:,} weights in {facts['scales']:,} groups, layout {facts['layout']}"),
        ("other numbers", f"{facts['stored_fp']:,}"),
        ("formats", formats),
        *((f"bytes, {kind}", _sizes(facts, kind)) for kind in facts["bytes_by_kind"]),
        *((f"zeros, {layer}", f"{share:.4f}") for layer, share in facts["zero_fraction"].items()),
        ("scales", ", ".join(f"{name} {value:.6g}" for name, value in facts["scale_range"].items())),
        ("payload", facts["payload_digest"]),
    ]
    return "\n".join(f"{label:<20}{text}" for label, text in lines)


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
