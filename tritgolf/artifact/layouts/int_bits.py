"""Integer codes of 2 to 8 bits, one after the other without gaps.

Two's complement, the first code in the lowest bits of the first byte; the last byte is filled up with zeros. So 8 codes
of b bits are b bytes.
"""

import numpy as np

from tritgolf.artifact.layouts.base import Buffer, Codes, bytes_of_bits, in_range, require_length
from tritgolf.malformed import require

is_compressed = False

LANES = 8  # codes that fill whole bytes together: a little-endian word of 64 bits, of which ``bits`` bytes are used


def pack(codes: Codes, bits: int) -> bytes:
    """Bytes of int8 ``codes`` (any shape, row-major); ``ValueError`` for one that needs more than ``bits`` (2 to 8)."""
    flat = codes.reshape(-1)
    if not in_range(flat, bits):
        raise ValueError(f"a code is no number of {bits} bits")
    lanes = np.zeros(-(-flat.size // LANES) * LANES, np.uint8)
    lanes[: flat.size] = flat.view(np.uint8) & ((1 << bits) - 1)
    words = np.zeros(lanes.size // LANES, "<u8")
    for lane in range(LANES):
        words |= lanes[lane::LANES].astype(np.uint64) << np.uint64(lane * bits)
    return words.view(np.uint8).reshape(-1, LANES)[:, :bits].tobytes()[: bytes_of_bits(flat.size * bits)]


def unpack(data: Buffer, count: int, bits: int) -> Codes:
    """The ``count`` codes in ``data``, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    packed = require_length(data, bytes_of_bits(count * bits), f"{count} codes of {bits} bits")
    groups = -(-count // LANES)
    filled = np.zeros(groups * bits, np.uint8)
    filled[: packed.size] = packed
    eights = np.zeros((groups, LANES), np.uint8)
    eights[:, :bits] = filled.reshape(groups, bits)
    words = eights.view("<u8").reshape(-1)
    raw = np.empty(groups * LANES, np.uint8)
    for lane in range(LANES):
        raw[lane::LANES] = (words >> np.uint64(lane * bits)) & np.uint64((1 << bits) - 1)
    require(not raw[count:].any(), "the padding after the last code is not zero")
    unused = np.uint8(8 - bits)
    return (raw[:count] << unused).view(np.int8) >> np.int8(unused)  # the sign bit to the top and back


def length_range(count: int, bits: int) -> tuple[int, int]:
    """Fewest and most bytes of ``count`` codes: the same."""
    return bytes_of_bits(count * bits), bytes_of_bits(count * bits)
