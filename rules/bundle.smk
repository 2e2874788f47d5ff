"""The submission: a record's script, once; and the folder that goes to the contest."""

from tritgolf.provenance import package_digest


include: "bundle_files.smk"


rule script:
    input:
        [f"results/{record}/script/train_gpt.py" for record in records()],
    localrule: True
    message:
        "The scripts are results/RECORD/script/train_gpt.py"


for _record in records():

    rule:
        name:
            f"script_{_record}"
        output:
            f"results/{_record}/script/train_gpt.py",
        log:
            f"results/{_record}/logs/script.log",
        benchmark:
            f"results/{_record}/benchmarks/script.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            code=package_digest(),  # an export of another version counted another script
            configuration=plain(record_config(_record)),
        message:
            f"Write the script of {_record}"
        script:
            "../workflow_scripts/script.py"

    rule:
        name:
            f"bundle_{_record}"
        input:
            metrics=bundled_metrics(_record),
            configuration=f"results/{_record}/record.json",
        output:
            bundle_written(_record),
        log:
            f"results/{_record}/logs/bundle.log",
        benchmark:
            f"results/{_record}/benchmarks/bundle.tsv"
        conda:
            "../envs/tritgolf.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=5,
        params:
            code=package_digest(),
        message:
            f"Bundle {_record}"
        script:
            "../workflow_scripts/bundle.py"


rule bundle:
    input:
        [f"results/{record}/{WRITTEN}" for record in records()],
    log:
        "results/logs/bundle.log",
    localrule: True
    conda:
        "../envs/tritgolf.yaml"
    message:
        "See that the submissions, results/RECORD/bundle, can be submitted"
    script:  # always: a command may have written what the rules above refuse to
        "../workflow_scripts/bundled.py"
