"""The rules table: every way to score a text put through the probes, on a network of toy size, in seconds on a CPU."""

from tritgolf.provenance import package_digest


rule causality:
    input:
        "results/causality/causality.md",
        "results/causality/causality.html",
    localrule: True
    message:
        "Which scores are valid: results/causality/causality.md"


rule causality_probes:
    output:
        facts="results/causality/causality.json",
    log:
        "results/causality/logs/probes.log",
    benchmark:
        "results/causality/benchmarks/probes.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=package_digest(),  # it says what the code does
    message:
        "Probe every way to score a text"
    script:
        "../workflow_scripts/causality.py"


rule causality_table:
    input:
        facts=rules.causality_probes.output.facts,
        rulings=str(REPOSITORY / "published" / "rulings.csv"),
    output:
        md="results/causality/causality.md",
        csv=report(
            "results/causality/causality.csv",
            caption="../captions/causality.rst",
            category="Which scores are valid",
            labels={"table": "Probes and rulings", "as": "spreadsheet"},
        ),
        html=report(
            "results/causality/causality.html",
            caption="../captions/causality.rst",
            category="Which scores are valid",
            labels={"table": "Probes and rulings", "as": "page"},
        ),
    log:
        "results/causality/logs/table.log",
    benchmark:
        "results/causality/benchmarks/table.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "Table of what the probes say, beside the contest's rulings"
    script:
        "../workflow_scripts/causality_table.py"
