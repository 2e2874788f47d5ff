"""The tables of the experiment that --config experiment=NAME names, made of results: its records are what is run."""

from tritgolf.config.changes import changes_of

COMPARED = (
    [f"results/experiments/{EXPERIMENT}/compared.{suffix}" for suffix in ("md", "csv", "html")] if EXPERIMENT else []
)
if EXPERIMENT and changes_of(EXPERIMENT_FILE):  # records that are made of one by changes
    COMPARED += [path.replace("compared", "levers") for path in COMPARED]


rule compared_table:
    input:
        rows=str(EXPERIMENT_FILE),
        records=expand("results/{record}/record.json", record=records()),
        metrics=[path for record in records() for path in metrics_of(record, ["train/train.json", *ROUNDTRIP])],
    output:
        md="results/experiments/{experiment}/compared.md",
        csv=report(
            "results/experiments/{experiment}/compared.csv",
            caption="../captions/compared.rst",
            category="Experiment {experiment}",
            labels={"table": "Compared", "as": "spreadsheet"},
        ),
        html=report(
            "results/experiments/{experiment}/compared.html",
            caption="../captions/compared.rst",
            category="Experiment {experiment}",
            labels={"table": "Compared", "as": "page"},
        ),
    log:
        "results/experiments/{experiment}/logs/compared.log",
    benchmark:
        "results/experiments/{experiment}/benchmarks/compared.tsv"
    wildcard_constraints:
        experiment=one_of([EXPERIMENT] if EXPERIMENT else []),
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        folder=lambda wildcards, input: input.rows,
        runs=lambda wildcards, input: str(Path(input.records[0]).parents[1]),
    message:
        "Table of the experiment {wildcards.experiment}"
    script:
        "../workflow_scripts/report_experiment.py"


rule levers_table:
    input:
        rows=str(EXPERIMENT_FILE),
        records=expand("results/{record}/record.json", record=records()),
        metrics=[path for record in records() for path in metrics_of(record, FINAL)],
    output:
        md="results/experiments/{experiment}/levers.md",
        csv=report(
            "results/experiments/{experiment}/levers.csv",
            caption="../captions/levers.rst",
            category="Experiment {experiment}",
            labels={"table": "Levers", "as": "spreadsheet"},
        ),
        html=report(
            "results/experiments/{experiment}/levers.html",
            caption="../captions/levers.rst",
            category="Experiment {experiment}",
            labels={"table": "Levers", "as": "page"},
        ),
    log:
        "results/experiments/{experiment}/logs/levers.log",
    benchmark:
        "results/experiments/{experiment}/benchmarks/levers.tsv"
    wildcard_constraints:
        experiment=one_of([EXPERIMENT] if EXPERIMENT else []),
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        folder=lambda wildcards, input: input.rows,
        runs=lambda wildcards, input: str(Path(input.records[0]).parents[1]),
    message:
        "Levers of the experiment {wildcards.experiment}"
    script:
        "../workflow_scripts/report_experiment.py"
