"""The audit: published tables rebuilt, the claims ledger, and our own records by the same checks. No weights, no torch."""

import os

from tritgolf.audit.published import table_systems
from tritgolf.provenance import package_digest

TABLE_SYSTEMS = table_systems(REPOSITORY / "published")
PUBLISHED_FILES = sorted(map(str, (REPOSITORY / "published").rglob("*.*")))
MEASURED_FILES = sorted(
    os.path.relpath(path) for path in (REPOSITORY / "measured").rglob("*.*") if path.suffix != ".md"
)


rule published:
    input:
        expand(
            "results/published/{system}/{name}",
            system=TABLE_SYSTEMS,
            name=["seeds.csv", "seeds.md", "seeds.html", "differences.csv"],
        ),
    localrule: True
    message:
        "The published tables are in results/published"


rule published_table:
    input:
        claims=str(REPOSITORY / "published" / "claims.csv"),
        published=PUBLISHED_FILES,
    output:
        csv=report(
            "results/published/{system}/seeds.csv",
            category="Published figures",
            subcategory="{system}",
            labels={"table": "data"},
        ),
        markdown="results/published/{system}/seeds.md",
        html=report(
            "results/published/{system}/seeds.html",
            category="Published figures",
            subcategory="{system}",
            labels={"table": "Seeds, recomputed"},
        ),
        differences="results/published/{system}/differences.csv",
    log:
        "results/published/{system}/logs/table.log",
    benchmark:
        "results/published/{system}/benchmarks/table.tsv"
    wildcard_constraints:
        system="|".join(TABLE_SYSTEMS),
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "Rebuild the published table of {wildcards.system}"
    script:
        "../workflow_scripts/published.py"


rule claims:
    input:
        claims=str(REPOSITORY / "published" / "claims.csv"),
        published=PUBLISHED_FILES,
        measured=MEASURED_FILES,
    output:
        "docs/claims.md",
    log:
        "results/published/logs/claims.log",
    benchmark:
        "results/published/benchmarks/claims.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        code=package_digest(),  # what is committed is never behind the code
    message:
        "Rule on every published claim"
    script:
        "../workflow_scripts/claims.py"


rule audit:
    input:
        expand(
            "results/{record}/audit/audit.{suffix}",
            record=records(),
            suffix=["md", "json"],
        ),
    localrule: True
    message:
        "The audits are in results/RECORD/audit"


for _record in records():

    rule:
        name:
            f"record_{_record}"
        output:
            f"results/{_record}/record.json",
        log:
            f"results/{_record}/logs/record.log",
        benchmark:
            f"results/{_record}/benchmarks/record.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=200,
            runtime=5,
        params:
            configuration=recorded(_record),
        message:
            f"Write the resolved configuration of {_record}"
        script:
            "../workflow_scripts/record.py"

    rule:
        name:
            f"audit_{_record}"
        input:
            metrics=expand(
                "results/{record}/seed{seed}/{file}",
                record=_record,
                seed=seeds(_record),
                file=[
                    "train/train.json",
                    "final/export/export.json",
                    "final/roundtrip.json",
                    "final/evaluate.json",
                ],
            ),
            configuration=f"results/{_record}/record.json",
        output:
            markdown=report(
                f"results/{_record}/audit/audit.md",
                category=_record,
                subcategory="Audit",
            ),
            json=f"results/{_record}/audit/audit.json",
        log:
            f"results/{_record}/logs/audit.log",
        benchmark:
            f"results/{_record}/benchmarks/audit.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        message:
            f"Audit {_record}"
        script:
            "../workflow_scripts/audit.py"
