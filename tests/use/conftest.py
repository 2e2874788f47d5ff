import json
import shutil

import pytest
import zstandard

from tests.small import REPOSITORY
from tritgolf.artifact.container import read_artifact, write_artifact
from tritgolf.data.tokenizer import save_tokenizer, train_tokenizer
from tritgolf.files import digest_file


@pytest.fixture
def results(finished, dataset, tmp_path):
    """Folders as the workflow has them: an artifact of 300 pieces, and the tokenizer of its text."""
    export = tmp_path / "results" / "small" / "seed1" / "final" / "export"
    shutil.copytree(finished / "export", export)
    shutil.copytree(dataset / "tokenizer", tmp_path / "results" / "data" / "small" / "tokenizer")
    return export


@pytest.fixture
def artifact(results):
    """The small artifact, which names its tokenizer, five folders below that of its text."""
    path, read = results / "bf16.tgolf", read_artifact(results / "bf16.tgolf")
    tokenizer = results.parents[3] / "data" / "small" / "tokenizer" / "tokenizer.model"
    header = read.header.model_copy(update={"tokenizer": digest_file(tokenizer)})
    write_artifact(path, read.stored, header)
    return path


@pytest.fixture(scope="session")
def pieces_1024(tmp_path_factory):
    """A tokenizer of as many pieces as the published samples' models have: of the README, and of what it lacks."""
    folder = tmp_path_factory.mktemp("tokenizer")
    text = (REPOSITORY / "README.md").read_text() + (REPOSITORY / "CONTRIBUTING.md").read_text()
    lines = "".join(json.dumps({"text": line}) + "\n" for line in text.splitlines() if line)
    (folder / "train.jsonl.zst").write_bytes(zstandard.compress(lines.encode()))
    save_tokenizer(train_tokenizer(folder / "train.jsonl.zst", 1024, 10**6), folder / "made", origin="trained")
    return folder / "made" / "tokenizer.model"
