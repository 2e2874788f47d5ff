"""The rules of the report, on synthetic metrics, in a workflow that has no other rules."""

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from tests.report import synthetic
from tests.warm import warm_python
from tritgolf.errors import InputError
from tritgolf.report.catalogue import PLOTS, draw
from tritgolf.report.metrics import load_run

REPOSITORY = Path(__file__).parents[2]
KEPT_RUNS = sorted((REPOSITORY / "measured").glob("*/record.json"))

# What rules/common.smk would give; the metrics are sources here, so nothing can be trained by mistake.
SNAKEFILE = f"""
from pathlib import Path
from tritgolf.config.record import load_record
from tritgolf.pipeline import laid_over
from tritgolf.config.layers import merge

REPOSITORY = Path({str(REPOSITORY)!r})
STEPS = {{"train": {{"steps": 300, "checkpoints": [100, 200]}}}}  # those of the synthetic metrics
RECORD = load_record("demo", REPOSITORY / "records", merge(STEPS, config))
records = lambda: ["demo"]
record_config = lambda name: RECORD
seeds = lambda name: list(RECORD.seeds)
checkpoints = lambda name: RECORD.train.checkpoint_names
over_of = lambda name: laid_over(RECORD, REPOSITORY / "records")
plain = lambda settings: settings.model_dump(mode="json")

include: {str(REPOSITORY / "rules" / "report.smk")!r}
"""
TARGETS = ["results/demo/tables/seeds.md", "results/demo/tables/roundtrip.md", "results/demo/plots/sliding.svg"]


SHOWN = re.compile(r'"(results/measured/[^"]+/tables/)(\w+)\.(csv|html)": \{')  # the report's entries, by their path


def snakemake(folder: Path, *arguments: str, targets: Sequence[str] = TARGETS) -> str:
    """Run Snakemake on one core in ``folder``; what it says."""
    command = [warm_python(), "-m", "snakemake", "--cores", "1", "--rerun-triggers", "mtime", "params", "input"]
    ran = subprocess.run(
        [*command, *arguments, "--", *targets], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def planned(folder: Path, *arguments: str) -> set[str]:
    """The rules that a run would execute."""
    lines = snakemake(folder, "--dry-run", "--quiet", "rules", *arguments).splitlines()
    known = (
        "table_seeds",
        "table_roundtrip",
        "table_published",
        "plot_sliding",
        "plot_loss",
        "records_table",
        "summary",
    )
    return {line.split()[0] for line in lines if line.split() and line.split()[0] in known}


@pytest.mark.workflow
def test_tables_and_plots_are_made_from_metrics_alone(tmp_path):
    synthetic.write_run(tmp_path / "results/demo")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    snakemake(tmp_path)
    assert "| 1337" in (tmp_path / TARGETS[0]).read_text()
    assert (tmp_path / TARGETS[2]).read_text().startswith("<?xml")
    assert planned(tmp_path) == set()

    snakemake(tmp_path, "--report", "results/report.html")
    page = (tmp_path / "results/report.html").read_text()
    assert "How to read on." in page
    assert "Demo: the ternary U-Net on two CPU cores (not as the record has it: train.steps: " in page
    assert "<script src=" not in page  # self-contained
    assert "<link" not in page

    (tmp_path / TARGETS[1]).unlink()
    assert planned(tmp_path) == {"table_roundtrip"}
    assert planned(tmp_path, "--config", "title=Renamed") == {"table_seeds", "table_roundtrip", "plot_sliding"}
    tell_settings = {"table_seeds", "table_roundtrip"}
    assert planned(tmp_path, "--config", "train={log_every: 7}") == tell_settings


KEPT = """
rule measured:
    input: ALL_MEASURED

Path("measured.txt").write_text("\\n".join(ALL_MEASURED))
"""
ONE_OF_EACH = ["results/measured/ternary_v1_docs_en_4xh100/tables/published.md"]
ONE_OF_EACH += ["results/measured/estimator_demo/tables/compared.md"]


@pytest.mark.workflow
def test_the_report_of_the_kept_runs_is_whole(tmp_path):
    """A run and an experiment are made by their rules. Of all others the report is shown placeholders: what is wrong
    in one category's name is told in every caption."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE + KEPT)
    snakemake(tmp_path, targets=ONE_OF_EACH)
    assert "published (pr640, seeds: 3" in (tmp_path / ONE_OF_EACH[0]).read_text()
    assert len(list((tmp_path / ONE_OF_EACH[0]).parents[1].glob("plots/*.png"))) > 5
    assert (
        "<h1>Ternary U-Net, absmean scales"
        in (tmp_path / ONE_OF_EACH[0]).parents[1].joinpath("report.html").read_text()
    )
    for path in map(tmp_path.joinpath, (tmp_path / "measured.txt").read_text().splitlines()):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("<svg/>" if path.suffix == ".svg" else "a placeholder\n")
    snakemake(tmp_path, "--report", "results/report.html", targets=["measured"])
    page = (tmp_path / "results/report.html").read_text()
    assert "system-message" not in page
    pages, spreadsheets = ({entry[:2] for entry in SHOWN.findall(page) if entry[2] == one} for one in ("html", "csv"))
    assert pages == spreadsheets != set()  # captions speak of both
    assert {folder.split("/")[2] for folder, _ in pages} >= {path.parent.name for path in KEPT_RUNS}


@pytest.mark.parametrize("record", KEPT_RUNS, ids=lambda path: path.parent.name)
def test_every_plot_of_a_kept_run_is_drawn(record):
    """Where the rules plan it: of a run that was kept with the metrics that the plot is made from."""
    run, drawn = load_run(record.parent), []
    for name in PLOTS:
        with suppress(InputError):  # kept without its metrics
            drawn.append(draw(name, run))
    assert len(drawn) > 1 and all(figure.axes for figure in drawn)


@pytest.mark.parametrize("caption", sorted(path.name for path in (REPOSITORY / "captions").glob("*.rst")))
def test_captions_are_sound(caption):
    text = (REPOSITORY / "captions" / caption).read_text()
    text = re.sub(r"\{%.*?%\}|\.\. raw:: html\n   :file: .*", "", text)  # Snakemake fills these in before
    assert [message.astext() for message in publish_doctree(text).findall(nodes.system_message)] == []


def test_every_target_ends_in_one_line():
    """Without a message Snakemake lists what a target asks for: hundreds of files."""
    targets = re.split(r"^rule ", (REPOSITORY / "Snakefile").read_text(), flags=re.MULTILINE)[1:]
    assert len(targets) > 5
    for target in targets:
        assert "\n    localrule: True\n    message:\n" in target, target.partition(":")[0]
