"""The laboratory's paper from the kept runs: docs/roundtrip.md with its figures; in the HTML report with all tables."""


rule paper:
    input:
        "docs/roundtrip.md",
        "docs/isobyte.md",
        "measured/README.md",
    localrule: True
    message:
        "The papers are docs/roundtrip.md and docs/isobyte.md, the table of kept runs measured/README.md"


rule kept_table:
    input:
        template=str(REPOSITORY / "captions" / "measured.md"),
        measured=MEASURED_FILES,
    output:
        page="measured/README.md",
    log:
        "results/measured/logs/kept_table.log",
    benchmark:
        "results/measured/benchmarks/kept_table.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=package_digest(),
    message:
        "The table of kept runs: measured/README.md"
    script:
        "../workflow_scripts/kept_table.py"


rule isobyte_page:
    input:
        templates=[str(REPOSITORY / "captions" / f"isobyte_{part}.md") for part in ("paper", "tables")],
        measured=MEASURED_FILES,
    output:
        page="docs/isobyte.md",
        tables="docs/isobyte_tables.md",
        figures=directory("docs/figures/isobyte"),
    log:
        "results/measured/logs/isobyte_page.log",
    benchmark:
        "results/measured/benchmarks/isobyte_page.tsv"
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=package_digest(),
    message:
        "The paper of weights at equal bytes: docs/isobyte.md, and its tables"
    script:
        "../workflow_scripts/isobyte_page.py"


for _page, _figures in {
    "docs/roundtrip.md": "docs/figures/roundtrip",
    "results/measured/roundtrip.html": "results/measured/roundtrip_figures",
}.items():

    rule:
        name:
            f"roundtrip_page_{Path(_page).suffix[1:]}"
        input:
            templates=[str(REPOSITORY / "captions" / f"roundtrip_{part}.md") for part in ("paper", "page")],
            claims=os.path.relpath(REPOSITORY / "published" / "claims.csv"),
            published=PUBLISHED_FILES,
            measured=MEASURED_FILES,
        output:
            page=(
                report(_page, caption="../captions/roundtrip_page.rst", category="The roundtrip laboratory")
                if _page.endswith(".html")
                else _page
            ),
            figures=directory(_figures),
        log:
            f"results/measured/logs/{Path(_page).suffix[1:]}_page.log",
        benchmark:
            f"results/measured/benchmarks/{Path(_page).suffix[1:]}_page.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=10,
        params:
            code=package_digest() if _page.endswith(".md") else None,  # what is committed is never behind the code
        message:
            f"The laboratory's page: {_page}"
        script:
            "../workflow_scripts/roundtrip_page.py"


PAPER = ["results/measured/roundtrip.html"] if MEASURED else []
