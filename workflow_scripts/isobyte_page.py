"""Write the paper of weights at equal bytes, and the page of its tables, from what was kept."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.isobyte_paper import isobyte_paper
from tritgolf.report.isobyte_tables import isobyte_tables
from tritgolf.report.pages import as_markdown

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    page, tables, figures = map(Path, (snakemake.output.page, snakemake.output.tables, snakemake.output.figures))
    figures.mkdir(parents=True, exist_ok=True)
    of_page, of_tables = (Path(template).read_text(encoding="utf-8") for template in snakemake.input.templates)
    kept = Path(snakemake.input.templates[0]).parents[1] / "measured"
    write_text(page, as_markdown(isobyte_paper(of_page, kept, figures), page.parent))
    write_text(tables, as_markdown(isobyte_tables(of_tables, kept), tables.parent))
