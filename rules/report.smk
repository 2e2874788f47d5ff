"""Report: tables, plots and the summary, from metrics files alone (no weights, no GPU, no torch)."""


include: "report_files.smk"


report: "../captions/workflow.rst"


OF_THIS_COMMAND = "Records of the last command"


for _name, (_title, _metrics) in TABLES.items():

    rule:
        name:
            f"table_{_name}"
        input:
            metrics=of_record(_metrics),
            published=published_input if _name == "published" else [],
        output:
            md=f"results/{{record}}/tables/{_name}.md",
            csv=report(
                f"results/{{record}}/tables/{_name}.csv",
                caption=f"../captions/{_name}.rst",
                category="{record}",
                subcategory="Tables",
                labels={"table": _title, "as": "spreadsheet"},
            ),
            html=report(
                f"results/{{record}}/tables/{_name}.html",
                caption=f"../captions/{_name}.rst",
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
            facts=lambda wildcards: told_of(wildcards.record),
        message:
            f"Table of {{wildcards.record}}: {_title}"
        script:
            "../workflow_scripts/tables.py"


for _name, (_title, _metrics) in PLOTS.items():

    rule:
        name:
            f"plot_{_name}"
        input:
            metrics=of_record(_metrics + ALSO_SHOWN.get(_name, [])),
        output:
            png=f"results/{{record}}/plots/{_name}.png",
            pdf=f"results/{{record}}/plots/{_name}.pdf",
            data=f"results/{{record}}/plots/{_name}.csv",
            svg=report(
                f"results/{{record}}/plots/{_name}.svg",
                caption=f"../captions/{_name}.rst",
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


for _run, _folder in MEASURED.items():

    rule:
        name:
            f"measured_{_run}"
        input:
            metrics=sorted(str(path) for path in _folder.rglob("*.json*")),
            published=published_of(read_record_facts(_folder / "record.json").source),
            captions=caption_files(TITLES),
        output:
            page=f"results/measured/{_run}/report.html",
            texts=measured_files(_run, "tables", "md"),
            images=[path for suffix in ("png", "pdf", "csv") for path in measured_files(_run, "plots", suffix)],
            spreadsheets=[measured_table(path, _run, "spreadsheet") for path in measured_files(_run, "tables", "csv")],
            tables=[measured_table(path, _run, "page") for path in measured_files(_run, "tables", "html")],
            plots=[
                report(
                    path,
                    caption=f"../captions/{Path(path).stem}.rst",
                    category=kept(_run),
                    subcategory="Plots",
                    labels={"plot": PLOTS[Path(path).stem][0]},
                )
                for path in measured_files(_run, "plots", "svg")
            ],
        log:
            f"results/measured/{_run}/logs/report.log",
        benchmark:
            f"results/measured/{_run}/benchmarks/report.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            folder=lambda wildcards, input: os.path.commonpath(input.metrics),
            titles=TITLES,
        message:
            f"Tables and plots of the kept run {_run}"
        script:
            "../workflow_scripts/report_measured.py"


for _experiment, _folder in EXPERIMENTS.items():

    rule:
        name:
            f"experiment_{_experiment}"
        input:
            rows=str(_folder / "experiment.yaml"),
            metrics=experiment_metrics(_folder),
        output:
            md=f"results/measured/{_experiment}/tables/compared.md",
            csv=report(
                f"results/measured/{_experiment}/tables/compared.csv",
                caption="../captions/compared.rst",
                category=kept(_experiment),
                subcategory="Tables",
                labels={"table": "Compared", "as": "spreadsheet"},
            ),
            html=report(
                f"results/measured/{_experiment}/tables/compared.html",
                caption="../captions/compared.rst",
                category=kept(_experiment),
                subcategory="Tables",
                labels={"table": "Compared", "as": "page"},
            ),
            beside=beside_table(
                f"results/measured/{_experiment}/tables",
                kept_experiment(_folder)[0].BESIDE,
                category=kept(_experiment),
                subcategory="Plots",
            ),
        log:
            f"results/measured/{_experiment}/logs/compared.log",
        benchmark:
            f"results/measured/{_experiment}/benchmarks/compared.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            folder=lambda wildcards, input: str(Path(input.rows).parent),
        message:
            f"Table of the kept experiment {_experiment}"
        script:
            "../workflow_scripts/report_experiment.py"


rule records_table:
    input:
        metrics=FINAL_OF_ALL,
    output:
        md="results/tables/records.md",
        csv=report(
            "results/tables/records.csv",
            caption="../captions/records.rst",
            category=OF_THIS_COMMAND,
            labels={"table": "Records", "as": "spreadsheet"},
        ),
        html=report(
            "results/tables/records.html",
            caption="../captions/records.rst",
            category=OF_THIS_COMMAND,
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
        facts=[told_of(record) for record in records()],
    message:
        "Table of the records side by side"
    script:
        "../workflow_scripts/report_records.py"


rule summary:
    input:
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
        facts=[told_of(record) for record in records()],
    message:
        "Summary of the run"
    script:
        "../workflow_scripts/summary.py"


# What the target rules ask for: every file by itself, so that one that was deleted is made again.
ALL_TABLES = [path for record in records() for path in tables_of(record)] + list(rules.records_table.output)
ALL_PLOTS = [path for record in records() for path in plots_of(record)]
ALL_MEASURED = (
    [f"results/measured/{run}/report.html" for run in MEASURED]
    + [
        path
        for run in MEASURED
        for kind, suffixes in SUFFIXES.items()
        for suffix in suffixes
        for path in measured_files(run, kind, suffix)
    ]
    + [
        f"results/measured/{experiment}/tables/compared.{suffix}"
        for experiment in EXPERIMENTS
        for suffix in (*SUFFIXES["tables"], *kept_experiment(EXPERIMENTS[experiment])[0].BESIDE)
    ]
)
