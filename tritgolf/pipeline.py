"""``config.yaml``: what to reproduce. Systems are defined in ``records/``, texts in ``datasets/``."""

import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from tritgolf.config.differences import differences
from tritgolf.config.record import RUN_MARK, RecordConfig, load_record
from tritgolf.config.settings import Settings, validate_yaml
from tritgolf.config.types import Positive, check_names
from tritgolf.config.yaml_files import read_yaml
from tritgolf.data.dataset import DatasetConfig, HubSource, TextSource
from tritgolf.errors import InputError

TOKENS_OF_A_DAY = 10**8  # more than a CPU reads in a day, be the model as small as the long records'
PLAIN = (".txt", ".md", ".jsonl", ".ndjson", ".json")  # text files that are not compressed
YAML_WORDS = ("null", "~", "true", "false")  # numbers in strings are read as numbers by the validation anyway


class PipelineConfig(Settings):
    """Records, seeds and data of one run of the workflow; null means: as each record says.

    ``run``: a name for what these settings make of the records: ``results/RECORD@RUN`` instead of ``results/RECORD``.
    ``replace``: whether trainings that are done, or stopped, may give way to others of the same name.
    ``submissions``: the folder of submissions that ``leaderboard`` audits. ``experiment``: one of
    ``records/experiments/``, whose records are then those that are run.
    """

    records: tuple[str, ...]
    seeds: tuple[int, ...] | None = None
    dataset: str | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    gpus: Positive | None = None
    device: Literal["cpu"] | None = None
    grid: str | None = None
    run: str | None = None
    replace: bool = False
    submissions: str | None = None
    experiment: str | None = None

    @model_validator(mode="after")
    def _records_are_named_once(self) -> "PipelineConfig":
        check_names("records", self.records, "record")
        return self

    @model_validator(mode="before")
    @classmethod
    def _run_can_be_in_a_path(cls, raw: Any) -> Any:
        """Snakemake hands what looks like a number over as one: ``run=2``, but also ``run=1e3``."""
        run = raw.get("run")
        name = str(run) if isinstance(run, int) and not isinstance(run, bool) else run
        if name is not None and not (isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]+", name)):
            allowed = "a word of A to Z, a to z, digits, '-', '_' and '.' that is no number with a point"
            raise ValueError(f"run: {run!r} is not possible; it must be {allowed}")
        return raw | {"run": name}


def config_files(repository: str | Path) -> list[str]:
    """The repository's ``config.yaml``, in whatever folder one works; laid over it, that folder's own if it has one.

    Paths relative to the working folder. Raises ``InputError`` where one cannot be read.
    """
    default, own = os.path.relpath(Path(repository) / "config.yaml"), "config.yaml"
    found = [default, own] if default != own and Path(own).exists() else [default]
    for path in found:
        read_yaml(path)  # Snakemake's own complaint doesn't name the file
    return found


def load_pipeline(
    raw: dict[str, Any], path: str | Path = "config.yaml", commanded: Mapping[str, Any] = MappingProxyType({})
) -> PipelineConfig:
    """Validate the merged configuration (file and command line). Raises ``InputError`` in one line.

    That names the command line for a key that was ``commanded`` there, else ``path``. One without a value, as
    ``dataset=$TEXT`` is where TEXT isn't set, is none that says null.
    """
    if (empty := next((key for key, value in commanded.items() if value is None), None)) is not None:
        raise InputError("--config", f"{empty}= has no value", "give it one, or leave it out")
    try:
        return validate_yaml(PipelineConfig, typed(raw), path)
    except InputError as error:
        key = re.split("[.:]", error.what)[0]
        raise InputError("--config" if key in commanded else path, error.what, error.fix) from None


