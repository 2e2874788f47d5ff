"""Write one table of a record as CSV, Markdown and HTML."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.comparisons import published_table, read_published
from tritgolf.report.metrics import load_files
from tritgolf.report.schemas import RecordFacts
from tritgolf.report.tables import roundtrip_table, seeds_table

snakemake: Snakemake  # set by Snakemake before this script runs

TABLES = {
    "seeds": seeds_table,
    "roundtrip": roundtrip_table,
    "published": lambda run: published_table(run, read_published(snakemake.input.published)),
}

with one_line_errors(log=snakemake.log[0]):
    run = load_files(snakemake.input.metrics, RecordFacts(**snakemake.params.facts))
    TABLES[snakemake.params.table](run).write(Path(snakemake.output.csv).with_suffix(""))
