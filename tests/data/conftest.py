import json
from pathlib import Path

import numpy as np
import pytest

from tritgolf.data.shards import ShardWriter
from tritgolf.data.tokenizer import save_tokenizer, train_tokenizer

SENTENCES = [
    "The quick brown fox jumps over the lazy dog, again and again.",
    "A ternary weight is minus one, zero or plus one; a group of 128 shares a scale.",
    "Café, naïve, 東京 and 10⁸ tokens are in it too.",
    "Bits per byte are counted on the normalized text.",
]


def write_documents(path: Path, documents: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in documents))
    return path


@pytest.fixture(scope="session")
def documents() -> list[str]:
    """Sixty different documents."""
    return [f"{sentence}\n\nNumber {number}:  {sentence}" for number in range(15) for sentence in SENTENCES]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory, documents: list[str]) -> Path:
    """A tokenizer folder, trained on the documents."""
    folder = tmp_path_factory.mktemp("tokenizer")
    source = write_documents(folder / "documents.jsonl", documents)
    save_tokenizer(train_tokenizer(source, 400, 10**6), folder / "tokenizer", origin="trained")
    return folder / "tokenizer"


@pytest.fixture
def quick_hub(monkeypatch):
    """No pauses, small parts of a file at a time, no proxy."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("tritgolf.data.hub.WORKERS", 1)  # faults are those of files in the order of their names
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)  # 10 MB: what is kept of a torn answer
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="session")
def files(tmp_path_factory, tokenizer):
    """A small repo laid out as the published one."""
    folder = tmp_path_factory.mktemp("repo")
    made = {"README.md": b"# tokens", "tokenizers/t.model": (tokenizer / "tokenizer.model").read_bytes()}
    with ShardWriter(folder, "fineweb_train", 5000) as train, ShardWriter(folder, "fineweb_val", 5000) as held_out:
        train.add(np.arange(8000) % 300)
        held_out.add(np.delete(np.arange(101), 3))  # all but the unknown one
    for path in train.paths + held_out.paths:
        made[f"datasets/sp/{path.name}"] = path.read_bytes()
    return made
