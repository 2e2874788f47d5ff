"""See that no submission is one that was written although it can't be submitted."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.bundle.marked import check_unmarked
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    for written in snakemake.input:
        check_unmarked(Path(written).with_name("bundle") / "submission.json")
