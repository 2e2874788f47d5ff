"""The main job from text to tables, plots and report."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from tritgolf.config.record import load_record
from tritgolf.streams import plain

pytestmark = pytest.mark.workflow

RECORD = load_record("tiny")
TABLES = ("seeds", "roundtrip")
PLOTS = ("loss", "rt_gap", "zero_fraction", "bytes", "sliding", "temperature")
LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "object": "data", "source": "src"}


def test_every_promised_file_is_there(base):
    seed_files = ["train/train.json", "train/metrics.jsonl", "final/evaluate.json"]
    for name in RECORD.train.checkpoint_names:
        seed_files += [f"checkpoints/{name}.safetensors", f"{name}/roundtrip.json", f"{name}/export/export.json"]
        seed_files += [f"{name}/export/{storage}.tgolf" for storage in RECORD.export.storages]
    promised = [f"tiny/seed{seed}/{file}" for seed in RECORD.seeds for file in seed_files]
    promised += [f"tiny/tables/{name}.{suffix}" for name in TABLES for suffix in ("csv", "md", "html")]
    promised += [f"tiny/plots/{name}.{suffix}" for name in PLOTS for suffix in ("svg", "png")]
    promised += [
        "data/tiny/shards/manifest.json",
        "data/tiny/tokenizer/tokenizer.model",
        "data/tiny/corpus/corpus.json",
    ]
    promised += ["tables/records.csv", "tables/records.md", "report.html"]
    assert [file for file in promised if not base.results(file).is_file()] == []
    assert base.left_behind() == []
    assert list(base.results("tiny").glob("seed*/live")) == []


def test_it_ends_with_the_table_and_where_things_are(finished_run):
    workspace, run = finished_run
    *_, end = run.said.rpartition("Finished jobid: 0 (Rule: all)")
    rows = workspace.results("tiny", "tables", "seeds.md").read_text().splitlines()
    seeds = [re.split(r" *\| *", row.strip("| ")) for row in rows if re.match(r"\| (\d+|mean|std) ", row)]
    assert [cells[0] for cells in seeds] == [*map(str, RECORD.seeds), "mean", "std"]
    shown = [line.split() for line in end.splitlines()]
    assert [cells for cells in seeds if [plain(cell) for cell in cells if cell] not in shown] == []
    assert end.isascii()  # a gap below zero has a sign that ASCII lacks
    for place in ("results/report.html", "results/tiny/tables/", "results/tiny/plots/"):
        assert place in end and (workspace.folder / place).exists()


def test_afterwards_there_is_nothing_to_do(base):
    assert base.planned() == {}


def test_another_number_of_gpus_makes_nothing_again(base):
    assert base.planned("tables", "plots", gpus=2) == {}


def test_the_report_loads_nothing_from_elsewhere(base):
    loaded = _Loaded()
    loaded.feed(base.results("report.html").read_text())
    assert [address for address in loaded.addresses if not address.startswith("data:")] == []


def test_the_report_holds_every_table_and_plot(base):
    page = base.results("report.html").read_text()
    assert "system-message" not in page  # what docutils finds wrong in a caption
    shown = [f"results/tiny/tables/{name}.{suffix}" for name in TABLES for suffix in ("csv", "html")]
    shown += [f"results/tiny/plots/{name}.svg" for name in PLOTS]
    shown += [f"results/tables/records.{suffix}" for suffix in ("csv", "html")]
    for path in shown:
        entry, _ = json.JSONDecoder().raw_decode(page, page.index(f'"{path}": {{') + len(f'"{path}": '))
        _, _, encoded = entry["data_uri"].partition("base64,")
        assert base64.b64decode(encoded) == (base.folder / path).read_bytes(), path
        assert len(entry["caption"]) > 80, f"{path} is not explained"


class _Loaded(HTMLParser):
    """Collects what a browser would fetch to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        value = dict(attrs).get(LOADING.get(tag, ""))
        if value:
            self.addresses.append(value)
