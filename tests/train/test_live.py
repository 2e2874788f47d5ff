import os
import shutil

import pytest

from tritgolf.provenance import made_here
from tritgolf.train.live import clear_finished, finish, finished, keep_finished, locked


@pytest.fixture
def live(tmp_path):
    """The folder of a training that has just been finished."""
    folder = tmp_path / "live"
    folder.mkdir()
    for name in ("final.safetensors", "state_00000012.safetensors", "plan.json", "metrics.jsonl", "rank_0.alive"):
        (folder / name).touch()
    finish(folder, {"configuration": "sha256:1", "steps": 12}, made_here())
    return folder


def test_what_is_finished_is_told_to_its_own_configuration(live):
    found = finished(live, "sha256:1")
    assert (found["configuration"], found["steps"]) == ("sha256:1", 12)
    assert {"code", "versions", "hardware", "day"} == found["made_by"].keys()
    assert finished(live, "sha256:2") is None
    (live / "finished.json").unlink()
    assert finished(live, "sha256:1") is None


def test_what_cannot_be_deleted_stops_nothing(live):
    (live / "notes").mkdir()
    keep_finished(live, ["final"])
    assert (live / "notes").exists() and not (live / "rank_0.alive").exists()


def test_only_what_outputs_are_made_from_is_kept(live):
    keep_finished(live, ["final"])
    kept = ["final.safetensors", "finished.json", "metrics.jsonl", "plan.json"]
    assert sorted(path.name for path in live.iterdir()) == kept


def test_a_finished_training_is_cleared_unless_somebody_is_there(live):
    with locked(live):
        clear_finished(live)
        assert live.exists()
    clear_finished(live)
    assert not live.exists()


def test_an_unfinished_training_is_never_cleared(live):
    (live / "finished.json").unlink()
    clear_finished(live)
    assert (live / "state_00000012.safetensors").exists()


def test_clearing_where_nothing_was_trained_leaves_nothing(tmp_path):
    clear_finished(tmp_path / "seed1" / "live")
    assert list(tmp_path.iterdir()) == []


def test_the_lock_is_free_after_its_block_and_outlives_the_folder(tmp_path):
    live = tmp_path / "live"
    for _ in range(2):
        held = locked(live)
        with held:
            assert live.is_dir()
            assert (tmp_path / ".live.owner").read_text() == str(os.getpid())
            shutil.rmtree(live)
    with pytest.raises(KeyError), locked(live):
        raise KeyError
    with locked(live):
        pass
    assert not (tmp_path / ".live.owner").exists()
