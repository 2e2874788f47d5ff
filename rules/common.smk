"""The validated configuration, as the other files here ask for it."""

import functools
import os
import re
import sys
from pathlib import Path

from snakemake.settings.types import DeploymentMethod
from tritgolf.artifact.packages import check_packages
from tritgolf.artifact.possible import check_storages
from tritgolf.config.record import RecordConfig
from tritgolf.config.yaml_files import read_yaml
from tritgolf.data.dataset import DatasetConfig, load_dataset
from tritgolf.devices import hide_devices, too_few, visible_devices
from tritgolf.errors import BAD_INPUT, InputError, bad_input_in_one_line
from tritgolf.errors import warn as tell_warning
from tritgolf.experiments.alike import check_alike
from tritgolf.experiments.ready import last_line, ready, table_of
from tritgolf.experiments.texts import check_files, texts_of
from tritgolf.laboratory.grids import CODE_LAYOUTS, grid_kind, grid_of
from tritgolf.provenance import version_of
from tritgolf.report.record_facts import record_facts
from tritgolf.streams import ready_streams
from tritgolf.torch_devices import check_gpus, found_elsewhere
from tritgolf.train.live import clear_finished
from tritgolf.pipeline import (
    check_apart,
    check_together,
    costly_without_gpus,
    laid_over,
    load_pipeline,
    make_importable,
    resolve_record,
    with_text_by_name,
)

make_importable(REPOSITORY)
ready_streams()


def _configured():
    """Records, what each was given as, datasets, GPUs and processes a run, grids; a mistake is one line and the end."""
    with bad_input_in_one_line():
        sources = " and ".join(map(os.path.relpath, workflow.configfiles)) or "config"
        pipeline = load_pipeline(
            read_yaml(REPOSITORY / "config.yaml") | config, sources, workflow.config_settings.config
        )
        experiment = pipeline.experiment and ready(pipeline.experiment, REPOSITORY / "records")
        if experiment and pipeline.dataset is None:  # else all of it reads that
            for text in texts_of(experiment, REPOSITORY / "datasets"):
                if not table_of(pipeline.experiment).exists():  # else the text may have been cleared away
                    check_files(experiment, text, Path("results/data"))
        names = experiment.records if experiment else pipeline.records
        if experiment:
            config["records"] = names  # jobs look a record up again
        records = [resolve_record(pipeline, name, REPOSITORY / "records") for name in names]
        check_apart("record", ((record.name, name) for record, name in zip(records, names)))
        if experiment:
            check_alike(experiment, records)
        given = {record.name: name for record, name in zip(records, names)}
        datasets = list(dict.fromkeys(record.dataset for record in records))
        chosen = [load_dataset(name, REPOSITORY / "datasets") for name in datasets]
        check_apart("dataset", ((text.name, name) for text, name in zip(chosen, datasets)))
        text_given = {text.name: name for text, name in zip(chosen, datasets)}
        texts = {text.name: text for text in chosen}  # by name; a text may be given by its file, too
        found = {record.name: with_text_by_name(record) for record in records}
        if pipeline.device == "cpu":
            hide_devices()
        gpus = 0 if pipeline.device == "cpu" else pipeline.gpus or len(visible_devices())  # that train one run
        processes = max(1, gpus, pipeline.gpus or 0)
        for record in found.values():
            check_together(record, texts[record.dataset], processes, text_given[record.dataset])
            check_storages(record.name, record.export, record.model)
        grids = {name: _grid_of(record, pipeline.grid) for name, record in found.items()}
    return found, given, texts, gpus, processes, grids, pipeline.experiment, experiment and experiment.file


def _grid_of(record: RecordConfig, name: str | None):
    """The laboratory's grid of a record: the named one, or that of its kind; every row of it is possible."""
    kind = grid_kind(record.export)
    grid = grid_of(name, REPOSITORY / "records" / "grids", kind)
    kind.variants(grid, record.export, record.model)
    return grid


RECORDS, GIVEN, DATASETS, GPUS, PROCESSES, GRIDS, EXPERIMENT, EXPERIMENT_FILE = _configured()
# What training is told (`device` of `train_stage`): on a cluster, a node may have GPUs that it wasn't asked for.
DEVICE = "cuda" if GPUS else "cpu" if config.get("device") == "cpu" else "any"
# Of jobs that compute on GPUs, for --sdm conda. Not a reason to make results again (rerun-triggers of profiles/default).
COMPUTE_ENVIRONMENT = f"../envs/tritgolf{'-cuda' if GPUS else ''}.yaml"
MACHINE_GPUS = max(GPUS, len(visible_devices()))  # a login node sees none: then those that it is told
if GPUS and workflow.local_exec and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", MACHINE_GPUS)  # as --resources gpu=N would: how many may be in use at a time


# Where nothing is run, as for --dag, --rulegraph and --report, no --cores is needed.
CORES = workflow.resource_settings.cores or len(os.sched_getaffinity(0))


def one_of(names) -> str:
    """A wildcard constraint: one of these names (none of them: no match)."""
    return "|".join(map(re.escape, names)) or "(?!)"


