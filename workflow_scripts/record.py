"""Write a record's resolved configuration beside its results."""

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_json

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    write_json(snakemake.output[0], snakemake.params.configuration)
