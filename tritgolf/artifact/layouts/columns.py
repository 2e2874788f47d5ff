"""Trits by a range coder that knows their column: how many were not zero above each, in its matrix.

A column is an input channel, and channels differ in how many of their weights are zero: of #920 after 6,530 steps this
makes 11,838,803 bytes where the bitmask and xz make 12,428,384, 3.8% of the artifact less; contexts of rows, neighbours
or scales gain 0.9% at most (measured/entropy). Signs follow as bits: nothing tells them. The coder is ``constriction``;
its probabilities are quotients of integers, which every machine rounds alike. No table is stored.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tritgolf.artifact.layouts.base import Buffer, Codes, Shapes, bytes_of_bits, flat_trits
from tritgolf.artifact.packages import constriction
from tritgolf.malformed import MalformedError, require

is_compressed = True

ABOVE = (2, 4)  # what a column begins with: so many that are not zero, of so many
WORD = np.dtype("<u4")
LONGEST_CODE = 3  # bytes: the coder's probabilities are multiples of 2⁻²⁴ and none is 0


class Columns:
    """How many trits of each column of a matrix were not zero, in the rows so far."""

    def __init__(self, columns: int) -> None:
        self._nonzero, self._rows = np.full(columns, ABOVE[0], np.int64), ABOVE[1]

    @property
    def shares(self) -> NDArray[np.float64]:
        """The probability that a trit of the next row is not zero, by column."""
        return self._nonzero / self._rows

    def add(self, row: NDArray[np.int32]) -> None:
        """Count a row: 1 where a trit is not zero."""
        self._nonzero += row
        self._rows += 1


def pack(codes: Codes, bits: int, shapes: Shapes = ()) -> bytes:
    """Bytes of the trits of matrices of these ``shapes``, one after the other; of one row where none are given.

    The words of the coder, after their number, then the signs. ``ValueError`` for a code that is no trit.
    """
    trits = flat_trits(codes)
    if not trits.size:
        return b""
    library, nonzero = constriction(), (trits != 0).astype(np.int32)
    encoder, model = library.stream.queue.RangeEncoder(), library.stream.model.Bernoulli(perfect=False)
    for columns, row in _rows(shapes, trits.size):
        encoder.encode(nonzero[row], model, columns.shares)
        columns.add(nonzero[row])
    words = encoder.get_compressed().astype(WORD)
    signs = np.packbits(trits[nonzero == 1] < 0)
    return np.array([words.size], WORD).tobytes() + words.tobytes() + signs.tobytes()


def unpack(data: Buffer, count: int, bits: int, shapes: Shapes = ()) -> Codes:
    """The ``count`` trits in ``data``, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    shortest, longest = length_range(count, bits)
    require(shortest <= len(data) <= longest, f"{count} trits can't have {len(data)} bytes")
    if not count:
        return np.zeros(0, np.int8)
    end = WORD.itemsize * (1 + int(np.frombuffer(data[: WORD.itemsize], WORD)[0]))
    require(end <= len(data), "the coded trits are cut off")
    nonzero = _decoded(np.frombuffer(data[WORD.itemsize : end], WORD).astype(np.uint32), count, shapes)
    known = int(nonzero.sum())
    signs = np.frombuffer(data[end:], np.uint8)
    require(signs.size == bytes_of_bits(known), "the coded trits have not as many signs as they need")
    trits = nonzero.astype(np.int8)
    trits[nonzero == 1] = 1 - 2 * np.unpackbits(signs, count=known).astype(np.int8)
    require(pack(trits, bits, shapes) == bytes(data), "the coded trits are damaged, or something follows them")
    return trits


def length_range(count: int, bits: int) -> tuple[int, int]:
    """Fewest and most bytes of ``count`` trits: nearly none where all are zero, three each where all surprise."""
    most = (LONGEST_CODE + 1) * count + 3 * WORD.itemsize
    return (2 * WORD.itemsize, most) if count else (0, 0)


def _decoded(words: NDArray[np.uint32], count: int, shapes: Shapes) -> NDArray[np.int32]:
    """Which of ``count`` trits are not zero."""
    library, nonzero = constriction(), np.empty(count, np.int32)
    decoder, model = library.stream.queue.RangeDecoder(words), library.stream.model.Bernoulli(perfect=False)
    for columns, row in _rows(shapes, count):
        try:
            nonzero[row] = decoder.decode(model, columns.shares)
        except AssertionError:
            raise MalformedError("the coded trits are damaged") from None
        columns.add(nonzero[row])
    return nonzero


def _rows(shapes: Shapes, count: int) -> Iterator[tuple[Columns, slice]]:
    """Each row of each matrix among the ``count`` trits, with what is known of its columns."""
    place = 0
    for rows, width in shapes or ((1, count),):
        columns = Columns(width)
        for _ in range(rows):
            yield columns, slice(place, place + width)
            place += width
