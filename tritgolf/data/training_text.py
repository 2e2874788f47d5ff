"""The lines that a tokenizer is trained on, such that SentencePiece passes over none of them in silence."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tritgolf.data.text import read_documents

MAX_LINE_BYTES = 4192  # SentencePiece's max_sentence_length: it skips a longer line
RESERVED = "\u2585"  # and a line with this character, which it marks pieces with
WHITE_SPACE = re.compile(rb"[ \t]")


class TrainingText:
    """The lines of the first ``limit`` bytes of a documents file, long ones cut; what is left out, once read through.

    ``facts``: lines that were cut, reserved characters left out, and whether text is left behind the limit.
    """

    def __init__(self, documents: str | Path, limit: int) -> None:
        self.documents, self.limit = documents, limit
        self.facts: dict[str, Any] = {}
        self.left_to_bytes: str | None = None

    def __iter__(self) -> Iterator[str]:
        self.facts = {"bytes": 0, "lines_cut": 0, "reserved_characters_left_out": 0, "text_left_behind_limit": False}
        for line in (line for text in read_documents(self.documents) for line in text.splitlines()):
            if self.facts["bytes"] >= self.limit:
                self.facts["text_left_behind_limit"] = True
                return
            yield from self._trainable(line)
            self.facts["bytes"] += len(line.encode())

    def without_the_rarest(self, coverage: float) -> Iterator[str]:
        """The lines without the rarest of the characters that have a ``coverage`` of the text; it is noted as left out.

        Characters as SentencePiece normalizes them, near enough (NFKC); white space is none.
        """
        lines = [unicodedata.normalize("NFKC", line) for line in self]
        counts = Counter(character for line in lines for character in line if not character.isspace())
        covered = 0
        for character, count in counts.most_common():  # noqa: B007  (the last one is what counts)
            covered += count
            if covered >= coverage * counts.total():
                break
        self.left_to_bytes = character
        return (line.replace(character, "") for line in lines)

    def told(self) -> str:
        """What training left out, in one line; empty if nothing."""
        parts = []
        if self.left_to_bytes:
            parts.append(f"{self.left_to_bytes!r}, which is written as bytes: the space takes the last piece")
        if self.facts["text_left_behind_limit"]:
            parts.append(f"all but the first {self.facts['bytes']:,} bytes of the text (tokenizer.training_bytes)")
        if count := self.facts["reserved_characters_left_out"]:
            parts.append(f"{count:,} × {RESERVED} (U+2585), which SentencePiece reserves")
        return " and ".join(parts)

    def _trainable(self, line: str) -> Iterator[str]:
        parts = line.split(RESERVED)
        self.facts["reserved_characters_left_out"] += len(parts) - 1
        for part in parts:
            pieces = list(cut_line(part.encode()))
            self.facts["lines_cut"] += len(pieces) > 1
            yield from (piece.decode() for piece in pieces)


def cut_line(line: bytes, most: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Cut a line of UTF-8 into parts of at most ``most`` bytes: before white space, or else between two characters."""
    start = 0
    while len(line) - start > most:
        end = start + most
        while line[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        spaces = [match.start() for match in WHITE_SPACE.finditer(line, start + 1, end + 1)]
        end = spaces[-1] if spaces else end
        yield line[start:end]
        start = end
    yield line[start:]
