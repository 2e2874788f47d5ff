"""``snakemake leaderboard``: what it leaves out is told, and no mistake takes a leaderboard away that is there."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.workflow.workspace import copy_of_the_repository

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with the leaderboard of its folder ``submissions``, and the run that made it. Not to be changed."""
    workspace = copy_of_the_repository(tmp_path_factory.mktemp("leaderboard") / "pipeline")
    submissions = workspace.folder / "submissions"
    folder(submissions / "track/2026-04-01_three", styles.three(), "val_bpb: 1.1705 (mean of three seeds)")
    (submissions / "empty").mkdir()
    (submissions / "linked").symlink_to(submissions / "track")
    run = workspace.snakemake("leaderboard", submissions="submissions")
    assert run.code == 0, run.said
    folder(workspace.folder / "noted/2026-04-01_one", styles.three(), "val_bpb: 1.1705")
    (workspace.folder / "noted/repro_notes.csv").write_text("folder,by\n2026-04-01_one,a maintainer\n")
    return workspace, run


def test_what_it_leaves_out_is_told_on_the_terminal_and_in_every_form(made):
    workspace, run = made
    left_out = "empty (empty), linked (a link)"
    assert [line for line in run.said.splitlines() if "warning: " in line] == [
        f"warning: submissions: not read: {left_out}"
    ]
    for name in ("leaderboard.md", "leaderboard.html"):
        text = workspace.results("leaderboard", name).read_text()
        assert "2026-04-01_three" in text and f"Not read: {left_out}." in text


@pytest.mark.parametrize(
    ("submissions", "told"),
    [
        ("submisions", "submisions: is not a folder; name a folder whose folders are submissions"),
        ("noted", "noted/repro_notes.csv: has no column claimed, reproduced, source, facts"),
    ],
    ids=["mistyped", "of damaged notes"],
)
def test_a_folder_that_cannot_be_audited_is_told_before_the_last_leaderboard_goes(made, submissions, told):
    workspace, _ = made
    before = {path: path.read_bytes() for path in workspace.results("leaderboard").glob("*.*")}
    assert len(before) == 4
    run = workspace.snakemake("leaderboard", submissions=submissions)
    assert run.code == 2, run.said
    (line,) = run.errors
    assert line.startswith(f"error: {told}")
    assert {path: path.read_bytes() for path in workspace.results("leaderboard").glob("*.*")} == before
