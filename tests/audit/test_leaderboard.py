"""The audited leaderboard of made-up submissions."""

import re
from pathlib import Path

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.leaderboard import comparisons, read_leaderboard
from tritgolf.audit.leaderboard_page import leaderboard_page, leaderboard_table
from tritgolf.audit.submission_folders import check_submissions
from tritgolf.errors import InputError

READMES = {
    "2026-04-01_first": "val_bpb: 1.1705 (mean of three seeds)",
    "2026-04-02_better": "val_bpb: 1.1505 (mean of three seeds)",
}

COLUMNS_OF_NOTES = "folder,by,claimed,reproduced,source,facts"


def three(by=0.0):
    """Three runs, each better by so many bits a byte than those of ``styles``."""
    return {f"train_seed{seed}": styles.int6(seed, bpb - by) for seed, bpb in styles.SEEDS.items()}


@pytest.fixture(scope="module")
def leaderboard(tmp_path_factory):
    base = tmp_path_factory.mktemp("records")
    track = base / "track_10min_16mb"
    folder(track / "2026-04-01_first", styles.three(), READMES["2026-04-01_first"])
    folder(track / "2026-04-02_better", three(0.02), READMES["2026-04-02_better"], {"bytes_total": 16_000_001})
    newer = {f"train_seed{seed}": styles.sp8192(seed, 1.08 + seed / 1000) for seed in (1, 2)}
    folder(track / "2026-04-03_other_words", newer, "no score in words")
    folder(base / "track_non_record_16mb/2026-04-01_slow", {"train": styles.baseline(bpb=1.0)}, "val_bpb: 1.0000")
    (base / "repro_notes.csv").write_text(
        f"{COLUMNS_OF_NOTES}\n2026-04-01_first,a maintainer,1.1705,1.1900,PR 1,on other GPUs\n"
    )
    return read_leaderboard(base)


def names(leaderboard):
    return [row.folder for row in leaderboard.rows]


def test_every_folder_below_is_a_row_by_date(leaderboard):
    assert names(leaderboard) == [
        "2026-04-01_first", "2026-04-01_slow", "2026-04-02_better", "2026-04-03_other_words",
    ]  # fmt: skip


def test_scores_are_of_the_claimed_stage(leaderboard):
    frame = leaderboard_table(leaderboard).frame.set_index("folder")
    assert frame.loc["2026-04-01_first", "mean_bpb"] == pytest.approx((1.1667 + 1.1711 + 1.1737) / 3)
    assert frame.loc["2026-04-01_first", "sample_std"] == pytest.approx(0.003539, abs=1e-6)
    assert frame.loc["2026-04-03_other_words", "stage"] == "quantized_ttt"
    assert frame.loc["2026-04-03_other_words", "max_eval_seconds"] == pytest.approx(25.515 + 120.961 + 366.525)


def test_a_record_is_tested_against_the_best_before_it_on_its_track(leaderboard):
    found = comparisons(leaderboard.rows)
    assert {name: (c.against, c.unit) for name, c in found.items()} == {
        "2026-04-02_better": ("2026-04-01_first", "nats"),
        "2026-04-03_other_words": ("2026-04-02_better", "BPB"),
    }
    assert found["2026-04-02_better"].test.difference == pytest.approx(styles.nats(0.02), abs=1e-6)
    assert found["2026-04-02_better"].test.margin == 0.005


def test_the_page_sorts_and_has_the_evidence(leaderboard):
    page = leaderboard_page(leaderboard)
    assert 'data-value="1.17050"' in page and "addEventListener('click'" in page
    assert "submission.json: 16,000,001 bytes, 1 too many" in page
    assert "rerun, a maintainer (PR 1): on other GPUs" in page
    assert len(re.findall("<tr>", page)) == len(leaderboard.rows) + 1


