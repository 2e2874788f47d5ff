"""tritgolf: from text to three-seed tables.

Targets: all (default), data, train, tables, plots, measured, roundtrip, sliding, laboratory, report,
published, claims, paper, audit.
"""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


wildcard_constraints:
    record="[A-Za-z0-9_.-]+",
    dataset="[A-Za-z0-9_.-]+",
    seed=r"\d+",
    checkpoint=r"step_\d+|final",


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/roundtrip.smk"
include: "rules/laboratory.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"
include: "rules/audit.smk"
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


rule report:
    input:
        "results/report.html",


rule data:
    input:
        [f"results/data/{dataset}/shards" for dataset in datasets_used()],


rule train:
    input:
        [f"results/{record}/seed{seed}/train/train.json" for record in records() for seed in seeds(record)],


rule tables:
    input:
        ALL_TABLES,


rule plots:
    input:
        ALL_PLOTS,


rule measured:
    input:
        ALL_MEASURED,


rule roundtrip:
    input:
        [f"results/{record}/tables/roundtrip.md" for record in records()],
        [f"results/{record}/plots/rt_gap.svg" for record in records()],


rule sliding:
    input:
        [path for record in records() for path in files_of(f"results/{record}", "tables", ["checkpoints"])],


rule laboratory:
    input:
        [path for record in records() for path in laboratory_of(record)],


onsuccess:
    show_summary()
