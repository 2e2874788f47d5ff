"""Download a published dataset."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.data.dataset import HubSource
from tritgolf.data.published import build_published_dataset
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # put here by Snakemake

with one_line_errors(log=snakemake.log[0]):
    build_published_dataset(
        snakemake.wildcards.dataset,
        HubSource(**snakemake.params.source),
        Path(snakemake.params.download),
        Path(snakemake.output.model).parent,
        Path(snakemake.output.shards),
    )
