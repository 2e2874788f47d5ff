"""The ``manifest.json`` of a repo of published shards: which files a dataset of it has, and its tokenizer.

Of the form that Parameter Golf's data page and download script describe: shards lie beside the manifest in
``datasets/NAME/fineweb_{train,val}_NNNNNN.bin``, so many of each as its ``stats`` say.
"""

from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import ConfigDict, Field

from tritgolf.config.settings import Settings, validate
from tritgolf.data.manifest import PREFIX, Split
from tritgolf.errors import InputError
from tritgolf.files import read_json

Count = Annotated[int, Field(gt=0, lt=10**6)]  # names have six digits


class _Entry(Settings):
    model_config = ConfigDict(extra="ignore")  # it says more than is used here


class _Stats(_Entry):
    files_train: Count
    files_val: Count


class _Dataset(_Entry):
    name: str
    tokenizer_name: str
    stats: _Stats


class _Tokenizer(_Entry):
    name: str
    model_path: str | None = None  # a tokenizer of bytes has none


class _PublishedManifest(_Entry):
    datasets: list[_Dataset]
    tokenizers: list[_Tokenizer]


def files_in_manifest(path: Path, name: str, dataset: str) -> dict[str, list[str]]:
    """The names in the repo of a dataset's files: lists under ``train``, ``validation`` and ``tokenizer`` (one model).

    ``path``: where the manifest lies here; ``name``: its name in the repo. Raises ``InputError`` if it is malformed or
    has no such dataset, or no SentencePiece model for it.
    """
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise InputError(path, "is no manifest of published shards", "correct source.manifest")
    manifest = validate(_PublishedManifest, raw, path)
    entries = {entry.name: entry for entry in manifest.datasets}
    if dataset not in entries:
        fix = f"name one of {', '.join(sorted(entries)) or 'none'} in source.dataset"
        raise InputError(path, f"has no dataset {dataset!r}", fix)
    entry, root = entries[dataset], PurePosixPath(name).parent
    models = {tokenizer.name: tokenizer.model_path for tokenizer in manifest.tokenizers}
    model = models.get(entry.tokenizer_name)
    if model is None:
        what = f"{dataset} has the tokenizer {entry.tokenizer_name!r}, of which there is no SentencePiece model"
        raise InputError(path, what, "name another dataset in source.dataset")
    folder, stats = root / "datasets" / dataset, entry.stats

    def shards(split: Split, count: int) -> list[str]:
        return [str(folder / f"fineweb_{PREFIX[split]}_{index:06d}.bin") for index in range(count)]

    return {
        "train": shards("train", stats.files_train),
        "validation": shards("validation", stats.files_val),
        "tokenizer": [str(root / model)],
    }
