"""Every checkpoint evaluated, by a target of its own: the main job evaluates the last."""

import csv

import pytest

pytestmark = pytest.mark.workflow

SETTINGS = {"seeds": [42]}


def test_every_checkpoint_is_evaluated_by_one_target(copied):
    assert copied.planned("sliding", **SETTINGS) == {"sliding": 1, "evaluate_tiny": 2, "table_checkpoints": 1}
    run = copied.snakemake("sliding", **SETTINGS)
    assert run.code == 0, run.said
    with (copied.results("tiny") / "tables" / "checkpoints.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == "42"]
    assert [(row["checkpoint"], float(row["step"])) for row in rows] == [
        ("step_000008", 8),
        ("step_000016", 16),
        ("final", 24),
    ]
    assert len({row["sliding_bpb"] for row in rows}) == 3
    assert copied.planned("sliding", **SETTINGS) == {}
