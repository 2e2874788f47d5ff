"""Every check of a folder: one it must pass, one it must flag, and a garbled one on which it must say it can't tell."""

import re
import shutil
from statistics import fmean

import pytest

from tests.audit import styles
from tests.audit.folders import GARBLINGS, PUBLISHED, README_640, SAMPLES, digits_lost, folder, text, three
from tests.audit.test_script import FIT_FIRST, HASHED, SCORE_FIRST, TABLE, TWICE, TWO_PASSES
from tests.small import REPOSITORY
from tritgolf.artifact.codecs import compress
from tritgolf.artifact.published import int6_lzma
from tritgolf.audit.checks import SUBMISSION_CHECKS
from tritgolf.audit.submission import read_logs, read_submission
from tritgolf.outcome import Verdict

ROW = "| 42 | 6,530 | 91.8 | **1.1565**"
GOOD_JSON = {"val_bpb": 1.1565, "bytes_total": 15993853}
ARTIFACT = "sample_pr640.ternary.ptz"
SAMPLE_BYTES = (SAMPLES / ARTIFACT).stat().st_size


def sample_log(trits=2064384, ternary_bytes=445138):
    """A log whose artifact line is of the sample artifact."""
    total = SAMPLE_BYTES + 70853
    return text(
        "pr640/seed42",
        ("ternary:64880640(14239486B) fp:2513744(2537376B)", f"ternary:{trits}({ternary_bytes}B) fp:119176(121744B)"),
        ("budget:15993853/16000000 (15.99/16.00MB)", f"budget:{total}/16000000 ({total / 1e6:.2f}/16.00MB)"),
    )


def with_readme(*edits):
    readme = README_640
    for old, new in edits:
        assert old in readme
        readme = readme.replace(old, new)
    return lambda path: folder(path, three("pr640"), readme, GOOD_JSON)


def with_logs(logs):
    return lambda path: folder(path, logs, README_640, GOOD_JSON)


def with_json(facts):
    return lambda path: folder(path, three("pr640"), README_640, facts)


def with_script(size):
    def build(path):
        made = folder(path, three("pr640"))
        (made / "train_gpt.py").write_text("#" * size)
        return made

    return build


def with_source(source):
    def build(path):
        made = folder(path, three("pr640"))
        (made / "train_gpt.py").write_text(source)
        return made

    return build


