"""Audit one record's results. A contradicted check is a finding, not a failure: the workflow goes on."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.auditor import audit
from tritgolf.audit.report import markdown
from tritgolf.errors import one_line_errors
from tritgolf.files import write_json, write_text

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    report = audit(Path(snakemake.input.configuration).parent)
    write_text(snakemake.output.markdown, markdown(report))
    write_json(snakemake.output.json, report.as_dict())
