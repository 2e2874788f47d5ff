"""The main job from text to tables, plots and report."""

import re

import pytest

from tritgolf.config.record import load_record
from tritgolf.streams import plain

pytestmark = pytest.mark.workflow

RECORD = load_record("tiny")
TABLES = ("seeds", "roundtrip")
PLOTS = ("loss", "rt_gap", "zero_fraction", "bytes", "sliding", "temperature")


def test_every_promised_file_is_there(base):
    seed_files = ["train/train.json", "train/metrics.jsonl", "final/evaluate.json"]
    for name in RECORD.train.checkpoint_names:
        seed_files += [f"checkpoints/{name}.safetensors", f"{name}/roundtrip.json", f"{name}/export/export.json"]
        seed_files += [f"{name}/export/{storage}.tgolf" for storage in RECORD.export.storages]
    promised = [f"tiny/seed{seed}/{file}" for seed in RECORD.seeds for file in seed_files]
    promised += [f"tiny/tables/{name}.{suffix}" for name in TABLES for suffix in ("csv", "md", "html")]
    promised += [f"tiny/plots/{name}.{suffix}" for name in PLOTS for suffix in ("svg", "pdf", "png", "csv")]
    promised += [
        "data/tiny/shards/manifest.json",
        "data/tiny/tokenizer/tokenizer.model",
        "data/tiny/corpus/corpus.json",
    ]
    promised += ["tables/records.csv", "tables/records.md", "report.html", "tiny/report.html"]
    assert [file for file in promised if not base.results(file).is_file()] == []
    assert base.left_behind() == []
    assert list(base.results("tiny").glob("seed*/live")) == []


def test_it_ends_with_the_table_and_where_things_are(finished_run):
    workspace, run = finished_run
    *_, end = run.said.rpartition("The report is results/report.html")
    rows = workspace.results("tiny", "tables", "seeds.md").read_text().splitlines()
    seeds = [re.split(r" *\| *", row.strip("| ")) for row in rows if re.match(r"\| (\d+|mean|std) ", row)]
    assert [cells[0] for cells in seeds] == [*map(str, RECORD.seeds), "mean", "std"]
    shown = [line.split() for line in end.splitlines()]
    assert [cells for cells in seeds if [plain(cell) for cell in cells if cell] not in shown] == []
    assert end.isascii()  # a gap below zero has a sign that ASCII lacks
    assert "What next" in end
    for place in ("results/report.html", "results/tiny/tables/", "results/tiny/plots/"):
        assert place in end and (workspace.folder / place).exists()


def test_afterwards_there_is_nothing_to_do(base):
    assert base.planned() == {}


def test_another_number_of_gpus_makes_nothing_again(base):
    assert base.planned("tables", "plots", gpus=2) == {}


def test_it_begins_with_the_users_text_and_says_a_line_a_job(finished_run):
    """Not with the runs that come with the project, and not in hundreds of lines."""
    said = finished_run[1].said.splitlines()
    jobs = [line for line in said if re.match(r"\d\d:\d\d:\d\d +\d+/\d+  ", line)]
    quick = sum(name.startswith(("plot_", "table_")) for name in finished_run[1].jobs)
    assert len(jobs) == sum(finished_run[1].jobs.values()) - quick
    assert any("Read the text of tiny" in job for job in jobs[:2]) and "kept" not in finished_run[1].said
    assert len(said) < len(jobs) + 40


def test_a_training_says_what_it_takes_and_keeps_its_lines(base, finished_run):
    assert "tiny seed 42: begins, 24 steps of 512 tokens; its losses: results/tiny/seed42/live" in finished_run[1].said
    (*_, last) = base.results("tiny", "seed42", "logs", "train.log").read_text().splitlines()
    assert re.search(r"tiny seed 42: step 24 of 24, loss \d\.\d{3}, \d\.\d{3} BPB so far, 00:00 left$", last)


def test_the_pages_show_every_table_and_figure(base):
    page = base.results("tiny", "report.html").read_text()
    assert page.count("<svg") == len(PLOTS) and page.count("<table") == len(TABLES)
    links = [f'href="tables/{name}.csv"' for name in TABLES] + [f'href="plots/{name}.pdf"' for name in PLOTS]
    assert [link for link in links if link not in page] == []
    first = base.results("report.html").read_text()
    assert "<h1>Tiny: for tests</h1>" in first and 'href="tiny/report.html"' in first
    assert "snakemake --cores 2 measured" in first
