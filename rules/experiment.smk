"""The table of the experiment that --config experiment=NAME names, made of results: its records are what is run."""

BESIDE_COMPARED = settings_of(EXPERIMENT_FILE).BESIDE if EXPERIMENT else ()
METRICS_COMPARED = ["train/train.json", *ROUNDTRIP, *(settings_of(EXPERIMENT_FILE).NEEDS if EXPERIMENT else ())]
COMPARED_ENDS = (*SUFFIXES["tables"], *BESIDE_COMPARED) if EXPERIMENT else ()
COMPARED = [f"results/experiments/{EXPERIMENT}/compared.{end}" for end in COMPARED_ENDS]
SAID_COMPARED = last_line(EXPERIMENT) if EXPERIMENT else ""


rule compared_table:
    input:
        rows=str(EXPERIMENT_FILE),
        records=expand("results/{record}/record.json", record=records()),
        metrics=[path for record in records() for path in metrics_of(record, METRICS_COMPARED)],
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
        beside=beside_table("results/experiments/{experiment}", BESIDE_COMPARED, category="Experiment {experiment}"),
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
