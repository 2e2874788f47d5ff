"""Which files a bundle is made of."""

import sys
from pathlib import Path

from tritgolf.errors import BAD_INPUT, InputError
from tritgolf.report import metrics as report_metrics


def bundled_metrics(record: str):
    """The metrics files of a bundle; a damaged one is one line, before Snakemake deletes a part of the last bundle."""

    def files(wildcards) -> list[str]:
        names = ["train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json"]
        found = [f"results/{record}/seed{seed}/{name}" for seed in seeds(record) for name in names]
        there = map(Path, found if Path(f"results/{record}/bundle/submission.json").exists() else [])
        try:
            for path in filter(Path.is_file, there):
                report_metrics.metrics_of(report_metrics.read_envelope(path), path)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(BAD_INPUT)
        return found

    return files
