"""Evaluation of the artifact that a record ships: chunked, sliding, temperature."""


def evaluation_gpus(record: str) -> int:
    """GPUs of one evaluation: all of a run's if a method adapts, else one, so that several evaluations run at a time."""
    return GPUS if record_config(record).evaluate.adapts else min(1, GPUS)


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
        threads: compute_threads(_record, max(1, evaluation_gpus(_record)))
        resources:
            mem_mb=memory_mb(evaluation_gpus(_record)),
            runtime=120,
            gpu=evaluation_gpus(_record),
            ranks=max(1, evaluation_gpus(_record)),  # processes, one a GPU; on CPUs as many as are asked for here
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
