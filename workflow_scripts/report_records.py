"""Write the table of the command's records as CSV, Markdown and HTML."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.comparisons import records_table
from tritgolf.report.metrics import load_several
from tritgolf.report.record_facts import RecordFacts

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    runs = load_several(snakemake.input.metrics, [RecordFacts(**facts) for facts in snakemake.params.facts])
    records_table(runs).write(Path(snakemake.output.csv).with_suffix(""))
