"""Which files of a Hugging Face repo a source wants: by patterns of their names, or by the repo's own manifest."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tritgolf.data.byte_counts import sidecar_path
from tritgolf.data.dataset import HubDocuments, HubSource
from tritgolf.data.manifest import PREFIX, Split
from tritgolf.data.published_manifest import files_in_manifest
from tritgolf.errors import InputError


@dataclass(frozen=True)
class HubFiles:
    """Local paths of a dataset's files, in name order, and the commit they come from ("local" for a local copy).

    ``sidecars``: the byte counts of validation shards, of as many as the repo has them.
    """

    shards: dict[Split, list[Path]]
    sidecars: list[Path]
    tokenizer: Path
    commit: str


def arrange(source: HubSource, names: Iterable[str], root: Path, commit: str) -> HubFiles:
    """The paths under ``root`` of those ``names`` that the source wants; ``InputError`` if one of them is not there."""
    there = {name for name in names if ".." not in Path(name).parts}
    wanted = _by_manifest(source, there, root) if source.manifest else _by_patterns(source, there)
    wanted["train"] = _first_shards(source, wanted["train"])
    for key, listed in wanted.items():
        if missing := [name for name in listed if name not in there]:
            raise _no_file(source, key, missing[0])
    sidecars = [str(sidecar_path(name)) for name in wanted["validation"]]
    return HubFiles(
        {split: [root / name for name in wanted[split]] for split in PREFIX},
        [root / name for name in sidecars if name in there],
        root / wanted["tokenizer"][0],
        commit,
    )


def _by_manifest(source: HubSource, names: set[str], root: Path) -> dict[str, list[str]]:
    """The names of the files that the repo's manifest, under ``root``, lists for the source's dataset."""
    assert source.manifest is not None and source.dataset is not None
    if source.manifest not in names:
        raise _no_file(source, "manifest", source.manifest)
    return files_in_manifest(root / source.manifest, source.manifest, source.dataset)


def _by_patterns(source: HubSource, names: set[str]) -> dict[str, list[str]]:
    """The names that match the source's patterns, sorted; byte counts that the pattern of shards matches are none."""
    matching = {}
    for key, pattern in (("train", source.train), ("validation", source.validation), ("tokenizer", source.tokenizer)):
        assert pattern is not None
        found = fnmatch.filter(sorted(names), pattern)
        if not found:
            raise _no_file(source, key, pattern)
        counts = {str(sidecar_path(name)) for name in found}
        matching[key] = [name for name in found if name not in counts]
    return matching


def _first_shards(source: HubSource, names: list[str]) -> list[str]:
    """As many training shards as the source asks for, the first ones; ``InputError`` if there are fewer."""
    count = source.train_shards
    if count is not None and count > len(names):
        what = f"has {len(names)} training shards, and source.train_shards is {count}"
        raise InputError(address(source), what, f"ask for {len(names)} or fewer")
    return names[:count]


def _no_file(source: HubSource, key: str, name: str) -> InputError:
    return InputError(address(source), f"has no file {name!r} ({key})", "correct the dataset's source")


def address(source: HubSource | HubDocuments) -> str:
    """How messages name the repo."""
    return source.folder or f"{source.endpoint} {source.repository_type} {source.repository}"
