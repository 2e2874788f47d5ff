"""The two byte layouts of trits, exactly as published (#640): base-3 and bitmask.

* ``base3``: five trits a byte, Σ tᵢ·3ⁱ with i = 0…4 and t = q + 1; the last byte is filled up with t = 0.
  1.6 bits a trit.
* ``bitmask``: one bit a trit that says whether it is nonzero, then one bit a nonzero trit, 1 for +1; each part is
  filled up to a byte with zeros, the first bit of a byte is its highest (``numpy.packbits``).
  1 + (1 − zero fraction) bits a trit.

A layout is a function of the trits alone: unpacking refuses whatever packing would not have written.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tritgolf.malformed import require

Layout = Literal["base3", "bitmask"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

Trits = NDArray[np.int8]
Buffer = bytes | memoryview

PER_BYTE = 5
LARGEST_BYTE = 3**PER_BYTE - 1
POWERS = 3 ** np.arange(PER_BYTE, dtype=np.uint8)
DIGITS = np.arange(LARGEST_BYTE + 1, dtype=np.uint8)[:, None] // POWERS % 3  # (243, 5): the t of every byte


def pack(q: Trits, layout: Layout) -> bytes:
    """Bytes of the trits ``q`` (any shape, row-major, values −1, 0, 1; anything else is a ``ValueError``)."""
    flat = q.reshape(-1)
    if flat.size and (flat.min() < -1 or flat.max() > 1):
        raise ValueError("trits are -1, 0 and 1")
    return _pack_base3(flat) if layout == "base3" else _pack_bitmask(flat)


def unpack(data: Buffer, count: int, layout: Layout) -> Trits:
    """The ``count`` trits that ``data`` holds, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    return _unpack_base3(data, count) if layout == "base3" else _unpack_bitmask(data, count)


def base3_length(count: int) -> int:
    """Bytes of ``count`` trits in base 3."""
    return -(-count // PER_BYTE)


def length_range(count: int, layout: Layout) -> tuple[int, int]:
    """Fewest and most bytes that ``count`` trits can take; a bitmask's length depends on its zeros."""
    if layout == "base3":
        return base3_length(count), base3_length(count)
    return _bytes_of_bits(count), 2 * _bytes_of_bits(count)


def _pack_base3(q: Trits) -> bytes:
    t = np.zeros(base3_length(q.size) * PER_BYTE, np.uint8)
    t[: q.size] = q + 1
    return (t.reshape(-1, PER_BYTE) @ POWERS).tobytes()


def _unpack_base3(data: Buffer, count: int) -> Trits:
    packed = np.frombuffer(data, np.uint8)
    length = base3_length(count)
    require(packed.size == length, f"{count} trits take {length} bytes in base 3, not {packed.size}")
    require(not packed.size or packed.max() <= LARGEST_BYTE, f"a base-3 byte is larger than {LARGEST_BYTE}")
    t = DIGITS[packed].reshape(-1)
    require(not t[count:].any(), "the padding after the last trit is not zero")
    return t[:count].astype(np.int8) - np.int8(1)


def _pack_bitmask(q: Trits) -> bytes:
    nonzero = q != 0
    return np.packbits(nonzero).tobytes() + np.packbits(q[nonzero] > 0).tobytes()


def _unpack_bitmask(data: Buffer, count: int) -> Trits:
    split = _bytes_of_bits(count)
    require(len(data) >= split, f"the nonzero bits of {count} trits take {split} bytes, not {len(data)}")
    nonzero = _unpack_bits(data[:split], count)
    positive = _unpack_bits(data[split:], int(np.count_nonzero(nonzero)))
    q = np.zeros(count, np.int8)
    q[nonzero] = np.where(positive, np.int8(1), np.int8(-1))
    return q


def _unpack_bits(data: Buffer, count: int) -> NDArray[np.bool_]:
    packed = np.frombuffer(data, np.uint8)
    require(packed.size == _bytes_of_bits(count), f"{count} bits take {_bytes_of_bits(count)} bytes, not {packed.size}")
    bits = np.unpackbits(packed)
    require(not bits[count:].any(), "the padding after the last bit is not zero")
    return bits[:count].view(np.bool_)


def _bytes_of_bits(count: int) -> int:
    return -(-count // 8)
