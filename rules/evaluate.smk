"""Evaluation of the artifact that a record ships: chunked, sliding, temperature."""

for _record in records():

    rule:
        name:
            f"evaluate_{_record}"
        input:
            artifact=(
                f"results/{_record}/seed{{seed}}/{{checkpoint}}/export/{record_config(_record).export.own_storage}.tgolf"
            ),
            training=f"results/{_record}/seed{{seed}}/train/train.json",
            shards=f"results/data/{record_config(_record).dataset}/shards",
            tokenizer=f"results/data/{record_config(_record).dataset}/tokenizer/tokenizer.model",
        output:
            facts=f"results/{_record}/seed{{seed}}/{{checkpoint}}/evaluate.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/evaluate_{{checkpoint}}.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/evaluate_{{checkpoint}}.tsv"
        conda:
            COMPUTE_ENVIRONMENT
        threads: compute_threads(_record, 1)
        resources:
            mem_mb=memory_mb(min(1, GPUS)),
            runtime=120,
            gpu=min(1, GPUS),
        params:
            version=version_of("evaluate"),
            record=_record,
            model=plain(record_config(_record).model),
            train=plain(record_config(_record).train),
            evaluate=plain(record_config(_record).evaluate),
        message:
            f"Evaluate {_record}, seed {{wildcards.seed}}, {{wildcards.checkpoint}}"
        script:
            "../workflow_scripts/evaluate.py"
