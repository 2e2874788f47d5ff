"""The formats of published artifacts: a registry, in the order in which a file is compared with them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tritgolf.artifact.header import Artifact
from tritgolf.artifact.published import int6_brotli, int6_lzma, ptz
from tritgolf.config.record import RecordConfig
from tritgolf.config.settings import Settings

PublishedFormat = Literal["int6_lzma", "ptz", "int6_brotli"]
START = 1 << 16  # bytes of a file that a format is recognized by


class Reader(NamedTuple):
    """``sources``: whose files they are. ``claims``: whether the first bytes of a file are such; ``read``: its path.

    ``open``: path, model of a named record or None, known records → an ``Artifact``.
    """

    sources: str
    claims: Callable[[bytes], bool]
    read: Callable[[Path], Any]
    open: Callable[[Path, Settings | None, Iterable[RecordConfig]], Artifact]


READERS: dict[PublishedFormat, Reader] = {
    "int6_lzma": Reader("#1019, #1722", int6_lzma.is_published, int6_lzma.read_int6_lzma, int6_lzma.open_int6_lzma),
    "ptz": Reader(
        "#640, #920, #923", ptz.is_published, ptz.read_ptz, ptz.open_ptz
    ),  # any other .xz: its reader tells what is wrong
    "int6_brotli": Reader(
        "#1716", int6_brotli.is_published, int6_brotli.read_int6_brotli, int6_brotli.open_int6_brotli
    ),
}


def published_format(path: str | Path) -> PublishedFormat | None:
    """The format that the first bytes of the file at ``path`` tell; None for another file."""
    with Path(path).open("rb") as file:
        start = file.read(START)
    return next((name for name, reader in READERS.items() if reader.claims(start)), None)
