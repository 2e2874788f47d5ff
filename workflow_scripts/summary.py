"""Write what the main job prints at its end."""

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.metrics import load_several
from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.summary import summary

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    runs = load_several(snakemake.input.metrics, [RecordFacts(**facts) for facts in snakemake.params.facts])
    write_text(snakemake.output[0], summary(runs))
