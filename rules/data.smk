"""Data: text to tokens (corpus, tokenizer, shards), or published tokens as they are (hub). A dataset is made once."""


include: "datasets.smk"


rule corpus:
    input:
        source_texts,
    output:
        train="results/data/{dataset}/corpus/train.jsonl.zst",
        validation="results/data/{dataset}/corpus/validation.jsonl.zst",
        facts="results/data/{dataset}/corpus/corpus.json",
    log:
        "results/data/{dataset}/logs/corpus.log",
    benchmark:
        "results/data/{dataset}/benchmarks/corpus.tsv"
    wildcard_constraints:
        dataset=one_of(TEXT_DATASETS),
    priority: 1  # first of all, as what else has no inputs takes no time
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=3500,  # of which 2 GB are for texts compressed with a window that long
        runtime=minutes_of_corpus,
    params:
        version=version_of_corpus,
        source=dataset_setting("source"),
        validation=dataset_setting("validation"),
    message:
        "Read the text of {wildcards.dataset}"
    script:
        "../workflow_scripts/corpus.py"


rule tokenizer:
    input:
        existing_tokenizer,
        train=rules.corpus.output.train,
    output:
        model="results/data/{dataset}/tokenizer/tokenizer.model",
        facts="results/data/{dataset}/tokenizer/tokenizer.json",
    log:
        "results/data/{dataset}/logs/tokenizer.log",
    benchmark:
        "results/data/{dataset}/benchmarks/tokenizer.tsv"
    wildcard_constraints:
        dataset=one_of(TEXT_DATASETS),
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_tokenizer,
        runtime=minutes_of_tokenizer,
    params:
        version=version_of_tokenizer,
        tokenizer=dataset_setting("tokenizer"),
    message:
        "Make the tokenizer of {wildcards.dataset}"
    script:
        "../workflow_scripts/tokenizer.py"


rule shards:
    input:
        train=rules.corpus.output.train,
        validation=rules.corpus.output.validation,
        facts=rules.corpus.output.facts,
        model=rules.tokenizer.output.model,
        tokenizer_facts=rules.tokenizer.output.facts,
    output:
        directory("results/data/{dataset}/shards"),
    log:
        "results/data/{dataset}/logs/shards.log",
    benchmark:
        "results/data/{dataset}/benchmarks/shards.tsv"
    wildcard_constraints:
        dataset=one_of(TEXT_DATASETS),
    priority: nothing_is_lost
    conda:
        "../envs/tritgolf.yaml"
    threads: CORES
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        version=version_of("shards"),
        tokens_per_shard=dataset_setting("tokens_per_shard"),
    message:
        "Encode {wildcards.dataset} into shards"
    script:
        "../workflow_scripts/shards.py"


rule hub:
    output:
        model="results/data/{dataset}/tokenizer/tokenizer.model",
        facts="results/data/{dataset}/tokenizer/tokenizer.json",
        shards=directory("results/data/{dataset}/shards"),
    log:
        "results/data/{dataset}/logs/hub.log",
    benchmark:
        "results/data/{dataset}/benchmarks/hub.tsv"
    wildcard_constraints:
        dataset=one_of(HUB_DATASETS),
    priority: nothing_is_lost
    conda:
        "../envs/tritgolf.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        version=version_of("hub"),
        source=dataset_setting("source"),
        download="results/data/{dataset}/download",
    message:
        "Download {wildcards.dataset}"
    script:
        "../workflow_scripts/hub.py"
