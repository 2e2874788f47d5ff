"""What a dataset is: where its text comes from, how it is split, tokenized and cut into shards (``datasets/*.yaml``).

A source is one of four kinds. ``docstrings`` reads installed packages, ``text`` local files; ``documents`` downloads
text, ``hub`` tokens that somebody else made; a hub dataset brings its own tokenizer and validation split.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tritgolf.config.layers import load_over_ancestors, merge, with_ancestors
from tritgolf.config.named import check_own_name, unknown, with_own_file
from tritgolf.config.settings import Settings, validate_yaml
from tritgolf.config.types import Positive
from tritgolf.errors import InputError

MAX_VOCABULARY = 1 << 16  # a token is a uint16


class DocstringsSource(Settings):
    """English text that is on every machine that runs this: the docstrings of installed packages."""

    kind: Literal["docstrings"]
    packages: tuple[str, ...] = Field(min_length=1)
    documents: Positive | None = None


class TextSource(Settings):
    """Files, folders, globs: .txt, .md, .jsonl, .ndjson, .json ("text" key), plain or .gz, .xz, .zst; from the working
    folder on.

    A .txt or .md is one document, unless ``documents: blank_lines`` or a ``separator`` between documents cuts it.
    """

    LATER = frozenset({"documents", "separator"})
    kind: Literal["text"]
    files: tuple[str, ...] = Field(min_length=1)
    validation_files: tuple[str, ...] = ()
    documents: Literal["files", "blank_lines"] = "files"
    separator: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_cut(self) -> "TextSource":
        if self.separator is not None and self.documents != "files":
            raise ValueError("separator: give either it or documents: blank_lines")
        return self


class HubDocuments(Settings):
    """Documents of a .jsonl in a Hugging Face repo: the ``first`` so many lines, or all of them.

    ``folder`` names a local copy of the repo to use instead.
    """

    repository: str
    repository_type: Literal["dataset", "model"] = "dataset"
    revision: str
    file: str
    first: Positive | None = None
    endpoint: str = Field(default="https://huggingface.co", pattern="^https?://[^/]+")
    folder: str | None = None


class DocumentsSource(HubDocuments):
    """Published documents as text to train a tokenizer on and to make shards of (Parameter Golf's data page)."""

    kind: Literal["documents"]


class HubSource(Settings):
    """Published shards and their tokenizer in a Hugging Face repo; ``folder`` names a local copy to use instead.

    Which files: the patterns ``train``, ``validation`` and ``tokenizer``, or what the repo's ``manifest`` says of its
    ``dataset``. ``train_shards``: so many of the training shards, the first ones; else all.
    ``documents``: where the validation text lies, so that its raw bytes can be counted.
    """

    LATER = frozenset({"documents", "manifest", "dataset", "train_shards"})
    kind: Literal["hub"]
    repository: str
    repository_type: Literal["dataset", "model"] = "dataset"
    revision: str
    train: str | None = None
    validation: str | None = None
    tokenizer: str | None = None
    endpoint: str = Field(default="https://huggingface.co", pattern="^https?://[^/]+")
    folder: str | None = None
    documents: HubDocuments | None = None
    manifest: str | None = None
    dataset: str | None = None
    train_shards: Positive | None = None

    @model_validator(mode="after")
    def _one_way_to_name_files(self) -> "HubSource":
        patterns = {"train": self.train, "validation": self.validation, "tokenizer": self.tokenizer}
        by_manifest = {"manifest": self.manifest, "dataset": self.dataset}
        given, other = (by_manifest, patterns) if any(by_manifest.values()) else (patterns, by_manifest)
        for key, value in given.items():
            if value is None:
                raise ValueError(f"{key}: is missing; give {', '.join(given)}, or else {', '.join(other)}")
        if surplus := [key for key, value in other.items() if value is not None]:
            raise ValueError(f"{surplus[0]}: leave it out; the manifest says it")
        if self.documents is not None and self.documents.first is None:
            raise ValueError("documents.first: is missing; give the number of validation documents")
        return self


Source = Annotated[DocstringsSource | TextSource | DocumentsSource | HubSource, Field(discriminator="kind")]
SOURCES: dict[str, type[DocstringsSource | TextSource | DocumentsSource | HubSource]] = {
    "docstrings": DocstringsSource,
    "text": TextSource,
    "documents": DocumentsSource,
    "hub": HubSource,
}


class SplitConfig(Settings):
    """How validation documents are chosen: a fraction, by document digest, or the first so many.

    ``tune``: this dataset is for choices that the validation text must not see. Its validation split is so large a
    share of the documents that would be trained on, by their digests; the validation documents are left out.
    """

    LATER = frozenset({"tune"})
    fraction: float | None = Field(default=None, gt=0, lt=1)
    first_documents: Positive | None = None
    tune: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="after")
    def _one_rule(self) -> "SplitConfig":
        if self.fraction is not None and self.first_documents is not None:
            raise ValueError("fraction: give either it or first_documents")
        if not (self.has_rule or self.tune):
            raise ValueError("fraction: give either it or first_documents")
        return self

    @property
    def has_rule(self) -> bool:
        """Whether it chooses validation documents, which validation files do else."""
        return self.fraction is not None or self.first_documents is not None


