"""Make Snakemake's own report of everything that is shown. A Snakemake of its own does it: the running one cannot."""

import subprocess
import sys
from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import InputError, one_line_errors
from tritgolf.files import write_json

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    configuration = Path("results/config.json")
    write_json(configuration, snakemake.params.configuration)
    page = Path(snakemake.output[0])
    unfinished = page.with_name(f".unfinished.{page.name}")  # the reporter looks at the ending
    workflow = ["--snakefile", snakemake.params.snakefile, "--configfile", str(configuration), "--cores", "1"]
    arguments = [*workflow, "--report", str(unfinished), "--quiet", "all", "--", *snakemake.input.shown]
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not unfinished.exists():
        raise InputError(page, f"Snakemake could not make it: {done.stderr.strip()[-500:]}", "run the target again")
    unfinished.replace(page)
