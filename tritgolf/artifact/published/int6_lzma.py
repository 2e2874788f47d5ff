"""The artifact of #1722, ``final_model.trinity.ptz``: .xz of a torch.save dictionary {w, m} (``labelled``).

#1019's ``final_model.int6.ptz`` is the same. Reading executes nothing and bounds every size first.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import torch

from tritgolf.artifact.codecs import decompress_xz, start_of_xz
from tritgolf.artifact.published.labelled import (
    FP16,
    INT6,
    INT8,
    Form,
    Labelled,
    StoredTensor,
    read_entries,
    write_entries,
)
from tritgolf.artifact.published.torch_zip import first_key, read_torch_zip
from tritgolf.malformed import blame, require

MAX_FILE = 64 << 20
MAX_CONTENT = 64 << 20

FORMS: dict[str, Form] = {"int6": INT6, "int8": INT8, "passthrough": FP16}
BFLOAT16 = ("tok_emb.weight", "bigram.embed.weight", "ve_shared.embed.weight")


def is_published(start: bytes) -> bool:
    """Whether a file that begins with ``start`` (64 KB; all of a shorter one) is one of this format."""
    return first_key(start_of_xz(start)) == "w"


def read_int6_lzma(path: str | Path) -> Labelled:
    """Read an artifact of #1722. Any damage ends in one ``InputError`` that names the file."""
    with blame(path):
        file_bytes = Path(path).stat().st_size
        require(file_bytes <= MAX_FILE, f"is larger than {MAX_FILE} bytes: no published artifact is")
        content = decompress_xz(Path(path).read_bytes(), MAX_CONTENT)
        return Labelled("#1722", file_bytes, read_entries(read_torch_zip(content), FORMS), BFLOAT16)


def content_of(tensors: Mapping[str, StoredTensor]) -> bytes:
    """What the published code would compress of ``tensors``: with the same torch, byte for byte."""
    buffer = io.BytesIO()
    torch.save(write_entries(tensors, typed=True), buffer)
    return buffer.getvalue()
