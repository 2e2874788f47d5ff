"""Rebuild the published table of one system, and list what differs."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.published import read_seed_table
from tritgolf.audit.published_tables import differences, rebuilt_table
from tritgolf.errors import one_line_errors
from tritgolf.files import write_text

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    table = read_seed_table(snakemake.wildcards.system, Path(snakemake.input.claims).parent)
    rebuilt_table(table).write(Path(snakemake.output.csv).with_suffix(""))
    write_text(snakemake.output.differences, differences(table).to_csv(index=False, lineterminator="\n"))
