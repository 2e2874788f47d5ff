"""Write every table and plot of a kept run."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.catalogue import draw, make_table
from tritgolf.report.metrics import load_run
from tritgolf.report.style import save

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    kept = load_run(snakemake.params.folder)
    for page in map(Path, snakemake.output.tables):
        make_table(page.stem, kept, list(snakemake.input.published)).write(page.with_suffix(""))
    for plot in map(Path, snakemake.output.plots):
        save(draw(plot.stem, kept), plot.with_suffix(""))
