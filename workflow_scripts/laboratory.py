"""Measure the ablation grid on one checkpoint."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.config.export import export_of
from tritgolf.config.models import of_its_kind
from tritgolf.config.train import TrainConfig
from tritgolf.errors import one_line_errors
from tritgolf.laboratory.grids import grid_kind
from tritgolf.processors import use_processors
from tritgolf.stages.laboratory import laboratory_stage
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), computing_on(snakemake.resources.gpu):
    use_processors(snakemake.threads)
    model, train = of_its_kind(snakemake.params.model), snakemake.params.get("train")
    export = export_of(model, snakemake.params.export)
    laboratory_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=model,
        export=export,
        grid=grid_kind(export).config(rows=snakemake.params.grid),
        z_loss=snakemake.params.z_loss,
        attention=snakemake.params.attention,
        batch=snakemake.params.batch,
        checkpoint=Path(snakemake.input.checkpoint),
        shards=Path(snakemake.input.shards),
        tokenizer=Path(snakemake.input.tokenizer),
        facts=Path(snakemake.output.facts),
        threads=snakemake.threads,
        train=train and TrainConfig(**train),
    )
