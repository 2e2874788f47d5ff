"""The report as HTML: a page of the last command, one of each record, one of a record's laboratory, one of kept runs.

No page holds a script, and each is small enough for every browser (``LARGEST`` in tests/report/test_browser.py).
"""

for _page, (_rule, _shown) in {
    "report": ("record_page", lambda record: tables_of(record) + plots_of(record)),
    "laboratory": ("laboratory_page", laboratory_of),
}.items():

    rule:
        name:
            _rule
        input:
            metrics=lambda wildcards, shown=_shown: metrics_of_page(wildcards.record, shown(wildcards.record)),
            shown=lambda wildcards, shown=_shown: shown(wildcards.record),
            published=lambda wildcards: published_of(record_config(wildcards.record).source),
            captions=caption_files(TITLES),
            sample=lambda wildcards, page=_page: sample_of(wildcards.record) if page == "report" else [],
        output:
            f"results/{{record}}/{_page}.html",
        log:
            f"results/{{record}}/logs/{_page}_page.log",
        benchmark:
            f"results/{{record}}/benchmarks/{_page}_page.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            facts=lambda wildcards: told_of(wildcards.record),
            titles=TITLES,
        message:
            f"Page of {{wildcards.record}}: {_page}"
        script:
            "../workflow_scripts/record_page.py"


# Parts of the report once their targets made them.
CAUSALITY = [page for page in ["results/causality/causality.html"] if Path(page).exists()]


rule report_page:
    input:
        metrics=FINAL_OF_ALL,
        shown=ALL_TABLES + ALL_PLOTS,
        pages=[f"results/{record}/report.html" for record in records()],
        captions=caption_files(TITLES),
        others=LEADERBOARD + CAUSALITY,
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
        mem_mb=500,
        runtime=5,
    params:
        facts=[told_of(record) for record in records()],
        titles=TITLES,
    message:
        "The report: results/report.html"
    script:
        "../workflow_scripts/report_page.py"


rule measured_page:
    input:
        runs=[str(folder / "record.json") for folder in MEASURED.values()],
        experiments=[str(folder / "experiment.yaml") for folder in EXPERIMENTS.values()],
    output:
        "results/measured/report.html",
    log:
        "results/measured/logs/report_page.log",
    benchmark:
        "results/measured/benchmarks/report_page.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    message:
        "The page of the kept runs: results/measured/report.html"
    script:
        "../workflow_scripts/measured_page.py"
