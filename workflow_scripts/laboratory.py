"""Measure the ablation grid on one checkpoint."""

from pathlib import Path

import torch
from snakemake.iocontainers import Snakemake

from tritgolf.config.export import ExportConfig
from tritgolf.config.models import of_its_kind
from tritgolf.errors import one_line_errors
from tritgolf.laboratory.grid import GridConfig
from tritgolf.stages.laboratory import laboratory_stage
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), computing_on(snakemake.resources.gpu):
    torch.set_num_threads(snakemake.threads)
    laboratory_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=of_its_kind(snakemake.params.model),
        export=ExportConfig(**snakemake.params.export),
        grid=GridConfig(rows=snakemake.params.grid),
        z_loss=snakemake.params.z_loss,
        attention=snakemake.params.attention,
        batch=snakemake.params.batch,
        checkpoint=Path(snakemake.input.checkpoint),
        shards=Path(snakemake.input.shards),
        tokenizer=Path(snakemake.input.tokenizer),
        facts=Path(snakemake.output.facts),
        threads=snakemake.threads,
    )
