"""Export: one job a checkpoint, all storage choices inside (one job a storage would make a DAG of thousands)."""

for _record in records():

    rule:
        name:
            f"export_{_record}"
        input:
            checkpoint=f"results/{_record}/seed{{seed}}/checkpoints/{{checkpoint}}.safetensors",
            shards=calibration_shards(_record),
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
            COMPUTE_ENVIRONMENT if calibrates(_record) else "../envs/tritgolf.yaml"
        threads: compute_threads(_record, 1) if calibrates(_record) else max(1, CORES // 4)
        resources:
            mem_mb=memory_mb(min(1, GPUS)) if calibrates(_record) else 4000,
            runtime=60,
            gpu=min(1, GPUS) if calibrates(_record) else 0,
        params:
            **({"train": plain(record_config(_record).train)} if calibrates(_record) else {}),
            version=version_of("export", record_config(_record).export.codecs),
            record=_record,
            model=plain(record_config(_record).model),
            export=plain(record_config(_record).export),
        message:
            f"Export {_record}, seed {{wildcards.seed}}, {{wildcards.checkpoint}}, every storage choice"
        script:
            "../workflow_scripts/export.py"
