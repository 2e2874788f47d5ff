"""The header of a ``.tgolf`` file: what it declares, in every version, and the bytes before the sections.

Byte 0: ``MAGIC``. 8, 12, 16: version, length of the header in the file (an .xz stream), length of the header itself
(canonical JSON), each of 4 bytes, little-endian. 20: SHA-256 of the header in the file. 52: header, then sections.
"""

import hashlib
import struct
from typing import Annotated, BinaryIO, Literal, NamedTuple

from pydantic import Field, ValidationError

from tritgolf.artifact.codecs import Codec, compress, decompress
from tritgolf.artifact.header import ArtifactHeader
from tritgolf.artifact.kinds import MAX_ELEMENTS, PAYLOAD_KINDS, Kind
from tritgolf.artifact.layouts.registry import TRITS, Layout
from tritgolf.config.settings import Settings
from tritgolf.config.types import ScaleFormat
from tritgolf.files import canonical_json
from tritgolf.malformed import MalformedError, require

MAGIC = b"TGOLF\r\n\x1a"
VERSION = 2
PREFIX = struct.Struct("<8sIII32s")

MAX_HEADER = 1 << 20
MAX_TENSORS = 4096
MAX_SECTIONS = 32

Length = Annotated[int, Field(ge=0, lt=1 << 40)]


class TensorEntry(Settings):
    """One tensor: where its numbers are follows from its kind and the entries before it."""

    name: Annotated[str, Field(max_length=200)]
    kind: Kind
    format: ScaleFormat
    shape: Annotated[list[Annotated[int, Field(gt=0, le=MAX_ELEMENTS)]], Field(max_length=2)]


class Section(Settings):
    """One section: ``stored`` bytes in the file, ``raw`` bytes decompressed, checksum of the bytes in the file."""

    kind: Annotated[str, Field(max_length=20)]
    stored: Length
    raw: Length
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class SectionEntry(Section):
    """A section, and how its contents became its bytes."""

    layout: Layout
    codec: Codec


class ContainerHeader(Settings):
    """The whole header, as JSON in the file."""

    artifact: ArtifactHeader
    tensors: Annotated[list[TensorEntry], Field(max_length=MAX_TENSORS)]
    sections: Annotated[list[SectionEntry], Field(max_length=MAX_SECTIONS)]

    def current(self) -> "ContainerHeader":
        """Itself."""
        return self


class FirstHeader(Settings):
    """The header of version 1: one codec for all sections, one layout for its trits."""

    artifact: ArtifactHeader
    codec: Literal["xz", "none"]
    layout: Literal["base3", "bitmask"]
    tensors: Annotated[list[TensorEntry], Field(max_length=MAX_TENSORS)]
    sections: Annotated[list[Section], Field(max_length=len(PAYLOAD_KINDS))]

    def current(self) -> ContainerHeader:
        """The same as this version says it."""
        sections = [
            SectionEntry(
                **section.model_dump(),
                layout=self.layout if section.kind == TRITS.kind else "byte_planes",
                codec=self.codec,
            )
            for section in self.sections
        ]
        return ContainerHeader(artifact=self.artifact, tensors=self.tensors, sections=sections)


HEADERS: dict[int, type[ContainerHeader | FirstHeader]] = {1: FirstHeader, 2: ContainerHeader}  # by version


class Head(NamedTuple):
    """A header that was read, and the version of its file."""

    header: ContainerHeader
    version: int


def head_bytes(header: ContainerHeader) -> bytes:
    """The beginning of a file of this version: everything before its sections."""
    text = canonical_json(header.model_dump(mode="json"))
    packed = compress(text, "xz")
    return PREFIX.pack(MAGIC, VERSION, len(packed), len(text), hashlib.sha256(packed).digest()) + packed


def read_head(file: BinaryIO, file_bytes: int) -> Head:
    """The header of ``file``, which stands at the first section afterwards. ``MalformedError`` if it is none."""
    require(file_bytes >= PREFIX.size, "is too short to be a .tgolf artifact")
    magic, version, packed_length, length, checksum = PREFIX.unpack(read_exactly(file, PREFIX.size))
    require(magic == MAGIC, "is not a .tgolf artifact (its first bytes say so)")
    known = 1 <= version <= VERSION
    require(known, f"is a .tgolf artifact of version {version}; this program reads versions 1 to {VERSION}")
    require(packed_length <= min(MAX_HEADER, file_bytes - PREFIX.size), f"its header can't have {packed_length} bytes")
    require(length <= MAX_HEADER, f"its header can't have {length} bytes of JSON")
    packed = read_exactly(file, packed_length)
    require(hashlib.sha256(packed).digest() == checksum, "its header is damaged (checksum)")
    return Head(_parse(decompress(packed, "xz", length), version), version)


def read_exactly(file: BinaryIO, size: int) -> bytes:
    """The next ``size`` bytes of ``file``; ``MalformedError`` if it has fewer."""
    data = file.read(size)
    require(len(data) == size, "ends too early")
    return data


def _parse(text: bytes, version: int) -> ContainerHeader:
    try:
        return HEADERS[version].model_validate_json(text).current()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedError(f"its header is not one of this format ({where}: {first['msg']})") from None
