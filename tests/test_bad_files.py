"""Files and places that cannot be used: every command ends in one line and exit code 2."""

import os
import shutil

import pytest

from tests.commands import PUBLISHED, refuse
from tests.small import REPOSITORY


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        bytes(range(256)),
        b"caf\xe9: {",
        b"[" * 10**5,
        b'{"a":' * 10**5,
        b'{"schema": NaN}',
        b"9" * 5000,
        b"[1]",
    ],
    ids=["folder", "empty", "binary", "latin-1", "deep list", "deep mapping", "NaN", "digits", "list"],
)
def test_whatever_is_in_a_file_a_command_that_needs_it_ends_in_one_line(capsys, tmp_path, content):
    sample = PUBLISHED / "sample_pr920.ternary.ptz"
    (tmp_path / "tokenizer.model").touch()

    def put(name):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if content is None else path.write_bytes(content)
        return path

    given = put("given")
    for command in ("inspect", "laboratory", "audit", "verify"):
        assert "given: " in refuse(capsys, command, given)
    assert "given: " in refuse(capsys, "evaluate", given, "--shards", given, "--tokenizer", given)
    assert "given: " in refuse(capsys, "audit", REPOSITORY / "published" / "pr640", "--against", given)
    assert "mine.yaml: " in refuse(capsys, "describe", "mine", "--records", put("records/mine.yaml").parent)
    grids = put("other/grids/mine.yaml").parents[1]
    assert "mine" in refuse(capsys, "laboratory", sample, "--records", grids, "--grid", "mine")
    assert "provenance" in refuse(capsys, "verify", put("results/provenance.json").parent)
    if content is not None:
        assert "record.json: " in refuse(capsys, "audit", put("audited/record.json").parent)


@pytest.mark.parametrize("name", ["x" * 300, "/proc/nothing/here", "/dev/null", "/dev/null/x"])
def test_a_place_where_no_file_can_be_is_told_in_one_line(capsys, name):
    for command in (("audit", REPOSITORY / "published" / "pr640"), ("laboratory", PUBLISHED / "none")):
        refuse(capsys, *command, "--json", name)
    for command in ("inspect", "audit", "verify", "describe"):
        refuse(capsys, command, name)


def test_a_pipe_is_not_waited_for(capsys, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for command in ("inspect", "laboratory", "generate"):
        assert "is not a file" in refuse(capsys, command, tmp_path / "pipe")
    sample, pipe = PUBLISHED / "sample_pr920.ternary.ptz", tmp_path / "pipe"
    for options in (("--shards", pipe, "--tokenizer", sample), ("--shards", sample, "--tokenizer", pipe)):
        assert "pipe: is not a file" in refuse(capsys, "evaluate", sample, *options)
    assert "pipe: is not a file" in refuse(capsys, "generate", sample, "--tokenizer", pipe)


@pytest.mark.parametrize("name", ["record.json", "seed42/train/train.json", "seed42/train/metrics.jsonl"])
@pytest.mark.parametrize("damage", ["pipe", "size"])
def test_results_of_others_are_neither_waited_for_nor_without_end(capsys, tmp_path, name, damage):
    shutil.copytree(REPOSITORY / "measured" / "ternary_honest_docs_en", tmp_path / "run")
    path = tmp_path / "run" / name
    path.unlink()
    os.mkfifo(path) if damage == "pipe" else path.touch()
    if damage == "size":
        os.truncate(path, 1 << 40)
    if (name, damage) == ("record.json", "pipe"):
        path = tmp_path / "run"  # is no folder of results then
    assert f"{path}: " in refuse(capsys, "audit", tmp_path / "run")


def test_a_named_folder_of_records_that_is_none_is_told(capsys):
    sample = PUBLISHED / "sample_pr920.ternary.ptz"
    for command in ("inspect", "laboratory"):
        assert "nowhere: is no folder of records" in refuse(capsys, command, sample, "--records", "nowhere")
