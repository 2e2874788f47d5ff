"""Write a table of an experiment, a kept one or one of results."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.experiments import load_experiment
from tritgolf.report.lever_table import lever_table

snakemake: Snakemake  # set by Snakemake before this script runs

MAKE = {"compared": experiment_table, "levers": lever_table}

with one_line_errors(log=snakemake.log[0]):
    made = MAKE.get(Path(snakemake.output.md).stem, experiment_table)
    table = made(*load_experiment(snakemake.params.folder, snakemake.params.get("runs")))
    table.write(Path(snakemake.output.md).with_suffix(""))
