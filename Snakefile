"""tritgolf: from text to three-seed tables.

Targets: all (default), data, train, tables, plots, roundtrip, published.
"""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/export.smk"
include: "rules/roundtrip.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        [tables_of(record) + plots_of(record) for record in records()],
        "results/tables/records.md",
        "results/summary.txt",


rule data:
    input:
        [f"results/data/{dataset}/shards" for dataset in datasets_used()],


rule train:
    input:
        [f"results/{record}/seed{seed}/train/train.json" for record in records() for seed in seeds(record)],


rule tables:
    input:
        [tables_of(record) for record in records()],
        "results/tables/records.md",


rule plots:
    input:
        [plots_of(record) for record in records()],


rule roundtrip:
    input:
        [f"results/{record}/tables/roundtrip.md" for record in records()],
        [f"results/{record}/plots/rt_gap.svg" for record in records()],
