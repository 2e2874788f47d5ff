"""Compression with a known end: what comes out is bounded before it takes memory.

``xz`` is LZMA at preset 9 in the .xz container, as published, with two differences that any .xz reader understands. The
dictionary is no larger than the data, which changes nothing in the coding and keeps memory small. Literals have neither
context nor alignment (lc = pb = 0): packed trits and byte planes have none, and they come out 0.1–0.7% smaller.
``none`` stores the bytes.
"""

import lzma
from typing import Literal, get_args

from tritgolf.malformed import MalformedError, require

Codec = Literal["xz", "none"]
CODECS: tuple[Codec, ...] = get_args(Codec)

PRESET = 9
LARGEST_DICTIONARY = 64 << 20  # of preset 9
DECODER_MEMORY = 1 << 20  # of the decoder itself, beside its dictionary
MAX_EXPANSION = 8192  # more than LZMA can gain: zeros shrink about 7,000 times
CHUNK = 1 << 20


def compress(data: bytes, codec: Codec) -> bytes:
    """``data`` compressed; the same bytes on every machine that has the same liblzma."""
    if codec == "none":
        return data
    filters = [{"id": lzma.FILTER_LZMA2, "preset": PRESET, "lc": 0, "pb": 0, "dict_size": _dictionary_size(len(data))}]
    return lzma.compress(data, format=lzma.FORMAT_XZ, filters=filters)


def decompress(data: bytes, codec: Codec, size: int) -> bytes:
    """The ``size`` bytes that ``data`` holds; ``MalformedError`` if it is damaged, or holds more or fewer."""
    if codec == "none":
        require(len(data) == size, f"a section has {len(data)} bytes, its header says {size}")
        return data
    require(size <= len(data) * MAX_EXPANSION, f"{len(data)} compressed bytes can't hold the {size} bytes declared")
    content = decompress_xz(data, size, memory=_dictionary_size(size) + DECODER_MEMORY)
    require(len(content) == size, f"a compressed section holds {len(content)} bytes, its header says {size}")
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


def _dictionary_size(size: int) -> int:
    return min(LARGEST_DICTIONARY, 1 << max(12, (size - 1).bit_length()))
