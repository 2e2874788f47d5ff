"""The artifact of #1716, ``final_model.int6.ptz``: Brotli of the shuffled bytes of a torch.save dictionary {w, m}.

*Byte shuffle*: "BSHF", a byte 2, all bytes at even places, all at odd ones. What {w, m} holds: ``labelled``. Reading
executes nothing and bounds every size first (``torch_zip``, ``codecs``).
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from tritgolf.artifact.codecs import PUBLISHED_BROTLI, compress_brotli, decompress_brotli, start_of_brotli
from tritgolf.artifact.header import Artifact
from tritgolf.artifact.published.labelled import (
    FP16,
    INT6,
    INT8,
    INT8_A_TENSOR,
    Form,
    Labelled,
    StoredTensor,
    read_entries,
    write_entries,
)
from tritgolf.artifact.published.torch_zip import read_torch_zip
from tritgolf.artifact.published.transformer import System, transformer_artifact
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import Settings
from tritgolf.config.storage import FormConfig, NumbersConfig
from tritgolf.config.transformer import RecurrenceConfig
from tritgolf.malformed import blame, require

MAGIC = b"BSHF"
PLANES = 2
HEAD = MAGIC + bytes([PLANES])
MAX_FILE = 64 << 20
MAX_CONTENT = 64 << 20  # the published model's has 37 MB

FORMS: dict[str, Form] = {
    "gptq (int6)": INT6,
    "gptq (int8)": INT8,
    "simple int6 (bigram embed)": INT6,
    "simple int8 (small matrix)": INT8,
    "pertensor int8 (control)": INT8_A_TENSOR,
    "passthrough (float16)": FP16,
}
# What the labels say as a record's settings would.
SETTINGS: dict[str, FormConfig] = {
    "gptq (int6)": IntegerConfig(bits=6, clip_sigmas=12.85, rounding="gptq"),
    "gptq (int8)": IntegerConfig(bits=8, clip_sigmas=20, rounding="gptq"),
    "simple int6 (bigram embed)": IntegerConfig(bits=6),
    "simple int8 (small matrix)": IntegerConfig(bits=8),
    "pertensor int8 (control)": IntegerConfig(bits=8, scale="tensor", scale_dtype="float32"),
    "passthrough (float16)": NumbersConfig(format="float16"),
}
PARALLEL_FROM = 7
SYSTEM = System(
    file_format="int6_brotli",
    forms=SETTINGS,
    untold=(
        "context",
        "rotary_dims",
        "rotary_base",
        "rotary_frequencies",
        "softcap",
        "recurrence",
        "parallel_from",
        "xsa_layers",
        "compute",
    ),
    usual=lambda layers: {
        "rotary_frequencies": "bfloat16",
        "xsa_layers": layers,
        "parallel_from": PARALLEL_FROM if layers > PARALLEL_FROM else None,
    },
    recurrence=RecurrenceConfig(layers=(3, 5), loops=2),
)
BFLOAT16 = ("tok_emb.weight", "bigram.embed.weight", "logit_temp")


def is_published(start: bytes) -> bool:
    """Whether a file that begins with ``start`` (64 KB; all of a shorter one) is one of this format."""
    return start_of_brotli(start).startswith(HEAD)


def read_int6_brotli(path: str | Path) -> Labelled:
    """Read an artifact of #1716. Any damage ends in one ``InputError`` that names the file."""
    with blame(path):
        file_bytes = Path(path).stat().st_size
        require(file_bytes <= MAX_FILE, f"is larger than {MAX_FILE} bytes: no published artifact is")
        content = unshuffled(decompress_brotli(Path(path).read_bytes(), MAX_CONTENT))
        return Labelled("#1716", file_bytes, read_entries(read_torch_zip(content), FORMS), BFLOAT16)


def open_int6_brotli(path: Path, model: Settings | None = None, known: Iterable[RecordConfig] = ()) -> Artifact:
    """The same as an artifact of its model (``transformer_artifact``)."""
    return transformer_artifact(path, read_int6_brotli(path), SYSTEM, model, known)


def content_of(tensors: Mapping[str, StoredTensor]) -> bytes:
    """What the published code would compress of ``tensors``: with the same torch, byte for byte."""
    buffer = io.BytesIO()
    torch.save(write_entries(tensors), buffer)
    return shuffled(buffer.getvalue())


def compressed(content: bytes) -> bytes:
    """The file that holds ``content``, with the published settings of Brotli."""
    return compress_brotli(content, PUBLISHED_BROTLI)


def shuffled(data: bytes) -> bytes:
    """``data`` with its bytes of even places before those of odd ones; as it is where it has fewer than two."""
    return HEAD + data[0::PLANES] + data[1::PLANES] if len(data) >= PLANES else data


def unshuffled(data: bytes) -> bytes:
    """Inverse of ``shuffled``; ``MalformedError`` if ``data`` doesn't begin like one."""
    require(data.startswith(HEAD), "it holds no shuffled bytes")
    planes = data[len(HEAD) :]
    half = -(-len(planes) // PLANES)
    whole = bytearray(len(planes))
    whole[0::PLANES], whole[1::PLANES] = planes[:half], planes[half:]
    return bytes(whole)
