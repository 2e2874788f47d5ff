"""The roundtrip laboratory: the ablation grid on every checkpoint, one job each, and the probes on the last one.

Probes push what the trits of U-Nets alone have: other records have none.
"""

for _record in records():

    rule:
        name:
            f"laboratory_{_record}"
        input:
            checkpoint=f"results/{_record}/seed{{seed}}/checkpoints/{{checkpoint}}.safetensors",
            shards=f"results/data/{record_config(_record).dataset}/shards",
            tokenizer=f"results/data/{record_config(_record).dataset}/tokenizer/tokenizer.model",
        output:
            facts=f"results/{_record}/seed{{seed}}/{{checkpoint}}/laboratory.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/laboratory_{{checkpoint}}.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/laboratory_{{checkpoint}}.tsv"
        conda:
            COMPUTE_ENVIRONMENT
        threads: compute_threads(_record, 1)
        resources:
            mem_mb=4000 + memory_mb(min(1, GPUS)),
            runtime=240,
            gpu=min(1, GPUS),
        params:
            **({"train": plain(record_config(_record).train)} if calibrates(_record) else {}),
            **({} if has_trits(_record) else {"code_layouts": list(CODE_LAYOUTS)}),
            version=version_of("laboratory", record_config(_record).export.codecs),
            record=_record,
            model=plain(record_config(_record).model),
            export=plain(record_config(_record).export),
            grid=plain(GRIDS[_record])["rows"],
            z_loss=record_config(_record).train.z_loss,
            attention=record_config(_record).train.attention,
            batch=record_config(_record).evaluate.batch_sequences,
        message:
            f"Laboratory: {_record}, seed {{wildcards.seed}}, {{wildcards.checkpoint}}"
        script:
            "../workflow_scripts/laboratory.py"


for _record in filter(has_trits, records()):

    rule:
        name:
            f"probes_{_record}"
        input:
            checkpoint=f"results/{_record}/seed{{seed}}/checkpoints/{{checkpoint}}.safetensors",
            shards=f"results/data/{record_config(_record).dataset}/shards",
            tokenizer=f"results/data/{record_config(_record).dataset}/tokenizer/tokenizer.model",
        output:
            facts=f"results/{_record}/seed{{seed}}/{{checkpoint}}/probes.json",
        log:
            f"results/{_record}/seed{{seed}}/logs/probes_{{checkpoint}}.log",
        benchmark:
            f"results/{_record}/seed{{seed}}/benchmarks/probes_{{checkpoint}}.tsv"
        conda:
            COMPUTE_ENVIRONMENT
        threads: compute_threads(_record, 1)
        resources:
            mem_mb=4000 + memory_mb(min(1, GPUS)),
            runtime=240,
            gpu=min(1, GPUS),
        params:
            version=version_of("probes"),
            record=_record,
            model=plain(record_config(_record).model),
            probes=plain(GRIDS[_record].probes),
            z_loss=record_config(_record).train.z_loss,
            attention=record_config(_record).train.attention,
            batch=record_config(_record).evaluate.batch_sequences,
        message:
            f"Probes: {_record}, seed {{wildcards.seed}}, {{wildcards.checkpoint}}"
        script:
            "../workflow_scripts/probes.py"
