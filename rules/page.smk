"""The HTML report: Snakemake's own, of everything that is shown."""


rule report_page:
    input:
        shown=ALL_TABLES + ALL_PLOTS + ALL_MEASURED + PAPER + LEADERBOARD,
        summary=rules.summary.output,
    output:
        "results/report.html",
    log:
        "results/logs/report_page.log",
    benchmark:
        "results/benchmarks/report_page.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        configuration={key: value for key, value in config.items() if key != "replace"},
        snakefile=os.path.relpath(workflow.main_snakefile),
    message:
        "One self-contained page of all tables and plots"
    script:
        "../workflow_scripts/report_page.py"
