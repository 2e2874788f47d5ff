"""Which files reports are made from and which they are; ``report.smk`` has the rules."""

import os

from tritgolf.report.metrics import read_record_facts
from tritgolf.report.schemas import published_system, record_facts


def metrics_of(record: str, patterns: list[str]) -> list[str]:
    """These metrics files of every seed (and checkpoint, where a pattern names it) of a record."""
    found = [f"results/{record}/seed{{seed}}/{pattern}" for pattern in patterns]
    return sorted(set(expand(found, seed=seeds(record), checkpoint=checkpoints(record))))


def of_record(patterns: list[str]):
    """An input function for ``metrics_of``."""
    return lambda wildcards: metrics_of(wildcards.record, patterns)


def facts_of(record: str) -> dict:
    """The slice of a record's configuration that reports depend on."""
    return plain(record_facts(record_config(record)))


LOGS = ["train/train.json", "train/metrics.jsonl"]
FINAL = [
    "train/train.json",
    "final/export/export.json",
    "final/roundtrip.json",
    "final/evaluate.json",
]
ROUNDTRIP = ["{checkpoint}/export/export.json", "{checkpoint}/roundtrip.json"]
PUBLISHED = str(REPOSITORY / "published" / "seeds.csv")

# name: (its name in the report, the metrics it is made from, published figures)
TABLES = {
    "seeds": ("Seeds", FINAL, []),
    "roundtrip": ("Export and reload", ROUNDTRIP, []),
    "published": ("Beside the published figures", FINAL, PUBLISHED),
}
# name: (its name in the report, the metrics it is made from)
PLOTS = {
    "loss": ("Training loss", LOGS),
    "rt_gap": ("Roundtrip gap", ROUNDTRIP),
    "zero_fraction": ("Zero fraction", LOGS),
    "bytes": ("Artifact bytes", ["final/export/export.json"]),
    "sliding": ("Sliding against chunked", ["final/evaluate.json"]),
    "temperature": ("Temperature", ["final/evaluate.json"]),
}


def table_names(source: str) -> list[str]:
    """The tables of a record with this source; beside published figures only where there are some."""
    return [name for name in TABLES if name != "published" or published_system(source)]


def tables_of(record: str) -> list[str]:
    """The table files of a record."""
    names = table_names(record_config(record).source)
    return [f"results/{record}/tables/{name}.{suffix}" for name in names for suffix in ("csv", "md", "html")]


def plots_of(record: str) -> list[str]:
    """The plot files of a record."""
    return [f"results/{record}/plots/{name}.{suffix}" for name in PLOTS for suffix in ("svg", "png")]


FINAL_OF_ALL = [path for record in records() for path in metrics_of(record, FINAL)]

# Kept metrics of earlier runs, each a folder like results/<record>: sources, which no rule makes.
MEASURED = {
    path.parent.name: Path(os.path.relpath(path.parent))
    for path in sorted((REPOSITORY / "measured").glob("*/record.json"))
}

# Kept runs of one question side by side: a folder with experiment.yaml and a run a record.
EXPERIMENTS = {
    path.parent.name: Path(os.path.relpath(path.parent))
    for path in sorted((REPOSITORY / "measured").glob("*/experiment.yaml"))
}


def measured_files(run: str, kind: str, suffix: str) -> list[str]:
    """The files of a kept run's ``tables`` or ``plots``."""
    facts = read_record_facts(MEASURED[run] / "record.json")
    names = table_names(facts.source) if kind == "tables" else PLOTS
    return [f"results/measured/{run}/{kind}/{name}.{suffix}" for name in names]
