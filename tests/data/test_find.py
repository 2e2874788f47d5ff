import gzip
import os
from pathlib import Path

import pytest

from tritgolf.data.find import find_texts, list_files
from tritgolf.errors import InputError


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str, content: bytes = b"") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def names(texts) -> list[str]:
    return [str(path) for path in texts.files]


def test_files_folders_and_globs_are_found_in_order_and_once(here):
    make("b.txt", "a.md", "deep/c.jsonl.xz")
    assert names(find_texts(["*.txt", "deep", ".", "a.md", str(here / "b.txt")])) == [
        "b.txt",
        "deep/c.jsonl.xz",
        "a.md",
    ]
    assert find_texts([str(here / "*.md")]).files == [here / "a.md"]


@pytest.mark.parametrize("name", ["A.TXT", "b.Md", "c.JSONL", "d.ndjson", "E.NDJSON.GZ", "f.txt.ZST", "g.jsonl.Xz"])
@pytest.mark.parametrize("pattern", ["texts", "texts/*", "texts/**", "**/*"])
def test_the_case_of_a_suffix_is_nothing(here, name, pattern):
    make(f"texts/{name}")
    assert names(find_texts([pattern])) == [f"texts/{name}"]


@pytest.mark.parametrize("pattern", ["texts", "texts/*", "texts/**", "texts/**/*"])
def test_what_is_not_read_is_named_with_why(here, pattern):
    make("texts/a.txt", "texts/deep/b.pdf", "texts/deep/README", "texts/c.tar.gz")
    make("texts/config.json", content=b'{"vocab_size": 3}')
    make("texts/list.json.gz", content=gzip.compress(b'[{"text": "x"}]'))
    Path("texts/link.txt").symlink_to("nowhere.txt")
    for name, target in (("loop", "loop"), ("one", "two"), ("two", "one")):
        Path(f"texts/{name}.txt").symlink_to(f"{target}.txt")
    os.mkfifo("texts/pipe.txt")
    texts = find_texts([pattern])
    assert names(texts) == ["texts/a.txt", "texts/list.json.gz"]
    assert {str(path): reason for path, reason in texts.not_read.items()} == {
        "texts/c.tar.gz": "of another kind (.gz)",
        "texts/config.json": 'has no "text" string',
        "texts/deep/README": "without a suffix that says what it is",
        "texts/deep/b.pdf": "of another kind (.pdf)",
        **{f"texts/{name}.txt": "a link to nothing" for name in ("link", "loop", "one", "two")},
        "texts/pipe.txt": "no regular file",
    }


@pytest.mark.parametrize("pattern", ["texts/*.jsonl", "*/*.jsonl", "**/*.jsonl"])
def test_what_only_its_case_keeps_from_a_pattern_is_named(here, pattern):
    make("texts/a.jsonl", "texts/B.JSONL", "texts/c.txt", "texts/D.PDF")
    texts = find_texts([pattern])
    assert names(texts) == ["texts/a.jsonl"]
    assert texts.not_read == {Path("texts/B.JSONL"): "in another case than the pattern"}


@pytest.mark.parametrize("pattern", ["texts", "texts/*", "texts/**", "texts/**/*.jsonl", "*/*/*/*.jsonl"])
def test_linked_folders_are_read_and_loops_end(here, pattern):
    make("elsewhere/deep/a.jsonl", "texts/b/c/d.jsonl")
    Path("texts/link").symlink_to("../elsewhere")
    Path("texts/b/loop").symlink_to("..")
    Path("elsewhere/back").symlink_to("../texts")
    found = {path.resolve().relative_to(here) for path in find_texts([pattern]).files}
    assert found == {Path("elsewhere/deep/a.jsonl"), Path("texts/b/c/d.jsonl")}


def test_a_file_with_several_names_is_found_once_by_one_that_can_be_read(here):
    make("store/0123")
    Path("a.txt").symlink_to("store/0123")
    Path("b.txt").symlink_to("store/0123")
    texts = find_texts(["."])
    assert (names(texts), texts.not_read) == (["a.txt"], {})


@pytest.mark.parametrize("name", ["part{1}.txt", "a[1].txt", "a*b?.txt", " a b .txt", 'it\'s "a".txt', "a\nb.txt"])
def test_a_name_is_not_taken_for_a_pattern(here, name):
    make(name, f"in {name}/{name}")
    assert names(find_texts([name])) == [name]
    assert names(find_texts([f"in {name}"])) == [f"in {name}/{name}"]
    assert names(find_texts([f"in {name}/*.txt"])) == [f"in {name}/{name}"]


@pytest.mark.parametrize("pattern", ["nothing.txt", "*.txt", "empty", "a**.txt", "**/no.txt"])
def test_a_pattern_that_names_nothing_is_an_error(here, pattern):
    (here / "empty").mkdir()
    with pytest.raises(InputError, match="names no text file; put it there"):
        find_texts([pattern])


def test_a_pattern_that_names_no_text_says_what_it_names(here):
    make("texts/a.pdf")
    with pytest.raises(InputError, match=r"texts: names no text file \(texts/a.pdf: of another kind \(.pdf\)\)"):
        find_texts(["texts"])


@pytest.mark.parametrize("name", ["a.pdf", "README", "a.text"])
def test_a_file_of_another_kind_that_is_named_is_an_error(here, name):
    make(name)
    with pytest.raises(InputError, match=r"is not a kind of text file that can be read; accepted are \.txt, \.md"):
        find_texts([name])


def test_a_damaged_json_is_an_error(here):
    make("texts/a.json.gz", content=gzip.compress(b'[{"text": "x"}]')[:-6])
    with pytest.raises(InputError, match=r"a\.json\.gz: is damaged or cut short"):
        find_texts(["texts"])


def test_of_many_files_the_first_are_listed():
    not_read = {Path(f"{number}.pdf"): "why" for number in range(1200)}
    assert list_files(not_read, most=2) == "0.pdf: why, 1.pdf: why, 1,198 more"
    assert list_files({}) == ""
    assert list_files({Path("a\nb\udcff"): "why"}) == r"a\x0ab\xff: why"
