"""Push every mechanism on one checkpoint until it breaks."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.config.models import of_its_kind
from tritgolf.errors import one_line_errors
from tritgolf.laboratory.grid import ProbeConfig
from tritgolf.processors import use_processors
from tritgolf.stages.probes import probe_stage
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), computing_on(snakemake.resources.gpu):
    use_processors(snakemake.threads)
    probe_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=of_its_kind(snakemake.params.model),
        probes=ProbeConfig(**snakemake.params.probes),
        z_loss=snakemake.params.z_loss,
        attention=snakemake.params.attention,
        batch=snakemake.params.batch,
        checkpoint=Path(snakemake.input.checkpoint),
        shards=Path(snakemake.input.shards),
        tokenizer=Path(snakemake.input.tokenizer),
        facts=Path(snakemake.output.facts),
    )
