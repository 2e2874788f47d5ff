"""Claims that only a measurement decides: nothing is decided before there are any, and then the figures decide."""

import json
import shutil

import pytest

from tests.audit.folders import PUBLISHED
from tests.audit.results import edit, sound_run
from tests.report.synthetic import SEEDS
from tritgolf.audit.claims import HIGH, LOW, MEDIUM, Published
from tritgolf.audit.ledger import read_ledger, rule
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.measurements_reader import FULL_SIZE, LAB_SCHEMA, read_measurements
from tritgolf.config.layers import merge
from tritgolf.errors import InputError
from tritgolf.files import write_json
from tritgolf.outcome import Verdict

FACTORS = {
    "scales": "bfloat16",
    "decide": "master",
    "shrinkage": True,
    "reload_dtype": "bfloat16",
    "table": "e4m3",
    "projections": "e4m3",
    "mixes": "e4m3",
    "vectors": "bfloat16",
}

PAIR = ((0.000889, "bfloat16"), (0.000900, "float16"))


def row(gap, error=0.00002, step=1900, **factors):
    return {"seed": 42, "step": step, "storage": "x", "factors": FACTORS | factors, "gap_bpb": gap, "gap_se": error}


def lab(folder, *rows, weights=FULL_SIZE):
    table = {"schema": LAB_SCHEMA, "run": "lab", "estimator": "rms", "ternary_weights": weights, "rows": list(rows)}
    write_json(folder / "lab/table.json", table)
    return folder


def ruling(claim, folder):
    entries = rule(Published(PUBLISHED), read_measurements(folder))
    return next(e.ruling for e in entries if e.claim.id == claim and e.kind == "measurement")


def by_raw_bytes(facts, ratio):
    """A metrics file's facts as if the text had ``ratio`` raw bytes for each published one."""
    if isinstance(facts, list):
        return [by_raw_bytes(each, ratio) for each in facts]
    if not isinstance(facts, dict):
        return facts
    counted = {name: by_raw_bytes(value, ratio) for name, value in facts.items()}
    if "bpb" in facts:
        counted |= {"bpb_published_bytes": facts["bpb"], "byte_counting": "raw"}
    for name in ("bpb", "gap_bpb", "gap_se", "over_own_bpb", "over_own_se"):
        if name in facts:
            counted[name] = facts[name] / ratio
    return counted


def test_a_run_without_trits_decides_nothing_of_them(tmp_path):
    sound_run(tmp_path / "run", "ternary_v2")
    edit(tmp_path / "run" / "record.json", lambda raw: raw.update(model={"kind": "transformer"}))
    measured = read_measurements(tmp_path)
    assert (measured.gaps, measured.evaluations, measured.zeros, measured.modes) == ((), (), (), {})


def test_a_run_by_raw_bytes_measures_what_it_measures_by_published_ones(tmp_path):
    """Claims are by published bytes, as older runs are: what divides by raw bytes is converted, everywhere."""
    for counting in ("published", "raw"):
        sound_run(tmp_path / counting / "run", "ternary_v2")
    for path in (tmp_path / "raw").rglob("seed*/*/*.json"):
        edit(path, lambda raw: raw.update(metrics=by_raw_bytes(raw["metrics"], 1.25)))
    published, raw = (read_measurements(tmp_path / counting) for counting in ("published", "raw"))
    assert len(raw.gaps) == len(published.gaps) > 20 and len(raw.evaluations) == len(SEEDS)
    for ours, theirs in zip((*raw.gaps, *raw.evaluations), (*published.gaps, *published.evaluations), strict=True):
        pairs = zip(vars(ours).values(), vars(theirs).values(), strict=True)
        assert all(one == pytest.approx(other) if isinstance(one, float) else one == other for one, other in pairs)
    for claim in ("c05", "c06", "c07", "c11", "r04"):
        assert ruling(claim, tmp_path / "raw") == ruling(claim, tmp_path / "published")