@functools.cache
def warn(message: str) -> None:
    """Tell once, where the work is planned: every job reads these files again."""
    if workflow.is_main_process:
        tell_warning(message)


def records() -> list[str]:
    """Names of the records to reproduce."""
    return list(RECORDS)


def record_config(name: str) -> RecordConfig:
    """A record's full configuration."""
    return RECORDS[name]


def seeds(name: str) -> list[int]:
    """Seeds of a record."""
    return list(RECORDS[name].seeds)


def checkpoints(name: str) -> list[str]:
    """Names of a record's published checkpoints, ``final`` last."""
    return RECORDS[name].train.checkpoint_names


def datasets_used() -> list[str]:
    """Names of the datasets that the records train on."""
    return list(DATASETS)


def dataset_config(name: str) -> DatasetConfig:
    """A dataset's configuration."""
    return DATASETS[name]


def has_trits(name: str) -> bool:
    """Whether a record trains ternary weights."""
    return record_facts(record_config(name)).has_trits


@functools.cache
def over_of(name: str) -> tuple:
    """What was laid over a record, of its own definition."""
    return laid_over(record_config(name), REPOSITORY / "records", GIVEN[name])


def recorded(name: str) -> dict:
    """A record's configuration as results keep it: with what was laid over the record, if anything was."""
    over = over_of(name)
    return plain(record_config(name)) | ({"laid_over": list(over)} if over else {})


def compute_threads(name: str, processes: int) -> int:
    """Threads of a job that computes: its GPUs' share of the machine, so that each GPU may have a job at a time."""
    return max(1, CORES * processes // MACHINE_GPUS) if GPUS else RECORDS[name].train.cpu_threads * processes


def memory_mb(gpus: int) -> int:
    """What a job that computes may take of the machine's memory: each GPU's process holds CUDA and copies of a state."""
    return 4000 + 8000 * gpus


def calibrates(record: str) -> bool:
    """Whether a storage of ``record`` is rounded by what a text of its training shows: that computes, as training does."""
    return getattr(record_config(record).export, "calibration", None) is not None


def calibration_shards(record: str) -> list[str]:
    """The shards that a calibration of ``record`` reads: those of its training; none where the model writes the text."""
    reads = calibrates(record) and record_config(record).export.calibration.source == "training_tokens"
    return [f"results/data/{record_config(record).dataset}/shards"] if reads else []


def check_devices() -> None:
    """End in one line, before any job, where jobs to run here want GPUs that are not there or that torch can't use.

    Jobs of a cluster run elsewhere, and with --sdm conda another torch than this one computes; each job looks for itself.
    """
    if not (workflow.is_main_process and workflow.local_exec):
        return
    asked = max((job.resources.get("gpu", 0) for job in workflow.dag.needrun_jobs()), default=0)
    with bad_input_in_one_line():
        if asked and DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
            if asked > len(visible_devices()):
                raise too_few(asked, len(visible_devices()))
        elif asked:
            check_gpus(asked, found_elsewhere())


def check_codecs() -> None:
    """End in one line, before any job, where artifacts to be made here want a coder whose package is not installed.

    A job of a cluster, or with --sdm conda, has packages of its own.
    """
    if not (workflow.is_main_process and workflow.local_exec):
        return
    if DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method:
        return
    rules_to_run = {job.rule.name for job in workflow.dag.needrun_jobs()}
    with bad_input_in_one_line():
        for record in RECORDS.values():
            if _runs(rules_to_run, f"export_{record.name}"):
                check_packages([*record.export.codecs, *record.export.code_layouts])
            if _runs(rules_to_run, f"laboratory_{record.name}") and not has_trits(record.name):
                check_packages(CODE_LAYOUTS)


def _runs(rules_to_run: set[str], rule: str) -> bool:
    """Whether ``rule`` is to run, whatever stands before its name in a workflow that this one is a module of."""
    return any(name.endswith(rule) for name in rules_to_run)


def is_training(job) -> bool:
    """Whether a job of the plan trains, whatever its rule is called in a workflow that this one is a module of."""
    return "train" in job.params.keys() and "live" in job.params.keys()


def clear_finished_training() -> None:
    """Delete what is kept of trainings whose outputs this Snakemake, which ended well, made or found made."""
    for job in workflow.dag.jobs:
        if is_training(job):
            clear_finished(Path(job.params.live))


def show_summary() -> None:
    """Print what the run made, where the main job was among its targets."""
    summary = Path("results/summary.txt")
    if (
        summary.exists()
        and Path("results/report.html").exists()
        and any(str(path) in ("all", "report") for path in (workflow.dag_settings.targets or ["all"]))
    ):
        print("", summary.read_text(encoding="utf-8"), sep="\n", flush=True)


def plain(settings) -> dict:
    """Settings as plain values for ``params``, so that a job runs again when, and only when, its own slice changes."""
    return settings.model_dump(mode="json")


def compared_files(wildcards) -> list[str]:
    """The table of the experiment, and what lies beside it; without one, a line says how to name it."""
    if not EXPERIMENT:
        print("error: no experiment is named; add --config experiment=NAME", file=sys.stderr)
        sys.exit(BAD_INPUT)
    return COMPARED
