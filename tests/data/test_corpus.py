import hashlib
import json
import os

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


@pytest.mark.parametrize("rule", [{"fraction": 0.3}, {"first_documents": 9}, None])
def test_text_for_choices_is_of_the_training_documents_alone(tmp_path, documents, rule):
    """Neither its training nor its validation split has a document that is validation text otherwise."""
    held = documents[:5] if rule is None else None
    given = source(tmp_path, documents, held)
    build_corpus("x", given, rule and SplitConfig(**rule), tmp_path / "corpus")
    build_corpus("x_tune", given, SplitConfig(**(rule or {}), tune=0.2), tmp_path / "tune")
    whole, tune = read(tmp_path / "corpus"), read(tmp_path / "tune")
    assert tune["train"] and tune["validation"] and whole["validation"]
    assert sorted(tune["train"] + tune["validation"]) == sorted(whole["train"])
    assert len(tune["validation"]) < len(tune["train"])


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
    with pytest.raises(InputError, match=f"dataset 'x': has no {split} text: no document is left for it.*has no text"):
        build_corpus("x", source(tmp_path, documents, held_out), None, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("files", ["train.jsonl", "*.jsonl", "."])
def test_what_both_splits_name_is_validation_text_and_told(tmp_path, monkeypatch, capsys, files):
    monkeypatch.chdir(tmp_path)
    source(tmp_path, ["a", "b"], ["v"])
    named = TextSource(kind="text", files=(files, "held.jsonl"), validation_files=(str(tmp_path / "held.jsonl"),))
    facts = build_corpus("x", named, None, "corpus")
    assert read("corpus") == {"train": ["a", "b"], "validation": ["v"]}
    assert facts["not_read"] == {"held.jsonl": "in validation_files too, so not trained on"}
    assert "held.jsonl: in validation_files too, so not trained on" in capsys.readouterr().err


def test_what_is_left_out_is_told_in_one_line_and_in_the_facts(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source(tmp_path, ["a", "b", "a", " ", "a"], [])
    for name in ("blank.txt", "notes.pdf"):
        (tmp_path / name).write_text("\n")
    mixed = TextSource(kind="text", files=(".",))
    facts = build_corpus("x", mixed, SplitConfig(first_documents=1), "corpus")
    assert facts["duplicates_dropped"] == 2
    assert facts["blank_dropped"] == 1
    assert facts["not_read"] == {
        "blank.txt": "has no text",
        "held.jsonl": "has no text",
        "notes.pdf": "of another kind (.pdf)",
    }
    assert capsys.readouterr().err == (
        "warning: dataset 'x': 3 files not read (notes.pdf: of another kind (.pdf), blank.txt: has no text, "
        "held.jsonl: has no text), 2 documents dropped as a repetition of another, 1 blank document dropped; "
        "corpus/corpus.json has all\n"
    )


def test_nothing_is_told_of_a_source_that_is_read_whole(tmp_path, documents, capsys):
    facts = build_corpus("x", source(tmp_path, documents), HALF, tmp_path / "corpus")
    assert (facts["duplicates_dropped"], facts["blank_dropped"], facts["not_read"]) == (0, 0, {})
    assert capsys.readouterr().err == ""


def one_file(tmp_path, name, text, **how):
    (tmp_path / name).write_text(text)
    return TextSource(kind="text", files=(str(tmp_path / name),), **how)


@pytest.mark.parametrize("rule", [SplitConfig(fraction=0.5), SplitConfig(first_documents=1)])
def test_a_source_of_one_document_is_told_as_that(tmp_path, rule):
    book = one_file(tmp_path, "book.txt", "One.\n\nTwo.\n\nThree.\n")
    fix = "cut a .txt or .md with `documents: blank_lines` or `separator"
    with pytest.raises(InputError, match=f"its source has one document, which can't be split; {fix}.*validation_files"):
        build_corpus("x", book, rule, tmp_path / "corpus")


def test_of_repeated_documents_it_is_told_how_many(tmp_path):
    repeated = one_file(tmp_path, "same.jsonl", '{"text": "same"}\n' * 50)
    with pytest.raises(InputError, match=r"has one document \(50 were read, 49 of them repeated\)"):
        build_corpus("x", repeated, HALF, tmp_path / "corpus")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"fraction": 1e-12}, "has no validation text: validation.fraction: 1e-12 leaves it none of 60 documents"),
        ({"first_documents": 60}, "has no train text: validation.first_documents: 60 takes all 60; ask for fewer"),
    ],
)
def test_a_split_that_leaves_nothing_is_told_as_that(tmp_path, documents, rule, message):
    with pytest.raises(InputError, match=message):
        build_corpus("x", source(tmp_path, documents), SplitConfig(**rule), tmp_path / "corpus")


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("One.\nOne.\n\nTwo.\n\nThree.\n", {"documents": "blank_lines"}),
        ("One.\nOne.<|endoftext|>Two.<|endoftext|>Three.\n", {"separator": "<|endoftext|>"}),
    ],
)
def test_one_file_can_be_cut_into_documents(tmp_path, text, how):
    build_corpus("x", one_file(tmp_path, "input.txt", text, **how), SplitConfig(first_documents=1), tmp_path / "corpus")
    assert read(tmp_path / "corpus") == {"validation": ["One.\nOne."], "train": ["Two.", "Three."]}


def test_a_file_whose_name_is_no_text_can_be_read_and_told(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in ((b"caf\xe9.jsonl", '{"text": "a"}\n{"text": "b"}'), (b"\xff.pdf", "")):
        (folder / os.fsdecode(name)).write_text(text)
    named = TextSource(kind="text", files=(str(folder),))
    facts = build_corpus("x", named, SplitConfig(first_documents=1), tmp_path / "corpus")
    assert facts["source"]["files"] == [r"caf\xe9.jsonl"]
    assert list(facts["not_read"]) == [str(folder / r"\xff.pdf")]


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
