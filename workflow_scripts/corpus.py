"""Read a dataset's text and split it."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.data.corpus import build_corpus
from tritgolf.data.dataset import DocumentsSource, SplitConfig, parse_source
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # put here by Snakemake

with one_line_errors(log=snakemake.log[0]):
    name, rule = snakemake.wildcards.dataset, snakemake.params.validation
    folder = Path(snakemake.output.facts).parent
    source = parse_source(snakemake.params.source, f"dataset {name!r}")
    if isinstance(source, DocumentsSource):
        from tritgolf.data.documents import fetch_text  # with the hub's library, which other texts don't need

        source = fetch_text(source, folder.parents[1] / "documents")  # results/data/documents: for all datasets of them
    build_corpus(name, source, None if rule is None else SplitConfig(**rule), folder)
