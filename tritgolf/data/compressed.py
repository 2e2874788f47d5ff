"""Open a file that may be compressed, as a stream of bytes, and notice when it is damaged or cut short.

What a file is, its first bytes say: a .gz that a browser has unpacked keeps its name, and dumps are renamed.
"""

import codecs
import contextlib
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from tritgolf.errors import InputError

SUFFIXES = (".gz", ".xz", ".zst")
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError)

# No text in UTF-8 begins so, but for the last three, which no text is likely to begin with.
MAGIC = {
    ".gz": re.compile(rb"\x1f\x8b"),
    ".xz": re.compile(rb"\xfd7zXZ\0"),
    ".zst": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # the second: a frame to skip, as pzstd writes
    "bzip2": re.compile(rb"BZh[1-9]1AY&SY"),
    "zip": re.compile(rb"PK\x03\x04"),
    "lz4": re.compile(rb"\x04\x22\x4d\x18"),
}
HEAD_BYTES = 4096

XZ_READ = 1 << 16
# A block of Zstandard may be 4 bytes for 128 KiB of output: this bounds what one read of the input can become.
ZSTD_READ = 4096
# How far back a frame may refer, which is how much memory it takes (of a shorter text, only the text's length is
# touched). This is what `zstd --long=31` writes and the most that libzstd reads.
ZSTD_WINDOW = 1 << 31


@contextlib.contextmanager
def open_compressed(path: str | Path) -> Iterator[BinaryIO]:
    """Open ``path`` for reading, decompressed if its content is .gz, .xz or .zst, whatever its name.

    Raises ``InputError`` if it is missing, may not be read or is compressed otherwise, or (from within the block) if it
    is damaged, truncated or takes more memory than there is.
    """
    path = Path(path)
    try:
        with _open(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(path, "is missing", "check the path") from None
    except IsADirectoryError:
        raise InputError(path, "is a folder", "name a file") from None
    except PermissionError as error:
        if error.filename != str(path):  # of what the block itself opened
            raise
        raise InputError(path, "may not be read by this user", f"chmod +r {path}") from None
    except MemoryError:
        raise _too_much_memory(path) from None
    except DAMAGE as error:
        raise _not_decompressed(path, error) from None


def _open(path: Path) -> BinaryIO:
    match _compression(path):
        case ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        case ".xz":
            return cast(BinaryIO, io.BufferedReader(_XzStream(path), 1 << 16))
        case ".zst":
            return cast(BinaryIO, io.BufferedReader(_ZstdStream(path), 1 << 16))
        case "":
            return path.open("rb")
        case other:
            raise InputError(
                path, f"is compressed by {other}, which is not read", f"decompress it, or make it {', '.join(SUFFIXES)}"
            )


def _compression(path: Path) -> str:
    """The key of ``MAGIC`` that the content of ``path`` is, or "" for a plain file."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    found = next((name for name, magic in MAGIC.items() if magic.match(head)), "")
    suffix = path.suffix.lower()
    if not found and suffix in SUFFIXES and not _begins_as_text(head):
        return suffix  # damaged: its decoder says how
    return found


def _begins_as_text(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character may go on behind the head
    except UnicodeDecodeError:
        return False
    return True


def _not_decompressed(path: Path, error: Exception) -> InputError:
    """Why a file could not be decompressed: a limit of this reader is not damage of the file."""
    reason = str(error)
    if "requires too much memory" in reason:  # libzstd's words for a window above the limit
        return InputError(
            path,
            f"was compressed with a window of more than {ZSTD_WINDOW >> 20} MiB, which is not read",
            "decompress it (zstd -d --long=31 or --memory=…), or compress it again with --long=31 or less",
        )
    if "not enough memory" in reason:
        return _too_much_memory(path)
    if "Dictionary mismatch" in reason:
        return InputError(
            path, "was compressed with a dictionary, which is not here", "decompress it (zstd -d -D DICTIONARY)"
        )
    return InputError(path, f"is damaged or cut short ({reason})", "copy or download it again")


def _too_much_memory(path: Path) -> InputError:
    return InputError(
        path,
        "takes more memory to decompress than there is",
        "decompress it before (zstd -d --long=31, xz -d, gzip -d)",
    )


class _XzStream(io.RawIOBase):
    """Decompressed bytes of a .xz file; unlike ``lzma``'s own reader it refuses what follows a stream and is none."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._stream = lzma.LZMADecompressor()
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = b""
        while not part and (not self._stream.eof or self._begin_next()):
            data = self._pending or (self._file.read(XZ_READ) if self._stream.needs_input else b"")
            if not data and self._stream.needs_input:
                raise EOFError("a stream has no end")
            self._pending = b""
            part = self._stream.decompress(data, len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def _begin_next(self) -> bool:
        """Begin the stream behind the one that has ended and its padding; False at the end of the file."""
        left = self._stream.unused_data.lstrip(b"\0")
        while not left and (data := self._file.read(XZ_READ)):
            left = data.lstrip(b"\0")
        if left:
            self._pending, self._stream = left, lzma.LZMADecompressor()
        return bool(left)

    def close(self) -> None:
        self._file.close()
        super().close()


class _ZstdStream(io.RawIOBase):
    """Decompressed bytes of a .zst file; unlike ``zstandard``'s own reader it refuses a frame that never ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._frame = self._decompressor.decompressobj()
        self._inside_frame = False
        self._pending = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._pending and self._read_more():
            pass
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def _read_more(self) -> bool:
        data = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame, self._inside_frame = self._decompressor.decompressobj(), False
        data = data or self._file.read(ZSTD_READ)
        if not data:
            if self._inside_frame:
                raise EOFError("a Zstandard frame has no end")
            return False
        self._inside_frame = True
        self._pending = memoryview(self._frame.decompress(data))
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
