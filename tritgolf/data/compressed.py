"""Open a file that may be compressed, as a stream of bytes, and notice when it is damaged or cut short."""

import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from tritgolf.errors import InputError

SUFFIXES = (".gz", ".xz", ".zst")
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError)

# A block of Zstandard may be 4 bytes for 128 KiB of output: this bounds what one read of the input can become.
ZSTD_READ = 4096


@contextlib.contextmanager
def open_compressed(path: str | Path) -> Iterator[BinaryIO]:
    """Open ``path`` for reading, decompressed by its suffix (.gz, .xz, .zst; others as they are).

    Raises ``InputError`` if it is missing, or (from within the block) damaged or truncated.
    """
    path = Path(path)
    try:
        with _open(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(path, "is missing", "check the path") from None
    except IsADirectoryError:
        raise InputError(path, "is a folder", "name a file") from None
    except DAMAGE as error:
        raise InputError(path, f"is damaged or cut short ({error})", "copy or download it again") from None


def _open(path: Path) -> BinaryIO:
    match path.suffix:
        case ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        case ".xz":
            return cast(BinaryIO, lzma.open(path, "rb"))
        case ".zst":
            return cast(BinaryIO, io.BufferedReader(_ZstdStream(path), 1 << 16))
        case _:
            return path.open("rb")


class _ZstdStream(io.RawIOBase):
    """Decompressed bytes of a .zst file; unlike ``zstandard``'s own reader it refuses a frame that never ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._frame = zstandard.ZstdDecompressor().decompressobj()
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
            self._frame, self._inside_frame = zstandard.ZstdDecompressor().decompressobj(), False
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
