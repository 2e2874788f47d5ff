"""Write the table of an experiment, a kept one or one of results, and its figure."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.report.experiment_kinds import write_experiment
from tritgolf.report.experiments import load_experiment

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    experiment, runs = load_experiment(snakemake.params.folder, snakemake.params.get("runs"))
    write_experiment(experiment, runs, Path(snakemake.output.md).with_suffix(""))
