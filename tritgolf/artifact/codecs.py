"""Compression with a known end: what comes out is bounded before it takes memory.

``xz`` is LZMA at preset 9 in the .xz container, as published, with two differences that any .xz reader understands. The
dictionary is no larger than the data, which changes nothing in the coding and keeps memory small. Literals have neither
context nor alignment (lc = pb = 0): packed trits and byte planes have none, and they come out 0.1–0.7% smaller.
``brotli`` is one stream that any reader understands, by settings that are quick for codes. ``none`` stores the bytes.
"""

import lzma
from collections.abc import Callable
from typing import NamedTuple

from tritgolf.artifact.packages import brotli
from tritgolf.config.types import Codec
from tritgolf.malformed import MalformedError, require

PRESET = 9
LARGEST_DICTIONARY = 64 << 20  # of preset 9
DECODER_MEMORY = 1 << 20  # of the decoder itself, beside its dictionary
CHUNK = 1 << 20


class BrotliSettings(NamedTuple):
    """Of its encoder. ``lgwin``, ``lgblock``: log2 of the window and of a block in bytes; 0: the encoder's choice."""

    quality: int
    lgwin: int
    lgblock: int = 0


PUBLISHED_BROTLI = BrotliSettings(quality=11, lgwin=22)  # #1716's: the library's defaults
# Nearly all time goes to the search for repetitions, of which codes have none: within 64 KB it is four times as fast.
# What makes codes small is literals coded by their frequencies, which takes quality 10 and is best in large blocks.
BROTLI = BrotliSettings(quality=10, lgwin=16, lgblock=24)


class Coding(NamedTuple):
    """A codec. ``decompress(data, size)`` raises ``MalformedError`` unless ``data`` holds exactly ``size`` bytes.

    ``max_expansion``: more than any data can shrink, so that a size declared beyond it is refused unread.
    """

    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes, int], bytes]
    max_expansion: int


def compress(data: bytes, codec: Codec) -> bytes:
    """``data`` compressed; the same bytes on every machine that has the same library."""
    return CODECS[codec].compress(data)


def decompress(data: bytes, codec: Codec, size: int) -> bytes:
    """The ``size`` bytes that ``data`` holds; ``MalformedError`` if it is damaged, or holds more or fewer."""
    coding = CODECS[codec]
    fits = size <= len(data) * coding.max_expansion
    require(fits, f"{len(data)} bytes as {codec} can't hold the {size} bytes declared")
    content = coding.decompress(data, size)
    require(len(content) == size, f"a section holds {len(content)} bytes, its header says {size}")
    return content


def decompress_xz(data: bytes, limit: int, memory: int = LARGEST_DICTIONARY + DECODER_MEMORY) -> bytes:
    """The content of one .xz stream of at most ``limit`` bytes, decoded piece by piece within ``memory`` bytes.

    Raises ``MalformedError`` for damage, truncation, anything after the stream, or more than ``limit`` bytes.
    """
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=memory)
    content = bytearray()
    try:
        content += decoder.decompress(data, max_length=min(CHUNK, limit + 1))
        while not decoder.eof and len(content) <= limit:
            require(not decoder.needs_input, "the compressed data ends too early")
            content += decoder.decompress(b"", max_length=min(CHUNK, limit + 1 - len(content)))
    except (lzma.LZMAError, EOFError) as error:
        raise MalformedError(f"the compressed data is damaged ({error})") from None
    require(len(content) <= limit, f"it decompresses to more than {limit} bytes")
    require(not decoder.unused_data, "there is something after the compressed data")
    return bytes(content)


def decompress_brotli(data: bytes, limit: int) -> bytes:
    """The content of one Brotli stream of at most ``limit`` bytes, decoded piece by piece.

    Raises ``MalformedError`` for damage, truncation, anything after the stream, or more than ``limit`` bytes. Brotli
    has no checksum: other damage gives other bytes.
    """
    library = brotli()
    decoder = library.Decompressor()
    content = bytearray()
    try:
        content += decoder.process(data, output_buffer_limit=CHUNK)
        while not decoder.is_finished() and len(content) <= limit:
            piece = decoder.process(b"", output_buffer_limit=CHUNK)
            require(bool(piece) or decoder.is_finished(), "the compressed data ends too early")
            content += piece
    except library.error:
        raise MalformedError("the compressed data is damaged, or something follows it") from None
    require(len(content) <= limit, f"it decompresses to more than {limit} bytes")
    return bytes(content)


def compress_brotli(data: bytes, settings: BrotliSettings = BROTLI) -> bytes:
    """One Brotli stream. Of #1716's sample 956,327 bytes, 956,287 by the published settings."""
    packed: bytes = brotli().compress(data, **settings._asdict())
    return packed


def start_of_xz(start: bytes, size: int = 4096) -> bytes:
    """Up to ``size`` bytes of what a file that begins with ``start`` holds; none if it is no .xz stream."""
    decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY + DECODER_MEMORY)
    try:
        return decoder.decompress(start, max_length=size)
    except (lzma.LZMAError, EOFError):
        return b""


def start_of_brotli(start: bytes, size: int = 4096) -> bytes:
    """Up to ``size`` bytes of what a file that begins with ``start`` holds; none if it is no Brotli stream."""
    library = brotli()
    try:
        content: bytes = library.Decompressor().process(start, output_buffer_limit=size)
    except library.error:
        return b""
    return content[:size]


def _compress_xz(data: bytes) -> bytes:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": PRESET, "lc": 0, "pb": 0, "dict_size": _dictionary_size(len(data))}]
    return lzma.compress(data, format=lzma.FORMAT_XZ, filters=filters)


def _decompress_section_xz(data: bytes, size: int) -> bytes:
    return decompress_xz(data, size, memory=_dictionary_size(size) + DECODER_MEMORY)


def _dictionary_size(size: int) -> int:
    return min(LARGEST_DICTIONARY, 1 << max(12, (size - 1).bit_length()))


CODECS: dict[Codec, Coding] = {
    "xz": Coding(_compress_xz, _decompress_section_xz, 8192),  # zeros shrink about 7,000 times
    "none": Coding(lambda data: data, lambda data, _: data, 1),
    "brotli": Coding(compress_brotli, decompress_brotli, 1 << 21),  # zeros shrink 1.3 million times
}
