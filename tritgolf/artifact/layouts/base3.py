"""Trits in base 3, exactly as published (#640): 1.6 bits each.

Five trits a byte, Σ tᵢ·3ⁱ with i = 0…4 and t = q + 1; the last byte is filled up with t = 0.
"""

import numpy as np

from tritgolf.artifact.layouts.base import TRIT_BITS, Buffer, Codes, flat_trits, require_length
from tritgolf.malformed import require

is_compressed = False

PER_BYTE = 5
LARGEST_BYTE = 3**PER_BYTE - 1
POWERS = 3 ** np.arange(PER_BYTE, dtype=np.uint8)
DIGITS = np.arange(LARGEST_BYTE + 1, dtype=np.uint8)[:, None] // POWERS % 3  # (243, 5): the t of every byte


def pack(codes: Codes, bits: int = TRIT_BITS) -> bytes:
    """Bytes of trits (int8, any shape, row-major); anything but −1, 0, 1 is a ``ValueError``."""
    q = flat_trits(codes)
    t = np.zeros(base3_length(q.size) * PER_BYTE, np.uint8)
    t[: q.size] = q + 1
    return (t.reshape(-1, PER_BYTE) @ POWERS).tobytes()


def unpack(data: Buffer, count: int, bits: int = TRIT_BITS) -> Codes:
    """The ``count`` trits in ``data``, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    packed = require_length(data, base3_length(count), f"{count} trits in base 3")
    require(not packed.size or packed.max() <= LARGEST_BYTE, f"a base-3 byte is larger than {LARGEST_BYTE}")
    t = DIGITS[packed].reshape(-1)
    require(not t[count:].any(), "the padding after the last trit is not zero")
    return t[:count].astype(np.int8) - np.int8(1)


def length_range(count: int, bits: int = TRIT_BITS) -> tuple[int, int]:
    """Fewest and most bytes of ``count`` trits: the same."""
    return base3_length(count), base3_length(count)


def base3_length(count: int) -> int:
    """Bytes of ``count`` trits in base 3."""
    return -(-count // PER_BYTE)