def test_an_empty_folder_measures_nothing(tmp_path):
    assert read_measurements(tmp_path) == read_measurements(tmp_path / "none")
    assert ruling("c11", tmp_path).outcome.verdict is Verdict.CANT_TELL


@pytest.mark.parametrize(
    ("fp16", "error", "expected"),
    [(0.000900, 0.00002, Verdict.CONTRADICTED), (0.0020, 0.00002, Verdict.HOLDS), (0.0013, 0.0005, Verdict.CANT_TELL)],
)
def test_scale_storage_is_decided_by_the_gaps_of_the_same_weights(fp16, error, expected, tmp_path):
    lab(tmp_path, row(0.000889, error), row(fp16, error, scales="float16"))
    for claim in ("c11", "r02"):
        assert ruling(claim, tmp_path).outcome.verdict is expected


def test_rows_that_differ_in_more_than_one_factor_are_not_compared(tmp_path):
    lab(tmp_path, row(0.0009), row(0.0020, scales="float16", mixes="bfloat16"))
    assert ruling("c11", tmp_path).outcome.verdict is Verdict.CANT_TELL


def test_small_models_decide_with_low_confidence_and_only_without_full_size_ones(tmp_path):
    pair = row(0.0009), row(0.0009, scales="float16")
    assert ruling("c11", lab(tmp_path, *pair, weights=1000)).confidence == LOW
    assert ruling("c11", lab(tmp_path, *pair)).confidence == MEDIUM
    three = [{**one, "seed": seed} for one in pair for seed in SEEDS]
    assert ruling("c11", lab(tmp_path, *three)).confidence == HIGH


def test_every_effect_is_told_once_with_what_its_pair_shares(tmp_path):
    lossless = {"decide": "forward", "shrinkage": False, "mixes": "float32"}
    others = {**row(0.0, **lossless), "storage": "lossless"}, row(-0.000009, **lossless, scales="float16")
    pairs = [row(gap, step=step, scales=scales) for step in (1900, 600, 1200) for gap, scales in PAIR]
    evidence = ruling("c11", lab(tmp_path, *pairs, *others)).outcome.evidence
    assert "more" not in evidence
    assert "lab (rms), all else lossless: step 1,900 −0.000009 ± 0.000028" in evidence
    assert "lab (rms), else as in x: step 600 +0.000011 ± 0.000028, step 1,200 +0.000011 ± 0.000028, " in evidence


def test_what_fp16_scales_cost_where_they_decide_is_told_and_decides_nothing(tmp_path):
    pair = row(0.0009), row(0.0009, scales="float16")
    deciding = [row(gap, 0.0001, decide=decide) for gap, decide in ((0.0002, "forward"), (0.0022, "forward_float16"))]
    without, with_it = ruling("c11", lab(tmp_path / "a", *pair)), ruling("c11", lab(tmp_path / "b", *pair, *deciding))
    assert with_it.outcome.verdict is without.outcome.verdict is Verdict.CONTRADICTED
    assert with_it.confidence == without.confidence
    assert with_it.outcome.evidence.startswith(without.outcome.evidence)
    assert "deciding trits by FP16 scales" in with_it.outcome.evidence and "+0.002000 ± " in with_it.outcome.evidence


def test_seeds_are_named_where_there_are_several(tmp_path):
    pairs = [{**row(gap, scales=scales), "seed": seed} for seed in (42, 7) for gap, scales in PAIR]
    evidence = ruling("c11", lab(tmp_path, *pairs)).outcome.evidence
    assert "lab (rms), else as in x, seed 7: step" in evidence and "x, seed 42: step" in evidence


def test_only_long_runs_speak_to_the_long_claim(tmp_path):
    short = row(0.0009), row(0.0009, scales="float16")
    assert ruling("r11", lab(tmp_path, *short)).outcome.verdict is Verdict.CANT_TELL
    long = row(0.0009, step=150_000), row(0.0395, step=150_000, scales="float16")
    assert ruling("r11", lab(tmp_path, *long)).outcome.verdict is Verdict.HOLDS


