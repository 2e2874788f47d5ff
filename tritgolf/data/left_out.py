"""What of a source does not get into its corpus: counted while it is read, told in one line and in ``corpus.json``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tritgolf.data.dataset import Source, SplitConfig, TextSource
from tritgolf.data.find import list_files, printable
from tritgolf.data.text import HOW_TO_CUT
from tritgolf.errors import InputError


@dataclass
class LeftOut:
    """Files that are not read → why; how many documents were blank, and how many there already when they came."""

    not_read: dict[Path, str] = field(default_factory=dict)
    blank: int = 0
    repeated: int = 0

    def facts(self) -> dict[str, Any]:
        """As ``corpus.json`` has it."""
        files = {printable(path): reason for path, reason in self.not_read.items()}
        return {"duplicates_dropped": self.repeated, "blank_dropped": self.blank, "not_read": files}

    def told(self) -> str:
        """One line; empty if nothing was left out."""
        parts = []
        if self.not_read:
            parts.append(f"{counted(len(self.not_read), 'file')} not read ({list_files(self.not_read)})")
        if self.repeated:
            parts.append(f"{counted(self.repeated, 'document')} dropped as a repetition of another")
        if self.blank:
            parts.append(f"{counted(self.blank, 'blank document')} dropped")
        return ", ".join(parts)


def no_text(name: str, source: Source, rule: SplitConfig | None, split: str, other: int, left: LeftOut) -> InputError:
    """Why ``split`` has no document where the other split has ``other``, and what to do."""
    where = f"dataset {name!r}"
    repeated = f" ({other + left.repeated:,} were read, {left.repeated:,} of them repeated)" if left.repeated else ""
    left_out = f" (left out: {told})" if (told := left.told()) else ""
    if rule is None or not other:
        files = "validation_files" if rule is None and split == "validation" else "files"
        fix = f"give more text in {files}" if isinstance(source, TextSource) else "give more text"
        return InputError(where, f"has no {split} text: no document is left for it{left_out}", fix)
    if other == 1:
        what = f"has no {split} text: its source has one document{repeated}, which can't be split"
        return InputError(where, what, _how_to_split(source))
    if rule.first_documents is not None:
        what = f"has no {split} text: validation.first_documents: {rule.first_documents} takes all {other:,}{repeated}"
        return InputError(where, what, "ask for fewer, or give more documents")
    what = f"has no {split} text: validation.fraction: {rule.fraction} leaves it none of {other:,} documents{repeated}"
    return InputError(where, what, f"give another fraction or more documents; or {_how_to_split(source)}")


def _how_to_split(source: Source) -> str:
    if not isinstance(source, TextSource):
        return "give more documents"
    cut = source.documents != "files" or source.separator is not None
    first = "cut it elsewhere (`documents`, `separator` in the source)" if cut else HOW_TO_CUT
    return f"{first}, write a .jsonl with a document a line, or name source.validation_files"


def counted(number: int, what: str) -> str:
    """A number of things in words.

    >>> counted(1, "file"), counted(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {what}" + ("s" if number != 1 else "")
