"""Write the laboratory's page from what was kept: as Markdown with its figures beside, or as one HTML file."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.ledger import read_ledger
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.roundtrip_page import TITLE, read_kept, roundtrip_page
from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.pages import as_html, as_markdown

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    page, figures = Path(snakemake.output.page), Path(snakemake.output.figures)
    published = Path(snakemake.input.claims).parent
    kept = published.with_name("measured")
    figures.mkdir(parents=True, exist_ok=True)
    blocks = roundtrip_page(
        Path(snakemake.input.template).read_text(encoding="utf-8"),
        read_kept(kept),
        read_measurements(kept),
        read_ledger(published, kept),
        kept,
        figures,
    )
    write_text(page, as_html(blocks, TITLE) if page.suffix == ".html" else as_markdown(blocks, page.parent))
