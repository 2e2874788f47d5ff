"""Which files a bundle is made of, and the one by which Snakemake knows that it was made."""

from pathlib import Path

from tritgolf.bundle.marked import WRITTEN


def bundled_metrics(record: str) -> list[str]:
    """The metrics files of a bundle."""
    names = ["train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json"]
    return [f"results/{record}/seed{seed}/{name}" for seed in seeds(record) for name in names]


def bundle_written(record: str) -> str:
    """The file beside a bundle that says that it was written: Snakemake deletes what a job makes, should it fail.

    Of a bundle that is gone, nothing says so.
    """
    written = Path(f"results/{record}", WRITTEN)
    if not Path(f"results/{record}/bundle/submission.json").exists():
        written.unlink(missing_ok=True)
    return str(written)
