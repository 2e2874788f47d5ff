"""Export one checkpoint with every storage choice of its record."""

from pathlib import Path

import torch
from snakemake.iocontainers import Snakemake

from tritgolf.config.export import ExportConfig
from tritgolf.config.model import UNetConfig
from tritgolf.errors import one_line_errors
from tritgolf.stages.export import export_stage

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    export_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=UNetConfig(**snakemake.params.model),
        export=ExportConfig(**snakemake.params.export),
        checkpoint=Path(snakemake.input.checkpoint),
        folder=Path(snakemake.output.facts).parent,
        facts=Path(snakemake.output.facts),
        threads=snakemake.threads,
    )
