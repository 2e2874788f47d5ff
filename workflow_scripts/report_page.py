"""Write the page of the last command: its records, what made them, their tables and main figures."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.metrics import load_several
from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.run_pages import Reported, overview, read_captions

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    runs = load_several(snakemake.input.metrics, [RecordFacts(**facts) for facts in snakemake.params.facts])
    page, names = Path(snakemake.output[0]), tuple(snakemake.params.titles)
    records = [Reported(run, page.parent / run.facts.name, names) for run in runs]
    captions = read_captions(list(map(Path, snakemake.input.captions)))
    others = [Path(other) for other in snakemake.input.others]
    write_text(page, overview(records, captions, page.parent, others))
