"""The table of kept runs, as it is kept in measured/README.md and of synthetic runs."""

from pathlib import Path

import pytest

from tests.report import synthetic
from tests.report.test_metrics import edit
from tests.small import REPOSITORY
from tritgolf.audit.roundtrip_page import read_kept
from tritgolf.report.experiments import FILE, load_experiment
from tritgolf.report.kept_table import kept_page, kept_table
from tritgolf.report.metrics import load_run
from tritgolf.report.pages import as_markdown


def test_the_kept_page_is_what_the_rule_makes():
    """If this fails: ``snakemake --cores 1 paper``."""
    folder = REPOSITORY / "measured"
    runs = {kept.name: kept.run for kept in read_kept(folder)}
    experiments = {path.parent.name: load_experiment(path.parent) for path in folder.glob(f"*/{FILE}")}
    blocks = kept_page((REPOSITORY / "captions" / "measured.md").read_text(), runs, experiments)
    assert as_markdown(blocks, folder) == (folder / "README.md").read_text()


def test_every_kept_run_and_experiment_says_how_it_was_made():
    folders = {path.parent for name in ("record.json", FILE) for path in (REPOSITORY / "measured").glob(f"*/{name}")}
    for folder in folders:
        assert (folder / "notebook.md").read_text().startswith(f"# How `{folder.name}` was made\n")


def test_a_row_is_the_runs_own_facts(tmp_path: Path):
    synthetic.write_run(tmp_path / "whole")
    (row,) = kept_table({"whole": load_run(tmp_path / "whole")}).frame.to_dict("records")
    assert row["run"] == "[`whole`](whole/notebook.md)" and row["seeds"] == "42, 1337, 7"
    assert (row["steps"], row["scored"]) == ("300", "sliding 32")
    assert row["taken apart"] == "roundtrip of 3, laboratory of 3, probes of 1"


@pytest.mark.parametrize(("dirty", "shown"), [(True, "abcdef0, changed since"), (False, "abcdef0")])
def test_code_that_was_changed_after_its_commit_is_told(tmp_path: Path, dirty: bool, shown: str):
    synthetic.write_run(tmp_path / "whole")
    for path in (tmp_path / "whole").rglob("train.json"):
        edit(path, provenance__code__commit="abcdef0123", provenance__code__dirty=dirty)
    row = kept_table({"whole": load_run(tmp_path / "whole")}).frame.iloc[0]
    assert row["code"] == shown
