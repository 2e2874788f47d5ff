import hashlib
import json

import pytest
import zstandard

from tritgolf.data.corpus import SPLITS, build_corpus, is_validation, load_corpus, split_file, verify_corpus
from tritgolf.data.dataset import DocstringsSource, HubSource, SplitConfig, TextSource
from tritgolf.data.text import read_documents
from tritgolf.errors import InputError

HALF = SplitConfig(fraction=0.5)


def source(folder, documents, held_out=None):
    """A text source over .jsonl files with these documents."""
    for name, texts in (("train", documents), ("held", held_out or [])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    held = (str(folder / "held.jsonl"),) if held_out is not None else ()
    return TextSource(kind="text", files=(str(folder / "train.jsonl"),), validation_files=held)


def read(folder):
    return {split: list(read_documents(split_file(folder, split))) for split in SPLITS}


def test_every_document_is_in_one_split_and_the_facts_describe_them(tmp_path, documents):
    facts = build_corpus("x", source(tmp_path, documents), HALF, tmp_path / "corpus")
    splits = read(tmp_path / "corpus")
    assert sorted(splits["train"] + splits["validation"]) == sorted(documents)
    assert facts == load_corpus(tmp_path / "corpus")
    for split, texts in splits.items():
        digests = b"".join(hashlib.sha256(text.encode()).digest() for text in texts)
        assert facts["splits"][split] == {
            "documents": len(texts),
            "bytes": sum(len(text.encode()) for text in texts),
            "digest": f"sha256:{hashlib.sha256(digests).hexdigest()}",
        }
    verify_corpus(tmp_path / "corpus")


def test_the_same_text_gives_the_same_files(tmp_path, documents):
    for name in ("a", "b"):
        build_corpus("x", source(tmp_path, documents), HALF, tmp_path / name)
    for file in ("train.jsonl.zst", "validation.jsonl.zst", "corpus.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_a_document_stays_in_its_split_when_others_come_and_go(tmp_path, documents):
    build_corpus("x", source(tmp_path, documents), HALF, tmp_path / "all")
    build_corpus("x", source(tmp_path, documents[::2]), HALF, tmp_path / "some")
    every, some = read(tmp_path / "all"), read(tmp_path / "some")
    assert set(some["validation"]) == set(every["validation"]) & set(documents[::2])


def test_the_fraction_is_about_what_was_asked():
    rule = SplitConfig(fraction=0.2)
    digests = [hashlib.sha256(str(number).encode()).digest() for number in range(5000)]
    assert sum(is_validation(rule, 0, digest) for digest in digests) == pytest.approx(1000, abs=100)


def test_the_first_documents_are_the_published_rule(tmp_path, documents):
    build_corpus("x", source(tmp_path, documents), SplitConfig(first_documents=7), tmp_path / "corpus")
    assert read(tmp_path / "corpus") == {"validation": documents[:7], "train": documents[7:]}


def test_duplicates_are_dropped_and_counted_within_and_across_splits(tmp_path):
    facts = build_corpus("x", source(tmp_path, ["a", "b", "a", "v"], ["v", "v", "w"]), None, tmp_path / "corpus")
    assert read(tmp_path / "corpus") == {"train": ["a", "b"], "validation": ["v", "w"]}
    assert facts["duplicates_dropped"] == 3


def test_docstrings_name_their_packages(tmp_path):
    few = DocstringsSource(kind="docstrings", packages=("pydantic",), documents=20)
    facts = build_corpus("x", few, HALF, tmp_path / "corpus")
    assert list(facts["source"]["packages"]) == ["pydantic"]
    assert sum(facts["splits"][split]["documents"] for split in SPLITS) == 20


@pytest.mark.parametrize(("documents", "held_out", "split"), [([], ["v"], "train"), (["a"], [], "validation")])
def test_an_empty_split_is_an_error_and_leaves_nothing(tmp_path, documents, held_out, split):
    with pytest.raises(InputError, match=f"dataset 'x': has no {split} text"):
        build_corpus("x", source(tmp_path, documents, held_out), None, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_bad_text_leaves_no_corpus_and_keeps_the_old_one(tmp_path, documents):
    text = source(tmp_path, documents)
    build_corpus("x", text, HALF, tmp_path / "corpus")
    before = read(tmp_path / "corpus")
    (tmp_path / "train.jsonl").write_bytes(b'{"text": "\xff"}\n')
    with pytest.raises(InputError, match="is not valid UTF-8"):
        build_corpus("x", text, HALF, tmp_path / "corpus")
    assert read(tmp_path / "corpus") == before
    assert {path.name for path in tmp_path.iterdir()} == {"train.jsonl", "held.jsonl", "corpus"}


def test_verify_finds_a_shared_and_a_changed_document(tmp_path, documents):
    folder = tmp_path / "corpus"
    build_corpus("x", source(tmp_path, documents), HALF, folder)
    train, validation = split_file(folder, "train"), split_file(folder, "validation")
    kept = validation.read_bytes()
    validation.write_bytes(kept + train.read_bytes())
    with pytest.raises(InputError, match="repeats a document"):
        verify_corpus(folder)
    validation.write_bytes(kept + zstandard.ZstdCompressor().compress(b'{"text": "another"}\n'))
    with pytest.raises(InputError, match=r"does not hold what its corpus.json says"):
        verify_corpus(folder)


def test_another_schema_is_an_error(tmp_path):
    (tmp_path / "corpus.json").write_text('{"schema": "else"}')
    with pytest.raises(InputError, match="is not of the schema tritgolf/corpus/1"):
        load_corpus(tmp_path)


def test_a_hub_has_no_text(tmp_path):
    hub = HubSource(kind="hub", repository="a/b", revision="main", train="t", validation="v", tokenizer="m")
    with pytest.raises(InputError, match="repository 'a/b': holds tokens, not text"):
        build_corpus("x", hub, None, tmp_path / "corpus")
