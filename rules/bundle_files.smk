"""Which files a bundle is made of."""

from pathlib import Path

from tritgolf.errors import bad_input_in_one_line
from tritgolf.report import metrics as report_metrics


def bundled_metrics(record: str):
    """The metrics files of a bundle; a damaged one is one line, before Snakemake deletes a part of the last bundle."""

    def files(wildcards) -> list[str]:
        names = ["train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json"]
        found = [f"results/{record}/seed{seed}/{name}" for seed in seeds(record) for name in names]
        there = map(Path, found if Path(f"results/{record}/bundle/submission.json").exists() else [])
        with bad_input_in_one_line():
            for path in filter(Path.is_file, there):
                report_metrics.metrics_of(report_metrics.read_envelope(path), path)
        return found

    return files
