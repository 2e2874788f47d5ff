"""What the rules of data.smk ask about a dataset."""

import functools
import re

from tritgolf.data.dataset import DocumentsSource, TextSource
from tritgolf.data.find import find_texts, printable
from tritgolf.data.sources import FACTS, resized
from tritgolf.files import digest_file

HUB_DATASETS = [name for name in datasets_used() if dataset_config(name).source.kind == "hub"]
TEXT_DATASETS = [name for name in datasets_used() if name not in HUB_DATASETS]


# Snakemake takes {…} in a path for a wildcard, without an escape, and warns of the others.
NO_PATH_OF_SNAKEMAKE = re.compile(r"[{}\n]|^\s|\s$")


def source_texts(wildcards) -> list[str]:
    """A dataset's own text files, so that a change in them is seen; the script ends with an error if one is missing."""
    corpus = Path("results/data", wildcards.dataset, "corpus")
    try:
        if changed := resized(corpus, _texts_of(wildcards.dataset)):
            others = f", as {len(changed) - 1} more have" if len(changed) > 1 else ""
            told = f"{printable(changed[0])} has another size than it had in {corpus}{others}"
            _make_again(corpus / FACTS, told)
    except InputError as error:
        warn(str(error))
    return [path for path in _texts_of(wildcards.dataset) if not NO_PATH_OF_SNAKEMAKE.search(path)]


def existing_tokenizer(wildcards) -> list[str]:
    """The model that a dataset takes instead of training one, if it is there; the script complains if it isn't."""
    taken = Path("results/data", wildcards.dataset, "tokenizer", "tokenizer.model")
    for path in _model_of(wildcards.dataset):
        if taken.is_file() and digest_file(path) != digest_file(taken):
            _make_again(taken, f"{printable(path)} is another model than {taken}")
    return [path for path in _model_of(wildcards.dataset) if not NO_PATH_OF_SNAKEMAKE.search(path)]


def _make_again(output: Path, why: str) -> None:
    """Have a job run for what Snakemake doesn't see: it goes by times, and a file may be replaced by an older one.

    Not by a param, which would have to be the same once the job is done.
    """
    if workflow.is_main_process and not workflow.touch:
        warn(f"{why}, which is made again")
        workflow.dag.forcefiles.add(str(output))


def version_of_corpus(wildcards):
    """The stage's version and the state of texts that can't be inputs of a rule: they are params then."""
    return _with_states(version_of("corpus"), _texts_of(wildcards.dataset))


def version_of_tokenizer(wildcards):
    """The same for an existing model."""
    return _with_states(version_of("tokenizer"), _model_of(wildcards.dataset))


def _with_states(version: int, paths: list[str]):
    states = {path: Path(path).stat() for path in paths if NO_PATH_OF_SNAKEMAKE.search(path)}
    known = [[path, state.st_size, state.st_mtime_ns] for path, state in states.items()]
    return [version, *known] if known else version


def minutes_of_corpus(wildcards) -> int:
    """Time for a dataset's corpus: published documents are tens of gigabytes to download."""
    return 600 if isinstance(dataset_config(wildcards.dataset).source, DocumentsSource) else 120


def memory_of_tokenizer(wildcards) -> int:
    """Memory in MB of a tokenizer's training: up to 9 bytes a byte of its text (measured on 80 MB of source code)."""
    return max(4000, 10 * _training_megabytes(wildcards.dataset))


def minutes_of_tokenizer(wildcards) -> int:
    """Its time: 1.5 s a megabyte, measured likewise on a busy machine, and as long again."""
    return max(120, _training_megabytes(wildcards.dataset) // 20)


def _training_megabytes(dataset: str) -> int:
    return dataset_config(dataset).tokenizer.training_bytes // 10**6


@functools.cache
def _texts_of(dataset: str) -> list[str]:
    source = dataset_config(dataset).source
    if not isinstance(source, TextSource):
        return []
    try:
        return [str(path) for path in find_texts([*source.files, *source.validation_files]).files]
    except InputError as error:
        warn(str(error))
        return []


def _model_of(dataset: str) -> list[str]:
    model = dataset_config(dataset).tokenizer.model
    return [model] if model and Path(model).is_file() else []


def dataset_setting(name: str):
    """A params function: one setting of the dataset as plain values."""

    def value_of(wildcards):
        value = getattr(dataset_config(wildcards.dataset), name)
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else value

    return value_of
