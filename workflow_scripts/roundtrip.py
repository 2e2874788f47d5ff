"""Reload every artifact of a checkpoint and score it against the trained model."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.config.models import of_its_kind
from tritgolf.errors import one_line_errors
from tritgolf.processors import use_processors
from tritgolf.stages.roundtrip import roundtrip_stage
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), computing_on(snakemake.resources.gpu):
    use_processors(snakemake.threads)
    roundtrip_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=of_its_kind(snakemake.params.model),
        own_storage=snakemake.params.own_storage,
        z_loss=snakemake.params.z_loss,
        attention=snakemake.params.attention,
        batch=snakemake.params.batch,
        checkpoint=Path(snakemake.input.checkpoint),
        artifacts=dict(zip(snakemake.params.storages, map(Path, snakemake.input.artifacts), strict=True)),
        shards=Path(snakemake.input.shards),
        tokenizer=Path(snakemake.input.tokenizer),
        facts=Path(snakemake.output.facts),
    )
