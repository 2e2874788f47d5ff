"""Write the script of a record."""

from snakemake.iocontainers import Snakemake

from tritgolf.bundle.script import write_script
from tritgolf.config.record import RecordConfig
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    write_script(RecordConfig.model_validate(snakemake.params.configuration), snakemake.output[0])
