"""Write the claims ledger."""

from snakemake.iocontainers import Snakemake

from tritgolf.audit.ledger import ledger_page, read_ledger
from tritgolf.errors import one_line_errors
from tritgolf.files import write_text

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors():
    entries = read_ledger(snakemake.params.published, snakemake.params.measured)
    write_text(snakemake.output[0], ledger_page(entries))
