"""Encode a dataset's documents into shards."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.data.encode import build_shards
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # put here by Snakemake

with one_line_errors(log=snakemake.log[0]):
    build_shards(
        snakemake.wildcards.dataset,
        Path(snakemake.input.facts).parent,
        Path(snakemake.input.model).parent,
        Path(snakemake.output[0]),
        tokens_per_shard=snakemake.params.tokens_per_shard,
        threads=snakemake.threads,
    )
