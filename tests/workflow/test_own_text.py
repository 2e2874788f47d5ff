"""Text as users have it, through the workflow: a folder of mixed files with odd names, and one file that is cut."""

import gzip
import json
import os
from pathlib import Path

import pytest
import yaml

from tests.workflow.workspace import copy_of_the_repository

pytestmark = pytest.mark.workflow

DATASET = {
    "title": "mine",
    "source": {"kind": "text", "files": ["texts", "input.txt"], "documents": "blank_lines"},
    "validation": {"fraction": 0.2},
    "tokenizer": {"vocab_size": 300},
    "tokens_per_shard": 5000,
}
SETTINGS = {"dataset": "mine", "overrides": {"model": {"vocab_size": 300}}}


def sentences(first: int, last: int) -> list[str]:
    return [f"Sentence {number} is about the number {number * number}, and no other." for number in range(first, last)]


def lines(texts: list[str]) -> bytes:
    return "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()


def replace(path: Path, content: bytes) -> None:
    """By a file with an older time, as ``cp -p`` and ``rsync -a`` do, which Snakemake takes for no news."""
    path.write_bytes(content)
    os.utime(path, (10**9, 10**9))


def test_own_text_is_read_whatever_its_files_are_called_and_seen_when_it_changes(tmp_path):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    texts = workspace.folder / "texts"
    texts.mkdir()
    (texts / "part{1} [a] *.jsonl").write_bytes(lines(sentences(0, 20)))
    (texts / "{dataset}\n'b'.JSONL").write_bytes(gzip.compress(lines(sentences(20, 40))))
    (texts / "notes.pdf").write_bytes(b"")
    (workspace.folder / "input.txt").write_text("\n\n".join(sentences(30, 60)))
    (workspace.folder / "datasets" / "mine.yaml").write_text(yaml.safe_dump(DATASET))

    run = workspace.snakemake("data", **SETTINGS)
    assert run.code == 0, run.said
    facts = json.loads(workspace.results("data", "mine", "corpus", "corpus.json").read_text())
    assert sum(split["documents"] for split in facts["splits"].values()) == 60
    assert facts["not_read"] == {"texts/notes.pdf": "of another kind (.pdf)"}
    told = [
        line for line in run.said.splitlines() if line.startswith("warning: dataset 'mine': 1 file not read (texts/")
    ]
    assert len(told) == 1, run.said

    assert "corpus" not in workspace.planned("data", **SETTINGS)
    replace(workspace.folder / "input.txt", (workspace.folder / "input.txt").read_bytes() + b" And more.")
    run = workspace.snakemake("data", **SETTINGS)
    assert run.code == 0, run.said
    told = "warning: input.txt has another size than it had in results/data/mine/corpus, which is made again"
    assert run.said.count(told) == 1, run.said
    assert workspace.planned("data", **SETTINGS) == {}
    os.utime(texts / "part{1} [a] *.jsonl", (0, 2**31))
    assert "corpus" in workspace.planned("data", **SETTINGS)


def test_another_tokenizer_is_seen_whatever_its_time(base, tmp_path):
    workspace = copy_of_the_repository(tmp_path / "pipeline")
    model = workspace.folder / "own.model"
    replace(model, base.results("data", "tiny", "tokenizer", "tokenizer.model").read_bytes())
    (workspace.folder / "input.txt").write_text("\n\n".join(sentences(0, 40)))
    source = {"kind": "text", "files": ["input.txt"], "documents": "blank_lines"}
    taken = DATASET | {"source": source, "tokenizer": {"model": "own.model"}}
    (workspace.folder / "datasets" / "mine.yaml").write_text(yaml.safe_dump(taken))
    run = workspace.snakemake("data", dataset="mine")
    assert run.code == 0, run.said
    replace(model, b"another")
    assert workspace.planned("data", dataset="mine") == {"tokenizer": 1, "shards": 1, "data": 1}
