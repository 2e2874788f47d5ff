"""One sample a record: what the artifact of its first seed writes. Of its own, since a score needs none."""

for _record in records():

    rule:
        name:
            f"sample_{_record}"
        input:
            artifact=(
                f"results/{_record}/seed{seeds(_record)[0]}/final/export/"
                f"{record_config(_record).export.own_storage}.tgolf"
            ),
            tokenizer=f"results/data/{record_config(_record).dataset}/tokenizer/tokenizer.model",
        output:
            facts=f"results/{_record}/sample.json",
            text=report(
                f"results/{_record}/sample.txt", category=_record, subcategory="Sample", labels={"text": "Sample"}
            ),
        log:
            f"results/{_record}/logs/sample.log",
        benchmark:
            f"results/{_record}/benchmarks/sample.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=10,
            gpu=0,
        params:
            version=version_of("sample"),
            record=_record,
            seed=seeds(_record)[0],
        message:
            f"Let {_record} write a text"
        script:
            "../workflow_scripts/sample.py"


rule samples:
    input:
        [f"results/{record}/sample.txt" for record in records()],
    localrule: True
    message:
        "The samples are results/RECORD/sample.txt"
