"""Fuzz the reader of published ``.ptz`` artifacts (``tritgolf.artifact.published.ptz``) with atheris.

    pip install atheris
    python benchmarks/fuzz_ptz.py CORPUS_FOLDER -max_total_time=120 -max_len=65536 -timeout=10 -rss_limit_mb=1500

Inputs reach every depth of the reader: a whole file; the zip in a true .xz stream; the pickle in a true zip beside the
tensors that it speaks of.
"""

import lzma
import tempfile
from pathlib import Path

from fuzzing import example, fuzz, members_of, zipped

from tritgolf.artifact.codecs import compress
from tritgolf.artifact.published.ptz import read_ptz, write_ptz

PICKLE = "archive/data.pkl"

with tempfile.TemporaryDirectory() as folder:
    written = Path(folder) / "example.ptz"
    write_ptz(written, example()[0])
    EXAMPLE = written.read_bytes()
CONTENT = lzma.decompress(EXAMPLE)
MEMBERS = members_of(CONTENT)


def with_content(data: bytes) -> bytes:
    """``data``: the content of the .xz stream."""
    return compress(data, "xz")


def with_pickle(data: bytes) -> bytes:
    """``data``: the pickle of a torch.save file."""
    return compress(zipped(MEMBERS | {PICKLE: data}), "xz")


if __name__ == "__main__":
    fuzz(
        read_ptz,
        wrappers=[bytes, with_content, with_pickle],
        seeds=[b"\0" + EXAMPLE, b"\1" + CONTENT, b"\2" + MEMBERS[PICKLE]],
    )
