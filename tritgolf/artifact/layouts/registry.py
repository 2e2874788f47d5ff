"""The layouts by name, and which of them the codes of a section may have."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tritgolf.artifact.layouts import arithmetic, base3, bitmask, byte_planes, int_bits
from tritgolf.artifact.layouts.base import TRIT_BITS, Buffer, Codes, Packing

Layout = Literal["base3", "bitmask", "int_bits", "byte_planes", "arithmetic"]
LAYOUTS: dict[Layout, Packing] = {
    "base3": base3,
    "bitmask": bitmask,
    "int_bits": int_bits,
    "byte_planes": byte_planes,
    "arithmetic": arithmetic,
}
TRIT_LAYOUTS: tuple[Layout, ...] = ("base3", "bitmask")
INTEGER_LAYOUTS: tuple[Layout, ...] = ("int_bits", "byte_planes", "arithmetic")


class CodeSection(NamedTuple):
    """Codes that are stored as one sequence: ``bits`` wide, in any of ``layouts``, under the name ``kind``."""

    kind: str
    bits: int
    layouts: tuple[Layout, ...]

    def tried(self, layouts: Sequence[Layout]) -> "CodeSection":
        """The same with those of its layouts alone that are among ``layouts``; with all of them where none is."""
        return self._replace(layouts=tuple(layout for layout in self.layouts if layout in layouts) or self.layouts)


TRITS = CodeSection("trits", TRIT_BITS, TRIT_LAYOUTS)
INTEGERS = {bits: CodeSection(f"codes{bits}", bits, INTEGER_LAYOUTS) for bits in range(2, 9)}


def pack(codes: Codes, layout: Layout, bits: int = TRIT_BITS) -> bytes:
    """Bytes of ``codes`` (any shape, row-major) in ``layout``; ``ValueError`` for a code that it can't hold."""
    return LAYOUTS[layout].pack(codes, bits)


def unpack(data: Buffer, count: int, layout: Layout, bits: int = TRIT_BITS) -> Codes:
    """The ``count`` codes that ``data`` holds, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    return LAYOUTS[layout].unpack(data, count, bits)


def length_range(count: int, layout: Layout, bits: int = TRIT_BITS) -> tuple[int, int]:
    """Fewest and most bytes that ``count`` codes can take in ``layout``."""
    return LAYOUTS[layout].length_range(count, bits)
