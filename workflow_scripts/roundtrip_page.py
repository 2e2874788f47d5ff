"""Write the laboratory's paper from what was kept: as Markdown with figures beside, or as HTML with all tables."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.ledger import read_ledger
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.roundtrip_page import TITLE, read_kept, roundtrip_page
from tritgolf.audit.roundtrip_paper import roundtrip_paper
from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.pages import as_html, as_markdown

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    page, figures = Path(snakemake.output.page), Path(snakemake.output.figures)
    published = Path(snakemake.input.claims).parent
    kept = published.with_name("measured")
    figures.mkdir(parents=True, exist_ok=True)
    paper, tables = (Path(path).read_text(encoding="utf-8") for path in snakemake.input.templates)
    runs, measurements = read_kept(kept), read_measurements(kept)
    blocks = roundtrip_paper(paper, runs, measurements, figures)
    if page.suffix == ".html":
        blocks += roundtrip_page(tables, runs, measurements, read_ledger(published, kept), kept, figures)
        write_text(page, as_html(blocks, TITLE))
    else:
        write_text(page, as_markdown(blocks, page.parent))
