"""Nothing that was trained gives way to another training unasked; a run with a name has its own place."""

import json
import os

import pytest

from tests.workflow.workspace import Workspace

pytestmark = pytest.mark.workflow

LONGER = {"train": {"steps": 32}}
FACTS = ("tiny", "seed42", "train", "train.json")


def files(workspace: Workspace) -> dict[str, tuple[int, int]]:
    """Every file of the results with its size and time."""
    found = (path for path in workspace.results().rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def test_other_settings_replace_no_finished_training_unasked(base):
    before = files(base)
    run = base.snakemake(overrides=LONGER)
    assert run.code == 2 and "Traceback" not in run.said
    (line,) = run.errors
    assert line.startswith("error: results/tiny/seed42, results/tiny/seed7: trained already; another training would")
    assert "(train.steps: 24 → 32); give the new one a name (--config run=NAME), or let it" in line
    assert files(base) == before


def test_a_run_with_a_name_has_its_own_place(base):
    run = base.snakemake("--dry-run", overrides=LONGER, run="longer")
    assert run.code == 0 and run.errors == []
    assert run.jobs["train_tiny@longer"] == 2 and run.jobs["provenance_tiny@longer"] == 1
    assert "corpus" not in run.jobs and "train_tiny" not in run.jobs


def test_everything_anew_replaces_nothing_unasked(base):
    (line,) = base.snakemake("--dry-run", "--forceall").errors
    assert "trained already; its text, results/data/tiny/shards, would be made again, maybe as another" in line
    assert base.planned("--forceall", replace=True)["train_tiny"] == 2


def test_the_same_text_made_again_trains_nothing(copied):
    for path in [shards := copied.results("data", "tiny", "shards"), *shards.iterdir()]:
        os.utime(path)
    planned = copied.planned()
    assert planned["roundtrip_tiny"] == 6  # the time is seen
    assert "train_tiny" not in planned
    facts = copied.results(*FACTS)
    content = json.loads(facts.read_text())
    content["trained"]["shards"] = f"sha256:{'0' * 64}"
    facts.write_text(json.dumps(content))
    (line,) = copied.snakemake("--dry-run").errors
    assert "error: results/tiny/seed42: trained already" in line
    assert "(shards: sha256:000000000000 → sha256:" in line


def test_states_of_a_stopped_training_are_not_deleted_unasked(copied):
    trained = json.loads(copied.results(*FACTS).read_text())["trained"]
    copied.results(*FACTS).unlink()
    live = copied.results("tiny", "seed42", "live")
    live.mkdir()
    (live / "plan.json").write_text(json.dumps({"trained": trained}))
    (live / "state_00000012.safetensors").touch()
    (line,) = copied.snakemake("--dry-run", "train", seeds=[42], overrides=LONGER).errors
    assert "results/tiny/seed42: its live holds a stopped training" in line and "train.steps: 24 → 32" in line
    assert copied.planned("train", seeds=[42]) == {"train_tiny": 1}


def test_a_checkpoint_that_is_gone_trains_nothing_again_unasked(copied):
    gone = copied.results("tiny", "seed42", "checkpoints", "step_000008.safetensors")
    gone.unlink()
    assert copied.planned() == {}  # nothing asks for it
    (line,) = copied.snakemake("--dry-run", "laboratory").errors
    assert "results/tiny/seed42: trained already, but checkpoints/step_000008.safetensors is gone; " in line
    assert copied.planned("laboratory", replace=True)["train_tiny"] == 1


STORAGE = {"export": {"storages": {"finer": {"scales": "float32"}}}}


def test_a_storage_under_another_name_is_told_to_train_again(base):
    run = base.snakemake("--dry-run", "roundtrip", overrides=STORAGE, run="finer")
    assert run.jobs["train_tiny@finer"] == 2
    assert "warning: results/tiny@finer/seed42, results/tiny@finer/seed7: tiny was trained with just these" in run.said
    run = base.snakemake("--dry-run", "roundtrip", overrides=STORAGE)
    assert "train_tiny" not in run.jobs and "trained with just" not in run.said


def test_what_is_touched_needs_no_leave(copied):
    facts = copied.results(*FACTS)
    content = facts.read_bytes()
    run = copied.snakemake("--touch", "train", overrides=LONGER)
    assert run.code == 0, run.said
    assert facts.read_bytes() == content and copied.planned("train", overrides=LONGER) == {}
