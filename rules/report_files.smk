"""Which files reports are made from and which they are; ``report.smk`` has the rules."""

import os
from functools import cache, partial

from tritgolf.report.applies import applies
from tritgolf.report.experiments import paces_folder, read_experiment, settings_of
from tritgolf.report.metrics import read_record_facts
from tritgolf.report.published import published_files
from tritgolf.report.record_facts import record_facts


def metrics_of(record: str, patterns: list[str]) -> list[str]:
    """These metrics files of every seed (and checkpoint, where a pattern names it) of a record."""
    found = [f"results/{record}/seed{{seed}}/{pattern}" for pattern in patterns]
    return sorted(set(expand(found, seed=seeds(record), checkpoint=checkpoints(record))))


def of_record(patterns: list[str]):
    """An input function for ``metrics_of``."""
    return lambda wildcards: metrics_of(wildcards.record, patterns)


@cache
def published_of(source: str) -> list[str]:
    """The published figures that a record with this source is compared with; none where it has none."""
    return list(map(str, published_files(PUBLISHED, source)))


def published_input(wildcards) -> list[str]:
    """An input function for ``published_of``."""
    return published_of(record_config(wildcards.record).source)


def facts_of(record: str) -> dict:
    """The slice of a record's configuration that plots depend on."""
    return record_facts(record_config(record)).model_dump(mode="json", exclude_defaults=True)


@cache
def told_of(record: str) -> dict:
    """The same with what was laid over the record, which tables tell."""
    facts = record_facts(record_config(record), over_of(record))
    return facts.model_dump(mode="json", exclude_defaults=True)


LOGS = ["train/train.json", "train/metrics.jsonl"]
FINAL = [
    "train/train.json",
    "final/export/export.json",
    "final/roundtrip.json",
    "final/evaluate.json",
]
ROUNDTRIP = ["{checkpoint}/export/export.json", "{checkpoint}/roundtrip.json"]
EVALUATIONS = ["{checkpoint}/evaluate.json"]
LABORATORY = ["{checkpoint}/laboratory.json"]
PROBES = ["final/probes.json", "final/laboratory.json"]
PUBLISHED = REPOSITORY / "published"

SUFFIXES = {"tables": ("csv", "md", "html"), "plots": ("svg", "pdf", "png", "csv")}

# name: (its name in the report, the metrics it is made from)
TABLES = {
    "seeds": ("Seeds", FINAL),
    "roundtrip": ("Export and reload", ROUNDTRIP),
    "checkpoints": ("Evaluation by checkpoint", EVALUATIONS),
    "published": ("Beside the published figures", FINAL),
    "laboratory": ("Ablation grid", LABORATORY),
    "decomposition": ("Where the gap comes from", LABORATORY),
    "training_length": ("Gap against training length", LABORATORY),
    "mechanisms": ("How far mechanisms are from breaking", PROBES),
}
# name: (its name in the report, the metrics it is made from)
PLOTS = {
    "loss": ("Training loss", LOGS),
    "rt_gap": ("Roundtrip gap", ROUNDTRIP),
    "zero_fraction": ("Zero fraction", LOGS),
    "bytes": ("Artifact bytes", ["final/export/export.json"]),
    "sliding": ("Sliding against chunked", ["final/evaluate.json"]),
    "temperature": ("Temperature", ["final/evaluate.json"]),
    "waterfall": ("Where the gap comes from", LABORATORY),
    "gap_length": ("Gap against training length", LABORATORY),
    "probes": ("Mechanisms pushed until they break", PROBES),
}
# Shown where it was measured: of kept runs it may be lacking.
ALSO_SHOWN = {"loss": ["{checkpoint}/roundtrip.json"]}
TITLES = {name: title for name, (title, _) in (TABLES | PLOTS).items()}
OF_THE_LABORATORY = (
    "laboratory",
    "decomposition",
    "training_length",
    "mechanisms",
    "waterfall",
    "gap_length",
    "probes",
)
OF_THEIR_OWN_TARGETS = (*OF_THE_LABORATORY, "checkpoints")


