import json
from pathlib import Path

import pytest

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
