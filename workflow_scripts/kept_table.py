"""Write measured/README.md: a table of the kept runs from their own facts, in the prose of a template."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.roundtrip_page import read_kept
from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.experiments import FILE, load_experiment
from tritgolf.report.kept_table import kept_page
from tritgolf.report.pages import as_markdown

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    template, page = Path(snakemake.input.template), Path(snakemake.output.page)
    folder = template.parents[1] / "measured"
    runs = {kept.name: kept.run for kept in read_kept(folder)}
    experiments = {path.parent.name: load_experiment(path.parent) for path in folder.glob(f"*/{FILE}")}
    blocks = kept_page(template.read_text(encoding="utf-8"), runs, experiments)
    write_text(page, as_markdown(blocks, page.parent))