def typed(value: Any) -> Any:
    """Strings as the YAML values they spell: Snakemake hands nested values of ``--config`` over as strings."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return yaml.safe_load(value) if isinstance(value, str) and value.strip() in YAML_WORDS else value


def make_importable(repository: Path) -> None:
    """Let jobs import the package from a checkout, ``repository``: in a conda environment or on a cluster node too."""
    if not (repository / "tritgolf").is_dir():
        return  # the package is installed, and so are its libraries
    repository = repository.absolute()
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{repository}{os.pathsep}{known}" if known else str(repository)


def check_together(record: RecordConfig, text: DatasetConfig, processes: int, given: str | None = None) -> None:
    """What a record asks of its text and of the number of ``processes`` that train it, before anything is made.

    ``given``: what the text was given as, which may be its file. Raises ``InputError`` in one line.
    """
    trained = text.tokenizer.vocab_size if text.tokenizer else None
    setting, vocabulary = ("tokenizer.vocab_size", trained) if trained else ("vocab_size", text.vocab_size)
    if vocabulary not in (None, record.model.vocab_size):
        raise InputError(
            given if given and given.endswith(".yaml") else f"datasets/{text.name}.yaml",
            f"{setting}: {vocabulary}, but the record {record.name} has model.vocab_size: {record.model.vocab_size}",
            "give both the same, or the record another dataset",
        )
    if processes > 1:
        from tritgolf.data.batches import check_ranks  # noqa: PLC0415  (numpy, which most of Snakemake's jobs don't need)

        try:
            check_ranks(record.train, record.model.context, processes, most_shards(text))
        except InputError as error:
            raise InputError(f"gpus: {processes}", f"{error.what} of {record.name}", error.fix) from None


def most_shards(text: DatasetConfig) -> int | None:
    """The most training shards that ``text`` can have; None where that is not known before it is made.

    A text makes at most two tokens a byte. What compressed files, folders and patterns hold would have to be read.
    """
    if isinstance(text.source, HubSource):
        return text.source.train_shards
    files = [Path(file) for file in text.source.files] if isinstance(text.source, TextSource) else []
    if not files or not all(file.is_file() and file.suffix.lower() in PLAIN for file in files):
        return None
    return max(1, math.ceil(2 * sum(file.stat().st_size for file in files) / text.tokens_per_shard))


def costly_without_gpus(record: RecordConfig) -> str | None:
    """What to tell of a record that a CPU would train for days, or None."""
    tokens = record.train.steps * record.train.batch_tokens
    if tokens < TOKENS_OF_A_DAY:
        return None
    return (
        f"{record.name}: no GPU is visible, and each seed trains on up to {tokens / 1e9:.1f} billion tokens; "
        f"that is for GPUs (the record `demo` is for CPUs)"
    )


def resolve_record(pipeline: PipelineConfig, name: str, folder: str | Path) -> RecordConfig:
    """The record ``name`` with the pipeline's seeds, dataset and overrides laid over it, validated.

    Where the run has a name, so has the record: ``RECORD@RUN``.
    """
    base, marked, run = name.partition(RUN_MARK)
    if marked:
        fix = f"give both by themselves: records='[{base}]' run={run}"
        raise InputError(f"record {name!r}", "names a record and a run of it", fix)
    over = dict(pipeline.overrides)
    if pipeline.seeds is not None:
        over["seeds"] = list(pipeline.seeds)
    if pipeline.dataset is not None:
        over["dataset"] = pipeline.dataset
    try:
        found = load_record(name, folder, over)
    except InputError as error:
        load_record(name, folder)  # tells a mistake of the record's own; else what is wrong was laid over it
        raise InputError(f"{error.where} with the settings laid over it", error.what, error.fix) from None
    return found if pipeline.run is None else found.model_copy(update={"name": f"{found.name}{RUN_MARK}{pipeline.run}"})


def check_apart(kind: str, given: Iterable[tuple[str, str]]) -> None:
    """``InputError`` where two of ``given``, (name, what it was given as), make the same results: one would be lost."""
    known: dict[str, str] = {}
    for name, shown in given:
        if known.setdefault(name, shown) != shown:
            raise InputError(f"{kind} {shown}", f"has the name of {known[name]}", "leave one out, or rename it")


def with_text_by_name(record: RecordConfig) -> RecordConfig:
    """``record`` with the name of its text, which may be given as a file: ``./mine.yaml`` is ``mine``."""
    return record.model_copy(update={"dataset": record.dataset.rpartition("/")[2].removesuffix(".yaml")})


def resolve_again(config: dict[str, Any], name: str, repository: Path) -> RecordConfig:
    """In a job: the record that ``config`` makes of ``name``, RECORD or RECORD@RUN, as the workflow resolved it."""
    pipeline = load_pipeline(read_yaml(repository / "config.yaml") | config)
    base = name.partition(RUN_MARK)[0]
    given = next((one for one in pipeline.records if Path(one).name == f"{base}.yaml"), base)
    return with_text_by_name(resolve_record(pipeline, given, repository / "records"))


def laid_over(record: RecordConfig, folder: str | Path, own: str | None = None) -> tuple[str, ...]:
    """What of a resolved record is not as ``folder`` defines it: ``train.steps: 24 → 32`` and the like.

    ``own``: what the record was given as, its file where it is not of ``folder``.
    """
    defined = load_record(own or record.name.partition(RUN_MARK)[0], folder)
    before, after = (with_text_by_name(one).model_dump(mode="json", exclude={"name"}) for one in (defined, record))
    return tuple(differences(before, after))
