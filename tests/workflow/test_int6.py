"""The int6 system of #1716 through the same rules: GPTQ in the export, test-time training in the evaluation."""

import json

import pandas as pd
import pytest

from tritgolf.audit.auditor import audit

pytestmark = pytest.mark.workflow

SETTINGS = {"records": ["tiny_int6"], "seeds": [42]}
TARGETS = ("results/tiny_int6/tables/seeds.csv", "results/tiny_int6/bundled.txt")
FINAL = "results/tiny_int6/seed42/final"


def test_it_is_trained_stored_and_scored_to_a_table(untrained):
    run = untrained.snakemake(*TARGETS, **SETTINGS)
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
    assert untrained.planned(*TARGETS, **SETTINGS) == {}
    assert untrained.left_behind() == []
    bundle = untrained.results("tiny_int6", "bundle")
    stated = json.loads((bundle / "submission.json").read_text())
    counted = [bundle / "train_gpt.py", *bundle.glob("*.tgolf")]
    assert stated["bytes_total"] == sum(path.stat().st_size for path in counted)
    needed = {line.partition("==")[0] for line in (bundle / "requirements.txt").read_text().split()}
    assert "constriction" in needed and "brotli" not in needed
    assert audit(bundle).exit_code == 0
