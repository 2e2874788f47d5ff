"""Figures in no usual form: none may end an audit, and what a field holds is read, or told by the field's name."""

import json

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

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


def finding(path, check):
    return next(finding for finding in audit(path).findings if finding.check == check)


THREE = {"1": 1.1667, "2": 1.1711, "3": 1.1737}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"val_bpb": [1.05]}, "val_bpb is [1.05]"), ({"val_bpb": {"mean": 1.05}}, "val_bpb is {'mean': 1.05}"),
        ({"val_bpb": "about 1.05"}, "val_bpb is 'about 1.05'"), ({"val_bpb": True}, "val_bpb is True"),
        ({"bytes_total": "much"}, "bytes_total is 'much'"),
        ({"bytes_total": [16_000_001]}, "bytes_total is [16000001]"),
        ({"seeds": ["²", 1, 2, 3]}, "seeds has '²'"), ({"seeds": [[1], 2]}, "seeds has [1]"),
        ({"seeds": [True, False]}, "seeds has True"), ({"seeds": [1, 1, 1]}, "seeds names 1 3 times"),
        ({"seeds": []}, "seeds is []"), ({"seeds": 3}, "seeds is 3"), ({"seeds": [1.5]}, "seeds has 1.5"),
        ({"seed_results": {"1": [1.05]}}, "seed_results of 1 is [1.05]"),
        ({"seed_results": {"first": {"val_bpb": 1.05}}}, "seed_results has 'first'"),
        ({"seed_results": {"1": {"val_bpb": "low"}}}, "val_bpb of seed 1 is 'low'"),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_named(facts, told, tmp_path):
    found = finding(folder(tmp_path, styles.three(), TITLE + TABLE, {**JSON, **facts}), "json.fields")
    assert found.verdict is Verdict.CANT_TELL
    assert told in found.evidence


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e300", "-1e300"])
def test_a_score_that_is_no_number_is_contradicted(value, tmp_path):
    made = folder(tmp_path, styles.three(), TITLE + TABLE, f'{{"val_bpb": {value}}}')
    assert f"val_bpb is {value}" in contradicted(made)["json.fields"]


@pytest.mark.parametrize(
    "results",
    [THREE, {f"seed_{seed}": {"val_bpb": bpb} for seed, bpb in THREE.items()},
     [{"seed": int(seed), "val_bpb": bpb} for seed, bpb in THREE.items()],
     {seed: {"val_bpb": f"{bpb} BPB"} for seed, bpb in THREE.items()}],
    ids=["numbers", "seed_", "rows", "units"],
)  # fmt: skip
def test_scores_by_seed_are_read_in_every_form(results, tmp_path):
    facts = {"val_bpb": 1.1705, "seed_results": results}
    assert contradicted(folder(tmp_path / "a", styles.three(), TITLE + TABLE, facts)) == {}
    changed = json.loads(json.dumps(facts).replace("1.1667", "1.05"))
    found = contradicted(folder(tmp_path / "b", styles.three(), TITLE + TABLE, changed))
    assert "seed 1: 1.05" in found["json.score"]


@pytest.mark.parametrize("seeds", [[1.0, 2.0, 4.0], "1,2,4", "1 2 4", ["seed1", "seed2", "seed4"], [1, 2, -4]])
def test_seeds_are_read_in_every_form(seeds, tmp_path):
    found = contradicted(folder(tmp_path, styles.three(), TITLE, {**JSON, "seeds": seeds}))
    assert "4" in found["runs.seeds"].partition("no log prints ")[2]


@pytest.mark.parametrize(("score", "size"), [("1.0500 BPB", "16000001 bytes"), ("1.0500 bpb", "16,000,001 B")])
def test_units_behind_a_figure_are_read(score, size, tmp_path):
    found = contradicted(folder(tmp_path, styles.three(), TITLE, {**JSON, "val_bpb": score, "bytes_total": size}))
    assert {"json.score", "budget.limit"} <= found.keys()


def test_a_tiny_score_is_held_against_the_logs(tmp_path):
    assert "json.score" in contradicted(folder(tmp_path, styles.three(), TITLE, {**JSON, "val_bpb": 1.17e-9}))


@pytest.mark.parametrize("text", ["", "{", '{"val_bpb": 1.1705', "[]", "7", "null", '{"val_bpb": 1.17,}'])
def test_a_file_that_is_no_json_object_is_told(text, tmp_path):
    report = audit(folder(tmp_path, styles.three(), TITLE + TABLE, text))
    assert any(note.startswith("submission.json is not ") for note in report.notes)


def test_seeds_that_cannot_be_read_have_no_log_beyond_doubt(tmp_path):
    made = folder(tmp_path, styles.three(), TITLE + TABLE, {**JSON, "seeds": [1, 2, 3, "²"]})
    found = finding(made, "runs.seeds")
    assert found.verdict is Verdict.CANT_TELL
    assert "seeds has '²'" in found.evidence


