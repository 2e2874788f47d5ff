"""Where the workflow's files lie: records, texts, rules, captions, profiles. In a checkout its root, else the wheel."""

from pathlib import Path

PACKAGE = Path(__file__).parent
IN_WHEEL = PACKAGE / "_workflow"  # pyproject.toml puts them there


def workflow_folder() -> Path:
    """The folder that holds ``Snakefile``, ``records/`` and all else that belongs to the workflow."""
    checkout = PACKAGE.parent
    return checkout if (checkout / "Snakefile").is_file() and (checkout / "records").is_dir() else IN_WHEEL


def records_folder() -> Path:
    """``records/`` of the working folder, if it holds records (a checkout, or one's own copy), else the package's.

    The contest's own repository has a ``records/`` too, of submissions.
    """
    return _here_or_ours("records")


def datasets_folder() -> Path:
    """The same of ``datasets/``."""
    return _here_or_ours("datasets")


def _here_or_ours(name: str) -> Path:
    here = Path(name)
    return here if any(here.glob("*.yaml")) else workflow_folder() / name
