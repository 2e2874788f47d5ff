"""Snakemake, which asks SLURM every two seconds; the plugin asks ever more rarely while nothing ends, up to minutes."""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

Executor.next_seconds_between_status_checks = property(lambda self: 2, lambda self, seconds: None)
sys.exit(main())
