"""Write one table of a record as CSV, Markdown and HTML."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.catalogue import make_table
from tritgolf.report.metrics import load_files
from tritgolf.report.record_facts import RecordFacts

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    run = load_files(snakemake.input.metrics, RecordFacts(**snakemake.params.facts))
    table = make_table(snakemake.params.table, run, list(snakemake.input.published))
    table.write(Path(snakemake.output.csv).with_suffix(""))
