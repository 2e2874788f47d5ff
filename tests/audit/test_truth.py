"""All real folders of the research data against what was decided of them by hand (skipped where they aren't there)."""

import json
import os
from pathlib import Path

import pytest

from tests.audit.truth import folders_there, score
from tritgolf.files import write_json

ROOT = Path(__file__).parents[2]
SCORE = ROOT / "measured/audit/score.json"
WRITE = "TRITGOLF_WRITE_SCORE"  # set it to write the file anew


def submissions() -> Path | None:
    """The folder that ``TRITGOLF_SUBMISSIONS`` names, or the one beside the repository."""
    named = os.environ.get("TRITGOLF_SUBMISSIONS")
    return folders_there(iter([Path(named)] if named else [ROOT / "../shared/submissions"]))


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folders = submissions()
    if folders is None:
        pytest.skip("no research data: name the folder with truth.csv in TRITGOLF_SUBMISSIONS")
    found = score(folders, tmp_path_factory.mktemp("submissions"))
    if os.environ.get(WRITE):
        write_json(SCORE, found)
    return found


def test_nobody_is_accused_wrongly(scored):
    assert scored["wrong"] == []


def test_nine_of_ten_defects_are_found(scored):
    assert scored["recall"] >= 0.9


def test_little_is_left_open(scored):
    assert scored["cant_tell_share"] < 0.15


def test_the_stored_score_is_this_one(scored):
    assert json.loads(SCORE.read_text()) == scored
