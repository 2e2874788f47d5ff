"""Train a dataset's tokenizer, or take the existing one."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.data.dataset import TokenizerConfig
from tritgolf.data.tokenizer import build_tokenizer
from tritgolf.errors import one_line_errors

snakemake: Snakemake  # put here by Snakemake

with one_line_errors(log=snakemake.log[0]):
    build_tokenizer(
        TokenizerConfig(**snakemake.params.tokenizer),
        Path(snakemake.input.train).parent,
        Path(snakemake.output.model).parent,
        setting=f"datasets/{snakemake.wildcards.dataset}.yaml: tokenizer",
    )
