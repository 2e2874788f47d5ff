"""Score the artifact that a record ships."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.config.models import of_its_kind
from tritgolf.config.train import TrainConfig
from tritgolf.errors import one_line_errors
from tritgolf.evaluate.no_network import no_network
from tritgolf.stages.evaluation_ranks import evaluate_on
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), no_network(), computing_on(snakemake.resources.gpu):
    evaluate_on(
        processes=snakemake.resources.ranks,
        device="cuda" if snakemake.resources.gpu else "cpu",
        threads=snakemake.threads,
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=of_its_kind(snakemake.params.model),
        train=TrainConfig(**snakemake.params.train),
        settings=EvaluateConfig(**snakemake.params.evaluate),
        artifact=Path(snakemake.input.artifact),
        training=Path(snakemake.input.training),
        shards=Path(snakemake.input.shards),
        tokenizer=Path(snakemake.input.tokenizer),
        facts=Path(snakemake.output.facts),
    )
