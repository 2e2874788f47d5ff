"""The published artifact, ``final_model.ternary.ptz``: .xz of a torch.save dictionary name → entry (#640, #920, #923).

An entry is ``{type: ternary | ternary_bitmask, packed, scale, shape, padded_cols, group_size, n_trits, orig_shape}`` or
``{type: fp8 | fp16 | bf16, data}``. Reading executes nothing and bounds every size first (``torch_zip``, ``codecs``).
"""

import io
import lzma
import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.codecs import PRESET, decompress_xz
from tritgolf.artifact.header import Artifact, ArtifactInfo
from tritgolf.artifact.kinds import MAX_ELEMENTS, PAYLOAD_KIND, PAYLOAD_KINDS, Kind, TensorSpec, kind_of
from tritgolf.artifact.layouts.registry import TRIT_LAYOUTS, Layout, pack, unpack
from tritgolf.artifact.published.recognize import header_of
from tritgolf.artifact.published.torch_zip import read_torch_zip
from tritgolf.artifact.storage import Stored
from tritgolf.config.models import unet_of
from tritgolf.config.record import RecordConfig
from tritgolf.config.types import Format
from tritgolf.errors import InputError
from tritgolf.files import atomic_write
from tritgolf.malformed import MalformedError, blame, require
from tritgolf.parameters import Parameter, Role
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.formats import DTYPES, cast, format_of
from tritgolf.quantize.ternary import Estimator
from tritgolf.quantize.widths import width_of

XZ_MAGIC = b"\xfd7zXZ\x00"
MAX_FILE = 64 << 20
MAX_CONTENT = 64 << 20  # the full-size model's dictionary has 23.5 MB
MIN_TERNARY = 65_536  # matrices of no more elements are not ternary

TERNARY_TYPES: dict[str, Layout] = {"ternary": "base3", "ternary_bitmask": "bitmask"}
PLAIN_TYPES: dict[str, Format] = {"fp8": "e4m3", "fp16": "float16", "bf16": "bfloat16"}
SCALE_DTYPES = (torch.float16, torch.bfloat16, torch.float32)


class Contents(NamedTuple):
    """The dictionary of a published artifact, read: ``group_size`` is that of all its matrices."""

    stored: Stored
    layout: Layout
    group_size: int
    bytes_by_kind: dict[str, int]


def published_role(_name: str, parameter: Parameter) -> Role:
    """The published rule, for ``store``: ternary are a block's matrices of more than 65,536 elements.

    A smaller one is stored as the embedding projections are.
    """
    return "projection" if parameter.is_quantized and parameter.size <= MIN_TERNARY else parameter.role


def read_ptz(path: str | Path, estimator: Estimator | None = None) -> Artifact:
    """Read a published artifact and recognize its model from its tensors.

    ``estimator``: which shrinkage correction reload uses; by default the one that the vectors' format tells (FP16:
    absmean, #640; BF16: rms, #920). Any damage ends in one ``InputError`` that names the file.
    """
    contents = read_contents(path)
    return Artifact(
        path=Path(path),
        file_format="ptz",
        header=header_of(contents.stored.specs, contents.group_size, estimator, path),
        stored=contents.stored,
        layouts={"trits": contents.layout},
        file_bytes=Path(path).stat().st_size,
        bytes_by_kind=contents.bytes_by_kind,
        compressed_by_kind={},
    )


def open_ptz(path: Path, model: Any = None, known: Iterable[RecordConfig] = ()) -> Artifact:
    """The same; ``model``: of the record that the user named, whose estimator is taken. Its sizes tell all else."""
    return read_ptz(path, None if model is None else unet_of(model, "the named record").quantizer.estimator)


def is_published(start: bytes) -> bool:
    """Whether a file that begins with ``start`` may be a published artifact: an .xz stream."""
    return start.startswith(XZ_MAGIC)


def read_contents(path: str | Path) -> Contents:
    """The tensors of a published artifact, whether or not a model of this package has them."""
    with blame(path):
        require(Path(path).stat().st_size <= MAX_FILE, f"is larger than {MAX_FILE} bytes: no published artifact is")
        entries = read_torch_zip(decompress_xz(Path(path).read_bytes(), MAX_CONTENT))
        require(isinstance(entries, dict), "it holds no dictionary of tensors")
        return _read_entries(entries)


def write_ptz(path: str | Path, stored: Stored) -> ArtifactInfo:
    """Write ``stored`` as the published code would, with the trit layout that makes the smaller file.

    ``ValueError`` if a tensor is in a format that the published file doesn't have (float32, e5m2, a shared exponent).
    """
    dictionaries = {layout: _write_entries(stored, layout) for layout in TRIT_LAYOUTS}
    with ThreadPoolExecutor(len(TRIT_LAYOUTS)) as pool:
        files = dict(zip(TRIT_LAYOUTS, pool.map(_compressed, dictionaries.values()), strict=True))
    sizes = {layout: len(data) for layout, data in files.items()}
    smaller = min(TRIT_LAYOUTS, key=lambda layout: sizes[layout])
    with atomic_write(path) as file:
        file.write(files[smaller])
    return ArtifactInfo(
        bytes=sizes[smaller],
        layouts={"trits": smaller},
        layout_bytes=sizes,
        bytes_by_kind=_bytes_by_kind(dictionaries[smaller], stored.specs),
        compressed_by_kind={},
        payload_digest=stored.payload_digest,
    )


