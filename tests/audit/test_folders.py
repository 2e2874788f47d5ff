"""Folders as people leave them: odd names and encodings, files that are not read, submissions within one."""

import gzip
import json
import os

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit import listing
from tritgolf.audit.auditor import audit
from tritgolf.audit.submission import read_submission
from tritgolf.errors import InputError
from tritgolf.outcome import Verdict


@pytest.fixture
def made(tmp_path):
    """Three runs, README.md and submission.json, all of one mind."""
    return folder(tmp_path / "made", styles.three(), TITLE + TABLE, JSON)


def verdicts(path):
    return {finding.check: finding.verdict for finding in audit(path).findings}


def rewrite(path, change):
    for file in path.iterdir():
        file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_every_file_is_read_in_every_encoding(encoding, made):
    before = verdicts(made)
    rewrite(made, lambda content: content.decode().encode(encoding))
    assert verdicts(made) == before


def test_names_are_read_in_every_case(made):
    before = verdicts(made)
    for file in list(made.iterdir()):
        name = file.name.lower() if file.name == "README.md" else file.name.upper()
        file.rename(made / name)
    assert set(before.values()) == {Verdict.HOLDS, Verdict.CANT_TELL}
    assert verdicts(made) == before


def test_numbers_that_are_text_are_numbers_and_true_is_none(made):
    facts = {"val_bpb": "1.1705", "bytes_total": "15,700,000", "bytes_code": 47_642}
    (made / "submission.json").write_text(json.dumps(facts))
    found = verdicts(made)
    assert found["json.score"] is found["json.bytes"] is Verdict.HOLDS
    (made / "submission.json").write_text(json.dumps({**facts, "bytes_total": "16,700,000"}))
    assert "budget.limit" in contradicted(made)
    (made / "submission.json").write_text(json.dumps(dict.fromkeys((*facts, "bytes_model"), True)))
    assert verdicts(made)["json.sum"] is Verdict.CANT_TELL


def test_a_unit_behind_a_word_processors_space_is_one(tmp_path):
    sizes = TABLE.replace("15,700,000", "15.70\u00a0MB")
    assert sizes != TABLE
    assert contradicted(folder(tmp_path, styles.three(), TITLE + sizes, JSON)) == {}


def coloured(line):
    return f"\x1b[32m{line}\x1b[0m"


def doubled(line):
    return f"{line}\n{line}"


def of_ranks(line):
    return f"[rank0]: {line}\n[rank1]: {line}"


def of_a_node(line):
    return f"[default0]:{line}"


@pytest.mark.parametrize("change", [coloured, doubled, of_ranks, of_a_node])
def test_colours_ranks_and_lines_that_are_printed_twice_change_nothing(change, made):
    before = verdicts(made)
    for file in made.glob("*.log"):
        file.write_text("\n".join(change(line) for line in file.read_text().splitlines()))
    assert verdicts(made) == before


def test_what_is_not_read_is_told(made, tmp_path):
    log = (made / "train_seed1.log").read_bytes()
    (made / "packed.log.gz").write_bytes(gzip.compress(log))
    (made / "a/b/c").mkdir(parents=True)
    (made / "a/b/c/train.log").write_bytes(log)
    (tmp_path / "elsewhere.log").write_bytes(log)
    (made / "link.log").symlink_to(tmp_path / "elsewhere.log")
    (made / "self").symlink_to(made)
    os.mkfifo(made / "pipe.log")
    (made / "killed.log").write_text("Traceback (most recent call last):\n")
    (made / "huge.txt").touch()
    os.truncate(made / "huge.txt", 5 << 30)
    notes = audit(made).notes
    told = next(note for note in notes if note.startswith("not read: "))
    for name, reason in (("a/b/c/train.log", "more than two"), ("huge.txt", "larger than 64"), ("link.log", "a link"),
                         ("packed.log.gz", "packed"), ("pipe.log", "no regular")):  # fmt: skip
        assert f"{name} ({reason}" in told
    assert "no run found in: killed.log" in notes
    assert ("self", "a link") in read_submission(made).not_read


def test_why_nothing_of_a_folder_is_read_is_told(tmp_path):
    (tmp_path / "train.log.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"submission\.json \(not read: train\.log\.gz \(packed\)\); give a"):
        audit(tmp_path)


def test_a_folder_and_a_file_that_may_not_be_read_are_told(made, monkeypatch):
    (made / "closed").mkdir()
    read = listing.Path.iterdir

    def iterdir(path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(listing.Path, "iterdir", iterdir)
    monkeypatch.setattr(listing.os, "access", lambda path, mode: path.name != "submission.json")
    told = read_submission(made).not_read
    assert told == (("closed", "Permission denied"), ("submission.json", "this user may not read it"))


def test_more_files_than_are_read_are_told(made, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILES", 4)
    assert read_submission(made).not_read == (("1 files", "more than 4"),)


def test_a_submission_within_one_is_no_part_of_it(made):
    before = verdicts(made)
    folder(made / "previous", {"train": styles.baseline(bpb=1.3)}, "# 1.3", {"val_bpb": 1.3})
    report = audit(made)
    assert verdicts(made) == before
    assert any("previous (a submission of its own)" in note for note in report.notes)


def test_a_folder_of_submissions_is_none(made):
    (made.parent / "README.md").write_text("All of ours.\n")
    with pytest.raises(InputError, match=r"holds no logs of its own, but 1 submission \(made\)"):
        audit(made.parent)


def test_the_code_of_a_log_that_was_cut_is_not_known(tmp_path):
    logs = {"a": styles.baseline(seed=1), "b": styles.baseline(seed=2).replace("47642", "48000")}
    facts = {"val_bpb": 1.2244, "bytes_code": 48_000}
    assert "budget.script" not in contradicted(folder(tmp_path / "whole", logs, "# none", facts))
    cut = {**logs, "b": logs["b"].partition("Serialized")[0]}
    assert "budget.script" not in contradicted(folder(tmp_path / "cut", cut, "# none", facts))
    other = {**facts, "bytes_code": 51_234}
    assert "budget.script" in contradicted(folder(tmp_path / "other", logs, "# none", other))


def test_nats_and_bpb_may_be_of_any_runs_text(tmp_path):
    other = {"z": styles.sp8192(bpb=1.1705)}
    score = {"val_bpb": 1.1705, "val_loss": round(styles.nats(1.1705), 6)}
    assert "json.loss" not in contradicted(folder(tmp_path / "a", {**styles.three(), **other}, TITLE + TABLE, score))
    wrong = {**score, "val_loss": 2.2}
    assert "json.loss" in contradicted(folder(tmp_path / "b", {**styles.three(), **other}, TITLE + TABLE, wrong))
