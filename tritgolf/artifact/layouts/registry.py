"""The layouts by name, and which of them the codes of a section may have."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from tritgolf.artifact.layouts import arithmetic, base3, bitmask, byte_planes, columns, int_bits
from tritgolf.artifact.layouts.base import TRIT_BITS, Buffer, Codes, MatrixPacking, Packing, Shapes

Layout = Literal["base3", "bitmask", "int_bits", "byte_planes", "arithmetic", "columns"]
LAYOUTS: dict[Layout, Packing] = {
    "base3": base3,
    "bitmask": bitmask,
    "int_bits": int_bits,
    "byte_planes": byte_planes,
    "arithmetic": arithmetic,
    "columns": columns,
}
OF_MATRICES: dict[Layout, MatrixPacking] = {"columns": columns}  # layouts that are told the shapes
TRIT_LAYOUTS: tuple[Layout, ...] = ("base3", "bitmask")  # that #640's and #920's artifacts have
CODED_TRITS: tuple[Layout, ...] = ("columns",)
INTEGER_LAYOUTS: tuple[Layout, ...] = ("int_bits", "byte_planes", "arithmetic")


class CodeSection(NamedTuple):
    """Codes that are stored as one sequence: ``bits`` wide, in any of ``layouts``, under the name ``kind``.

    ``on_demand``: layouts that it may have too, where they are asked for.
    """

    kind: str
    bits: int
    layouts: tuple[Layout, ...]
    on_demand: tuple[Layout, ...] = ()

    def tried(self, layouts: Sequence[Layout]) -> "CodeSection":
        """The same with those of its layouts alone that are among ``layouts``; as it is where none is."""
        asked = tuple(layout for layout in self.layouts + self.on_demand if layout in layouts)
        return self._replace(layouts=asked or self.layouts)


TRITS = CodeSection("trits", TRIT_BITS, TRIT_LAYOUTS, CODED_TRITS)
INTEGERS = {bits: CodeSection(f"codes{bits}", bits, INTEGER_LAYOUTS) for bits in range(2, 9)}
CODE_SECTIONS = {section.kind: section for section in (TRITS, *INTEGERS.values())}  # those that a file may have


def pack(codes: Codes, layout: Layout, bits: int = TRIT_BITS, shapes: Shapes = ()) -> bytes:
    """Bytes of ``codes`` (any shape, row-major) in ``layout``; ``ValueError`` for a code that it can't hold.

    ``shapes``: of the matrices that they are of.
    """
    if layout in OF_MATRICES:
        return OF_MATRICES[layout].pack(codes, bits, shapes)
    return LAYOUTS[layout].pack(codes, bits)


def unpack(data: Buffer, count: int, layout: Layout, bits: int = TRIT_BITS, shapes: Shapes = ()) -> Codes:
    """The ``count`` codes that ``data`` holds, int8 (count,). ``MalformedError`` on anything ``pack`` can't make."""
    if layout in OF_MATRICES:
        return OF_MATRICES[layout].unpack(data, count, bits, shapes)
    return LAYOUTS[layout].unpack(data, count, bits)


def length_range(count: int, layout: Layout, bits: int = TRIT_BITS) -> tuple[int, int]:
    """Fewest and most bytes that ``count`` codes can take in ``layout``."""
    return LAYOUTS[layout].length_range(count, bits)
