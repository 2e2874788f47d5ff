"""What every layout offers, and what several need.

A layout is a function of the codes alone: unpacking refuses whatever packing would not have written.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tritgolf.malformed import require

Codes = NDArray[Any]  # integers, (count,)
Buffer = bytes | memoryview
Shapes = Sequence[tuple[int, int]]  # rows and columns of the matrices that codes are of, in their order

TRIT_BITS = 2  # a trit as a code of its own: −1, 0, 1 of the four that two bits hold


class Packing(Protocol):
    """A module of this package. ``bits``: width of one code; ``is_compressed``: no codec can gain on what it packs."""

    is_compressed: bool

    def pack(self, codes: Codes, bits: int) -> bytes:
        """Bytes of ``codes`` (any shape, row-major); ``ValueError`` for a code that the layout can't hold."""

    def unpack(self, data: Buffer, count: int, bits: int) -> Codes:
        """The ``count`` codes that ``data`` holds, (count,). ``MalformedError`` on anything ``pack`` can't make."""

    def length_range(self, count: int, bits: int) -> tuple[int, int]:
        """Fewest and most bytes that ``count`` codes can take."""


class MatrixPacking(Packing, Protocol):
    """A layout that looks at the matrices which codes are of."""

    def pack(self, codes: Codes, bits: int, shapes: Shapes = ()) -> bytes:
        """As ``Packing``; ``shapes``: of the matrices, in their order."""

    def unpack(self, data: Buffer, count: int, bits: int, shapes: Shapes = ()) -> Codes:
        """As ``Packing``; ``shapes``: of the matrices, in their order."""


def bytes_of_bits(count: int) -> int:
    """Bytes that ``count`` bits fill, the last one up to its end."""
    return -(-count // 8)


def flat_trits(q: Codes) -> Codes:
    """``q`` in one row; ``ValueError`` if it holds anything but −1, 0 and 1."""
    flat = q.reshape(-1)
    if flat.size and (flat.min() < -1 or flat.max() > 1):
        raise ValueError("trits are -1, 0 and 1")
    return flat


def in_range(codes: Codes, bits: int) -> bool:
    """Whether all are two's complement numbers of ``bits``."""
    half = 1 << (bits - 1)
    return not codes.size or bool(codes.min() >= -half and codes.max() < half)


def require_length(data: Buffer, length: int, what: str) -> NDArray[np.uint8]:
    """``data`` as bytes; ``MalformedError`` unless they are as many as ``what`` takes."""
    require(len(data) == length, f"{what} take {length} bytes, not {len(data)}")
    return np.frombuffer(data, np.uint8)
