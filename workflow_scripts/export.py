"""Export one checkpoint with every storage choice of its record."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.bundle.script import NAME, write_script
from tritgolf.config.export import export_of
from tritgolf.config.models import of_its_kind
from tritgolf.config.train import TrainConfig
from tritgolf.errors import one_line_errors
from tritgolf.pipeline import resolve_again
from tritgolf.processors import use_processors
from tritgolf.resources import workflow_folder
from tritgolf.stages.export import export_stage
from tritgolf.torch_devices import computing_on

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]), computing_on(snakemake.resources.gpu):
    use_processors(snakemake.threads)
    # The code that counts. Not by an input or a param of the rule: results from before there was a script stay as good.
    name = snakemake.params.record
    record = resolve_again(snakemake.config, name, workflow_folder())
    code_bytes = write_script(record, Path("results") / name / "script" / NAME)
    model, train = of_its_kind(snakemake.params.model), snakemake.params.get("train")
    export_stage(
        record=snakemake.params.record,
        seed=int(snakemake.wildcards.seed),
        name=snakemake.wildcards.checkpoint,
        model=model,
        export=export_of(model, snakemake.params.export),
        checkpoint=Path(snakemake.input.checkpoint),
        folder=Path(snakemake.output.facts).parent,
        facts=Path(snakemake.output.facts),
        threads=snakemake.threads,
        code_bytes=code_bytes,
        train=train and TrainConfig(**train),
        shards=Path(snakemake.input.shards[0]) if snakemake.input.shards else None,
    )
