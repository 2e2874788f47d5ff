"""Export: one job a checkpoint, all storage choices inside (one job a storage would make a DAG of thousands)."""

for _record in records():

    rule:
        name:
            f"export_{_record}"
        input:
            checkpoint=f"results/{_record}/seed{{seed}}/checkpoints/{{checkpoint}}.safetensors",
        output:
            artifacts=[
                f"results/{_record}/seed{{seed}}/{{checkpoint}}/export/{storage}.tgolf"
                for storage in record_config(_record).export.storages
            ],
            facts=f"results/{_record}/seed{{seed}}/{{checkpoint}}/export/export.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/export_{{checkpoint}}.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/export_{{checkpoint}}.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: max(1, workflow.cores // 4)
        resources:
            mem_mb=4000,
            runtime=60,
        params:
            version=version_of("export"),
            record=_record,
            model=plain(record_config(_record).model),
            export=plain(record_config(_record).export),
        message:
            f"Export {_record}, seed {{wildcards.seed}}, {{wildcards.checkpoint}}, every storage choice"
        script:
            "../workflow_scripts/export.py"
