"""Files that are whole or absent: atomic writes, digests, canonical JSON.

A digest here is always the SHA-256 of a *payload* (file bytes we define ourselves, or canonical JSON), written as
``sha256:<hex>``; never of a pickle.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from tritgolf.errors import InputError, file_error

CHUNK = 1 << 20
MOST_OF_OTHERS = 64 << 20  # bytes of JSON; our longest metrics file has under a megabyte


def check_target(path: str | Path) -> None:
    """``InputError`` where no file can be at ``path``: for commands that would find out after long work."""
    target = Path(path)
    if target.is_dir():
        raise InputError(path, "is a folder", "name a file in it")
    if target.exists() and not target.is_file():  # a rename would put a file in the place of /dev/stdout
        raise InputError(path, "is a device or a pipe, which no file may replace", "name a file")
    above = next((folder for folder in target.parents if folder.exists()), Path())
    if not above.is_dir():
        raise InputError(path, f"can't be written: {above} is no folder", "name a file in a folder")


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` if the block succeeds, delete it if it fails."""
    check_target(path)
    # The file that a link names, not the link.
    target = Path(os.path.realpath(path) if Path(path).is_symlink() else path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        _name_target(error, temporary, target)
        raise
    finally:
        with contextlib.suppress(OSError):  # a read-only file system refuses it, though nothing is there
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside ``path``; on success it replaces ``path``, on failure it is deleted."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        _replace_directory(temporary, target)
    except OSError as error:
        _name_target(error, temporary, target)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_directory(source: Path, target: Path) -> None:
    """Put the folder ``source`` in the place of ``target``, whose content is deleted once the other is there."""
    before = source.with_name(f"{source.name}.before")
    if target.exists():
        target.rename(before)
    try:
        source.rename(target)
    except OSError:
        if before.exists():
            before.rename(target)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _name_target(error: OSError, temporary: Path, target: Path) -> None:
    """Let ``error`` name ``target``: a write names no file, a copy its source first, and nobody knows ``temporary``."""
    named = error.filename2 or error.filename
    if named is None or str(named).startswith(str(temporary)):
        error.filename, error.filename2 = str(target), None


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open ``path`` for binary writing so that it appears whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        yield cast(BinaryIO, file)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically; half a character, as names of files can hold, becomes ``?``."""
    with atomic_write(path) as file:
        file.write(text.encode(errors="replace"))


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically. NaN and infinity are refused (``ValueError``)."""
    write_text(path, json_text(value, allow_nan=False) + "\n")


def json_text(value: Any, encoding: str = "utf-8", *, allow_nan: bool) -> str:
    """``value`` as indented JSON that ``encoding`` can write: with escapes only where it lacks a character."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=allow_nan)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, indent=1, allow_nan=allow_nan)
    return text


def read_json(path: str | Path) -> Any:
    """Read a JSON file; a missing or damaged one is an ``InputError``."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(path, "is missing", "run the stage that makes it") from None
    except OSError as error:  # a folder, or no right to read it
        raise file_error(error, path) from None
    except (ValueError, RecursionError) as error:  # bytes, syntax, numbers of too many digits; nested too deeply
        raise InputError(path, f"is not JSON ({error})", "delete it and run again") from None


def check_readable(path: str | Path, most: int | None = None) -> None:
    """``InputError`` where ``path`` is a pipe or a device, which would be waited for, or has over ``most`` bytes."""
    file = Path(path)
    if file.exists() and not (file.is_file() or file.is_dir()):
        raise InputError(path, "is not a file", "give the path of a file")
    if most is not None and file.is_file() and (size := file.stat().st_size) > most:
        raise InputError(path, f"has {size:,} bytes, more than the {most:,} that are read", "get the file again")


def read_json_of_others(path: str | Path) -> Any:
    """``read_json`` of a file that may come from elsewhere, so that neither time nor memory is without bound."""
    check_readable(path, MOST_OF_OTHERS)
    return read_json(path)


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """``sha256:<hex>`` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """``sha256:<hex>`` of a value's canonical JSON."""
    return digest_bytes(canonical_json(value))


def digest_file(path: str | Path) -> str:
    """``sha256:<hex>`` of a file's bytes, read in chunks."""
    hasher = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(CHUNK):
            hasher.update(block)
    return "sha256:" + hasher.hexdigest()
