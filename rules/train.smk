"""Training: one job a seed, all of its checkpoints."""


def shards_for(record: str):
    """An input function: the shards that ``record`` trains on; tells of a training that this machine is not made for."""

    def shards(wildcards):
        untrained = not Path(f"results/{record}/seed{wildcards.seed}/train/train.json").exists()
        if untrained and workflow.local_exec and not visible_devices():
            if cost := costly_without_gpus(record_config(record)):
                warn(cost)
        return shards_trained_on(record, int(wildcards.seed))

    return shards


for _record in records():

    rule:
        name:
            f"train_{_record}"
        input:
            shards=shards_for(_record),
        output:
            checkpoints=[f"results/{_record}/seed{{seed}}/checkpoints/{c}.safetensors" for c in checkpoints(_record)],
            curve=f"results/{_record}/seed{{seed}}/train/metrics.jsonl",
            facts=f"results/{_record}/seed{{seed}}/train/train.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/train.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/train.tsv"
        priority: nothing_is_lost
        conda:
            COMPUTE_ENVIRONMENT
        threads: compute_threads(_record, PROCESSES)
        resources:
            mem_mb=memory_mb(GPUS or PROCESSES - 1),
            runtime=720,
            gpu=GPUS,
            ranks=PROCESSES,  # on each node; `gpu` is 0 where several nodes train one run (docs/cluster.md)
            device=DEVICE,  # not a param: results of another device are as good
            slurm_extra="--signal=TERM@120",  # two minutes before its time is up, training saves and is queued again
        params:
            version=version_of("train"),
            record=_record,
            names=checkpoints(_record),
            live=f"results/{_record}/seed{{seed}}/live",
            model=plain(record_config(_record).model),
            train=plain(record_config(_record).train),
        message:
            f"Train {_record}, seed {{wildcards.seed}}"
        script:
            "../workflow_scripts/train.py"
