"""The artifact of #1722, ``final_model.trinity.ptz``: .xz of a torch.save dictionary {w, m} (``labelled``).

#1019's ``final_model.int6.ptz`` is the same. Reading executes nothing and bounds every size first.
"""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from tritgolf.artifact.codecs import decompress_xz, start_of_xz
from tritgolf.artifact.header import Artifact
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
from tritgolf.artifact.published.transformer import System, transformer_artifact
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import Settings
from tritgolf.config.storage import NumbersConfig
from tritgolf.malformed import blame, require

MAX_FILE = 64 << 20
MAX_CONTENT = 64 << 20

FORMS: dict[str, Form] = {"int6": INT6, "int8": INT8, "passthrough": FP16}
QUANTILES = (0.999, 0.9995, 0.9999, 0.99999, 1.0)
SYSTEM = System(
    file_format="int6_lzma",
    forms={  # the floor of a scale is one code's step: 1/31, 1/127
        "int6": IntegerConfig(bits=6, clip_quantiles=QUANTILES, least_clip=1, rounding="gptq"),
        "int8": IntegerConfig(bits=8, clip_quantiles=(0.9999984,), least_clip=1, rounding="clipped"),
        "passthrough": NumbersConfig(format="float16"),
    },
    untold=(
        "context",
        "rotary_dims",
        "rotary_base",
        "rotary_frequencies",
        "rotary_stretch",
        "softcap",
        "xsa_layers",
        "compute",
    ),
    usual=lambda layers: {
        "rotary_frequencies": "bfloat16",
        "rotary_stretch": {"from_length": 1024, "of": "call"},
        "xsa_layers": layers,
    },
)
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


def open_int6_lzma(path: Path, model: Settings | None = None, known: Iterable[RecordConfig] = ()) -> Artifact:
    """The same as an artifact of its model (``transformer_artifact``)."""
    return transformer_artifact(path, read_int6_lzma(path), SYSTEM, model, known)


def content_of(tensors: Mapping[str, StoredTensor]) -> bytes:
    """What the published code would compress of ``tensors``: with the same torch, byte for byte."""
    buffer = io.BytesIO()
    torch.save(write_entries(tensors, typed=True), buffer)
    return buffer.getvalue()