@pytest.mark.parametrize(("saved", "expected"), [(0.0019, Verdict.HOLDS), (0.0001, Verdict.CONTRADICTED)])
def test_the_e4m3_penalty_is_added_up_over_the_kinds(saved, expected, tmp_path):
    plain = {"table": "bfloat16"}
    lab(tmp_path, row(0.0025), row(0.0025 - saved, **plain))
    assert ruling("c06", tmp_path).outcome.verdict is expected


def test_the_e4m3_penalty_is_that_of_each_model_at_its_end(tmp_path):
    """Early checkpoints don't count, and where models disagree nothing is decided."""
    plain = {"table": "bfloat16"}
    early = row(0.0025, step=600), row(0.0024, step=600, **plain)
    lab(tmp_path, *early, row(0.0025), row(0.0006, **plain))
    assert ruling("c06", tmp_path).outcome.verdict is Verdict.HOLDS
    other = [{**one, "seed": 7} for one in (row(0.0025), row(0.0024, **plain))]
    lab(tmp_path, *early, row(0.0025), row(0.0006, **plain), *other)
    assert ruling("c06", tmp_path).outcome.verdict is Verdict.CANT_TELL


def test_whether_the_shrinkage_correction_leaves_a_gap_is_told_by_the_records_own_storage(tmp_path):
    """Rows of the grid that make something else worse have gaps of their own."""
    sound_run(tmp_path / "run", "ternary_v2")
    for path in tmp_path.rglob("laboratory.json"):

        def closed(raw):
            rows = raw["metrics"]["rows"]
            rows["own"] |= {"gap_bpb": 0.00001, "gap_se": 0.00002}
            rows["own"]["factors"]["vectors"] = "float32"  # so that no row of the roundtrip is the same
            assert rows["scales_fp16"]["gap_bpb"] > 0.0002
            assert rows["scales_fp16"]["factors"]["shrinkage"]

        edit(path, closed)
    for path in tmp_path.rglob("roundtrip.json"):
        edit(path, lambda raw: raw["metrics"]["storages"]["bf16"].update(gap_bpb=0.00001, gap_se=0.00002))
    assert ruling("c05", tmp_path).outcome.verdict is Verdict.HOLDS


def test_a_measured_run_decides_temperature_z_loss_and_zeros(tmp_path):
    sound_run(tmp_path / "run")
    for claim in ("c04", "r03", "r04"):
        assert ruling(claim, tmp_path).outcome.verdict is Verdict.CONTRADICTED
    assert "+0.0030" in ruling("r04", tmp_path).outcome.evidence
    # In the synthetic run the true zeros rise while the record's count falls; it is too short for claims on long ones.
    assert ruling("r05", tmp_path).outcome.verdict is Verdict.CONTRADICTED
    for claim in ("c18", "c22"):
        assert ruling(claim, tmp_path).outcome.verdict is Verdict.CANT_TELL
    assert ruling("c11", tmp_path).outcome.verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("gain", "dataset", "expected"),
    [
        (0.024, "fineweb", Verdict.HOLDS),
        (0.044, "fineweb", Verdict.CONTRADICTED),
        (0.024, "docs_en", Verdict.CANT_TELL),
        (0.044, "docs_en", Verdict.CANT_TELL),
    ],
)
def test_what_sliding_gains_is_decided_on_the_published_text_alone(gain, dataset, expected, tmp_path):
    sound_run(tmp_path / "run", "ternary_v2")
    edit(tmp_path / "run/record.json", lambda raw: raw.update(dataset=dataset))
    for path in tmp_path.rglob("evaluate.json"):

        def gained(raw):
            raw["metrics"]["sliding"] |= {"stride": 16, "bpb": raw["metrics"]["chunked"]["bpb"] - gain}

        edit(path, gained)
    assert ruling("c07", tmp_path).outcome.verdict is expected
    assert f"BPB {gain:.4f}" in ruling("c07", tmp_path).outcome.evidence


