"""Draw one plot of a record as SVG, PDF and PNG, and what it shows as CSV."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.catalogue import write_plot
from tritgolf.report.metrics import load_files
from tritgolf.report.record_facts import RecordFacts

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    run = load_files(snakemake.input.metrics, RecordFacts(**snakemake.params.facts))
    write_plot(snakemake.params.plot, run, Path(snakemake.output.svg).with_suffix(""))
