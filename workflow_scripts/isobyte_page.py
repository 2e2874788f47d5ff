"""Write the paper of weights at equal bytes from what was kept."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.isobyte_paper import isobyte_paper
from tritgolf.report.pages import as_markdown

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    page, figures = Path(snakemake.output.page), Path(snakemake.output.figures)
    figures.mkdir(parents=True, exist_ok=True)
    template = Path(snakemake.input.template)
    kept = template.parents[1] / "measured"
    blocks = isobyte_paper(template.read_text(encoding="utf-8"), kept, figures)
    write_text(page, as_markdown(blocks, page.parent))
