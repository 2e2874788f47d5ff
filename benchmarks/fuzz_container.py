"""Fuzz the reader of ``.tgolf`` artifacts (``tritgolf.artifact.container``) with atheris.

    pip install atheris
    python benchmarks/fuzz_container.py CORPUS_FOLDER -max_total_time=120 -max_len=65536 -timeout=10 -rss_limit_mb=1500

Inputs reach every depth of the reader: a whole file; a header in the right envelope, with sections after it; section
contents under a true header whose lengths and checksums are made to fit.
"""

import hashlib
import json
import tempfile
from pathlib import Path

from fuzzing import example, fuzz

from tritgolf.artifact.codecs import compress, decompress
from tritgolf.artifact.container import MAGIC, PREFIX, VERSION, read_artifact, write_artifact
from tritgolf.artifact.payload import assemble
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.trits import LAYOUTS

STORED, ARTIFACT_HEADER = example()
SECTIONS = assemble(STORED, Sections(threads=1))
CONTENTS = {layout: b"".join(SECTIONS[layout].values()) for layout in LAYOUTS}
with tempfile.TemporaryDirectory() as folder:
    written = Path(folder) / "example.tgolf"
    write_artifact(written, STORED, ARTIFACT_HEADER, codec="none")
    EXAMPLE = written.read_bytes()
_, _, PACKED, LENGTH, _ = PREFIX.unpack(EXAMPLE[: PREFIX.size])
HEADER = decompress(EXAMPLE[PREFIX.size : PREFIX.size + PACKED], "xz", LENGTH)
RAW_LENGTHS = {layout: [len(data) for data in SECTIONS[layout].values()] for layout in LAYOUTS}


def enveloped(header: bytes, sections: bytes) -> bytes:
    packed = compress(header, "xz")
    return PREFIX.pack(MAGIC, VERSION, len(packed), len(header), hashlib.sha256(packed).digest()) + packed + sections


def with_header(data: bytes) -> bytes:
    """``data``: a header, a zero byte, the sections."""
    header, _, sections = data.partition(b"\0")
    return enveloped(header, sections)


def with_sections(data: bytes) -> bytes:
    """``data``: a byte that chooses layout and codec, then the contents of all sections, under the true header."""
    choice, rest, sections = (data or b"\0")[0], data[1:], b""
    header = json.loads(HEADER)
    header["layout"] = LAYOUTS[choice % 2]
    header["codec"] = ("none", "xz")[choice // 2 % 2]
    for entry, length in zip(header["sections"], RAW_LENGTHS[header["layout"]], strict=True):
        content, rest = rest[:length], rest[length:]
        stored = compress(content, header["codec"])
        entry |= {"raw": len(content), "stored": len(stored), "sha256": hashlib.sha256(stored).hexdigest()}
        sections += stored
    return enveloped(json.dumps(header).encode(), sections)


if __name__ == "__main__":
    fuzz(
        read_artifact,
        wrappers=[bytes, with_header, with_sections],
        seeds=[
            b"\0" + EXAMPLE,
            b"\1" + HEADER + b"\0" + EXAMPLE[PREFIX.size + PACKED :],
            *(bytes([2, choice]) + CONTENTS[LAYOUTS[choice % 2]] for choice in range(4)),
        ],
    )