def _read_entries(entries: dict[str, Any]) -> Contents:
    specs: dict[str, TensorSpec] = {}
    ternary: dict[str, Quantized] = {}
    tensors: dict[str, Tensor] = {}
    layouts: set[Layout] = set()
    for name, entry in entries.items():
        kind = _kind(name)
        entry_type = entry.get("type") if isinstance(entry, dict) else None
        require(isinstance(entry_type, str), f"entry {name} has no type")
        if kind == "ternary" and entry_type in TERNARY_TYPES:
            layouts.add(TERNARY_TYPES[entry_type])
            ternary[name], specs[name] = _read_ternary(name, entry, TERNARY_TYPES[entry_type])
        else:
            require(entry_type in PLAIN_TYPES, f"entry {name} is of no type it could have")
            plain_kind: Kind = "projection" if kind == "ternary" else kind
            tensors[name], specs[name] = _read_plain(name, entry, plain_kind)
        require(
            sum(q.numel() for q, _ in ternary.values()) <= MAX_ELEMENTS, "it holds more trits than any published one"
        )
    groups = {matrix.group_size for matrix in ternary.values()}
    require(len(layouts) == len(groups) == 1, "its ternary matrices don't share one layout and one group size")
    return Contents(Stored(specs, ternary, tensors), layouts.pop(), groups.pop(), _bytes_by_kind(entries, specs))


def _read_ternary(name: str, entry: dict[str, Any], layout: Layout) -> tuple[Quantized, TensorSpec]:
    match entry:
        case {
            "packed": bytes(packed),
            "scale": Tensor() as scale,
            "padded_cols": int(padded),
            "group_size": int(group_size),
            "n_trits": int(count),
            "orig_shape": (int(rows), int(columns)),
        } if min(rows, columns, group_size) > 0:
            pass
        case _:
            raise MalformedError(f"entry {name} lacks a field, or has one of the wrong type")
    groups = (rows, -(-columns // group_size))
    agree = padded == groups[1] * group_size and count == rows * padded
    require(agree and count <= MAX_ELEMENTS, f"entry {name}: its sizes don't agree")
    fits = scale.dtype in SCALE_DTYPES and scale.numel() == math.prod(groups) and bool(scale.isfinite().all())
    require(fits, f"entry {name}: its scales are not {math.prod(groups)} finite numbers")
    q = torch.from_numpy(unpack(packed, count, layout)).reshape(rows, padded)
    spec = TensorSpec("ternary", format_of(scale.dtype), (rows, columns))
    return Quantized(q, scale.float().reshape(groups)), spec


def _read_plain(name: str, entry: dict[str, Any], kind: Kind) -> tuple[Tensor, TensorSpec]:
    number_format = PLAIN_TYPES[entry["type"]]
    match entry:
        case {"data": Tensor() as data} if data.dtype == DTYPES[number_format]:
            numbers = data.float()
        case _:
            raise MalformedError(f"entry {name}: its data is not a tensor of its type")
    require(bool(numbers.isfinite().all()), f"entry {name}: holds numbers that are not finite")
    return numbers, TensorSpec(kind, number_format, tuple(numbers.shape))


def _kind(name: str) -> Kind:
    try:
        return kind_of(name, ())
    except InputError as error:
        raise MalformedError(f"{error.where} {error.what}") from None


def _write_entries(stored: Stored, layout: Layout) -> dict[str, dict[str, Any]]:
    type_of_layout = {layout: name for name, layout in TERNARY_TYPES.items()}
    type_of_format = {number_format: name for name, number_format in PLAIN_TYPES.items()}
    entries: dict[str, dict[str, Any]] = {}
    for name, spec in stored.specs.items():
        if spec.kind == "ternary" and spec.format in DTYPES:
            q, scale = stored.quantized[name]
            entries[name] = {
                "type": type_of_layout[layout],
                "packed": pack(q.numpy(), layout),
                "scale": cast(scale.reshape(-1), spec.format),
                "shape": list(spec.shape),
                "padded_cols": q.shape[1],
                "group_size": stored.quantized[name].group_size,
                "n_trits": q.numel(),
                "orig_shape": list(spec.shape),
            }
        elif spec.kind != "ternary" and spec.format in type_of_format:
            entries[name] = {"type": type_of_format[spec.format], "data": cast(stored.tensors[name], spec.format)}
        else:
            raise ValueError(f"tensor {name}: the published file has no format {spec.format}")
    return entries


def _compressed(entries: dict[str, dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    torch.save(entries, buffer)
    return lzma.compress(buffer.getvalue(), preset=PRESET)


def _bytes_by_kind(entries: dict[str, dict[str, Any]], specs: dict[str, TensorSpec]) -> dict[str, int]:
    totals = dict.fromkeys(PAYLOAD_KINDS, 0)
    for name, spec in specs.items():
        entry = entries[name]
        numbers = entry["scale"] if spec.kind == "ternary" else entry["data"]
        totals[PAYLOAD_KIND[spec.kind]] += numbers.numel() * width_of(spec.format)
        totals["trits"] += len(entry.get("packed", b""))
    return totals
