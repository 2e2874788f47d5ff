"""Work on equal sections is done once, however many artifacts hold them.

Storage choices of one checkpoint mostly share their trits, whose compression takes nearly all of the time (16 s at full
size). Sections are told equal by their bytes, so sharing changes no file and no reader can be given another's numbers.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

from tritgolf.artifact.codecs import Codec, compress, decompress
from tritgolf.artifact.layouts.base import Codes
from tritgolf.artifact.layouts.registry import CodeSection, Layout, pack, unpack


class Sections:
    """Packs and compresses (in ``threads`` threads), decompresses and unpacks; keeps what it made until closed."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._packed: dict[tuple[bytes, CodeSection], dict[Layout, bytes]] = {}
        self._compressed: dict[tuple[bytes, Codec], Future[bytes]] = {}
        self._decompressed: dict[tuple[bytes, Codec, int], bytes] = {}
        self._unpacked: dict[tuple[bytes, tuple[tuple[int, int], ...], Layout, int], Codes] = {}

    def __enter__(self) -> "Sections":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def pack(self, matrices: Sequence[Codes], section: CodeSection) -> dict[Layout, bytes]:
        """All codes of ``matrices`` (int8), in their order, as one packed section in each layout it may have."""
        hasher = hashlib.sha256()
        for codes in matrices:
            hasher.update(np.ascontiguousarray(codes).data)
        key = hasher.digest(), section
        if key not in self._packed:
            joined = np.concatenate([np.zeros(0, np.int8), *(codes.reshape(-1) for codes in matrices)])
            shapes = [(codes.shape[0], codes.shape[1]) for codes in matrices]
            self._packed[key] = {layout: pack(joined, layout, section.bits, shapes) for layout in section.layouts}
        return self._packed[key]

    def compress(self, data: bytes, codec: Codec) -> Future[bytes]:
        """``data`` compressed, some time later."""
        if (data, codec) not in self._compressed:
            self._compressed[data, codec] = self._pool.submit(compress, data, codec)
        return self._compressed[data, codec]

    def decompress(self, data: bytes, codec: Codec, size: int) -> bytes:
        """The ``size`` bytes that ``data`` holds; ``MalformedError`` as ``codecs.decompress``."""
        if (data, codec, size) not in self._decompressed:
            self._decompressed[data, codec, size] = decompress(data, codec, size)
        return self._decompressed[data, codec, size]

    def unpack(self, data: bytes, shapes: tuple[tuple[int, int], ...], layout: Layout, bits: int) -> Codes:
        """The codes in ``data`` of matrices of these ``shapes``, int8 in one row, not to be changed.

        ``MalformedError`` as ``registry.unpack``.
        """
        key = data, shapes, layout, bits
        if key not in self._unpacked:
            count = sum(rows * columns for rows, columns in shapes)
            self._unpacked[key] = unpack(data, count, layout, bits, shapes)
        return self._unpacked[key]
