"""Provenance: what made a record's results, and the digests that ``tritgolf verify`` compares."""

import sys

from tritgolf.provenance import tell_command

if workflow.is_main_process:
    tell_command(sys.argv)


def results_of(record: str) -> list[str]:
    """Result files of a record; of an export only export.json, since naming thousands of artifacts slows planning."""
    of_checkpoint = ["checkpoints/{checkpoint}.safetensors", *ROUNDTRIP]
    return [
        f"results/{record}/record.json",
        *metrics_of(record, [*LOGS, *FINAL, *of_checkpoint]),
        *tables_of(record),
        *plots_of(record),
        f"results/{record}/report.html",
    ]


for _record in records():

    rule:
        name:
            f"provenance_{_record}"
        input:
            files=results_of(_record),
            shards=f"results/data/{record_config(_record).dataset}/shards",
            tokenizer=f"results/data/{record_config(_record).dataset}/tokenizer/tokenizer.model",
        output:
            f"results/{_record}/provenance.json",
        log:
            f"results/{_record}/logs/provenance.log",
        benchmark:
            f"results/{_record}/benchmarks/provenance.tsv"
        localrule: True
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=30,
        params:
            record=_record,
            storages=list(record_config(_record).export.storages),
            configuration=recorded(_record),
        message:
            f"Record what made {_record}"
        script:
            "../workflow_scripts/provenance.py"
