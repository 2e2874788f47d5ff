"""Record what made a record's results, and the digest of each of their files."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.errors import one_line_errors
from tritgolf.provenance import told_command
from tritgolf.verify import write_provenance

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    files = [Path(file) for file in snakemake.input.files]
    exports = [file.parent for file in files if file.name == "export.json"]
    artifacts = [folder / f"{storage}.tgolf" for folder in exports for storage in snakemake.params.storages]
    write_provenance(
        Path(snakemake.output[0]),
        record=snakemake.params.record,
        command=told_command(),
        configuration=snakemake.params.configuration,
        inputs=[Path(snakemake.input.shards) / "manifest.json", Path(snakemake.input.tokenizer)],
        files=files + artifacts,
    )
