"""Let the model of a record's artifact write a text."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.processors import use_processors
from tritgolf.stages.sample import sample_stage
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), computing_on(snakemake.resources.gpu):
    use_processors(snakemake.threads)
    sample_stage(
        record=snakemake.params.record,
        seed=snakemake.params.seed,
        artifact=Path(snakemake.input.artifact),
        tokenizer=Path(snakemake.input.tokenizer),
        facts=Path(snakemake.output.facts),
        text=Path(snakemake.output.text),
    )
