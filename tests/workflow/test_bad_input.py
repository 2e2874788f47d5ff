"""Bad files through the workflow: each ends its stage with one clear line, and leaves no output that looks whole.

The package's own tests have every case of a reader; here each stage is shown to tell what its readers find. Damages
that don't get in each other's way share a run, with ``--keep-going``.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.workflow.workspace import SNAKEMAKE_MEMORY, Finished, Workspace

pytestmark = pytest.mark.workflow

HEADER_BYTES = 1024
TEXTS = {
    "nothing": (b" \n\n", "dataset 'nothing': has no train text: no document is left for it"),
    "latin1": ("café".encode("latin-1"), "text/latin1.txt: is not valid UTF-8"),
    "missing": (None, "text/missing.txt: names no text file"),
    "short": (b"A text to train on.", "validation tokens, too few for two windows of 32"),
}
SHARDS = {
    "magic": (lambda shard: set_number(shard, 0, "<i4", 20240521), "is not a shard: it begins with 20240521"),
    "version": (lambda shard: set_number(shard, 4, "<i4", 2), "is a shard of version 2; only version 1 is known"),
    "count": (lambda shard: set_number(shard, 8, "<i4", 7), "is too long: 7 tokens take 1038 bytes"),
    "truncated": (lambda shard: os.truncate(shard, shard.stat().st_size - 2), "is cut short"),
    "token": (
        lambda shard: set_number(shard, HEADER_BYTES + 14, "<u2", 512),
        "does not have the digest of its manifest",
    ),
}


@pytest.fixture(scope="module")
def bad_texts(base: Workspace, tmp_path_factory) -> tuple[Workspace, Finished]:
    """Training on texts on which nobody can."""
    workspace = base.copy(tmp_path_factory.mktemp("texts") / "pipeline", "results/data", SNAKEMAKE_MEMORY)
    text = workspace.folder / "text"
    text.mkdir()
    (text / "validation.txt").write_text("Too little.")
    for name, (content, _) in TEXTS.items():
        if content is not None:
            (text / f"{name}.txt").write_bytes(content)
        files = {"files": [f"text/{name}.txt"], "validation_files": ["text/validation.txt"]}
        tokenizer = {"model": "results/data/tiny/tokenizer/tokenizer.model"}
        add_record(workspace, name, {"title": name, "source": {"kind": "text", **files}, "tokenizer": tokenizer})
    return workspace, workspace.snakemake("--keep-going", "train", records=[*TEXTS], seeds=[42])


@pytest.fixture(scope="module")
def bad_shards(base: Workspace, tmp_path_factory) -> tuple[Workspace, Finished]:
    """Training on shards that were damaged after they had been made."""
    workspace = base.copy(tmp_path_factory.mktemp("shards") / "pipeline", "results/data", SNAKEMAKE_MEMORY)
    for name, (damage, _) in SHARDS.items():
        shutil.copytree(workspace.results("data", "tiny"), workspace.results("data", name))
        damage(workspace.results("data", name, "shards", "train_000001.bin"))
        add_record(workspace, name, yaml.safe_load((workspace.folder / "datasets" / "tiny.yaml").read_text()))
    return workspace, workspace.snakemake("--keep-going", "train", records=[*SHARDS], seeds=[42])


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_cannot_be_used(bad_texts, name):
    workspace, run = bad_texts
    assert_told(run, TEXTS[name][1], of=len(TEXTS))
    assert not workspace.results("data", name, "corpus").exists() or name == "short"
    assert outputs(workspace, name) == []
    assert workspace.left_behind() == []


@pytest.mark.parametrize("name", SHARDS)
def test_shards_that_are_damaged(bad_shards, name):
    workspace, run = bad_shards
    assert run.jobs == {f"train_{name}": 1 for name in SHARDS} | {"train": 1}
    assert_told(run, f"results/data/{name}/shards/train_000001.bin: {SHARDS[name][1]}", of=len(SHARDS))
    assert workspace.results(name, "seed42", "logs", "train.log").read_text().strip() in run.errors
    assert outputs(workspace, name) == []
    assert workspace.left_behind() == []


def test_a_damaged_checkpoint_and_a_damaged_artifact(copied):
    checkpoint = copied.results("tiny", "seed42", "checkpoints", "final.safetensors")
    artifact = copied.results("tiny", "seed7", "final", "export", "bf16.tgolf")
    for path in (checkpoint, artifact):
        flip_a_bit(path)
    export, final = copied.results("tiny", "seed42", "final", "export"), copied.results("tiny", "seed7", "final")
    shutil.rmtree(export)
    stages = ("roundtrip.json", "evaluate.json")
    for stage in stages:
        (final / stage).unlink()

    targets = [export / "export.json", *(final / stage for stage in stages)]
    run = copied.snakemake("--keep-going", *(str(path.relative_to(copied.folder)) for path in targets))
    assert_told(run, "seed42/checkpoints/final.safetensors: is damaged", of=3)
    assert_told(run, "seed7/final/export/bf16.tgolf: ", of=3, times=2)
    assert [path for path in targets if path.exists()] == []
    assert list(export.glob("*")) == []
    assert copied.left_behind() == []


@pytest.mark.parametrize(
    ("keep_time", "told"),
    [
        (True, "tokenizer.model: is not the tokenizer that made the shards in results/data/tiny/shards"),
        (False, "results/tiny/seed42: trained already; its text, results/data/tiny/shards, would be made again"),
    ],
    ids=["unnoticed", "noticed"],
)
def test_a_tokenizer_that_does_not_match(copied, keep_time, told):
    """Snakemake may notice that the file is newer, and would encode the text again, or not (a restored backup).

    Text that a finished training read is not made again without a word; where it may be, the stage tells.
    """
    model = copied.results("data", "tiny", "tokenizer", "tokenizer.model")
    before = model.stat()
    model.write_bytes(model.read_bytes() + b"\0")
    if keep_time:
        os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    scored = copied.results("tiny", "seed42", "final", "evaluate.json")
    scored.unlink()
    run = copied.snakemake(str(scored.relative_to(copied.folder)))
    assert_told(run, told, of=1)
    assert not scored.exists()
    assert copied.left_behind() == []


def assert_told(run: Finished, message: str, *, of: int, times: int = 1) -> None:
    """A failed run told ``of`` errors, this one of them ``times`` times, and nothing broke without a word of ours."""
    assert run.code != 0
    assert len(run.errors) == of, run.said
    assert len([line for line in run.errors if message in line]) == times, run.errors
    assert "Traceback" not in run.said


def outputs(workspace: Workspace, record: str) -> list[Path]:
    """What a training that failed should not have written."""
    return [path for pattern in ("train/*", "checkpoints/*") for path in workspace.results(record).glob(f"*/{pattern}")]


def add_record(workspace: Workspace, name: str, dataset: dict) -> None:
    """A record like ``tiny`` on a dataset of its own, both named ``name``."""
    (workspace.folder / "datasets" / f"{name}.yaml").write_text(yaml.safe_dump(dataset))
    (workspace.folder / "records" / f"{name}.yaml").write_text(yaml.safe_dump({"inherit": "tiny", "dataset": name}))


def set_number(path: Path, offset: int, kind: str, value: int) -> None:
    np.memmap(path, dtype=kind, mode="r+", offset=offset, shape=1)[0] = value


def flip_a_bit(path: Path) -> None:
    """Damage a file in its middle; its time stays, as when a disk does it."""
    before = path.stat()
    middle = np.memmap(path, dtype=np.uint8, mode="r+", offset=before.st_size // 2, shape=1)
    middle[0] ^= 1
    middle.flush()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
