"""Benchmarks run, and report what they say they do. How long anything takes is not tested."""

import json
import subprocess
import sys

import pytest

from tests.small import REPOSITORY


def run(program: str, *arguments: object) -> None:
    command = [sys.executable, REPOSITORY / "benchmarks" / program, *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_sliding(dataset, tmp_path):
    output = tmp_path / "kept" / "sliding.json"
    shape = ("--stride", 8, "--windows", 12, "--batch", 4, 6, "--repeats", 1, "--eager")
    run("sliding.py", "--record", "tiny", "--shards", dataset / "shards", *shape, "--output", output)
    found = json.loads(output.read_text())
    assert (found["record"], found["stride"], found["window"], found["windows"]) == ("tiny", 8, 32, 12)
    assert list(found["batches"]) == ["4", "6"]
    for paths in found["batches"].values():
        assert paths.keys() == {"plain", "eager"}
        assert paths["eager"]["nats_against_plain"] == pytest.approx(0, abs=1e-5)
        assert paths["eager"]["window_tokens_per_second"] > 0
    assert found["published_window_tokens_per_second"] is None
