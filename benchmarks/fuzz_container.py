"""Fuzz the reader of ``.tgolf`` artifacts (``tritgolf.artifact.container``) with atheris.

    pip install atheris
    python benchmarks/fuzz_container.py CORPUS_FOLDER -max_total_time=120 -max_len=65536 -timeout=10 -rss_limit_mb=1500

Inputs reach every depth of the reader: a whole file; a header of either version in the right envelope, with sections
after it; contents of sections under a true header whose lengths and checksums are made to fit; compressed bytes of one.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from fuzzing import example, fuzz

from tritgolf.artifact.codecs import CODECS, compress, decompress
from tritgolf.artifact.container import read_artifact, write_artifact
from tritgolf.artifact.container_header import MAGIC, PREFIX, VERSION, FirstHeader
from tritgolf.artifact.layouts.registry import TRIT_LAYOUTS, Layout
from tritgolf.artifact.payload import assemble
from tritgolf.artifact.sections import Sections

STORED, ARTIFACT_HEADER = example()
SECTIONS = assemble(STORED, Sections(threads=1))
NAMES = list(CODECS)


def contents(layout: Layout) -> list[bytes]:
    """The true sections, the trits in ``layout``."""
    return [by_layout.get(layout) or next(iter(by_layout.values())) for by_layout in SECTIONS.values()]


with tempfile.TemporaryDirectory() as folder:
    written = Path(folder) / "example.tgolf"
    write_artifact(written, STORED, ARTIFACT_HEADER, codecs=["none"])
    EXAMPLE = written.read_bytes()
_, _, PACKED, LENGTH, _ = PREFIX.unpack(EXAMPLE[: PREFIX.size])
REST = EXAMPLE[PREFIX.size + PACKED :]
HEADER = decompress(EXAMPLE[PREFIX.size : PREFIX.size + PACKED], "xz", LENGTH)


def first_header() -> bytes:
    """The header of the example as version 1 wrote it."""
    header = json.loads(HEADER)
    for entry in header["sections"]:
        layout, codec = entry.pop("layout"), entry.pop("codec")
        header |= {"codec": codec} | ({"layout": layout} if entry["kind"] == "trits" else {})
    return FirstHeader.model_validate(header).model_dump_json().encode()


def enveloped(header: bytes, sections: bytes, version: int = VERSION) -> bytes:
    packed = compress(header, "xz")
    return PREFIX.pack(MAGIC, version, len(packed), len(header), hashlib.sha256(packed).digest()) + packed + sections


def with_header(data: bytes) -> bytes:
    """``data``: a byte that chooses the version, a header, a zero byte, the sections."""
    header, _, sections = data[1:].partition(b"\0")
    return enveloped(header, sections, version=1 + (data or b"\0")[0] % VERSION)


def with_sections(data: bytes) -> bytes:
    """``data``: a byte that chooses layout and codec, then the contents of all sections, under the true header."""
    choice, rest, sections = (data or b"\0")[0], data[1:], b""
    header, layout, codec = json.loads(HEADER), TRIT_LAYOUTS[choice % 2], NAMES[choice // 2 % len(NAMES)]
    header["sections"][0]["layout"] = layout
    for entry, true in zip(header["sections"], contents(layout), strict=True):
        content, rest = rest[: len(true)], rest[len(true) :]
        stored = compress(content, codec)
        entry.update(described(stored), codec=codec, raw=len(content))
        sections += stored
    return enveloped(json.dumps(header).encode(), sections)


def with_stored(data: bytes) -> bytes:
    """``data``: a byte that chooses the codec, then the bytes in the file of the first section of numbers."""
    header, stored = json.loads(HEADER), data[1:]
    trits, scales = header["sections"][:2]
    scales |= described(stored) | {"codec": NAMES[(data or b"\0")[0] % len(NAMES)]}
    start, end = trits["stored"], trits["stored"] + len(contents("base3")[1])
    return enveloped(json.dumps(header).encode(), REST[:start] + stored + REST[end:])


def described(stored: bytes) -> dict[str, Any]:
    return {"stored": len(stored), "sha256": hashlib.sha256(stored).hexdigest()}


def seeds() -> list[bytes]:
    """One input of each wrapper and choice that ends in an artifact."""
    layouts = [TRIT_LAYOUTS[choice % 2] for choice in range(2 * len(NAMES))]
    scales = contents("base3")[1]
    return [
        b"\0" + EXAMPLE,
        b"\1\1" + HEADER + b"\0" + REST,
        b"\1\0" + first_header() + b"\0" + REST,
        *(bytes([2, choice]) + b"".join(contents(layout)) for choice, layout in enumerate(layouts)),
        *(bytes([3, choice]) + compress(scales, codec) for choice, codec in enumerate(NAMES)),
    ]


if __name__ == "__main__":
    fuzz(read_artifact, wrappers=[bytes, with_header, with_sections, with_stored], seeds=seeds())
