"""Numbers of whole bytes, byte plane by byte plane: first all lowest bytes, last all highest.

A compressor adapts to what it has just seen, and the highest bytes of floating-point numbers, with sign and exponent,
are alike. Integer codes of at most 8 bits are one plane, a byte each: more bytes than ``int_bits``, and fewer once
they are compressed, because whole bytes have the frequencies of the codes.
"""

import numpy as np

from tritgolf.artifact.layouts.base import Buffer, Codes, bytes_of_bits, in_range, require_length
from tritgolf.malformed import require

is_compressed = False


def pack(codes: Codes, bits: int) -> bytes:
    """Bytes of ``codes`` (any shape, row-major): int8 ones of ``bits`` up to 8, or unsigned ones of exactly ``bits``.

    ``ValueError`` for a code that needs more than ``bits``.
    """
    if bits <= 8 and not in_range(codes, bits):
        raise ValueError(f"a code is no number of {bits} bits")
    return split_planes(codes.tobytes(), bytes_of_bits(bits))


def unpack(data: Buffer, count: int, bits: int) -> Codes:
    """The ``count`` codes in ``data``, (count,): int8 of ``bits`` up to 8, else unsigned. ``MalformedError`` if not."""
    width = bytes_of_bits(bits)
    require_length(data, count * width, f"{count} codes of {width} bytes")
    if width > 1:
        return np.frombuffer(join_planes(data, width), f"<u{width}")
    codes = np.frombuffer(data, np.int8).copy()
    require(in_range(codes, bits), f"a code is no number of {bits} bits")
    return codes


def length_range(count: int, bits: int) -> tuple[int, int]:
    """Fewest and most bytes of ``count`` codes: the same."""
    return count * bytes_of_bits(bits), count * bytes_of_bits(bits)


def split_planes(data: Buffer, width: int) -> bytes:
    """Numbers of ``width`` bytes → their lowest bytes, …, their highest bytes."""
    return np.frombuffer(data, np.uint8).reshape(-1, width).T.tobytes()


def join_planes(data: Buffer, width: int) -> bytes:
    """Inverse of ``split_planes``; ``data`` is a whole number of numbers long."""
    return np.frombuffer(data, np.uint8).reshape(width, -1).T.tobytes()
