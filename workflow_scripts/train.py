"""Train one seed of a record."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.config.models import of_its_kind
from tritgolf.config.train import TrainConfig
from tritgolf.errors import one_line_errors
from tritgolf.stages.train import train_stage

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    train_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        model=of_its_kind(snakemake.params.model),
        train=TrainConfig(**snakemake.params.train),
        shards=Path(snakemake.input.shards),
        live=Path(snakemake.params.live),
        checkpoints=dict(zip(snakemake.params.names, map(Path, snakemake.output.checkpoints), strict=True)),
        curve=Path(snakemake.output.curve),
        facts=Path(snakemake.output.facts),
        processes=snakemake.resources.ranks,
        nodes=snakemake.resources.get("nodes", 1),
        log=Path(snakemake.log[0]),
        device=None if snakemake.resources.device == "any" else snakemake.resources.device,
    )