def with_artifact(log, damage=False):
    def build(path):
        made = folder(path, {"seed42": log})
        shutil.copyfile(SAMPLES / ARTIFACT, made / "final_model.ternary.ptz")
        if damage:
            with (made / "final_model.ternary.ptz").open("r+b") as file:
                file.truncate(SAMPLE_BYTES // 2)
        return made

    return build


PARITY = REPOSITORY / "tests" / "parity"
INT6_ARTIFACT = PARITY / "sample_pr1716.int6.ptz"
INT6_BYTES = INT6_ARTIFACT.stat().st_size


def with_int6_artifact(size=INT6_BYTES, parameters=1_982_326, keep=None, content=None):
    """A folder with the sample of #1716 or ``content`` (its first ``keep`` bytes), and a log of size and parameters."""

    def build(path):
        log = styles.sp8192(total=size + 16_630).replace("model_params:35944536", f"model_params:{parameters}")
        made = folder(path, {"seed42": log})
        (made / "final_model.int6.ptz").write_bytes((content or INT6_ARTIFACT.read_bytes())[:keep])
        return made

    return build


def int6_runs(readme="", facts=None, edit=("", "")):
    logs = {name: content.replace(*edit) for name, content in styles.three().items()}
    return lambda path: folder(path, logs, readme, facts if facts is not None else {})


REPEATED = {"a": text("pr923/seed7"), "b": text("pr920/seed42")}
WARM = ("optimal_T:0.90", "optimal_T:1.00")
COLD = ("optimal_T:0.90", "optimal_T:0.85")
JUMP = {"seed42": text("pr640/seed42", ("t:459028ms avg:91.8ms", "t:459028ms avg:15.3ms"))}

FAILED = styles.three() | {"train_seed1": re.sub(r"(sliding_window\w* val_loss:)\S+", r"\1nan", styles.int6(1, 1.1667))}


def one_measured(sliding="1.1709"):
    """One run with a table of its measures."""
    rows = f"| Roundtrip val_bpb | 1.1909 |\n| Sliding val_bpb | {sliding} |\n"
    readme = f"# val_bpb: 1.1709\n\n| Metric | Value |\n|---|---|\n{rows}"
    return lambda path: folder(path, {"train": styles.int6(1, 1.1709)}, readme)


def exact_figures(**figures):
    """One run with a score of more digits than two runs have in common, and what submission.json says besides."""
    facts = {"val_bpb": 1.17090011, "seeds": [42], **figures}
    return lambda path: folder(path, {"train": styles.int6(42, 1.17090011)}, "", facts)


# check → (a folder it must pass, one it must flag, what its evidence must say of the latter)
CASES = {
    "budget.identical": (with_logs(three("pr640")), with_logs(REPEATED), "13,646,848 bytes in"),
    "budget.script": (with_script(70853), with_script(70852), "70,852 bytes; logged 70,853"),
    "artifact.size": (with_artifact(sample_log()), with_artifact(text("pr640/seed42")), "logged 15,923,000"),
    "artifact.readable": (with_artifact(sample_log()), with_artifact(sample_log(), damage=True), "final_model"),
    "artifact.contents": (with_artifact(sample_log()), with_artifact(sample_log(ternary_bytes=445137)), "log 445,137"),
    "evaluation.run_time": (with_logs(three("pr640")), with_logs(three("pr920")), "437 s at stride 8"),
    "evaluation.temperature_grid": (with_logs(three("pr640", WARM)), with_logs(three("pr640", COLD)), "0.85"),
    "evaluation.bytes_per_token": (with_logs(three("pr640")), with_logs(three("pr920")), "2.9804 nats is 1.1540"),
    "lines.scores": (
        int6_runs(),
        lambda path: folder(path, FAILED, "", {"val_bpb": 1.1711, "seeds": [1, 2, 3]}),
        "NaN or infinite: final_int6_sliding_window of train_seed1.log",
    ),
    "lines.resume": (with_logs(three("pr640")), with_logs(JUMP), "restarts at step 5,000"),
    "tables.rows": (with_readme(), with_readme((ROW, ROW.replace("91.8", "91.7"))), "table 91.7, log 91.83"),
    "tables.means": (with_readme(), with_readme(("| 1.1842 |", "| 1.1844 |")), "printed 1.1844"),
    "tables.stds": (with_readme(), with_readme(("1,492 bytes", "1,498 bytes")), "printed 1498, recomputed 1491.9"),
    "tables.deltas": (with_readme(), with_readme(("-0.0031", "-0.0034")), "−0.0031"),
    "tables.measures": (one_measured(), one_measured("1.1701"), "table 1.1701, log 1.1"),
    "tables.record": (with_logs(three("pr640", ("val_loss:2.9", "val_loss:2.8"))), with_logs(three("pr640")), "p ="),
    "text.headline": (
        with_readme(),
        with_readme(("val_bpb: 1.1570", "val_bpb: 1.1530"), ("1.1570 BPB", "1.1530 BPB")),
        "README 1.1530",
    ),
    "text.mean": (with_readme(), with_readme(("val_bpb: 1.1570", "val_bpb: 1.1565")), "README 1.1565, a mean"),
    "text.std": (with_readme(), with_readme(("std 0.0007", "std 0.0009")), "sample 0.00068069"),
    "budget.limit": (int6_runs(), int6_runs(facts={"bytes_total": 16_638_468}), "638,468 too many"),
    "timing.limit": (int6_runs(), int6_runs(edit=("599950ms", "612345ms")), "612.345 s (train_seed1.log)"),
    "timing.evaluation": (
        int6_runs("# Record\n"),
        int6_runs("# Record\n", edit=("eval_time:74066ms", "eval_time:740660ms")),
        "longest evaluation 740.7 s",
    ),
    "evaluation.tokens": (int6_runs(), int6_runs(edit=("tokens:62021632", "tokens:6202163")), "loaded 6,202,163"),
    "runs.seeds": (
        int6_runs(facts={"seeds": [1, 2, 3]}),
        int6_runs(facts={"seeds": [1, 2, 3, 4]}),
        "no log prints 4",
    ),
    "runs.copies": (
        int6_runs(),
        with_logs({"a": styles.int6(1), "b": styles.int6(1, 1.18).replace("seed:1\n", "seed:2\n")}),
        "the same loss at every step",
    ),
    "runs.gpus": (
        int6_runs("`train_seed1.log` is on 8xH100"),
        int6_runs("`train_seed1.log` is on 2xH100"),
        "README train_seed1.log: 2, the log prints 8",
    ),
    "script.bytes": (with_source(TABLE), with_source(TWICE), "added again where one is scored"),
    "script.adaptation": (with_source(SCORE_FIRST), with_source(FIT_FIRST), "slot fits to 'y', then scores it"),
    "script.distribution": (with_source(SCORE_FIRST), with_source(HASHED), "by a hashed key with the target in it"),
    "script.passes": (with_source(SCORE_FIRST), with_source(TWO_PASSES), "rescore scores in a second loop"),
    "json.score": (
        int6_runs(facts={"val_bpb": 1.1705}),
        int6_runs(facts={"val_bpb": 1.16, "seeds": [1, 2, 3]}),
        "val_bpb 1.16;",
    ),
    "json.fields": (
        int6_runs(facts={"val_bpb": 1.1705, "seeds": [1, 2, 3]}),
        int6_runs(facts={"val_bpb": float("nan")}),
        "val_bpb is NaN",
    ),
    "json.loss": (
        int6_runs(facts={"val_bpb": 1.1667, "val_loss": 1.96993}),
        int6_runs(facts={"val_bpb": 1.1667, "val_loss": 1.98}),
        "bytes a token; logs 2.43593",
    ),
    "json.bytes": (
        int6_runs(facts={"bytes_total": 15_700_000}),
        int6_runs(facts={"bytes_total": 15_652_358, "seeds": [1, 2, 3]}),
        "the model of train_seed1.log, without code",
    ),
    "json.sum": (
        int6_runs(facts={"bytes_total": 15_700_000, "bytes_code": 47_642}),
        int6_runs(facts={"bytes_total": 15_700_000, "bytes_code": 47_643}),
        "15,652,358 + 47,643 = 15,700,001",
    ),
    "json.steps": (exact_figures(steps=2000), exact_figures(steps=1987), "steps 1987; logs 2000 (train.log)"),
    "json.times": (
        exact_figures(train_time_s=599.95),
        exact_figures(train_time_s=588.31),
        "train_time_s 588.31; logs 599.950 s",
    ),
    "text.artifact": (with_readme(), with_readme(("15.99 MB", "15.95 MB")), "README 15.95 MB"),
    "text.layout": (with_readme(), with_readme(("as a bitmask", "in base-3")), "written: bitmask"),
    "text.submission_json": (
        with_json(GOOD_JSON),
        with_json({"val_bpb": 1.1565, "bytes_total": 15995705}),
        "bytes_total 15,995,705 is seed1337.log's",
    ),
}


def outcome(name, path):
    check = next(check for check in SUBMISSION_CHECKS.checks if check.name == name)
    return check.run(read_submission(path, against=read_logs(PUBLISHED / "pr640")))


def test_every_check_has_its_cases():
    assert set(CASES) == {check.name for check in SUBMISSION_CHECKS.checks}


def test_every_check_says_what_it_proves():
    assert all(check.run.__doc__.startswith("Proves ") for check in SUBMISSION_CHECKS.checks)


@pytest.mark.parametrize("name", CASES)
def test_passes_a_sound_folder(name, tmp_path):
    verdict, evidence = outcome(name, CASES[name][0](tmp_path))
    assert verdict is Verdict.HOLDS, evidence


@pytest.mark.parametrize("name", CASES)
def test_flags_a_folder_that_contradicts_it(name, tmp_path):
    verdict, evidence = outcome(name, CASES[name][1](tmp_path))
    assert verdict is Verdict.CONTRADICTED
    assert CASES[name][2] in evidence


@pytest.mark.parametrize("garble", GARBLINGS)
@pytest.mark.parametrize("name", CASES)
def test_cannot_tell_from_a_garbled_folder(name, garble, tmp_path):
    made = folder(tmp_path, {"a": garble(text("pr920/seed42"))}, garble(README_640), garble('{"val_bpb": 1.15}'))
    (made / "train_gpt.py").write_text("pass")
    (made / "model.ptz").write_bytes(b"not an artifact")
    assert outcome(name, made).verdict is Verdict.CANT_TELL


@pytest.mark.parametrize(
    ("name", "flagged", "said"),
    [
        ("artifact.size", with_int6_artifact(size=INT6_BYTES - 1), f"logged {INT6_BYTES - 1:,}"),
        ("artifact.readable", with_int6_artifact(keep=5000), "final_model.int6.ptz: "),
        ("artifact.contents", with_int6_artifact(parameters=7), "file 1,982,326, log 7"),
    ],
)
def test_the_artifact_of_an_int6_system_is_checked_too(name, flagged, said, tmp_path):
    assert outcome(name, with_int6_artifact()(tmp_path / "good")).verdict is Verdict.HOLDS
    verdict, evidence = outcome(name, flagged(tmp_path / "bad"))
    assert verdict is Verdict.CONTRADICTED
    assert said in evidence
    if name == "artifact.readable":
        assert "codes6 1,572,864" in outcome(name, with_int6_artifact()(tmp_path / "good")).evidence


def test_an_artifact_of_1722_is_checked_and_one_of_an_unknown_network_accuses_nobody(tmp_path):
    sample = (PARITY / "sample_pr1722.trinity.ptz").read_bytes()
    good = with_int6_artifact(len(sample), 2_124_556, content=sample)(tmp_path / "good")
    assert "2,124,556 parameters" in outcome("artifact.readable", good).evidence
    assert outcome("artifact.contents", good).verdict is Verdict.HOLDS
    bad = with_int6_artifact(len(sample), 2_124_557, content=sample)(tmp_path / "bad")
    assert outcome("artifact.contents", bad).verdict is Verdict.CONTRADICTED
    tensors = int6_lzma.read_int6_lzma(PARITY / "sample_pr1722.trinity.ptz").tensors
    other = {name: tensor for name, tensor in tensors.items() if name.startswith("blocks.0.attn")}
    unknown = with_int6_artifact(content=compress(int6_lzma.content_of(other), "xz"))(tmp_path / "unknown")
    assert outcome("artifact.readable", unknown).verdict is Verdict.HOLDS
    assert outcome("artifact.contents", unknown).verdict is Verdict.CANT_TELL


def test_a_published_run_with_the_same_bytes_is_named(tmp_path):
    made = folder(tmp_path, {"seed7": text("pr923/seed7")})
    known = read_logs(PUBLISHED)
    check = next(check for check in SUBMISSION_CHECKS.checks if check.name == "budget.identical")
    assert "pr920/seed42.log" in check.run(read_submission(made, known)).evidence


def test_a_published_run_is_not_compared_with_itself(tmp_path):
    made = folder(tmp_path, {"seed7": text("pr920/seed7")})
    check = next(check for check in SUBMISSION_CHECKS.checks if check.name == "budget.identical")
    assert check.run(read_submission(made, read_logs(PUBLISHED))).verdict is Verdict.HOLDS


def run_time(tmp_path, logs):
    return outcome("evaluation.run_time", folder(tmp_path, logs))


def test_run_times_of_other_models_are_no_contradiction(tmp_path):
    """Smear gates slow #923 down: 573 s against 429 s of #640, both at stride 16."""
    verdict, evidence = run_time(tmp_path, {"a": text("pr640/seed7"), "b": text("pr923/seed7")})
    assert verdict is Verdict.CANT_TELL
    assert "the same work" in evidence


@pytest.mark.parametrize("other", [("ws:8", "ws:4"), ("sliding_batch_size=512", "sliding_batch_size=256")])
def test_run_times_are_compared_where_only_the_stride_may_differ(other, tmp_path):
    logs = {"a": text("pr920/seed7"), "b": text("pr920/seed42", other)}
    assert run_time(tmp_path, logs).verdict is Verdict.CANT_TELL
    logs["c"] = text("pr920/seed1337")
    verdict, evidence = run_time(tmp_path, logs)
    assert verdict is Verdict.CONTRADICTED
    assert "c.log took 437 s at stride 8, a.log 436 s at stride 16" in evidence
    assert "b.log" not in evidence


def test_run_times_of_runs_trained_otherwise_are_compared(tmp_path):
    longer = (("iterations=10000", "iterations=20000"), ("warmdown_fraction=0.15", "warmdown_fraction=0.5"))
    logs = {"a": text("pr920/seed7"), "b": text("pr920/seed42", *longer)}
    assert run_time(tmp_path, logs).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize("stride", ["0", "-8"])
def test_a_stride_that_is_none_is_not_compared(stride, tmp_path):
    logs = {"a": text("pr920/seed7"), "b": text("pr920/seed42", ("(stride=8", f"(stride={stride}"))}
    assert run_time(tmp_path, logs).verdict is Verdict.CANT_TELL


def test_logs_of_one_name_are_told_apart_by_their_folder(tmp_path):
    made = folder(tmp_path, {"seed7": text("pr640/seed7")})
    for system in ("pr920", "pr923"):
        folder(made / system, {"seed7": text(f"{system}/seed7")})
    assert [log.name for log in read_submission(made).logs] == ["pr920/seed7.log", "pr923/seed7.log", "seed7.log"]


OF_OTHER_FILES = ("tables.record", "text.submission_json")
OF_README = [name for name in CASES if name.startswith(("tables.", "text.")) and name not in OF_OTHER_FILES]


@pytest.mark.parametrize("name", OF_README)
def test_a_readme_that_is_not_there_is_said_not_to_be_there(name, tmp_path):
    verdict, evidence = outcome(name, folder(tmp_path / "a", three("pr640")))
    assert (verdict, evidence) == (Verdict.CANT_TELL, "no README.md")
    verdict, evidence = outcome(name, folder(tmp_path / "b", three("pr640"), "Nothing to see."))
    assert verdict is Verdict.CANT_TELL
    assert evidence != "no README.md"


def test_restarts_at_validations_prove_no_resume(tmp_path):
    made = folder(tmp_path, {"seed7": text("pr923/seed7")})
    check = next(check for check in SUBMISSION_CHECKS.checks if check.name == "lines.resume")
    verdict, evidence = check.run(read_submission(made, read_logs(PUBLISHED)))
    assert verdict is Verdict.CANT_TELL
    assert "its data never restarted" in evidence


def test_a_resume_that_is_printed_explains_the_clock(tmp_path):
    content = JUMP["seed42"] + "resumed from ./checkpoints/ckpt_step0004000.pt\n"
    assert outcome("lines.resume", folder(tmp_path, {"seed42": content})).verdict is Verdict.HOLDS


def test_the_mean_score_may_go_with_the_largest_size(tmp_path):
    made = with_json({"val_bpb": 1.1570, "bytes_total": 15995705})(tmp_path)
    assert outcome("text.submission_json", made).verdict is Verdict.HOLDS


def test_the_mean_of_another_stage_may_go_with_the_largest_size(tmp_path):
    logs = read_submission(with_json(GOOD_JSON)(tmp_path / "a")).readable_logs
    mean = round(fmean(log.roundtrip.bpb.value for log in logs), 4)
    for name, size, verdict in (("b", 15995705, Verdict.HOLDS), ("c", 15993853, Verdict.CONTRADICTED)):
        made = with_json({"val_bpb": mean, "bytes_total": size})(tmp_path / name)
        assert outcome("text.submission_json", made).verdict is verdict


@pytest.mark.parametrize(
    "facts", ["[1, 2]", "{", '{"val_bpb": true, "bytes_total": "x"}', '{"val_bpb": NaN}', "9" * 5000]
)
def test_odd_json_can_tell_nothing(facts, tmp_path):
    assert outcome("text.submission_json", with_json(facts)(tmp_path)).verdict is Verdict.CANT_TELL


def test_a_population_std_is_named_as_such(tmp_path):
    made = with_readme(("| **Std** | 6 |", "| **Std** | 5 |"))(tmp_path)
    assert "1 population" in outcome("tables.stds", made).evidence


def test_unreadable_logs_are_read_as_nothing(tmp_path):
    made = folder(tmp_path, {"seed42": digits_lost(text("pr640/seed42"))})
    (made / "binary.log").write_bytes(bytes(range(256)) * 64)
    assert read_submission(made).readable_logs == ()
