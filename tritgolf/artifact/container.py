"""The ``.tgolf`` file: checksummed sections of compressed numbers under a JSON header. No code in it, none run by it.

A section holds all tensors of one kind, in state-dict order: codes in one of ``layouts``, numbers in ``formats``. The
header (``container_header``) says layout, codec, lengths and the SHA-256 of each section's bytes in the file. Offsets
follow from the lengths. Every length is checked against the file and the tensors' shapes, and every checksum, before
the bytes are decompressed.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tritgolf.artifact.codecs import Codec
from tritgolf.artifact.container_header import (
    MAGIC,
    ContainerHeader,
    Head,
    SectionEntry,
    TensorEntry,
    head_bytes,
    read_exactly,
    read_head,
)
from tritgolf.artifact.header import Artifact, ArtifactHeader, ArtifactInfo
from tritgolf.artifact.kinds import MAX_ELEMENTS, PAYLOAD_KINDS, TensorSpec, possible_kinds
from tritgolf.artifact.layouts.registry import LAYOUTS, Layout
from tritgolf.artifact.payload import assemble, code_counts, disassemble, section_layouts, section_lengths
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import Stored
from tritgolf.config.export import ExportConfig
from tritgolf.files import atomic_write
from tritgolf.malformed import blame, require
from tritgolf.model.specs import parameters_of
from tritgolf.quantize.formats import DTYPES


class Packed(NamedTuple):
    """One way to write a section: its ``raw`` bytes in ``layout``, and ``data`` as it would be in the file."""

    layout: Layout
    codec: Codec
    raw: int
    data: bytes
    sha256: str


@dataclass(frozen=True)
class PendingArtifact:
    """An artifact whose sections are being compressed; ``finish`` waits for them.

    ``candidates``: by section, the ways to write it, each as layout, codec, length before compression, and bytes.
    """

    specs: Mapping[str, TensorSpec]
    candidates: dict[str, list[tuple[Layout, Codec, int, Future[bytes]]]]
    payload_digest: str

    def finish(self, path: str | Path, header: ArtifactHeader) -> ArtifactInfo:
        """Write the file, every section in the way that is smallest. Same input, same bytes."""
        ways = {kind: self._by_layout(kind) for kind in self.candidates}
        best = {kind: min(by_layout.values(), key=lambda packed: len(packed.data)) for kind, by_layout in ways.items()}
        code_kinds = [section.kind for section in code_counts(self.specs)]
        sizes = {
            kind: {layout: self._size(header, best | {kind: packed}) for layout, packed in ways[kind].items()}
            for kind in code_kinds
        }
        best |= {kind: ways[kind][min(sizes[kind], key=sizes[kind].__getitem__)] for kind in code_kinds}
        head = self._head(header, best)
        with atomic_write(path) as file:
            file.write(head)
            file.writelines(packed.data for packed in best.values())
        return ArtifactInfo(
            bytes=len(head) + sum(len(packed.data) for packed in best.values()),
            layouts={kind: best[kind].layout for kind in code_kinds},
            layout_bytes={layout: size for kind in code_kinds for layout, size in sizes[kind].items()},
            bytes_by_kind=by_payload_kind({kind: packed.raw for kind, packed in best.items()}),
            compressed_by_kind=by_payload_kind({kind: len(packed.data) for kind, packed in best.items()}),
            payload_digest=self.payload_digest,
        )

    def _by_layout(self, kind: str) -> dict[Layout, Packed]:
        """The smallest way to write a section in each layout."""
        smallest: dict[Layout, Packed] = {}
        for layout, codec, raw, job in self.candidates[kind]:
            data = job.result()
            if layout not in smallest or len(data) < len(smallest[layout].data):
                smallest[layout] = Packed(layout, codec, raw, data, hashlib.sha256(data).hexdigest())
        return smallest

    def _head(self, header: ArtifactHeader, chosen: Mapping[str, Packed]) -> bytes:
        tensors = [
            TensorEntry(name=name, kind=spec.kind, format=spec.format, shape=list(spec.shape))
            for name, spec in self.specs.items()
        ]
        sections = [
            SectionEntry(
                kind=kind,
                layout=packed.layout,
                codec=packed.codec,
                stored=len(packed.data),
                raw=packed.raw,
                sha256=packed.sha256,
            )
            for kind, packed in chosen.items()
        ]
        return head_bytes(ContainerHeader(artifact=header, tensors=tensors, sections=sections))

    def _size(self, header: ArtifactHeader, chosen: Mapping[str, Packed]) -> int:
        return len(self._head(header, chosen)) + sum(len(packed.data) for packed in chosen.values())


def begin_artifact(
    stored: Stored,
    shared: Sections,
    codecs: Sequence[Codec] = ExportConfig.codecs,
    code_layouts: Sequence[Layout] = ExportConfig.code_layouts,
) -> PendingArtifact:
    """Start to compress what ``stored`` holds, every section in all its layouts with all ``codecs``.

    Integer codes are packed in ``code_layouts`` alone.

    Equal sections are shared with other artifacts; a layout that is compressed already is only stored.
    """
    candidates = {
        kind: [
            (layout, codec, len(data), shared.compress(data, codec))
            for layout, data in by_layout.items()
            for codec in (("none",) if LAYOUTS[layout].is_compressed else codecs)
        ]
        for kind, by_layout in assemble(stored, shared, code_layouts).items()
    }
    return PendingArtifact(stored.specs, candidates, stored.payload_digest)


def write_artifact(
    path: str | Path,
    stored: Stored,
    header: ArtifactHeader,
    codecs: Sequence[Codec] = ExportConfig.codecs,
    code_layouts: Sequence[Layout] = ExportConfig.code_layouts,
) -> ArtifactInfo:
    """Write ``stored`` to ``path``, every section in the way that is smallest. Same input, same bytes."""
    with Sections(threads=2) as shared:
        return begin_artifact(stored, shared, codecs, code_layouts).finish(path, header)


def read_artifact(path: str | Path, shared: Sections | None = None) -> Artifact:
    """Read a ``.tgolf`` file of any version. Any damage ends in one ``InputError`` that names the file.

    ``shared`` decompresses sections that several files hold once; each file's own bytes are read and checked all the
    same.
    """
    shared = shared or Sections(threads=1)
    with blame(path), Path(path).open("rb") as file:
        file_bytes = file.seek(0, 2)
        file.seek(0)
        head = read_head(file, file_bytes)
        header = head.header
        specs = _checked_specs(header)
        _check_sections(head, specs, file_bytes - file.tell())
        sections = {entry.kind: _read_section(file, entry, shared) for entry in header.sections}
        layouts = {entry.kind: entry.layout for entry in header.sections}
        stored = disassemble(sections, specs, header.artifact.group_size, layouts, shared)
    return Artifact(
        path=Path(path),
        file_format="tgolf",
        header=header.artifact,
        stored=stored,
        layouts={section.kind: layouts[section.kind] for section in code_counts(specs)},
        file_bytes=file_bytes,
        bytes_by_kind=by_payload_kind({entry.kind: entry.raw for entry in header.sections}),
        compressed_by_kind=by_payload_kind({entry.kind: entry.stored for entry in header.sections}),
    )


def is_container(start: bytes) -> bool:
    """Whether a file that begins with ``start`` claims to be a ``.tgolf`` file."""
    return start.startswith(MAGIC)


def by_payload_kind(bytes_by_section: Mapping[str, int]) -> dict[str, int]:
    """Bytes by section: the kinds of numbers in their order, then codes; of the sections that there are."""
    return {kind: bytes_by_section[kind] for kind in (*PAYLOAD_KINDS, *bytes_by_section) if kind in bytes_by_section}


def _checked_specs(header: ContainerHeader) -> dict[str, TensorSpec]:
    """The header's tensors, which are exactly those of its model."""
    model = header.artifact.model
    specs = {entry.name: TensorSpec(entry.kind, entry.format, tuple(entry.shape)) for entry in header.tensors}
    shapes = {name: spec.shape for name, spec in specs.items()}
    require(len(specs) == len(header.tensors), "its header names a tensor twice")
    table = parameters_of(model)
    of_model = shapes == {name: parameter.shape for name, parameter in table.items()}
    require(of_model, "its tensors are not those of the model in its header")
    known = all(spec.kind in possible_kinds(table[name]) for name, spec in specs.items())
    require(known, "its header gives a tensor a kind that it can't have")
    signed = all(spec.codes is not None or spec.format in DTYPES for spec in specs.values())
    require(signed, "its header gives a tensor that is no scale a format of scales")
    elements = sum(math.prod(shape) for shape in shapes.values())
    require(elements <= MAX_ELEMENTS, f"it declares {elements} numbers; this program reads at most {MAX_ELEMENTS}")
    return specs


