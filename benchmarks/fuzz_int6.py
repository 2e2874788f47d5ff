"""Fuzz the readers of ``tritgolf.artifact.published`` for int6 artifacts, of #1716 and #1722, with atheris.

    pip install atheris
    python benchmarks/fuzz_int6.py CORPUS_FOLDER -max_total_time=120 -max_len=65536 -timeout=10 -rss_limit_mb=1500

Inputs reach every depth of the readers: a whole file; the bytes that Brotli or .xz holds; the pickle in a true zip
beside the tensors that it speaks of. Whatever a file is, the registry tells which reader reads it.
"""

from pathlib import Path

import torch
from fuzzing import fuzz, members_of, zipped

from tritgolf.artifact.codecs import compress, compress_brotli
from tritgolf.artifact.published import int6_lzma
from tritgolf.artifact.published.formats import READERS, published_format
from tritgolf.artifact.published.int6_brotli import content_of, shuffled, unshuffled
from tritgolf.artifact.published.labelled import FP16, INT6, INT8_A_TENSOR, StoredTensor
from tritgolf.quantize.ternary import Quantized

PICKLE = "archive/data.pkl"
CODES = torch.tensor([[31, -31, 0], [1, 2, 3]], dtype=torch.int8)
MATRIX = Quantized(CODES, torch.tensor([[0.5], [0.25]]))
EXAMPLE = {
    "tok_emb.weight": StoredTensor("gptq (int6)", INT6, (2, 3), MATRIX),
    "skip_gates": StoredTensor(
        "pertensor int8 (control)", INT8_A_TENSOR, (3,), Quantized(CODES[:1], torch.tensor([[2.0]]))
    ),
    "smear_lambda": StoredTensor("passthrough (float16)", FP16, (1,), numbers=torch.ones(1)),
}
CONTENT = content_of(EXAMPLE)
MEMBERS = members_of(unshuffled(CONTENT))
XZ_EXAMPLE = {
    "tok_emb.weight": StoredTensor("int6", INT6, (2, 3), MATRIX),
    "smear.gate": StoredTensor("passthrough", FP16, (1,), numbers=torch.ones(1)),
}
XZ_MEMBERS = members_of(int6_lzma.content_of(XZ_EXAMPLE))


def read(path: Path) -> None:
    """What the file's format reads of it, down to the weights; ternary ones have a fuzzer of their own."""
    name = published_format(path)
    if name in ("int6_brotli", "int6_lzma"):
        labelled = READERS[name].read(path)
        labelled.weights()
        labelled.facts()
        READERS[name].open(path, None, ())


def with_content(data: bytes) -> bytes:
    """``data``: what Brotli holds after the head of shuffled bytes."""
    return compress_brotli(CONTENT[:5] + data)


def with_pickle(data: bytes) -> bytes:
    """``data``: the pickle of a torch.save file, in Brotli."""
    return compress_brotli(shuffled(zipped(MEMBERS | {PICKLE: data})))


def with_pickle_in_xz(data: bytes) -> bytes:
    """``data``: the pickle of a torch.save file, in .xz."""
    return compress(zipped(XZ_MEMBERS | {PICKLE: data}), "xz")


if __name__ == "__main__":
    fuzz(
        read,
        wrappers=[bytes, with_content, with_pickle, with_pickle_in_xz],
        seeds=[
            b"\0" + compress_brotli(CONTENT),
            b"\1" + CONTENT[5:],
            b"\2" + MEMBERS[PICKLE],
            b"\3" + XZ_MEMBERS[PICKLE],
        ],
    )