def test_a_folder_without_submissions_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no submission folders"):
        read_leaderboard(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_leaderboard(tmp_path / "none")


@pytest.fixture(scope="module")
def scattered(tmp_path_factory):
    """Submissions at several depths, beside what is none."""
    base = tmp_path_factory.mktemp("scattered")
    folder(base / "2026-04-01_top", three(), "val_bpb: 1.1705")
    folder(base / "a/b/c/2026-04-02_deep", three(0.01), "val_bpb: 1.1605")
    folder(base / "introduced", {}, "Our submissions: 2026-04-03_inner, at 1.1505")
    folder(base / "introduced/2026-04-03_inner", three(0.02), "val_bpb: 1.1505")
    folder(base / "2026-04-04_runs_below/logs", three(0.03))
    folder(base / "2026-04-04_runs_below", {}, "val_bpb: 1.1405")
    folder(base / "2026-04-05_around", three(0.04), "val_bpb: 1.1305")
    folder(base / "2026-04-05_around/earlier/2026-03-01_within", three(), "val_bpb: 1.1705", {"val_bpb": 1.1705})
    folder(base / "here/2026-04-06_alike", three(0.05), "val_bpb: 1.1205")
    folder(base / "there/2026-04-06_alike", three(0.06), "val_bpb: 1.1105")
    folder(base / "2026-04-07_readme_alone", {}, "val_bpb: 1.1005")
    (base / "prose").mkdir()
    (base / "prose/2026-04-08_told.txt").write_text("We trained for a while.")
    (base / "empty").mkdir()
    (base / "linked").symlink_to(base / "a")
    folder(base / "unusable", {"requirements": "torch"})
    folder(base / ".git/2026-04-09_hidden", three(), "val_bpb: 1.1705")
    return read_leaderboard(base)


def test_submissions_are_found_at_any_depth_and_alike_ones_are_told_apart(scattered):
    assert names(scattered) == [
        "2026-03-01_within", "2026-04-01_top", "2026-04-02_deep", "2026-04-03_inner", "2026-04-04_runs_below",
        "2026-04-05_around", "here/2026-04-06_alike", "there/2026-04-06_alike", "2026-04-07_readme_alone",
    ]  # fmt: skip
    assert [len(row.scored.bpb) for row in scattered.rows] == [3] * 8 + [0]
    assert {row.date for row in scattered.rows if "alike" in row.folder} == {"2026-04-06"}


def test_what_is_not_read_stands_below_the_table_and_on_the_page(scattered, leaderboard):
    told = dict(scattered.not_read)
    assert (told["linked"], told["empty"]) == ("a link", "empty")
    assert told["prose"] == "no README.md, submission.json or log"
    assert told["unusable"].startswith("is not a submission")
    assert told.keys() == {"linked", "empty", "prose", "unusable"}
    note = leaderboard_table(scattered).notes[-1]
    assert note.startswith("Not read: empty (empty), linked (a link), prose (no README.md")
    assert f"<li>{note}</li>" in leaderboard_page(scattered)
    assert leaderboard.not_read == () and "Not read" not in leaderboard_page(leaderboard)


def test_only_earlier_days_are_compared_with(tmp_path):
    """Two of one day, of which the name says no order, and two without a day, the best and the worst of all."""
    for name, by in (("2026-04-01_a", 0.0), ("2026-04-02_a", 0.02), ("2026-04-02_b", 0.01), ("2026-04-03_a", 0.03),
                     ("undated", 0.05), ("an_old_one", -0.05)):  # fmt: skip
        folder(tmp_path / name, three(by), f"val_bpb: {1.1705 - by:.4f}")
    leaderboard = read_leaderboard(tmp_path)
    found = comparisons(leaderboard.rows)
    assert {name: comparison.against for name, comparison in found.items()} == {
        "2026-04-02_a": "2026-04-01_a", "2026-04-02_b": "2026-04-01_a", "2026-04-03_a": "2026-04-02_a",
    }  # fmt: skip
    assert any(
        "a submission without one is compared with none" in note for note in leaderboard_table(leaderboard).notes
    )


def test_reruns_are_of_one_submission_where_several_are_called_alike(tmp_path):
    for place in ("here", "there"):
        folder(tmp_path / place / "2026-04-01_alike", three(), "val_bpb: 1.1705")
    notes = [f"{name},a maintainer,1.1705,1.1900,PR 1,on other GPUs"
             for name in ("here/2026-04-01_alike", "2026-04-01_alike")]  # fmt: skip
    (tmp_path / "repro_notes.csv").write_text("\n".join([COLUMNS_OF_NOTES, *notes]) + "\n")
    leaderboard = read_leaderboard(tmp_path)
    reruns = {row.folder: len(row.reruns) for row in leaderboard.rows}
    assert reruns == {"here/2026-04-01_alike": 1, "there/2026-04-01_alike": 0}
    told = ("repro_notes.csv, 2026-04-01_alike", "several folders are called so; name the path")
    assert leaderboard.not_read == (told,)


def test_notes_of_reruns_without_a_column_are_one_line(tmp_path):
    folder(tmp_path / "2026-04-01_top", three(), "val_bpb: 1.1705")
    (tmp_path / "repro_notes.csv").write_text("folder,by\n2026-04-01_top,a maintainer\n")
    with pytest.raises(InputError, match=r"repro_notes.csv: has no column claimed, reproduced, source, facts"):
        read_leaderboard(tmp_path)


def test_where_all_found_is_unusable_the_reason_is_told(tmp_path):
    folder(tmp_path / "unusable", {"requirements": "torch"})
    with pytest.raises(InputError, match=r"unusable: is not a submission"):
        read_leaderboard(tmp_path)
    with pytest.raises(InputError, match=r"unusable: is not a submission"):
        check_submissions(tmp_path)
    (tmp_path / "later").symlink_to(tmp_path / "unusable")
    (tmp_path / "unusable/requirements.log").unlink()
    with pytest.raises(InputError, match=r"holds no submission folders; not read: later \(a link\)"):
        check_submissions(tmp_path)
    folder(tmp_path / "z_of_logs_alone", three())
    check_submissions(tmp_path)


def test_what_this_user_may_not_read_is_told_and_the_rest_is_read(tmp_path, monkeypatch):
    folder(tmp_path / "2026-04-01_top", three(), "val_bpb: 1.1705")
    (tmp_path / "prose").mkdir()
    (tmp_path / "prose/closed.txt").write_text(styles.int6(1, 1.1667))
    (tmp_path / "shut").mkdir()
    shown = Path.iterdir

    def iterdir(path):
        if path.name in closed:
            raise PermissionError(13, "Permission denied")
        return shown(path)

    closed = {"shut"}
    monkeypatch.setattr(Path, "iterdir", iterdir)
    monkeypatch.setattr("os.access", lambda path, mode: path.name != "closed.txt")
    leaderboard = read_leaderboard(tmp_path)
    assert names(leaderboard) == ["2026-04-01_top"]
    assert leaderboard.not_read == (
        ("prose", "no README.md, submission.json or log"), ("shut", "Permission denied"),
    )  # fmt: skip
    closed.add(tmp_path.name)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        read_leaderboard(tmp_path)