def _check_sections(head: Head, specs: Mapping[str, TensorSpec], rest: int) -> None:
    """The sections are those of the tensors, in layouts they may have, and as long as the shapes and the file say."""
    header = head.header
    allowed = section_layouts(specs)
    wanted = tuple(PAYLOAD_KINDS) if head.version == 1 else tuple(allowed)  # version 1 wrote empty ones too
    kinds = tuple(entry.kind for entry in header.sections)
    require(kinds == wanted, f"its sections are not {', '.join(wanted)}")
    layouts = {entry.kind: entry.layout for entry in header.sections}
    fit = all(layouts[kind] in of_kind for kind, of_kind in allowed.items())
    require(fit, "its header gives a section a layout that it can't have")
    possible = section_lengths(specs, header.artifact.group_size, layouts)
    for entry in header.sections:
        shortest, longest = possible.get(entry.kind, (0, 0))
        require(shortest <= entry.raw <= longest, f"section {entry.kind} can't have {entry.raw} bytes, its shapes say")
    declared = sum(entry.stored for entry in header.sections)
    lengths = f"its sections have {declared} bytes by the header, {rest} in the file: truncated, or more"
    require(declared == rest, lengths)


def _read_section(file: BinaryIO, entry: SectionEntry, shared: Sections) -> bytes:
    data = read_exactly(file, entry.stored)
    require(hashlib.sha256(data).hexdigest() == entry.sha256, f"section {entry.kind} is damaged (checksum)")
    return shared.decompress(data, entry.codec, entry.raw)
