"""Probe every way to score a text, on a network of toy size."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.processors import use_processors
from tritgolf.stages.causality import causality_stage

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    use_processors(snakemake.threads)
    causality_stage(Path(snakemake.output.facts))
