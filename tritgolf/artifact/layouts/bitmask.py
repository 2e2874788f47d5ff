"""Trits as a bitmask, exactly as published (#640): 1 + (1 − zero fraction) bits each.

One bit a trit that says whether it is nonzero, then one bit a nonzero trit, 1 for +1; each part is filled up to a byte
with zeros, the first bit of a byte is its highest (``numpy.packbits``).
"""

import numpy as np
from numpy.typing import NDArray

from tritgolf.artifact.layouts.base import TRIT_BITS, Buffer, Codes, bytes_of_bits, flat_trits, require_length
from tritgolf.malformed import require

is_compressed = False


def pack(codes: Codes, bits: int = TRIT_BITS) -> bytes:
    """Bytes of trits (int8, any shape, row-major); anything but −1, 0, 1 is a ``ValueError``."""
    q = flat_trits(codes)
    nonzero = q != 0
    return np.packbits(nonzero).tobytes() + np.packbits(q[nonzero] > 0).tobytes()


def unpack(data: Buffer, count: int, bits: int = TRIT_BITS) -> Codes:
    """The ``count`` trits in ``data``, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    split = bytes_of_bits(count)
    require(len(data) >= split, f"the nonzero bits of {count} trits take {split} bytes, not {len(data)}")
    nonzero = _unpack_bits(data[:split], count)
    positive = _unpack_bits(data[split:], int(np.count_nonzero(nonzero)))
    q = np.zeros(count, np.int8)
    q[nonzero] = np.where(positive, np.int8(1), np.int8(-1))
    return q


def length_range(count: int, bits: int = TRIT_BITS) -> tuple[int, int]:
    """Fewest and most bytes of ``count`` trits: all of them zero, and none."""
    return bytes_of_bits(count), 2 * bytes_of_bits(count)


def _unpack_bits(data: Buffer, count: int) -> NDArray[np.bool_]:
    bits = np.unpackbits(require_length(data, bytes_of_bits(count), f"{count} bits"))
    require(not bits[count:].any(), "the padding after the last bit is not zero")
    return bits[:count].view(np.bool_)
