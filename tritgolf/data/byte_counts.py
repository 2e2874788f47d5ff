"""The raw UTF-8 bytes of each token of a text: told by the tokenizer as it encodes, kept in sidecars beside shards.

A token's raw bytes are its end in the text less the end of the token before; what is left at a document's end goes to
its last token, and a document without tokens gives its bytes to its bos. So all tokens together have the bytes of the
text, whatever the normalizer does to it. A sidecar has the shard format, a count instead of a token: ``val_000000.bin``
has ``val_bytes_000000.bin``, as published sets name it (Parameter Golf #1729).
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tritgolf.data.shards import Tokens, blocks, open_shard
from tritgolf.errors import InputError

MOST = (1 << 16) - 1  # bytes that a sidecar can give to one token
USUAL_COUNT = 64  # few tokens have more bytes, and few tokens have ids as small
INDEX = re.compile(r"((?:_\d+)?\.bin)$")
IS_SIDECAR = re.compile(r"_bytes(?:_\d+)?\.bin$")
SHARDS_ALONE = "give the shards alone; the byte counts beside them are read with them"
OTHER_COUNTS = "put the sidecar of this shard there, or delete it"

Counts = npt.NDArray[np.int64]


def raw_byte_counts(text: str, ends: Sequence[int], continues: int = 0) -> tuple[Counts, int]:
    """Raw bytes of the tokens of ``text`` (int64), and what is left behind the last of them if there is none.

    ``ends``: where each encoded token ends in the UTF-8 of the text. Of a document the first count is bos's; of a part
    that ``continues`` one, the first so many tokens are marks that were put before it, and have no count.
    Raises ``InputError`` if the ends run backwards.
    """
    places = np.asarray(ends, dtype=np.int64)
    marked = int(places[continues - 1]) if continues else 0
    own = places[continues:]
    counts = np.diff(own, prepend=marked)
    if len(counts) and counts.min() < 0:
        raise InputError("tokenizer", "tells byte offsets that run backwards", "use another SentencePiece model")
    if not continues:
        counts = np.concatenate(([0], counts))
    left = len(text.encode()) - (int(own[-1]) if len(own) else marked)
    if not len(counts):
        return counts, left
    counts[-1] += left
    return counts, 0


def capped(counts: Counts, carried: int) -> tuple[npt.NDArray[np.uint16], int]:
    """``counts`` as a sidecar can hold them, ``carried`` bytes of earlier tokens added; and what is to be carried on.

    A token with more than 65,535 bytes, as one behind very long white space, hands the rest on to those that follow.
    """
    if carried or (len(counts) and counts.max() > MOST):
        counts = counts.copy()
        for position, count in enumerate(counts):
            counts[position] = min(int(count) + carried, MOST)
            carried += int(count) - int(counts[position])
    return counts.astype(np.uint16), carried


def fill_up(counts: Tokens, carried: int) -> int:
    """Give ``carried`` bytes, left behind the last of ``counts``, to the last of them with room, in place.

    Returns what found no room.
    """
    for position in range(len(counts) - 1, -1, -1):
        if not carried:
            break
        room = min(MOST - int(counts[position]), carried)
        counts[position] += room
        carried -= room
    return carried


def give_back(paths: Iterable[Path], carried: int) -> None:
    """``fill_up`` in the sidecars of a text, the last first. Raises ``InputError`` where nothing has room."""
    for path in sorted(paths, reverse=True) if carried else ():
        carried = fill_up(open_shard(path, writable=True), carried)
    if carried:
        raise InputError("validation text", "has more bytes than its tokens can count", "take out its white space")


def sidecar_path(shard: str | Path) -> Path:
    """Where the byte counts of a shard lie: ``…_000000.bin`` → ``…_bytes_000000.bin``, ``….bin`` → ``…_bytes.bin``.

    Never the path itself, whatever its name.
    """
    shard = Path(shard)
    found = INDEX.search(shard.name)
    at = found.start() if found else len(shard.name)
    return shard.with_name(f"{shard.name[:at]}_bytes{shard.name[at:]}")


def is_sidecar(path: str | Path) -> bool:
    """Whether a file's name is that of a sidecar: ``…_bytes_000000.bin``."""
    return IS_SIDECAR.search(Path(path).name) is not None


def open_sidecar(path: str | Path, tokens: int) -> Tokens:
    """The byte counts in a sidecar, uint16, mapped read-only; ``InputError`` unless there are ``tokens`` of them."""
    counts = open_shard(path)
    if len(counts) != tokens:
        what = f"counts the bytes of {len(counts)} tokens, and its shard has {tokens}"
        raise InputError(path, what, OTHER_COUNTS)
    return counts


def check_tokens(path: str | Path, vocab_size: int) -> None:
    """``InputError`` if a file holds byte counts rather than tokens, by its name or its content."""
    check_name(path)
    if vocab_size <= 2 * USUAL_COUNT:
        return
    large, total = _large(path)
    if large < total / 100:
        what = f"holds byte counts, it seems, not tokens: {large} of {total} values are above {USUAL_COUNT}"
        raise InputError(path, what, SHARDS_ALONE)


def check_name(path: str | Path) -> None:
    """``InputError`` if a file is no shard of tokens by its name."""
    if is_sidecar(path):
        raise InputError(path, "is a sidecar of byte counts by its name, not a shard of tokens", SHARDS_ALONE)


def check_counts(path: str | Path) -> None:
    """``InputError`` if a sidecar that somebody else made holds tokens, or counts nothing."""
    large, total = _large(path)
    if large > total / 2:
        what = f"holds tokens, it seems, not byte counts: {large} of {total} values are above {USUAL_COUNT}"
        raise InputError(path, what, OTHER_COUNTS)
    if not any(block.any() for _, block in blocks(open_shard(path))):
        raise InputError(path, "counts no byte at all", OTHER_COUNTS)


def _large(path: str | Path) -> tuple[int, int]:
    """How many values of a file are above what tokens usually have in bytes, and how many there are."""
    values = open_shard(path)
    return sum(int(np.count_nonzero(block > USUAL_COUNT)) for _, block in blocks(values)), len(values)


def check_known(paths: Iterable[Path], unknown: int) -> None:
    """``InputError`` if validation shards hold the ``unknown`` token: told before a model is trained for that text."""
    found = total = 0
    for tokens in map(open_shard, paths):
        total += len(tokens)
        found += sum(int(np.count_nonzero(block == unknown)) for _, block in blocks(tokens))
    if found:
        raise unknown_tokens("validation text", found, total)


def unknown_tokens(where: str, found: int, total: int) -> InputError:
    """The error that ``found`` of ``total`` tokens are unknown ones, which stand for any text."""
    what = f"has {found} tokens of {total} that its tokenizer doesn't know, so their bytes can't be told"
    return InputError(where, what, "use a tokenizer with byte fallback")
