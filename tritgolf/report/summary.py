"""What a run prints at its end: the seed tables, and where report, tables and plots are."""

from collections.abc import Sequence

from tabulate import tabulate  # type: ignore[import-untyped]

from tritgolf.report.notes import counting, in_headline
from tritgolf.report.runs import Run
from tritgolf.report.tables import seeds_table

NEXT = (
    ("snakemake --cores all laboratory", "which storage decision costs what, without training again"),
    ("snakemake --cores all bundle", "the folder of a submission"),
    ("snakemake --cores 2 measured", "pages of the runs that come with this project"),
)


def summary(runs: Sequence[Run], results: str = "results") -> str:
    """Text for a terminal of 100 columns; ``results``: the folder that the workflow fills."""
    parts = []
    for run in runs:
        table = seeds_table(run)
        counted = "with the z-loss term, as published" if run.facts.headline_z_loss else "pure cross-entropy"
        text = run.facts.dataset + counting(run, in_headline(run))
        parts.append(f"{table.title}\n\n{table.terminal()}\n\nval, RT: {counted}.\nText: {text}.")
    places = [["report", f"{results}/report.html"]]
    for run in runs:
        folder = f"{results}/{run.facts.name}"
        places += [[f"{run.facts.name}: tables", f"{folder}/tables/"], [f"{run.facts.name}: plots", f"{folder}/plots/"]]
    places.append(["these records", f"{results}/tables/records.md"])
    parts.append(str(tabulate(places, tablefmt="plain")))
    parts.append("What next, with the same --config:\n" + str(tabulate(NEXT, tablefmt="plain")))
    return "\n\n".join(parts) + "\n"
