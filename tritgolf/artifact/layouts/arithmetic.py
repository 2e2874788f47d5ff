"""Integer codes of 2 to 8 bits by an adaptive range coder: as many bytes as the codes' entropy asks for.

The model of a block of codes is the frequencies of those before it, old ones fading: no table is stored. The coder is
``constriction``. Frequencies are integers below 2²⁰: it sums them without rounding, and one division and one product
are IEEE's, so every machine codes alike. Of the 32M int6 codes of #1716 it makes 13,213,928 bytes in 1 s, Brotli
13,390,747 in 100 s; by matrix their entropy is 13,205,122. Trits, 46% of them zero (#920) or 34% (#640), would take 0.3
or 0.9% less than in their layouts, 0.2 or 0.8% of the artifact: not worth another layout.
"""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tritgolf.artifact.layouts.base import Buffer, Codes, in_range
from tritgolf.artifact.packages import constriction
from tritgolf.malformed import MalformedError, require

is_compressed = True

BLOCK = 1024  # codes of one model
SEEN_ONCE = 32  # what a code adds to its frequency: fractions of 1/32 fade away
FADING = 4  # log2: a block keeps 15/16 of the frequencies before it
WORD = np.dtype("<u4")
LONGEST_CODE = 3  # bytes: the coder's probabilities are multiples of 2⁻²⁴ and none is 0


class Frequencies:
    """How often each of 2^``bits`` symbols came, lately."""

    def __init__(self, bits: int) -> None:
        self._counts = np.ones(1 << bits, np.int64)

    def model(self, library: ModuleType) -> Any:
        """The model of the next block."""
        return library.stream.model.Categorical(self._counts.astype(np.float64), perfect=False)

    def add(self, block: NDArray[np.int32]) -> None:
        """Count the symbols of ``block``; every frequency stays 1 or more."""
        self._counts -= (self._counts - 1) >> FADING
        self._counts += SEEN_ONCE * np.bincount(block, minlength=self._counts.size)


def pack(codes: Codes, bits: int) -> bytes:
    """Bytes of int8 ``codes`` (any shape, row-major); ``ValueError`` for one that needs more than ``bits`` (2 to 8)."""
    if not in_range(codes, bits):
        raise ValueError(f"a code is no number of {bits} bits")
    library, frequencies = constriction(), Frequencies(bits)
    encoder = library.stream.queue.RangeEncoder()
    symbols = codes.reshape(-1).astype(np.int32) + (1 << (bits - 1))
    for start in range(0, symbols.size, BLOCK):
        block = symbols[start : start + BLOCK]
        encoder.encode(block, frequencies.model(library))
        frequencies.add(block)
    packed: bytes = encoder.get_compressed().astype(WORD).tobytes()
    return packed


def unpack(data: Buffer, count: int, bits: int) -> Codes:
    """The ``count`` codes in ``data``, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    shortest, longest = length_range(count, bits)
    possible = shortest <= len(data) <= longest and len(data) % WORD.itemsize == 0
    require(possible, f"{count} codes of {bits} bits can't have {len(data)} bytes")
    library, frequencies = constriction(), Frequencies(bits)
    decoder = library.stream.queue.RangeDecoder(np.frombuffer(data, WORD).astype(np.uint32))
    symbols = np.empty(count, np.int32)
    for start in range(0, count, BLOCK):
        block = symbols[start : start + BLOCK]
        try:
            block[:] = decoder.decode(frequencies.model(library), block.size)
        except AssertionError:
            raise MalformedError("the coded numbers are damaged") from None
        frequencies.add(block)
    codes = (symbols - (1 << (bits - 1))).astype(np.int8)
    require(pack(codes, bits) == bytes(data), "the coded numbers are damaged, or something follows them")
    return codes


def length_range(count: int, bits: int) -> tuple[int, int]:
    """Fewest and most bytes of ``count`` codes: nearly none where all are one, three each where all surprise."""
    return (WORD.itemsize, LONGEST_CODE * count + 2 * WORD.itemsize) if count else (0, 0)
