"""The ``.tgolf`` file: checksummed sections of compressed numbers under a JSON header. No code in it, none run by it.

    offset  bytes
    0       8       magic "TGOLF\\r\\n\\x1a"
    8       4       version, little-endian like all numbers here
    12      4       length of the header in the file (an .xz stream)
    16      4       length of the header, canonical JSON
    20      32      SHA-256 of the header in the file
    52      …       the header, then the sections in the order of ``PAYLOAD_KINDS``, without gaps

A section holds all tensors of one kind, in state-dict order, in the layouts of ``trits`` and ``formats``; its lengths
and the SHA-256 of its bytes in the file are in the header. Offsets are not stored: they follow from the lengths. Every
length is checked against the file and the tensors' shapes, and every checksum, before the bytes are decompressed.
"""

import hashlib
import math
import struct
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import Field, ValidationError

from tritgolf.artifact.codecs import Codec, compress, decompress
from tritgolf.artifact.header import Artifact, ArtifactHeader, ArtifactInfo
from tritgolf.artifact.kinds import MAX_ELEMENTS, PAYLOAD_KINDS, Kind, TensorSpec, possible_kinds
from tritgolf.artifact.payload import assemble, disassemble, section_lengths
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import Stored
from tritgolf.artifact.trits import LAYOUTS, Layout
from tritgolf.config.settings import Settings
from tritgolf.config.types import ScaleFormat
from tritgolf.files import atomic_write, canonical_json
from tritgolf.malformed import MalformedError, blame, require
from tritgolf.model.counts import parameter_shapes
from tritgolf.quantize.formats import DTYPES

MAGIC = b"TGOLF\r\n\x1a"
VERSION = 1
PREFIX = struct.Struct("<8sIII32s")

MAX_HEADER = 1 << 20
MAX_TENSORS = 4096

Length = Annotated[int, Field(ge=0, lt=1 << 40)]


class TensorEntry(Settings):
    """One tensor: where its numbers are follows from its kind and the entries before it."""

    name: Annotated[str, Field(max_length=200)]
    kind: Kind
    format: ScaleFormat
    shape: Annotated[list[Annotated[int, Field(gt=0, le=MAX_ELEMENTS)]], Field(min_length=1, max_length=2)]


class SectionEntry(Settings):
    """One section: ``stored`` bytes in the file, ``raw`` bytes decompressed, checksum of the bytes in the file."""

    kind: str
    stored: Length
    raw: Length
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ContainerHeader(Settings):
    """The whole header, as JSON in the file."""

    artifact: ArtifactHeader
    codec: Codec
    layout: Layout
    tensors: Annotated[list[TensorEntry], Field(max_length=MAX_TENSORS)]
    sections: Annotated[list[SectionEntry], Field(max_length=len(PAYLOAD_KINDS))]


@dataclass(frozen=True)
class PendingArtifact:
    """An artifact whose sections are being compressed; ``finish`` waits for them."""

    tensors: list[TensorEntry]
    codec: Codec
    raw: dict[Layout, dict[str, bytes]]
    compressed: dict[Layout, dict[str, Future[bytes]]]
    payload_digest: str

    def finish(self, path: str | Path, header: ArtifactHeader) -> ArtifactInfo:
        """Write the file, with the trit layout that makes the smaller one. Same input, same bytes."""
        compressed = {
            layout: {kind: job.result() for kind, job in jobs.items()} for layout, jobs in self.compressed.items()
        }
        heads, sizes = {}, {}
        for layout in LAYOUTS:
            sections = _sections(self.raw[layout], compressed[layout])
            heads[layout] = _head(
                ContainerHeader(
                    artifact=header, codec=self.codec, layout=layout, tensors=self.tensors, sections=sections
                )
            )
            sizes[layout] = len(heads[layout]) + sum(entry.stored for entry in sections)
        smaller = min(LAYOUTS, key=lambda layout: sizes[layout])
        with atomic_write(path) as file:
            file.write(heads[smaller])
            file.writelines(compressed[smaller].values())
        return ArtifactInfo(
            bytes=sizes[smaller],
            layout=smaller,
            layout_bytes=sizes,
            bytes_by_kind={kind: len(data) for kind, data in self.raw[smaller].items()},
            compressed_by_kind={kind: len(data) for kind, data in compressed[smaller].items()},
            payload_digest=self.payload_digest,
        )


def begin_artifact(stored: Stored, shared: Sections, codec: Codec = "xz") -> PendingArtifact:
    """Start to compress what ``stored`` holds, both trit layouts, sharing equal sections with other artifacts."""
    tensors = [
        TensorEntry(name=name, kind=spec.kind, format=spec.format, shape=list(spec.shape))
        for name, spec in stored.specs.items()
    ]
    raw = assemble(stored, shared)
    compressed = {
        layout: {kind: shared.compress(data, codec) for kind, data in sections.items()}
        for layout, sections in raw.items()
    }
    return PendingArtifact(tensors, codec, raw, compressed, stored.payload_digest)


def write_artifact(path: str | Path, stored: Stored, header: ArtifactHeader, codec: Codec = "xz") -> ArtifactInfo:
    """Write ``stored`` to ``path`` with the trit layout that makes the smaller file. Same input, same bytes."""
    with Sections(threads=len(LAYOUTS)) as shared:
        return begin_artifact(stored, shared, codec).finish(path, header)


