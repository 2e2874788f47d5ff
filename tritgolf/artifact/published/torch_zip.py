"""Reads what ``torch.save`` wrote, without torch.load: dictionaries, lists, strings, numbers, bytes and tensors.

The zip directory is checked first (members stored, not deflated, together no larger than the file), then the pickle is
read by a machine that executes nothing. All tensors together take no more memory than the file has bytes.
"""

import io
import math
import pickletools
import struct
import zipfile
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tritgolf.artifact.published.pickled import Name, read_pickle
from tritgolf.malformed import MalformedError, require

MAX_MEMBERS = 10_000
MAX_DIMENSIONS = 4
ZIP_MAGIC, LOCAL_HEADER = b"PK\x03\x04", struct.Struct("<26xHH")  # the lengths of name and extra field are its last
TEXT = {"BINUNICODE", "SHORT_BINUNICODE"}
IMPOSSIBLE = "its pickle describes an impossible tensor"
ZIP_FAULTS = (zipfile.BadZipFile, struct.error, RuntimeError, ValueError, EOFError, OSError, KeyError, IndexError)

STORAGE_DTYPES = {
    Name("torch", "FloatStorage"): torch.float32,
    Name("torch", "HalfStorage"): torch.float16,
    Name("torch", "BFloat16Storage"): torch.bfloat16,
    Name("torch", "CharStorage"): torch.int8,
    Name("torch.storage", "UntypedStorage"): torch.uint8,
}
DTYPES = {
    Name("torch", name): getattr(torch, name)
    for name in ("float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
}


class Storage(NamedTuple):
    """The bytes of a storage, and the dtype its type names (uint8 for an untyped one)."""

    data: bytes
    dtype: torch.dtype


def read_torch_zip(data: bytes) -> Any:
    """The object in the torch.save file ``data``; tensors are on the CPU and own their memory.

    Raises ``MalformedError`` for a damaged file, and for one that holds anything but plain data and tensors.
    """
    members = _read_members(data)
    pickles = [name for name in members if name.endswith("/data.pkl")]
    require(len(pickles) == 1, "it holds no torch.save file")
    root = pickles[0].removesuffix("data.pkl")
    require(members.get(f"{root}byteorder", b"little") == b"little", "its numbers are big-endian")

    def resolve(identifier: Any) -> Storage:
        return _storage(identifier, root, members)

    left = len(data)

    def construct(name: Name, arguments: Any) -> Any:
        nonlocal left
        made = _construct(name, arguments, left)
        left -= made.nbytes if isinstance(made, Tensor) else 0
        return made

    return read_pickle(members[pickles[0]], construct, resolve)


def first_key(start: bytes) -> str | None:
    """The first key of the dictionary in the torch.save file that begins with ``start``; None where it doesn't tell.

    It is a first look, for whoever chooses a reader; nothing is checked.
    """
    if len(start) < LOCAL_HEADER.size or not start.startswith(ZIP_MAGIC):
        return None
    name_length, extra_length = LOCAL_HEADER.unpack(start[: LOCAL_HEADER.size])[-2:]
    try:
        opcodes = pickletools.genops(start[LOCAL_HEADER.size + name_length + extra_length :])
        return next(str(argument) for opcode, argument, _ in opcodes if opcode.name in TEXT)
    except (ValueError, StopIteration):
        return None


def _read_members(data: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            plain = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
            require(len(entries) <= MAX_MEMBERS and plain, "its zip directory is not one of torch.save")
            require(sum(entry.file_size for entry in entries) <= len(data), "its zip members are larger than the file")
            return {entry.filename: archive.read(entry) for entry in entries}
    except ZIP_FAULTS as error:
        raise MalformedError(f"its zip is damaged ({error})") from None


def _storage(identifier: Any, root: str, members: dict[str, bytes]) -> Storage:
    match identifier:
        case ("storage", Name() as kind, str(key), str(), int(count)) if kind in STORAGE_DTYPES:
            data, dtype = members.get(f"{root}data/{key}"), STORAGE_DTYPES[kind]
            if data is not None and len(data) == count * dtype.itemsize:
                return Storage(data, dtype)
    raise MalformedError("its pickle speaks of a storage that the file doesn't have")


def _construct(name: Name, arguments: Any, left: int) -> Any:
    """What a call stands for; a tensor takes at most ``left`` bytes."""
    match name, arguments:
        case (("collections", "OrderedDict"), ()):
            return {}
        case (("_codecs", "encode"), (str(text), "latin1")):
            return text.encode("latin1")  # how protocol 2 writes bytes
        case (("__builtin__", "bytes"), ()):
            return b""
        case (("torch", "Size"), (tuple() as sizes,)):
            return sizes
        case (("torch._utils", "_rebuild_tensor_v2"), (Storage() as storage, offset, size, stride, *_)):
            return _tensor(storage, storage.dtype, offset, size, stride, left)
        case (
            ("torch._utils", "_rebuild_tensor_v3"),
            (Storage() as storage, offset, size, stride, _, _, Name() as dtype, *_),
        ) if dtype in DTYPES:
            return _tensor(storage, DTYPES[dtype], offset, size, stride, left)
    raise MalformedError(f"its pickle asks for {'.'.join(name)}, which holds no data")


def _tensor(storage: Storage, dtype: torch.dtype, offset: Any, size: Any, stride: Any, left: int) -> Tensor:
    shaped = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride) <= MAX_DIMENSIONS
    most = len(storage.data)
    sane = shaped and all(isinstance(length, int) and 0 < length <= most for length in size)
    require(sane and all(isinstance(step, int) and 0 <= step <= most for step in (offset, *stride)), IMPOSSIBLE)
    whole, available = len(storage.data) % dtype.itemsize == 0, len(storage.data) // dtype.itemsize
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    require(whole and last < available and math.prod(size) <= available, "a tensor reaches beyond its storage")
    require(math.prod(size) * dtype.itemsize <= left, "its tensors are together larger than the file")
    flat = torch.frombuffer(bytearray(storage.data), dtype=dtype)
    return flat.as_strided(size, stride, offset).contiguous()
