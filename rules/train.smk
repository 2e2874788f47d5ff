"""Training: one job a seed, all of its checkpoints."""

for _record in records():

    rule:
        name:
            f"train_{_record}"
        input:
            shards=f"results/data/{record_config(_record).dataset}/shards",
        output:
            checkpoints=[f"results/{_record}/seed{{seed}}/checkpoints/{c}.safetensors" for c in checkpoints(_record)],
            curve=f"results/{_record}/seed{{seed}}/train/metrics.jsonl",
            facts=f"results/{_record}/seed{{seed}}/train/train.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/train.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/train.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: compute_threads(_record, GPUS)
        resources:
            mem_mb=memory_mb(GPUS),
            runtime=720,
            gpu=GPUS,
            slurm_extra="--signal=TERM@120",  # two minutes before its time is up, training saves and is queued again
        params:
            version=STAGE_VERSIONS["train"],
            record=_record,
            names=checkpoints(_record),
            live=f"results/{_record}/seed{{seed}}/live",
            model=plain(record_config(_record).model),
            train=plain(record_config(_record).train),
        message:
            f"Train {_record}, seed {{wildcards.seed}}"
        script:
            "../workflow_scripts/train.py"
