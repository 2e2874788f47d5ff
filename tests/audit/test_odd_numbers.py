"""Figures in no usual form: none may end an audit, and what a field holds is read, or told by the field's name."""

import json

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit.auditor import audit

LONG = "9" * 5000  # more digits than Python makes a number of
HEAD = "| Seed | Sliding BPB | Artifact |\n|---|---|---|\n"


@pytest.mark.parametrize(
    "facts",
    [
        {"seeds": ["²", "1", "2", "3"]}, {"seed_results": {"²": {"val_bpb": 1.05}, "1": {"val_bpb": 1.1667}}},
        {"seeds": [LONG, 1]}, {"seeds": {LONG: {"val_bpb": 1.05}}}, {"bytes_total": ",".join(["1", *["000"] * 1500])},
    ],
    ids=["superscript", "superscript key", "long", "long key", "long groups"],
)  # fmt: skip
def test_odd_numbers_in_json_end_no_audit(facts, tmp_path):
    audit(folder(tmp_path, styles.three(), TITLE + TABLE, {**JSON, **facts}))


@pytest.mark.parametrize(
    "row",
    [f"| {LONG} | 1.1667 | 15,700,000 |", f"| 1 | 1.{LONG} | 15,700,000 |", f"| 1 | 1.1667 | {LONG} |",
     f"| 1 | 1.1667 | 1{',000' * 1500} |"],
    ids=["seed", "decimals", "size", "groups"],
)  # fmt: skip
def test_endless_numbers_in_a_table_end_no_audit(row, tmp_path):
    deltas = f"\n| Run | a | b | Delta |\n|---|---|---|---|\n| x | 1.{LONG} | {LONG} | -0.1{LONG} |\n"
    audit(folder(tmp_path, styles.three(), f"# val_bpb: 1.1667\n\n{HEAD}{row}\n| Mean | 1.1667 | 1 |\n{deltas}", JSON))


@pytest.mark.parametrize("value", ["²", LONG, "0", "-8", "1e3"], ids=["superscript", "long", "0", "-8", "1e3"])
@pytest.mark.parametrize("setting", ["world_size: 8", "vocab_size: 8192", "  seed: 42", "max_wallclock_seconds: 600.0"])
def test_odd_settings_end_no_audit(setting, value, tmp_path):
    log = styles.sp8192()
    assert setting in log
    changed = log.replace(setting, f"{setting.partition(':')[0]}: {value}")
    audit(folder(tmp_path, {"train_seed42": changed}, "# val_bpb: 1.0810\n", {"val_bpb": 1.081, "seeds": [42]}))