class TokenizerConfig(Settings):
    """A tokenizer to train (``vocab_size`` pieces on the first ``training_bytes`` of text) or an existing ``model``."""

    vocab_size: Annotated[int, Field(gt=0, le=MAX_VOCABULARY)] | None = None
    training_bytes: Positive = 100_000_000
    model: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "TokenizerConfig":
        if (self.vocab_size is None) == (self.model is None):
            raise ValueError("vocab_size: give either it (to train a tokenizer) or model (the path of one)")
        return self


class DatasetConfig(Settings):
    """One dataset, complete.

    ``vocab_size``: pieces of a tokenizer that isn't trained here, so that a record of other sizes is told early.
    """

    name: str
    title: str
    source: Source
    validation: SplitConfig | None = None
    tokenizer: TokenizerConfig | None = None
    vocab_size: Annotated[int, Field(gt=0, le=MAX_VOCABULARY)] | None = None
    tokens_per_shard: Positive = 100_000_000

    @model_validator(mode="after")
    def _parts_agree(self) -> "DatasetConfig":
        if isinstance(self.source, HubSource):
            if self.tokenizer is not None or self.validation is not None:
                raise ValueError("tokenizer, validation: leave them out; a hub dataset brings its own (source)")
            return self
        if self.tokenizer is None:
            raise ValueError("tokenizer: is missing; give {vocab_size: N} or {model: PATH}")
        if self.tokenizer.vocab_size is not None and self.vocab_size is not None:
            raise ValueError("vocab_size: leave it out; tokenizer.vocab_size says it")
        has_files = isinstance(self.source, TextSource) and bool(self.source.validation_files)
        if has_files == (self.validation is not None and self.validation.has_rule):
            raise ValueError("validation: give either validation or source.validation_files")
        return self


def load_dataset(name: str, folder: str | Path = "datasets", overrides: dict[str, Any] | None = None) -> DatasetConfig:
    """Load and validate ``folder/name.yaml``, laid over what it inherits from, with ``overrides`` (nested) on top.

    ``name`` may be the path of a file outside, as a record's.
    Raises ``InputError`` with one line that names the file, the key, the value and what is allowed.
    """
    name, known = with_own_file(name, {path.stem: path for path in Path(folder).glob("*.yaml")})
    if name not in known:
        raise unknown("dataset", name, known)
    return load_over_ancestors(_loaded, known[name], known, overrides)


def _loaded(path: Path, known: Mapping[str, Path], overrides: dict[str, Any]) -> DatasetConfig:
    """The dataset at ``path``, which inherits from ``known`` ones, with ``overrides``."""
    name = path.stem
    raw = merge(with_ancestors(path, known), overrides)
    check_own_name(raw, name, path)
    return validate_yaml(DatasetConfig, {**raw, "name": name, "source": parse_source(raw.get("source"), path)}, path)


def parse_source(raw: Any, path: str | Path) -> Source:
    """A source, validated as its own kind, so that a complaint names that kind's keys and not the union's."""
    if not isinstance(raw, dict) or raw.get("kind") not in SOURCES:
        kind = raw.get("kind") if isinstance(raw, dict) else raw
        raise InputError(path, f"source.kind: {kind!r} is not possible", f"allowed: {', '.join(SOURCES)}")
    return validate_yaml(SOURCES[raw["kind"]], raw, f"{path}: source")