OVER = 16_000_001


@pytest.mark.parametrize(
    "facts",
    [
        {"bytes_total": 16_000_001.0}, {"artifact_bytes": OVER}, {"artifact_size_bytes": OVER}, {"code_bytes": OVER},
        {"artifact_bytes_max": OVER}, {"bytes_model_int8_zlib": OVER}, {"bytes_code": OVER}, {"total_bytes": OVER},
        {"seed_results": {"1": {"artifact_bytes": OVER}}}, {"seed_results": {"1": {"bytes_total": OVER}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_stated_size_above_the_limit_breaks_it_under_every_name(facts, tmp_path):
    made = folder(tmp_path / "bare", {}, "# val_bpb: 1.1705\n", {"val_bpb": 1.1705, **facts})
    assert "16,000,001 bytes, 1 too many" in contradicted(made)["budget.limit"]
    fits = json.loads(json.dumps(facts).replace("16000001", "15999999"))
    made = folder(tmp_path / "fits", {}, "# val_bpb: 1.1705\n", {"val_bpb": 1.1705, **fits})
    assert "budget.limit" not in contradicted(made)


@pytest.mark.parametrize(
    "name",
    [
        "bytes_model_raw",
        "artifact_bytes_uncompressed",
        "bytes_model_fp32",
        "artifact_bytes_limit",
        "bytes_model",
        "step_bytes",
    ],
)
def test_sizes_of_other_things_have_no_limit(name, tmp_path):
    made = folder(tmp_path, {}, "# val_bpb: 1.1705\n", {"val_bpb": 1.1705, name: 67_224_983})
    assert "budget.limit" not in contradicted(made)


@pytest.mark.parametrize("name", ["final_model.int6.ptz", "train_gpt.py"])
def test_a_file_above_the_limit_breaks_it_without_a_log(name, tmp_path):
    made = folder(tmp_path, {}, "# val_bpb: 1.1705\n", {"val_bpb": 1.1705})
    (made / name).write_bytes(b"#" * OVER)
    assert f"{name}: 16,000,001 bytes, 1 too many" in contradicted(made)["budget.limit"]
    (made / f"other_{name}").write_bytes(b"#")  # of several none is surely the one that counts
    if name.endswith(".ptz"):
        assert "budget.limit" not in contradicted(made)


@pytest.mark.parametrize("size", [15.7, 16, "15.70", 0])
def test_a_size_that_is_no_count_of_bytes_is_told_and_contradicts_nothing(size, tmp_path):
    path = folder(tmp_path, styles.three(), TITLE + TABLE, JSON | {"bytes_total": size})
    assert contradicted(path) == {}
    fields = next(finding for finding in audit(path).findings if finding.check == "json.fields")
    assert fields.verdict is Verdict.CANT_TELL
    assert "bytes_total" in fields.evidence


@pytest.mark.parametrize(("loss", "expected"), [(2.8513, set()), (2.1764, {"json.loss"})])
def test_a_loss_in_bits_a_token_is_not_called_wrong(loss, expected, tmp_path):
    assert set(contradicted(folder(tmp_path, styles.three(), TITLE + TABLE, JSON | {"val_loss": loss}))) == expected


def test_a_mean_in_the_readme_that_is_open_leaves_the_check_open_though_the_one_in_json_fits(tmp_path):
    path = folder(tmp_path, styles.three(), "# Record\n\n**val_bpb: 1.1605** (mean of three)\n\n" + TABLE, JSON)
    mean = next(finding for finding in audit(path).findings if finding.check == "text.mean")
    assert mean.verdict is Verdict.CANT_TELL
    assert "1.1605" in mean.evidence


def test_a_std_in_json_that_is_open_leaves_the_check_open_though_the_readmes_fits(tmp_path):
    path = folder(tmp_path, styles.three(), TITLE + TABLE, JSON | {"val_bpb_std": 0.0005, "seeds": [1, 2, 3, 4]})
    std = next(finding for finding in audit(path).findings if finding.check == "text.std")
    assert std.verdict is Verdict.CANT_TELL
    assert "0.0005" in std.evidence


def as_rows(scores):
    return [{"seed": seed, "val_bpb": bpb} for seed, bpb in scores.items()]


def as_mapping(scores):
    return {f"seed_{seed}": {"val_bpb": bpb} for seed, bpb in scores.items()}


@pytest.mark.parametrize("name", ["per_seed", "results", "val_bpb_by_seed", "seed_bpbs"])
@pytest.mark.parametrize("form", [dict, as_rows, as_mapping])
def test_scores_by_seed_are_read_under_other_names(name, form, tmp_path):
    for bpb, expected in ((1.1711, set()), (1.1611, {"json.score"})):
        path = tmp_path / str(bpb)
        facts = JSON | {name: form(styles.SEEDS | {2: bpb})}
        assert set(contradicted(folder(path, styles.three(), TITLE + TABLE, facts))) == expected
