"""tritgolf: from text to three-seed tables. Targets: all (default), tables, plots, roundtrip, report, data, published, audit."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"
report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/roundtrip.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/audit.smk"
