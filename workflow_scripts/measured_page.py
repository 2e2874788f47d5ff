"""Write the page of the kept runs: what each is, with links to their own pages."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.files import write_text
from tritgolf.report.experiments import read_experiment
from tritgolf.report.metrics import load_run
from tritgolf.report.run_pages import kept_overview

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    runs = {folder.name: load_run(folder) for folder in (Path(path).parent for path in snakemake.input.runs)}
    folders = [Path(path).parent for path in snakemake.input.experiments]
    experiments = {folder.name: read_experiment(folder)[0].title for folder in folders}
    write_text(snakemake.output[0], kept_overview(runs, experiments))
