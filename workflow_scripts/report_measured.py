"""Write every table and plot of a kept run, and their page."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.catalogue import make_table, write_plot
from tritgolf.report.metrics import load_run
from tritgolf.report.run_pages import Reported, read_captions, record_page

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    kept, published = load_run(snakemake.params.folder), list(snakemake.input.published)
    tables, plots = (list(map(Path, files)) for files in (snakemake.output.tables, snakemake.output.plots))
    for page in tables:
        make_table(page.stem, kept, published).write(page.with_suffix(""))
    for plot in plots:
        write_plot(plot.stem, kept, plot.with_suffix(""))
    names = {path.stem for path in tables + plots}
    titles, page = snakemake.params.titles, Path(snakemake.output.page)
    shown = Reported(kept, page.parent, tuple(name for name in titles if name in names))
    captions = read_captions(list(map(Path, snakemake.input.captions)))
    write_text(page, record_page(shown, titles, captions, published, "[Kept runs](../report.html)"))
