"""The int6 system of #1716 through the same rules: GPTQ in the export, test-time training in the evaluation."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.workflow

SETTINGS = {"records": ["tiny_int6"], "seeds": [42]}
FINAL = "results/tiny_int6/seed42/final"


def test_it_is_trained_stored_and_scored_to_a_table(untrained):
    run = untrained.snakemake("results/tiny_int6/tables/seeds.csv", **SETTINGS)
    assert run.code == 0, run.said
    final = untrained.folder / FINAL
    methods = json.loads((final / "evaluate.json").read_text())["metrics"]["methods"]
    assert list(methods) == ["chunked", "sliding", "ttt"]
    assert all(scores["causality"]["causal"] for scores in methods.values())
    assert methods["ttt"]["nats"] < methods["sliding"]["nats"]
    storages = json.loads((final / "roundtrip.json").read_text())["metrics"]["storages"]
    assert storages.keys() == {"own", "nearest"}
    assert storages["own"]["gap_bpb"] != storages["nearest"]["gap_bpb"]
    row = pd.read_csv(untrained.results("tiny_int6", "tables", "seeds.csv")).iloc[0]
    assert row["ttt_bpb"] == methods["ttt"]["bpb"]
    assert not [name for name in row.index if "zero" in name or "trit" in name]
    assert untrained.planned("results/tiny_int6/tables/seeds.csv", **SETTINGS) == {}
    assert untrained.left_behind() == []
