"""The payload of an artifact: its tensors as a handful of byte strings, one a kind, and back.

Like goes with like, because a compressor adapts to what it has just seen. All trits are one sequence, so that a bitmask
holds all nonzero bits and then all signs (which nothing compresses): 0.8–1.2% smaller on the published samples than
matrix by matrix. Numbers of more than one byte are stored byte plane by byte plane within a tensor, first all lowest
bytes, last all highest, which hold sign and exponent: 3% (BF16) to 5% (FP16) smaller scales. A full-size model of
random weights took 15.93 MB so, and 16.20 MB as the published dictionary.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch

from tritgolf.artifact.kinds import PAYLOAD_KIND, PAYLOAD_KINDS, TensorSpec, stored_bytes
from tritgolf.artifact.sections import Sections
from tritgolf.artifact.storage import Stored
from tritgolf.artifact.trits import Layout, length_range
from tritgolf.config.types import ScaleFormat
from tritgolf.malformed import require
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.formats import decode, encode
from tritgolf.quantize.widths import length_of, width_of


def assemble(stored: Stored, shared: Sections) -> dict[Layout, dict[str, bytes]]:
    """The sections of ``stored`` by trit layout and payload kind, in the order of ``PAYLOAD_KINDS``."""
    parts: dict[str, list[bytes]] = {kind: [] for kind in PAYLOAD_KINDS if kind != "trits"}
    trits = []
    for name, spec in stored.specs.items():
        if spec.kind == "ternary":
            trits.append(stored.ternary[name].codes.numpy())
        numbers = stored.ternary[name].scale if spec.kind == "ternary" else stored.tensors[name]
        parts[PAYLOAD_KIND[spec.kind]].append(split_planes(encode(numbers, spec.format), spec.format))
    numbers_by_kind = {kind: b"".join(data) for kind, data in parts.items()}
    return {layout: {"trits": packed} | numbers_by_kind for layout, packed in shared.pack(trits).items()}


def section_lengths(specs: Mapping[str, TensorSpec], group_size: int, layout: Layout) -> dict[str, tuple[int, int]]:
    """Shortest and longest possible section by kind. ``MalformedError`` for a matrix not made of whole groups."""
    for name, spec in specs.items():
        whole = spec.kind != "ternary" or (len(spec.shape) == 2 and spec.shape[1] % group_size == 0)
        require(whole, f"tensor {name}: shape {list(spec.shape)} is no matrix of whole groups of {group_size}")
    exact = {kind: (length, length) for kind, length in stored_bytes(specs, group_size).items()}
    return exact | {"trits": length_range(_count_trits(specs), layout)}


def disassemble(
    sections: Mapping[str, bytes],
    specs: Mapping[str, TensorSpec],
    group_size: int,
    layout: Layout,
    shared: Sections,
) -> Stored:
    """The tensors in ``sections``, with lengths of ``section_lengths``. ``MalformedError`` on impossible bytes."""
    trits = torch.from_numpy(shared.unpack(sections["trits"], _count_trits(specs), layout))
    rest = {kind: memoryview(data) for kind, data in sections.items()}
    ternary: dict[str, Quantized] = {}
    tensors: dict[str, torch.Tensor] = {}
    for name, spec in specs.items():
        kind, shape = PAYLOAD_KIND[spec.kind], spec.numbers_shape(group_size)
        size = length_of(spec.format, shape)
        numbers = decode(join_planes(rest[kind][:size], spec.format), spec.format, shape)
        rest[kind] = rest[kind][size:]
        if spec.kind == "ternary":
            count = math.prod(spec.shape)
            ternary[name] = Quantized(trits[:count].reshape(spec.shape), numbers)
            trits = trits[count:]
        else:
            tensors[name] = numbers
    return Stored(dict(specs), ternary, tensors)


def split_planes(data: bytes, number_format: ScaleFormat) -> bytes:
    """Row-major numbers → their lowest bytes, …, their highest bytes."""
    return np.frombuffer(data, np.uint8).reshape(-1, width_of(number_format)).T.tobytes()


def join_planes(data: bytes | memoryview, number_format: ScaleFormat) -> bytes:
    """Inverse of ``split_planes``; ``data`` is a whole number of numbers long."""
    return np.frombuffer(data, np.uint8).reshape(width_of(number_format), -1).T.tobytes()


def _count_trits(specs: Mapping[str, TensorSpec]) -> int:
    return sum(math.prod(spec.shape) for spec in specs.values() if spec.kind == "ternary")
