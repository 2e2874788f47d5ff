"""The audited leaderboard of made-up submissions."""

import re

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.leaderboard import comparisons, read_leaderboard
from tritgolf.audit.leaderboard_page import leaderboard_page, leaderboard_table
from tritgolf.errors import InputError

READMES = {
    "2026-04-01_first": "val_bpb: 1.1705 (mean of three seeds)",
    "2026-04-02_better": "val_bpb: 1.1505 (mean of three seeds)",
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    base = tmp_path_factory.mktemp("records")
    track = base / "track_10min_16mb"
    folder(track / "2026-04-01_first", styles.three(), READMES["2026-04-01_first"])
    better = {f"train_seed{seed}": styles.int6(seed, bpb - 0.02) for seed, bpb in styles.SEEDS.items()}
    folder(track / "2026-04-02_better", better, READMES["2026-04-02_better"], {"bytes_total": 16_000_001})
    newer = {f"train_seed{seed}": styles.sp8192(seed, 1.08 + seed / 1000) for seed in (1, 2)}
    folder(track / "2026-04-03_other_words", newer, "no score in words")
    folder(base / "track_non_record_16mb/2026-04-01_slow", {"train": styles.baseline(bpb=1.0)}, "val_bpb: 1.0000")
    (base / "repro_notes.csv").write_text(
        "folder,by,claimed,reproduced,source,facts\n2026-04-01_first,a maintainer,1.1705,1.1900,PR 1,on other GPUs\n"
    )
    return read_leaderboard(base)


def test_every_folder_below_is_a_row_by_date(rows):
    assert [row.folder for row in rows] == [
        "2026-04-01_first", "2026-04-01_slow", "2026-04-02_better", "2026-04-03_other_words",
    ]  # fmt: skip


def test_scores_are_of_the_claimed_stage(rows):
    frame = leaderboard_table(rows).frame.set_index("folder")
    assert frame.loc["2026-04-01_first", "mean_bpb"] == pytest.approx((1.1667 + 1.1711 + 1.1737) / 3)
    assert frame.loc["2026-04-01_first", "sample_std"] == pytest.approx(0.003539, abs=1e-6)
    assert frame.loc["2026-04-03_other_words", "stage"] == "quantized_ttt"
    assert frame.loc["2026-04-03_other_words", "max_eval_seconds"] == pytest.approx(25.515 + 120.961 + 366.525)


def test_a_record_is_tested_against_the_best_before_it_on_its_track(rows):
    found = comparisons(rows)
    assert {name: (c.against, c.unit) for name, c in found.items()} == {
        "2026-04-02_better": ("2026-04-01_first", "nats"),
        "2026-04-03_other_words": ("2026-04-02_better", "BPB"),
    }
    assert found["2026-04-02_better"].test.difference == pytest.approx(styles.nats(0.02), abs=1e-6)
    assert found["2026-04-02_better"].test.margin == 0.005


def test_the_page_sorts_and_has_the_evidence(rows):
    page = leaderboard_page(rows)
    assert 'data-value="1.17050"' in page and "addEventListener('click'" in page
    assert "submission.json: 16,000,001 bytes, 1 too many" in page
    assert "rerun, a maintainer (PR 1): on other GPUs" in page
    assert len(re.findall("<tr>", page)) == len(rows) + 1


def test_a_folder_without_submissions_is_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no submission folders"):
        read_leaderboard(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_leaderboard(tmp_path / "none")
