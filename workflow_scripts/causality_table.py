"""Write the rules table as CSV, Markdown and HTML."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.causality_table import causality_table, read_rules, read_rulings

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    table = causality_table(read_rules(snakemake.input.facts), read_rulings(snakemake.input.rulings))
    table.write(Path(snakemake.output.csv).with_suffix(""))
