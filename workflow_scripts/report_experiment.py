"""Write the table of an experiment, a kept one or one of results."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.experiments import load_experiment

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    table = experiment_table(*load_experiment(snakemake.params.folder, snakemake.params.get("runs")))
    table.write(Path(snakemake.output.md).with_suffix(""))
