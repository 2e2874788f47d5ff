"""What #1716 and #1722 store alike: ``{w: tensors, m: labels}``, codes a byte each, scales beside them.

``m`` says by a label how the tensor of a name is kept. ``NAME.q`` and ``NAME.scale`` are codes and one FP16 scale a
row, ``NAME.q_pt`` and ``NAME.scale_pt`` codes and one FP32 scale a tensor; a tensor in FP16 is under its own name.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.kinds import MAX_ELEMENTS
from tritgolf.files import canonical_json
from tritgolf.malformed import MalformedError, require
from tritgolf.quantize.ternary import Quantized

MAX_DIMENSIONS = 2
MAX_NAME = 200


class Form(NamedTuple):
    """How a label's tensors are kept: codes up to ±``limit``, or FP16 where that is None; one scale a row or tensor."""

    limit: int | None
    scale_a_row: bool = True

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows a tensor's name in ``w``, in its order."""
        if self.limit is None:
            return ("",)
        return (".q", ".scale") if self.scale_a_row else (".q_pt", ".scale_pt")


INT6, INT8, INT8_A_TENSOR, FP16 = Form(31), Form(127), Form(127, scale_a_row=False), Form(None)


@dataclass(frozen=True)
class StoredTensor:
    """One tensor of ``shape`` as a file keeps it: ``quantized``, or ``numbers``, FP32 values exact in FP16.

    Codes are int8 (rows, columns), those of a vector one row; scales FP32 (rows, 1), or (1, 1) for one a tensor.
    """

    label: str
    form: Form
    shape: tuple[int, ...]
    quantized: Quantized | None = None
    numbers: Tensor | None = None

    def dequantized(self) -> Tensor:
        """FP32 of ``shape``: code times scale, or the numbers."""
        if self.quantized is None:
            assert self.numbers is not None
            return self.numbers
        codes, scale = self.quantized
        return (codes.float() * scale).reshape(self.shape)


@dataclass(frozen=True)
class Labelled:
    """A published file that was read; ``tensors`` by published name, in the order of its labels."""

    source: str
    file_bytes: int
    tensors: dict[str, StoredTensor]
    bfloat16: tuple[str, ...]  # names that the published model holds in BF16

    def weights(self) -> dict[str, Tensor]:
        """The tensors that the published code loads, by published name: FP32, or BF16 where its model is."""
        weights = {name: stored.dequantized() for name, stored in self.tensors.items()}
        return {name: weight.bfloat16() if name in self.bfloat16 else weight for name, weight in weights.items()}

    def facts(self) -> dict[str, Any]:
        """For JSON: bytes of the file, tensors, elements by label, digest of everything stored."""
        elements: dict[str, int] = {}
        for stored in self.tensors.values():
            elements[stored.label] = elements.get(stored.label, 0) + math.prod(stored.shape)
        return {
            "source": self.source,
            "bytes": self.file_bytes,
            "tensors": len(self.tensors),
            "stored_tensors": sum(len(stored.form.suffixes) for stored in self.tensors.values()),
            "numbers": sum(elements.values()),
            "elements_by_label": elements,
            "payload_digest": self.payload_digest,
        }

    @property
    def payload_digest(self) -> str:
        """``sha256:…`` of names, labels, shapes and numbers, however the file is compressed."""
        hasher = hashlib.sha256()
        for name, stored in self.tensors.items():
            hasher.update(canonical_json([name, stored.label, list(stored.shape)]))
            for tensor in _parts(stored):
                hasher.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return "sha256:" + hasher.hexdigest()


def read_entries(entries: Any, forms: Mapping[str, Form]) -> dict[str, StoredTensor]:
    """The tensors of ``{w, m}`` by name, in the order of the labels; ``forms``: what each label means.

    A label is a text or ``{type: text}``. Raises ``MalformedError`` for anything the published code can't have written.
    """
    match entries:
        case {"w": dict(parts), "m": dict(labels), **rest} if not rest:
            pass
        case _:
            raise MalformedError("it holds no dictionary of tensors w and labels m")
    tensors: dict[str, StoredTensor] = {}
    expected: list[str] = []
    elements = 0
    for name, label in labels.items():
        require(name.isprintable() and len(name) <= MAX_NAME, "it holds a tensor of an impossible name")
        text = label.get("type") if isinstance(label, dict) else label
        if not isinstance(text, str) or text not in forms:
            raise MalformedError(f"tensor {name} has a label that this format doesn't have")
        form = forms[text]
        keys = [name + suffix for suffix in form.suffixes]
        there = all(isinstance(parts.get(key), Tensor) for key in keys)
        require(there, f"tensor {name} is not there as its label says")
        tensors[name] = _read(name, text, form, [parts[key] for key in keys])
        expected += keys
        elements += math.prod(tensors[name].shape)
        require(elements <= MAX_ELEMENTS, f"it declares more than the {MAX_ELEMENTS} numbers that this program reads")
    require(sorted(expected) == sorted(parts), "it holds tensors that no label, or more than one, speaks of")
    return tensors


def write_entries(tensors: Mapping[str, StoredTensor], typed: bool = False) -> dict[str, dict[str, Any]]:
    """``{w, m}`` of ``tensors``, as the published code saves it; ``typed``: labels of codes are ``{type: text}``."""
    parts: dict[str, Tensor] = {}
    labels: dict[str, Any] = {}
    for name, stored in tensors.items():
        parts |= {name + suffix: part for suffix, part in zip(stored.form.suffixes, _parts(stored), strict=True)}
        labels[name] = {"type": stored.label} if typed and stored.quantized is not None else stored.label
    return {"w": parts, "m": labels}


def _read(name: str, label: str, form: Form, parts: list[Tensor]) -> StoredTensor:
    numbers = parts[-1]
    shape = tuple(parts[0].shape)
    require(len(shape) <= MAX_DIMENSIONS, f"tensor {name} has {len(shape)} dimensions")
    dtype = torch.float16 if form.scale_a_row else torch.float32
    finite = numbers.dtype == dtype and bool(numbers.isfinite().all())
    require(finite, f"tensor {name}: its numbers are not finite {dtype}")
    if form.limit is None:
        return StoredTensor(label, form, shape, numbers=numbers.float())
    rows = shape[0] if len(shape) == MAX_DIMENSIONS else 1
    if form.scale_a_row:
        require(len(shape) == MAX_DIMENSIONS and numbers.shape == (rows,), f"tensor {name}: it has not one scale a row")
    else:
        require(numbers.ndim == 0 and len(shape) > 0, f"tensor {name}: it has not one scale")
    codes = parts[0].reshape(rows, -1)
    scale = numbers.float().reshape(-1, 1)
    # A row of zeros has the scale 0; its codes are what a machine makes of 0/0, and mean nothing.
    beyond = ((codes > form.limit) | (codes < -form.limit)) & (scale != 0)
    inside = codes.dtype == torch.int8 and not bool(beyond.any())
    require(inside, f"tensor {name}: its codes are not int8 up to ±{form.limit}")
    return StoredTensor(label, form, shape, Quantized(codes, scale))


def _parts(stored: StoredTensor) -> Iterator[Tensor]:
    """The tensors in ``w``, in the order of the form's suffixes."""
    if stored.quantized is None:
        assert stored.numbers is not None
        yield stored.numbers.half()
        return
    codes, scale = stored.quantized
    yield codes.reshape(stored.shape)
    yield scale.reshape(-1).half() if stored.form.scale_a_row else scale.reshape(())
