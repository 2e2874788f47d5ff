"""Write every table and plot of a kept run."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.comparisons import published_table, read_published
from tritgolf.report.metrics import load_run
from tritgolf.report.plots import draw
from tritgolf.report.style import save
from tritgolf.report.tables import roundtrip_table, seeds_table

snakemake: Snakemake  # set by Snakemake before this script runs

TABLES = {
    "seeds": seeds_table,
    "roundtrip": roundtrip_table,
    "published": lambda run: published_table(run, read_published(snakemake.input.published)),
}

with one_line_errors(log=snakemake.log[0]):
    kept = load_run(snakemake.params.folder)
    for page in map(Path, snakemake.output.tables):
        TABLES[page.stem](kept).write(page.with_suffix(""))
    for plot in map(Path, snakemake.output.plots):
        save(draw(plot.stem, kept), plot.with_suffix(""))
