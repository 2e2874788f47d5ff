"""The .bin shard format: 256 little-endian int32 of header (20240520, version 1, token count), then uint16 tokens.

The format is modded-nanogpt's and Parameter Golf's (record-spec, Data). Every document starts with bos.
"""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from tritgolf.errors import InputError

Tokens = npt.NDArray[np.uint16]

MAGIC, FORMAT_VERSION = 20240520, 1
HEADER_DTYPE, TOKEN_DTYPE = np.dtype("<i4"), np.dtype("<u2")
HEADER_BYTES = 256 * HEADER_DTYPE.itemsize
SCAN_TOKENS = 1 << 22
AGAIN = "delete it and make or download it again"


def file_bytes(tokens: int) -> int:
    """Size of a shard file that holds ``tokens`` tokens."""
    return HEADER_BYTES + tokens * TOKEN_DTYPE.itemsize


def read_header(path: str | Path) -> int:
    """Token count of a shard, checked against its size; ``InputError`` for a wrong magic, version, count or size."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(HEADER_BYTES)
    except FileNotFoundError:
        raise InputError(path, "is missing", "make or download the shards again") from None
    except IsADirectoryError:
        raise InputError(
            path, "is a folder, not a shard", "give the shards in it, such as 'FOLDER/val_*.bin'"
        ) from None
    if len(data) < HEADER_BYTES:
        raise InputError(path, f"has {len(data)} bytes, less than a shard's header of {HEADER_BYTES}", AGAIN)
    magic, version, count = (int(value) for value in np.frombuffer(data, HEADER_DTYPE)[:3])
    if magic != MAGIC:
        raise InputError(path, f"is not a shard: it begins with {magic}, not {MAGIC}", AGAIN)
    if version != FORMAT_VERSION:
        raise InputError(path, f"is a shard of version {version}", f"only version {FORMAT_VERSION} is known")
    if count <= 0:
        raise InputError(path, f"says that it holds {count} tokens", AGAIN)
    size = path.stat().st_size
    if size != file_bytes(count):
        what = "is cut short" if size < file_bytes(count) else "is too long"
        raise InputError(path, f"{what}: {count} tokens take {file_bytes(count)} bytes and it has {size}", AGAIN)
    return count


def open_shard(path: str | Path, vocab_size: int | None = None, *, writable: bool = False) -> Tokens:
    """The tokens of a shard, uint16, mapped (nothing is loaded until used), read-only unless ``writable``.

    With ``vocab_size`` every token is checked. Raises ``InputError`` as ``read_header``, or for a token outside the
    vocabulary.
    """
    mode: Literal["r", "r+"] = "r+" if writable else "r"
    tokens = np.memmap(path, dtype=TOKEN_DTYPE, mode=mode, offset=HEADER_BYTES, shape=(read_header(path),))
    if vocab_size is not None and vocab_size <= np.iinfo(TOKEN_DTYPE).max:
        for start, block in blocks(tokens):
            if (largest := int(block.max())) >= vocab_size:
                position = start + int(block.argmax())
                raise InputError(
                    path,
                    f"has token {largest} at position {position}, outside the vocabulary of {vocab_size}",
                    "use the tokenizer and the model.vocab_size that belong to these shards",
                )
    return tokens


def blocks(tokens: Tokens) -> Iterator[tuple[int, Tokens]]:
    """Cut tokens into (start, block) pieces of bounded size, for work that should not load a whole shard."""
    for start in range(0, len(tokens), SCAN_TOKENS):
        yield start, tokens[start : start + SCAN_TOKENS]


def write_shard(path: Path, values: npt.NDArray[np.integer]) -> None:
    """Write one file of the shard format: tokens, or byte counts, which must fit in 16 bits."""
    with path.open("wb") as file:
        file.write(_header(len(values)))
        file.write(values.astype(TOKEN_DTYPE).tobytes())


def _header(count: int) -> bytes:
    header = np.zeros(HEADER_BYTES // HEADER_DTYPE.itemsize, HEADER_DTYPE)
    header[:3] = MAGIC, FORMAT_VERSION, count
    return header.tobytes()


class ShardWriter:
    """A stream of tokens being written as the shards ``<prefix>_000000.bin``, ``<prefix>_000001.bin`` … of a folder.

    Each holds exactly ``tokens_per_shard`` tokens but the last; a document may run across two, as in the published
    shards. The folder should be a temporary one: only a closed shard has its count in its header.
    """

    def __init__(self, folder: Path, prefix: str, tokens_per_shard: int) -> None:
        self.paths: list[Path] = []
        self._folder, self._prefix, self._limit = folder, prefix, tokens_per_shard
        self._file: BinaryIO | None = None
        self._count = 0

    def add(self, tokens: npt.NDArray[np.integer]) -> None:
        """Append tokens, which must fit in 16 bits."""
        data = tokens.astype(TOKEN_DTYPE)
        while len(data):
            file = self._file or self._begin()
            part, data = data[: self._limit - self._count], data[self._limit - self._count :]
            file.write(part.tobytes())
            self._count += len(part)
            if self._count == self._limit:
                self._finish()

    def _begin(self) -> BinaryIO:
        self.paths.append(self._folder / f"{self._prefix}_{len(self.paths):06d}.bin")
        self._file, self._count = self.paths[-1].open("wb"), 0
        self._file.write(bytes(HEADER_BYTES))
        return self._file

    def _finish(self) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.write(_header(self._count))
            self._file.close()
            self._file = None

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        elif self._file is not None:
            self._file.close()
