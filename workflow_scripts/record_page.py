"""Write the page of a record, or of its laboratory: all of their tables and figures."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import read_json, write_text
from tritgolf.report.metrics import load_files
from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.run_pages import Reported, read_captions, record_page

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    run = load_files(snakemake.input.metrics, RecordFacts(**snakemake.params.facts))
    names = dict.fromkeys(Path(path).stem for path in snakemake.input.shown)
    page, titles = Path(snakemake.output[0]), snakemake.params.titles
    captions = read_captions(list(map(Path, snakemake.input.captions)))
    shown = Reported(run, page.parent, tuple(name for name in titles if name in names))
    published, up = list(snakemake.input.published), "[Results](../report.html)"
    texts = [read_json(Path(path))["metrics"]["text"] for path in snakemake.input.sample]
    write_text(page, record_page(shown, titles, captions, published, up, "\n\n".join(texts)))
