"""Roundtrip: every artifact of a checkpoint, reloaded in a process of its own and scored against the trained model."""

for _record in records():

    rule:
        name:
            f"roundtrip_{_record}"
        input:
            checkpoint=f"results/{_record}/seed{{seed}}/checkpoints/{{checkpoint}}.safetensors",
            artifacts=[
                f"results/{_record}/seed{{seed}}/{{checkpoint}}/export/{storage}.tgolf"
                for storage in record_config(_record).export.storages
            ],
            shards=f"results/data/{record_config(_record).dataset}/shards",
            tokenizer=f"results/data/{record_config(_record).dataset}/tokenizer/tokenizer.model",
        output:
            facts=f"results/{_record}/seed{{seed}}/{{checkpoint}}/roundtrip.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/roundtrip_{{checkpoint}}.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/roundtrip_{{checkpoint}}.tsv"
        conda:
            COMPUTE_ENVIRONMENT
        threads: compute_threads(_record, 1)
        resources:
            mem_mb=memory_mb(min(1, GPUS)),
            runtime=60,
            gpu=min(1, GPUS),
        params:
            version=version_of("roundtrip"),
            record=_record,
            model=plain(record_config(_record).model),
            storages=list(record_config(_record).export.storages),
            own_storage=record_config(_record).export.own_storage,
            z_loss=record_config(_record).train.z_loss,
            attention=record_config(_record).train.attention,
            batch=record_config(_record).evaluate.batch_sequences,
        message:
            f"Roundtrip {_record}, seed {{wildcards.seed}}, {{wildcards.checkpoint}}"
        script:
            "../workflow_scripts/roundtrip.py"
