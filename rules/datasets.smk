"""What the rules of data.smk ask about a dataset."""

from tritgolf.data.dataset import TextSource
from tritgolf.data.text import text_files

HUB_DATASETS = [name for name in datasets_used() if dataset_config(name).source.kind == "hub"]
TEXT_DATASETS = [name for name in datasets_used() if name not in HUB_DATASETS]


def source_texts(wildcards) -> list[str]:
    """A dataset's own text files, so that a change in them is seen; the script ends with an error if one is missing."""
    source = dataset_config(wildcards.dataset).source
    if not isinstance(source, TextSource):
        return []
    try:
        return [str(path) for path in text_files([*source.files, *source.validation_files])]
    except InputError as error:
        warn(str(error))
        return []


def existing_tokenizer(wildcards) -> list[str]:
    """The model that a dataset takes instead of training one, if it is there; the script complains if it isn't."""
    model = dataset_config(wildcards.dataset).tokenizer.model
    return [model] if model and Path(model).is_file() else []


def dataset_setting(name: str):
    """A params function: one setting of the dataset as plain values."""

    def value_of(wildcards):
        value = getattr(dataset_config(wildcards.dataset), name)
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else value

    return value_of