def test_an_applied_temperature_of_090_that_is_best_supports_the_claim(tmp_path):
    sound_run(tmp_path / "run")
    for seed in SEEDS:

        def cold(raw):
            for point in raw["metrics"]["temperature"]["grid"]:
                point["calibration_nats"] = point["temperature"]

        edit(tmp_path / f"run/seed{seed}/final/evaluate.json", cold)
    assert ruling("r03", tmp_path).outcome.verdict is Verdict.HOLDS


def test_storages_of_a_run_have_the_records_factors_where_they_set_none(tmp_path):
    sound_run(tmp_path / "run", "ternary_v1")
    gaps = read_measurements(tmp_path).gaps
    by_name = {gap.storage: gap.factors for gap in gaps}
    assert by_name["fp16"]["scales"] == "float16"
    assert by_name["fp16"]["vectors"] == "float16"  # the record's
    assert by_name["bf16"]["shrinkage"] == "true"  # the faithful mode's
    assert {gap.estimator for gap in gaps} == {"absmean"}


@pytest.mark.parametrize(
    "trained",
    [{"head_table": "e4m3"}, {"mixes": "e4m3"}, {"vectors": "bfloat16"}, {"quantizer": {"scale_dtype": "bfloat16"}}],
    ids=lambda trained: next(iter(trained)),
)
def test_a_model_trained_in_what_it_stores_decides_no_claim(trained, tmp_path):
    sound_run(tmp_path / "run")
    assert read_measurements(tmp_path).gaps
    edit(tmp_path / "run/record.json", lambda raw: raw.update(model=merge(raw["model"], trained)))
    assert read_measurements(tmp_path) == Measurements()


def test_a_damaged_lab_table_is_one_line(tmp_path):
    write_json(tmp_path / "lab/x.json", {"schema": LAB_SCHEMA, "run": "x", "estimator": "rms", "rows": []})
    with pytest.raises(InputError, match="ternary_weights"):
        read_ledger(PUBLISHED, tmp_path)


def test_other_json_in_the_lab_folder_is_passed_over(tmp_path):
    write_json(tmp_path / "lab/x.json", {"schema": "other"})
    assert read_measurements(tmp_path).gaps == ()


def test_zeros_of_a_long_run_decide_what_is_said_of_long_training(tmp_path):
    sound_run(tmp_path / "run")
    for path in tmp_path.rglob("final/export/export.json"):
        edit(path, lambda raw: raw.update(step=60_000))
    for path in tmp_path.rglob("final/roundtrip.json"):
        edit(path, lambda raw: raw.update(step=60_000))
    assert ruling("c22", tmp_path).outcome.verdict is Verdict.HOLDS
    assert ruling("c18", tmp_path).outcome.verdict is Verdict.CONTRADICTED


def test_a_long_run_of_which_the_training_log_was_kept_decides_beside_a_short_one(tmp_path):
    """Its log is read at the checkpoints' steps; a larger run that was short says nothing of long training."""
    sound_run(tmp_path / "short")
    sound_run(tmp_path / "long")
    for path in (tmp_path / "short").rglob("train.json"):
        edit(path, lambda raw: raw["metrics"]["parameters"].update(ternary=FULL_SIZE))
    for folder in [path.parent for path in (tmp_path / "long").rglob("train.json")]:
        for other in folder.parent.iterdir():
            if other.name != "train":
                shutil.rmtree(other)
        log = folder / "metrics.jsonl"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        lines = [lines[4] | {"step": 80}, lines[9] | {"step": 90}, lines[-1] | {"step": 60_000}]
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    kept = {row.step for row in read_measurements(tmp_path).zeros if row.run == "long"}
    assert kept == {80, 60_000}  # no weights were kept of step 90
    assert ruling("c22", tmp_path).outcome.verdict is Verdict.HOLDS
    decided, _, beside = ruling("c22", tmp_path).outcome.evidence.partition("; not long, but of full size: ")
    assert "long (" in decided and "short (" not in decided and "short (" in beside
    assert ruling("c18", tmp_path).outcome.verdict is Verdict.CONTRADICTED
