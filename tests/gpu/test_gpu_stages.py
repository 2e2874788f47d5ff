"""Every stage of a small run on a GPU, one after the other, as ``benchmarks/stages.py`` calls them.

Sliding scores by kernels once fell in the stage alone: all that tests called was a part of it.
"""

import json

import pytest
import torch

from tests.test_benchmarks import run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

STAGES = ("record", "train", "export", "roundtrip", "evaluate")


@pytest.mark.parametrize(("record", "storage"), [("tiny", "lossless"), ("tiny_fp8", "lossless"), ("tiny_int6", "own")])
def test_a_run_is_trained_stored_and_scored(record, storage, dataset, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "other").symlink_to(dataset)
    settings = "model: {vocab_size: 300, compute: bfloat16}\ntrain: {steps: 4, checkpoints: []}\n"
    (tmp_path / "short.yaml").write_text(f"inherit: {record}\n{settings}")
    options = ("--record", tmp_path / "short.yaml", "--results", tmp_path, "--device", "cuda", "--text", "other")
    run("stages.py", *STAGES, *options)
    final = tmp_path / "short" / "seed42" / "final"
    roundtrip = json.loads((final / "roundtrip.json").read_text())["metrics"]
    methods = json.loads((final / "evaluate.json").read_text())["metrics"]["methods"]
    assert methods["chunked"]["bpb"] == pytest.approx(roundtrip["storages"][storage]["bpb"], rel=1e-3)
    assert methods["sliding"]["bpb"] == pytest.approx(methods["chunked"]["bpb"], rel=0.1)
    if storage == "lossless":
        assert roundtrip["storages"]["lossless"]["gap_bpb"] == 0
