"""Scripts that unpack themselves: a small wrapper around the compressed source, as many records ship their code."""

import ast
import base64
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

MOST_BYTES = 4 << 20  # of a script, and of a source
MOST_MEMORY = 64 << 20  # bytes that a decompressor may take, whatever a stream's header asks for
LEAST_TEXT = 1000  # characters that a packed source has
DECODERS: tuple[Callable[[bytes], bytes], ...] = (base64.b85decode, base64.a85decode, base64.b64decode)


def unpacked_size(script: Path) -> int | None:
    """Bytes of the source that a script unpacks and runs; None if it is a plain script. Nothing of it is run."""
    packed = _longest_text(script)
    sources = (source for data in _decoded(packed) for source in _decompressed(data)) if packed else iter(())
    return next((len(source) for source in sources), None)


def _longest_text(script: Path) -> bytes | None:
    """The longest literal of a script that hands something to ``exec``."""
    try:
        tree = ast.parse(script.read_bytes() if script.stat().st_size <= MOST_BYTES else b"")
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    found = [
        text.encode(errors="replace") if isinstance(text, str) else text
        for text in texts
        if isinstance(text, str | bytes)
    ]
    longest = max(found, key=len, default=b"")
    return longest if "exec" in calls and len(longest) >= LEAST_TEXT else None


def _decoded(packed: bytes) -> Iterator[bytes]:
    yield packed
    for decode in DECODERS:
        try:
            yield decode(packed)
        except ValueError:
            continue


def _decompressed(data: bytes) -> Iterator[bytes]:
    """Whole sources, of at most so many bytes, that data is the compressed form of."""
    raw = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}])
    for stream in (lzma.LZMADecompressor(memlimit=MOST_MEMORY), zlib.decompressobj(), raw):
        try:
            source = stream.decompress(data, MOST_BYTES)
        except (lzma.LZMAError, zlib.error, EOFError):
            continue
        if source and stream.eof:
            yield source