def read_artifact(path: str | Path, shared: Sections | None = None) -> Artifact:
    """Read a ``.tgolf`` file. Any damage ends in one ``InputError`` that names the file.

    ``shared`` decompresses sections that several files hold once; each file's own bytes are read and checked all the
    same.
    """
    shared = shared or Sections(threads=1)
    with blame(path), Path(path).open("rb") as file:
        file_bytes = file.seek(0, 2)
        file.seek(0)
        header = _read_header(file, file_bytes)
        specs = _checked_specs(header)
        _check_lengths(header, specs, file_bytes - file.tell())
        sections = {entry.kind: _read_section(file, entry, header.codec, shared) for entry in header.sections}
        stored = disassemble(sections, specs, header.artifact.model.quantizer.group_size, header.layout, shared)
    return Artifact(
        path=Path(path),
        file_format="tgolf",
        header=header.artifact,
        stored=stored,
        layout=header.layout,
        file_bytes=file_bytes,
        bytes_by_kind={entry.kind: entry.raw for entry in header.sections},
        compressed_by_kind={entry.kind: entry.stored for entry in header.sections},
    )


def is_container(start: bytes) -> bool:
    """Whether a file that begins with ``start`` claims to be a ``.tgolf`` file."""
    return start.startswith(MAGIC)


def _sections(raw: Mapping[str, bytes], compressed: Mapping[str, bytes]) -> list[SectionEntry]:
    return [
        SectionEntry(kind=kind, stored=len(data), raw=len(raw[kind]), sha256=hashlib.sha256(data).hexdigest())
        for kind, data in compressed.items()
    ]


def _head(header: ContainerHeader) -> bytes:
    text = canonical_json(header.model_dump(mode="json"))
    packed = compress(text, "xz")
    return PREFIX.pack(MAGIC, VERSION, len(packed), len(text), hashlib.sha256(packed).digest()) + packed


def _read_header(file: BinaryIO, file_bytes: int) -> ContainerHeader:
    require(file_bytes >= PREFIX.size, "is too short to be a .tgolf artifact")
    magic, version, packed_length, length, checksum = PREFIX.unpack(_read(file, PREFIX.size))
    require(magic == MAGIC, "is not a .tgolf artifact (its first bytes say so)")
    require(version == VERSION, f"is a .tgolf artifact of version {version}; this program reads version {VERSION}")
    require(packed_length <= min(MAX_HEADER, file_bytes - PREFIX.size), f"its header can't have {packed_length} bytes")
    require(length <= MAX_HEADER, f"its header can't have {length} bytes of JSON")
    packed = _read(file, packed_length)
    require(hashlib.sha256(packed).digest() == checksum, "its header is damaged (checksum)")
    try:
        return ContainerHeader.model_validate_json(decompress(packed, "xz", length))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedError(f"its header is not one of this format ({where}: {first['msg']})") from None


def _checked_specs(header: ContainerHeader) -> dict[str, TensorSpec]:
    """The header's tensors, which are exactly those of its model and not too many."""
    model = header.artifact.model
    require(model.layers <= MAX_TENSORS, f"a model of {model.layers} layers is more than this program reads")
    specs = {entry.name: TensorSpec(entry.kind, entry.format, tuple(entry.shape)) for entry in header.tensors}
    shapes = {name: spec.shape for name, spec in specs.items()}
    require(len(specs) == len(header.tensors), "its header names a tensor twice")
    require(shapes == parameter_shapes(model), "its tensors are not those of the model in its header")
    known = all(spec.kind in possible_kinds(name) for name, spec in specs.items())
    require(known, "its header gives a tensor a kind that it can't have")
    signed = all(spec.kind == "ternary" or spec.format in DTYPES for spec in specs.values())
    require(signed, "its header gives a tensor that is no scale a format of scales")
    elements = sum(math.prod(shape) for shape in shapes.values())
    require(elements <= MAX_ELEMENTS, f"it declares {elements} numbers; this program reads at most {MAX_ELEMENTS}")
    return specs


def _check_lengths(header: ContainerHeader, specs: Mapping[str, TensorSpec], rest: int) -> None:
    kinds = tuple(entry.kind for entry in header.sections)
    require(kinds == PAYLOAD_KINDS, f"its sections are not {', '.join(PAYLOAD_KINDS)}")
    possible = section_lengths(specs, header.artifact.model.quantizer.group_size, header.layout)
    for entry in header.sections:
        shortest, longest = possible[entry.kind]
        require(shortest <= entry.raw <= longest, f"section {entry.kind} can't have {entry.raw} bytes, its shapes say")
    declared = sum(entry.stored for entry in header.sections)
    require(
        declared == rest, f"its sections have {declared} bytes by the header, {rest} in the file: truncated, or more"
    )


def _read_section(file: BinaryIO, entry: SectionEntry, codec: Codec, shared: Sections) -> bytes:
    data = _read(file, entry.stored)
    require(hashlib.sha256(data).hexdigest() == entry.sha256, f"section {entry.kind} is damaged (checksum)")
    return shared.decompress(data, codec, entry.raw)


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    require(len(data) == size, "ends too early")
    return data
