"""``config.yaml``: what to reproduce. Systems are defined in ``records/``, texts in ``datasets/``."""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tritgolf.config import Positive, RecordConfig, Settings, check_names, load_record, validate


class PipelineConfig(Settings):
    """Records, seeds and data of one run of the workflow; null means: as each record says."""

    records: tuple[str, ...]
    seeds: tuple[int, ...] | None = None
    dataset: str | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    gpus: Positive | None = None

    @model_validator(mode="after")
    def _records_are_named_once(self) -> "PipelineConfig":
        check_names("records", self.records, "record")
        return self


def load_pipeline(raw: dict[str, Any], path: str | Path = "config.yaml") -> PipelineConfig:
    """Validate the merged configuration (file and command line). Raises ``InputError`` in one line."""
    return validate(PipelineConfig, raw, path)


def make_importable(repository: Path) -> None:
    """Let jobs import the package from ``repository``: in a conda environment or on a cluster node too."""
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{repository}{os.pathsep}{known}" if known else str(repository)


def resolve_record(pipeline: PipelineConfig, name: str, folder: str | Path) -> RecordConfig:
    """The record ``name`` with the pipeline's seeds, dataset and overrides laid over it, validated."""
    over = dict(pipeline.overrides)
    if pipeline.seeds is not None:
        over["seeds"] = list(pipeline.seeds)
    if pipeline.dataset is not None:
        over["dataset"] = pipeline.dataset
    return load_record(name, folder, over)
