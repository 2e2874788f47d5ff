"""Write the folder of a submission."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.bundle.folder import write_bundle
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    write_bundle(Path(snakemake.input.configuration).parent)
