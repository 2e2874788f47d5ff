"""Audit every submission below a folder: a table and a page."""

from pathlib import Path

from snakemake.iocontainers import Snakemake

from tritgolf.audit.leaderboard import read_leaderboard
from tritgolf.audit.leaderboard_page import leaderboard_page, leaderboard_table
from tritgolf.audit.listing import in_words
from tritgolf.errors import one_line_errors, warn
from tritgolf.files import write_text

snakemake: Snakemake  # set by Snakemake before this script runs

with one_line_errors(log=snakemake.log[0]):
    leaderboard = read_leaderboard(snakemake.params.submissions)
    if leaderboard.not_read:
        warn(f"{snakemake.params.submissions}: {in_words(leaderboard.not_read)}")
    table = leaderboard_table(leaderboard)
    write_text(Path(snakemake.output.csv), table.csv())
    write_text(Path(snakemake.output.markdown), table.markdown())
    write_text(Path(snakemake.output.html), leaderboard_page(leaderboard))
    write_text(Path(snakemake.output.folder), f"{snakemake.params.submissions}\n")
