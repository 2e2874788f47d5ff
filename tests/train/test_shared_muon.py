"""Muon's work shared among ranks: three of them against ranks that do all.

Two ranks, killed and resumed: ``test_distributed.py``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from tests.small import REPOSITORY, TIMEOUT
from tritgolf.ranks import Ranks


def test_three_ranks_train_as_ranks_that_do_all(tmp_path):
    worker = str(Path(__file__).with_name("three_ranks.py"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, worker, str(tmp_path)], env=environment, timeout=TIMEOUT, check=True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert all(case["ranks agree"] for case in found.values())
    assert all(case["momenta"] == 0 for case in found.values())  # gradients are averaged as ever
    assert all(case["moved"] < 2e-2 for case in found.values())  # fewer matrices at once may be multiplied otherwise


def test_parts_of_a_stack_are_equal_but_for_the_last_ranks():
    def parts(count, world):
        chunks = [Ranks(rank, world, torch.device("cpu")).chunk(count) for rank in range(world)]
        return [list(range(count))[chunk] for chunk in chunks]

    assert parts(4, 2) == [[0, 1], [2, 3]]
    assert parts(10, 4) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert parts(2, 3) == [[0], [1], []]
