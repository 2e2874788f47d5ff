"""The texts that an experiment reads, looked for before anything is run."""

from pathlib import Path

from tritgolf.data.dataset import DatasetConfig, TextSource, load_dataset
from tritgolf.data.find import find_texts
from tritgolf.errors import InputError
from tritgolf.experiments.ready import Ready


def texts_of(experiment: Ready, datasets: Path) -> list[DatasetConfig]:
    """The texts of ``experiment``, of its later parts too, each of which is a file of the folder ``datasets``."""
    return [_text_of(name, experiment.source, datasets) for name in experiment.texts]


def _text_of(name: str, source: Path, datasets: Path) -> DatasetConfig:
    try:
        return load_dataset(name, datasets)
    except InputError as error:
        raise InputError(source, f"{error.where}: {error.what}", error.fix) from None


def manifest_of(text: str, data: Path) -> Path:
    """The file that the shards of a ``text`` have, once they are made in ``data``."""
    return data / text / "shards" / "manifest.json"


def check_files(experiment: Ready, text: DatasetConfig, data: Path) -> None:
    """``InputError`` where a text that was not made in ``data`` yet lacks files of the user's to make it of."""
    is_made = manifest_of(text.name, data).exists() or (data / text.name / "corpus" / "corpus.json").exists()
    if not is_made and (missing := _missing(text)):
        what = f"reads the text {text.name}, and not all of its files are here: {', '.join(missing)}"
        fix = f"put them there (paths are from {Path.cwd()}), or name your own text in datasets/{text.name}.yaml"
        raise InputError(experiment.source, what, fix)


def _missing(text: DatasetConfig) -> list[str]:
    """What a text names that is not there or can't be read; none of it where it is of no files."""
    if not isinstance(text.source, TextSource):
        return []
    missing = []
    for pattern in (*text.source.files, *text.source.validation_files):
        try:
            find_texts([pattern])
        except InputError as error:
            missing.append(f"{error.where} ({error.what})")
    model = text.tokenizer.model if text.tokenizer else None
    return missing + ([f"{model} (is missing)"] if model and not Path(model).is_file() else [])
