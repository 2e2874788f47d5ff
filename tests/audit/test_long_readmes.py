"""A README of thousands of rows or scores: its work grows with its length, counted in calls, not in time."""

import sys

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit_submission
from tritgolf.audit.stated_text import spreads_of_seeds, stated_scores
from tritgolf.audit.submission import read_submission

DELTAS = "| a | val_bpb | Delta |\n|---|---|---|\n"


def scores(count):
    return "".join(f"val_bpb: 1.{at:06d}\n" for at in range(count))


def scores_of_a_line(count):
    return "".join(f"mean 1.{at:06d} BPB, " for at in range(count)) + "\n"


def deltas(count):
    return DELTAS + "| a | 1.0808 | -0.0001 |\n" * count


def other_deltas(count):
    return DELTAS + "".join(f"| a | 1.{at:06d} | -0.9{at:04d} |\n" for at in range(count))


def calls(path):
    """Function calls of an audit."""
    submission, count = read_submission(path), 0

    def counted(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        audit_submission(submission)
    finally:
        sys.setprofile(None)
    return count


def test_a_line_of_thousands_of_different_scores_is_read_to_its_end():
    """If the line were read for each of them anew, it would take minutes."""
    assert [claim.printed.text for claim in stated_scores(scores_of_a_line(3000))] == [
        f"1.{at:06d}" for at in range(3000)
    ]


def test_many_empty_lines_are_read_once():
    """If each were read to the end of all, it would take hours."""
    assert [spread.text for spread in spreads_of_seeds("\n" * 500_000 + "- **3-seed std:** `0.0007`\n", 3)] == [
        "0.0007"
    ]


@pytest.mark.parametrize("text", [scores, scores_of_a_line, deltas, other_deltas])
def test_work_grows_with_the_length_of_a_readme_and_no_faster(text, tmp_path):
    once, twice = (
        calls(folder(tmp_path / str(n), {"seed1": styles.int6(1, 1.1667)}, text(n), {"val_bpb": 1.1667}))
        for n in (250, 500)
    )
    assert twice < 2.5 * once
