"""The validated configuration, as the other files here ask for it."""

import functools
import os
import re
import sys
from pathlib import Path

from tritgolf.config import RecordConfig
from tritgolf.data.dataset import DatasetConfig, load_dataset
from tritgolf.devices import visible_devices
from tritgolf.errors import BAD_INPUT, InputError
from tritgolf.laboratory.grid import load_grid
from tritgolf.provenance import STAGE_VERSIONS
from tritgolf.streams import ready_streams
from tritgolf.train.live import clear_finished
from tritgolf.pipeline import check_together, costly_without_gpus, load_pipeline, make_importable, resolve_record

REPOSITORY = Path(workflow.basedir)
make_importable(REPOSITORY)
ready_streams()


def _configured():
    """Records, their datasets, GPUs a run and the laboratory's grid; bad configuration is one line and the end."""
    try:
        pipeline = load_pipeline(config, " and ".join(map(os.path.relpath, workflow.configfiles)))
        found = {name: resolve_record(pipeline, name, REPOSITORY / "records") for name in pipeline.records}
        texts = {record.dataset: load_dataset(record.dataset, REPOSITORY / "datasets") for record in found.values()}
        gpus = pipeline.gpus or len(visible_devices())  # that train one run
        for record in found.values():
            check_together(record, texts[record.dataset], max(1, gpus))
        grid = load_grid(pipeline.grid, REPOSITORY / "records" / "grids")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    return found, texts, gpus, grid


RECORDS, DATASETS, GPUS, GRID = _configured()
MACHINE_GPUS = max(GPUS, len(visible_devices()))  # a login node sees none: then those that it is told
if GPUS and workflow.local_exec and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", MACHINE_GPUS)  # as --resources gpu=N would: how many may be in use at a time


def one_of(names) -> str:
    """A wildcard constraint: one of these names (none of them: no match)."""
    return "|".join(map(re.escape, names)) or "(?!)"


@functools.cache
def warn(message: str) -> None:
    """Tell once, where the work is planned: every job reads these files again."""
    if workflow.is_main_process:
        print(f"warning: {message}", file=sys.stderr, flush=True)


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


def compute_threads(name: str, gpus: int) -> int:
    """Threads of a job that computes: its GPUs' share of the machine, so that each GPU may have a job at a time."""
    return max(1, workflow.cores * gpus // MACHINE_GPUS) if GPUS else RECORDS[name].train.cpu_threads


def memory_mb(gpus: int) -> int:
    """What a job that computes may take of the machine's memory: each GPU's process holds CUDA and copies of a state."""
    return 4000 + 8000 * gpus


def clear_finished_training() -> None:
    """Delete what is kept of trainings whose outputs this Snakemake, which ended well, made or found made."""
    for job in workflow.dag.jobs:
        if job.rule.name.startswith("train_"):
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
