"""The audited leaderboard: every submission below a folder, `--config submissions=FOLDER`. No weights, no torch."""

import sys
from pathlib import Path

from tritgolf.errors import BAD_INPUT

SUBMISSIONS = config.get("submissions")


def _submission_files(wildcards):
    """The files that the audit may read; without a folder, one line says how to name it."""
    if not SUBMISSIONS:
        print("error: no folder of submissions; add --config submissions=FOLDER", file=sys.stderr)
        sys.exit(BAD_INPUT)
    files = (path for path in Path(SUBMISSIONS).rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.suffix in (".log", ".txt", ".json", ".md", ".csv"))


rule leaderboard:
    input:
        "results/leaderboard/leaderboard.html",
    localrule: True
    message:
        "The audited leaderboard is results/leaderboard/leaderboard.html"


rule leaderboard_table:
    input:
        _submission_files,
    output:
        csv="results/leaderboard/leaderboard.csv",
        markdown="results/leaderboard/leaderboard.md",
        html=report(
            "results/leaderboard/leaderboard.html",
            category="Leaderboard",
            labels={"table": "Audited leaderboard"},
        ),
    log:
        "results/leaderboard/logs/leaderboard.log",
    benchmark:
        "results/leaderboard/benchmarks/leaderboard.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        submissions=SUBMISSIONS,
    message:
        "Audit every submission below the folder"
    script:
        "../workflow_scripts/leaderboard.py"
