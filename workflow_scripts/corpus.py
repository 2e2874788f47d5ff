"""Read a dataset's text and split it."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.data.corpus import build_corpus
from tritgolf.data.dataset import SplitConfig, parse_source
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # put here by Snakemake

with one_line_errors(log=snakemake.log[0]):
    name, rule = snakemake.wildcards.dataset, snakemake.params.validation
    build_corpus(
        name,
        parse_source(snakemake.params.source, f"dataset {name!r}"),
        None if rule is None else SplitConfig(**rule),
        Path(snakemake.output.facts).parent,
    )
