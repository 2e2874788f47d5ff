from pathlib import Path

import pytest

from tests.report import synthetic


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A synthetic run of the demo record, as the workflow leaves it."""
    return synthetic.write_run(tmp_path / "results" / "demo", "demo")
