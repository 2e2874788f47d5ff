"""Report: tables, plots and the summary, from metrics files alone (no weights, no GPU, no torch)."""

from tritgolf.report.comparisons import published_system
from tritgolf.report.schemas import record_facts


report: "../report/workflow.rst"


def metrics_of(record: str, patterns: list[str]) -> list[str]:
    """These metrics files of every seed (and checkpoint, where a pattern names it) of a record."""
    found = [f"results/{record}/seed{{seed}}/{pattern}" for pattern in patterns]
    return sorted(
        set(expand(found, seed=seeds(record), checkpoint=checkpoints(record)))
    )


def of_record(patterns: list[str]):
    """An input function for ``metrics_of``."""
    return lambda wildcards: metrics_of(wildcards.record, patterns)


def facts_of(record: str) -> dict:
    """The slice of a record's configuration that reports depend on."""
    return plain(record_facts(record_config(record)))


LOGS = ["train/train.json", "train/metrics.jsonl"]
FINAL = [
    "train/train.json",
    "final/export/export.json",
    "final/roundtrip.json",
    "final/evaluate.json",
]
ROUNDTRIP = ["{checkpoint}/export/export.json", "{checkpoint}/roundtrip.json"]
PUBLISHED = str(REPOSITORY / "published" / "seeds.csv")

# name: (its name in the report, the metrics it is made from, published figures)
TABLES = {
    "seeds": ("Seeds", FINAL, []),
    "roundtrip": ("Export and reload", ROUNDTRIP, []),
    "published": ("Beside the published figures", FINAL, PUBLISHED),
}
# name: (its name in the report, the metrics it is made from)
PLOTS = {
    "loss": ("Training loss", LOGS),
    "rt_gap": ("Roundtrip gap", ROUNDTRIP),
    "zero_fraction": ("Zero fraction", LOGS),
    "bytes": ("Artifact bytes", ["final/export/export.json"]),
    "sliding": ("Sliding against chunked", ["final/evaluate.json"]),
    "temperature": ("Temperature", ["final/evaluate.json"]),
}


def tables_of(record: str) -> list[str]:
    """The tables of a record; the one beside the published figures only where there are some."""
    names = [
        name
        for name in TABLES
        if name != "published" or published_system(record_config(record).source)
    ]
    return [
        f"results/{record}/tables/{name}.{suffix}"
        for name in names
        for suffix in ("csv", "md", "html")
    ]


def plots_of(record: str) -> list[str]:
    """The plots of a record."""
    return [
        f"results/{record}/plots/{name}.{suffix}"
        for name in PLOTS
        for suffix in ("svg", "png")
    ]


for _name, (_title, _metrics, _published) in TABLES.items():

    rule:
        name:
            f"table_{_name}"
        input:
            metrics=of_record(_metrics),
            published=_published,
        output:
            md=f"results/{{record}}/tables/{_name}.md",
            csv=report(
                f"results/{{record}}/tables/{_name}.csv",
                caption=f"../report/{_name}.rst",
                category="{record}",
                subcategory="Tables",
                labels={"table": _title, "as": "spreadsheet"},
            ),
            html=report(
                f"results/{{record}}/tables/{_name}.html",
                caption=f"../report/{_name}.rst",
                category="{record}",
                subcategory="Tables",
                labels={"table": _title, "as": "page"},
            ),
        log:
            f"results/{{record}}/logs/table_{_name}.log",
        benchmark:
            f"results/{{record}}/benchmarks/table_{_name}.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            table=_name,
            facts=lambda wildcards: facts_of(wildcards.record),
        message:
            f"Table of {{wildcards.record}}: {_title}"
        script:
            "../workflow_scripts/tables.py"


for _name, (_title, _metrics) in PLOTS.items():

    rule:
        name:
            f"plot_{_name}"
        input:
            metrics=of_record(_metrics),
        output:
            png=f"results/{{record}}/plots/{_name}.png",
            svg=report(
                f"results/{{record}}/plots/{_name}.svg",
                caption=f"../report/{_name}.rst",
                category="{record}",
                subcategory="Plots",
                labels={"plot": _title},
            ),
        log:
            f"results/{{record}}/logs/plot_{_name}.log",
        benchmark:
            f"results/{{record}}/benchmarks/plot_{_name}.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            plot=_name,
            facts=lambda wildcards: facts_of(wildcards.record),
        message:
            f"Plot of {{wildcards.record}}: {_title}"
        script:
            "../workflow_scripts/plots.py"


FINAL_OF_ALL = [path for record in records() for path in metrics_of(record, FINAL)]


rule records_table:
    input:
        metrics=FINAL_OF_ALL,
    output:
        md="results/tables/records.md",
        csv=report(
            "results/tables/records.csv",
            caption="../report/records.rst",
            category="All records",
            labels={"table": "Records", "as": "spreadsheet"},
        ),
        html=report(
            "results/tables/records.html",
            caption="../report/records.rst",
            category="All records",
            labels={"table": "Records", "as": "page"},
        ),
    log:
        "results/logs/records_table.log",
    benchmark:
        "results/benchmarks/records_table.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        facts=[facts_of(record) for record in records()],
    message:
        "Table of all records"
    script:
        "../workflow_scripts/report_records.py"


rule summary:
    input:
        shown=[
            path
            for record in records()
            for path in tables_of(record) + plots_of(record)
        ],
        records="results/tables/records.md",
        metrics=FINAL_OF_ALL,
    output:
        "results/summary.txt",
    log:
        "results/logs/summary.log",
    benchmark:
        "results/benchmarks/summary.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        facts=[facts_of(record) for record in records()],
    message:
        "Summary of the run"
    script:
        "../workflow_scripts/summary.py"
