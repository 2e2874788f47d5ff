"""tritgolf: from text to three-seed tables.

Targets: all (default), data, train, tables, plots, measured, roundtrip, sliding, laboratory, report,
published, claims, paper, audit, compared, leaderboard, script, bundle, causality, samples.
"""

import os
from pathlib import Path

from snakemake.utils import min_version

from tritgolf.errors import InputError, one_line_errors
from tritgolf.pipeline import config_files

min_version("9.27")


# Of this file, in a module too; relative, so that a moved checkout has the same inputs.
REPOSITORY = Path(os.path.relpath(workflow.current_basedir.get_path_or_uri(secret_free=False)))

with one_line_errors():
    if getattr(workflow.modifier.path_modifier, "prefix", None):
        raise InputError(
            "module", "has a prefix, which this workflow can't have", "leave it out: results are in results/"
        )
    CONFIG_FILES = config_files(REPOSITORY)

for _path in CONFIG_FILES:

    configfile: _path


include: "rules/console.smk"
include: "rules/common.smk"


wildcard_constraints:
    record=one_of(records()),
    dataset="[A-Za-z0-9_.-]+",
    seed=r"\d+",
    checkpoint=r"step_\d+|final",


include: "rules/replacing.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/roundtrip.smk"
include: "rules/laboratory.smk"
include: "rules/evaluate.smk"
include: "rules/sample.smk"
include: "rules/report.smk"
include: "rules/experiment.smk"
include: "rules/bundle.smk"
include: "rules/audit.smk"
include: "rules/leaderboard.smk"
include: "rules/causality.smk"
include: "rules/paper.smk"
include: "rules/page.smk"
include: "rules/provenance.smk"


rule all:
    default_target: True
    input:
        ALL_TABLES + ALL_PLOTS,
        [f"results/{record}/record.json" for record in records()],
        [f"results/{record}/provenance.json" for record in records()],
        "results/summary.txt",
        "results/report.html",
    localrule: True
    message:
        "The report is results/report.html, the summary results/summary.txt"


rule report:
    input:
        "results/report.html",
    localrule: True
    message:
        "The report is results/report.html"


rule data:
    input:
        [f"results/data/{dataset}/shards" for dataset in datasets_used()],
    localrule: True
    message:
        "The tokens are in results/data/DATASET/shards"


rule train:
    input:
        [f"results/{record}/seed{seed}/train/train.json" for record in records() for seed in seeds(record)],
    localrule: True
    message:
        "Training is done: results/RECORD/seedN/train"


rule tables:
    input:
        ALL_TABLES,
    localrule: True
    message:
        "The tables are in results/RECORD/tables"


rule plots:
    input:
        ALL_PLOTS,
    localrule: True
    message:
        "The plots are in results/RECORD/plots"


rule measured:
    input:
        ALL_MEASURED + PAPER,
        "results/measured/report.html",
    localrule: True
    message:
        "The kept runs: results/measured/report.html"


rule roundtrip:
    input:
        [f"results/{record}/tables/roundtrip.md" for record in records()],
        [f"results/{record}/plots/rt_gap.svg" for record in records()],
    localrule: True
    message:
        "The roundtrip tables are results/RECORD/tables/roundtrip.md, their plots beside them in plots"


rule sliding:
    input:
        [path for record in records() for path in files_of(f"results/{record}", "tables", ["checkpoints"])],
    localrule: True
    message:
        "The scores by checkpoint are in results/RECORD/tables/checkpoints.md"


rule compared:
    input:
        compared_files,
    localrule: True
    message:
        SAID_COMPARED


rule laboratory:
    input:
        [path for record in records() for path in laboratory_of(record)],
        [f"results/{record}/laboratory.html" for record in records()],
    localrule: True
    message:
        "The laboratory's page is results/RECORD/laboratory.html"


onstart:
    check_devices()
    check_codecs()


onsuccess:
    clear_finished_training()
    show_summary()
