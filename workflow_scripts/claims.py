"""Write the claims ledger."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.claims import Published
from tritgolf.audit.ledger import read_ledger
from tritgolf.audit.ledger_page import ledger_page
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.errors import one_line_errors
from tritgolf.files import write_text

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    published = Path(snakemake.input.claims).parent
    measured = published.with_name("measured")
    entries = read_ledger(published, measured)
    page = ledger_page(entries, read_measurements(measured).as_written, Published(published).reruns)
    write_text(snakemake.output[0], page)
