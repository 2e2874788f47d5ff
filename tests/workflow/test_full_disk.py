"""A disk that fills up: one line, no half-written output, and once there is room the same command goes on."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.workspace import Workspace

pytestmark = pytest.mark.workflow


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], None]]:
    """A function that mounts a file system of so many KiB on a folder; where that is not permitted, a skip."""
    mounted: list[Path] = []

    def mount(folder: Path, kib: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.which("mount") is None:
            pytest.skip("a full disk needs the mount command to be shown")
        command = ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"a full disk needs the right to mount one: {done.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_in_training(untrained, base, small_disk):
    states = untrained.results("tiny", "seed42", "live")
    small_disk(states, 512)
    facts = "results/tiny/seed42/train/train.json"
    assert_told(untrained.snakemake(facts), untrained)
    assert not list(untrained.results("tiny", "seed42").glob("checkpoints/*"))
    assert not (untrained.folder / facts).exists()

    subprocess.run(["mount", "-o", "remount,size=64m", str(states)], check=True)
    again = untrained.snakemake(facts)
    assert again.code == 0, again.said
    assert untrained.payload_digests() == {facts: base.payload_digests()[facts]}


@pytest.mark.parametrize(
    ("target", "kib"),
    [("results/tiny/seed42/final/export/export.json", 64), ("results/data/tiny/corpus/corpus.json", 48)],
    ids=["export", "data"],
)
def test_in_a_stage_that_writes_its_outputs_directly(copied, small_disk, target, kib):
    folder = (copied.folder / target).parent.parent
    shutil.rmtree(folder)
    small_disk(folder, kib)
    assert_told(copied.snakemake(target), copied)
    assert not (copied.folder / target).exists()
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in written if path.parent.name not in ("logs", "benchmarks")] == []


def test_for_temporary_files(base, tmp_path, small_disk):
    """Choosing which jobs to run needs none: Snakemake's other scheduler writes one for every choice."""
    temporary, workspace = tmp_path / "temporary", base.copy(tmp_path / "pipeline")
    small_disk(temporary, 4)
    (temporary / "other").write_bytes(bytes(4096))
    run = workspace.snakemake("results/tiny/record.json", environment={"TMPDIR": str(temporary)})
    assert run.code == 0, run.said
    assert [file.name for file in temporary.iterdir()] == ["other"]


def assert_told(run, workspace: Workspace) -> None:
    assert run.code != 0
    assert len(run.errors) == 1, run.said
    assert "No space left on device" in run.errors[0]
    assert "Traceback" not in run.said
    assert workspace.left_behind() == []