def applying(record: str, names) -> list[str]:
    """Those of these tables or plots that a record has what they show of."""
    facts = record_facts(record_config(record))
    published = published_of(facts.source)
    return [name for name in names if applies(name, facts) and (name != "published" or published)]


def tables_of(record: str) -> list[str]:
    """The table files of a record that ``all`` makes; beside published figures only where there are some."""
    names = [name for name in applying(record, TABLES) if name not in OF_THEIR_OWN_TARGETS]
    return files_of(f"results/{record}", "tables", names)


def plots_of(record: str) -> list[str]:
    """The plot files of a record, but for the laboratory's."""
    names = [name for name in applying(record, PLOTS) if name not in OF_THE_LABORATORY]
    return files_of(f"results/{record}", "plots", names)


def laboratory_of(record: str) -> list[str]:
    """The laboratory's tables and plots of a record."""
    names = applying(record, OF_THE_LABORATORY)
    tables, plots = ([name for name in names if name in known] for known in (TABLES, PLOTS))
    return files_of(f"results/{record}", "tables", tables) + files_of(f"results/{record}", "plots", plots)


def metrics_of_page(record: str, shown: list[str]) -> list[str]:
    """The metrics files of all tables and plots that a page of a record shows, and its training logs."""
    names = dict.fromkeys(Path(path).stem for path in shown)
    return metrics_of(record, LOGS + [metrics for name in names for metrics in (TABLES | PLOTS)[name][1]])


def caption_files(names) -> list[str]:
    """The captions of these tables and plots, and of the records side by side."""
    return [os.path.relpath(REPOSITORY / "captions" / f"{name}.rst") for name in (*names, "records")]


def files_of(folder: str, kind: str, names: list[str]) -> list[str]:
    """The files of these ``tables`` or ``plots`` in ``folder``."""
    return [f"{folder}/{kind}/{name}.{suffix}" for name in names for suffix in SUFFIXES[kind]]


def sample_of(record: str) -> list[str]:
    """What a record wrote, once the target ``samples`` made it."""
    return [path for path in [f"results/{record}/sample.json"] if Path(path).exists()]


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


def beside_table(folder: str, endings, **shown):
    """What an experiment has beside its table in ``folder``, with these endings; its figure is ``shown`` in the report."""
    paths = [f"{folder}/compared.{ending}" for ending in endings]
    labels = {"plot": "Compared"}
    figure = {
        path: report(path, caption="../captions/isobyte.rst", labels=labels, **shown)
        for path in paths
        if path.endswith(".svg")
    }
    return [figure.get(path, path) for path in paths]


kept_experiment = cache(read_experiment)


def experiment_metrics(folder: Path) -> list[str]:
    """What the runs of an experiment measured, and those that timed them, wherever they are kept."""
    experiment, runs = kept_experiment(folder)
    places = [*runs.values(), *filter(None, [paces_folder(experiment, folder)])]
    return sorted(os.path.relpath(path) for place in places for path in place.rglob("*.json*"))


def measured_files(run: str, kind: str, suffix: str) -> list[str]:
    """The files of a kept run's ``tables`` or ``plots``: of those whose metrics were kept."""
    chosen = {name: patterns for name, (_, patterns) in (TABLES if kind == "tables" else PLOTS).items()}
    names = [name for name, patterns in chosen.items() if all(map(partial(_was_kept, run), patterns))]
    facts = read_record_facts(MEASURED[run] / "record.json")
    return [
        f"results/measured/{run}/{kind}/{name}.{suffix}"
        for name in names
        if applies(name, facts) and (name != "published" or published_of(facts.source))
    ]


def _was_kept(run: str, pattern: str) -> bool:
    of_any_checkpoint = pattern.replace("{checkpoint}", "*")
    return any(MEASURED[run].glob(f"seed*/{of_any_checkpoint}"))


def kept(run: str) -> str:
    """The category of a kept run or experiment. Without a colon: Snakemake makes reST targets of these names."""
    return f"measured {run}"


def measured_table(path: str, run: str, form: str):
    """A table's file of a kept run, marked for the report as this form of it."""
    name = Path(path).stem
    labels = {"table": TABLES[name][0], "as": form}
    return report(path, caption=f"../captions/{name}.rst", category=kept(run), subcategory="Tables", labels=labels)
