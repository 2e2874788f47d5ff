"""The audited leaderboard: every submission below a folder, `--config submissions=FOLDER`. No weights, no torch."""


include: "leaderboard_files.smk"


rule leaderboard:
    input:
        LEADERBOARD_PAGE,
    localrule: True
    message:
        "The audited leaderboard is results/leaderboard/leaderboard.html"


rule leaderboard_table:
    input:
        submission_files,
    output:
        csv="results/leaderboard/leaderboard.csv",
        markdown="results/leaderboard/leaderboard.md",
        html=report(
            LEADERBOARD_PAGE,
            category="Leaderboard",
            labels={"table": "Audited leaderboard"},
        ),
        folder=LEADERBOARD_FOLDER,
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
        submissions=submissions_folder(),
    message:
        "Audit every submission below the folder"
    script:
        "../workflow_scripts/leaderboard.py"
