"""The audit's rules on a small workflow of their own."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.warm import warm_python

REPOSITORY = Path(__file__).parents[2]
SNAKEFILE = """
from pathlib import Path
REPOSITORY = Path(workflow.basedir)
def records(): return []
def seeds(record): return []
include: "rules/audit.smk"
include: "rules/leaderboard.smk"

rule shown:  # as the report's page asks for it
    input:
        LEADERBOARD,
"""


@pytest.mark.workflow
def test_tables_and_ledger_are_rebuilt_on_one_core_and_then_nothing_is_to_do(tmp_path):
    for name in ("rules", "workflow_scripts", "published", "envs"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    folder(tmp_path / "submissions/2026-04-01_three", styles.three(), "val_bpb: 1.1705 (mean of three seeds)")
    targets = ["published", "claims", "leaderboard", "--config", "submissions=submissions"]
    command = [warm_python(), "-m", "snakemake", "--cores", "1", *targets]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1498 †" in (tmp_path / "results/published/pr640/seeds.md").read_text()
    assert "16,216,336" in (tmp_path / "docs/claims.md").read_text()
    assert "2026-04-01_three" in (tmp_path / "results/leaderboard/leaderboard.md").read_text()
    report = [*command[:5], "shown", "--report", "report.html"]  # the folder is the one that the page was made of
    for again in ([*command, "-n"], [*command[:5], "shown", "-n"], report):
        done = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Nothing to be done" in done.stdout + done.stderr or "--report" in again
    assert "Audited leaderboard" in (tmp_path / "report.html").read_text()


def test_the_page_of_the_report_asks_for_the_leaderboard_once_it_is_asked_for():
    assert re.search(r"others=.*\bLEADERBOARD\b", (REPOSITORY / "rules/page.smk").read_text())
