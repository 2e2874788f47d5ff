"""A record's script, run by a Python that has no tritgolf, makes what the pipeline makes; the bundle holds it."""

import json
import math
import os
import re
import shutil

import pytest

from tests.bundle.alone import result_of, run_alone
from tritgolf.audit.auditor import audit
from tritgolf.bundle.folder import FILES, write_bundle
from tritgolf.bundle.marked import WRITTEN
from tritgolf.bundle.run import main
from tritgolf.bundle.script import settings_of, write_script, written_script
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.files import digest_bytes, write_json
from tritgolf.outcome import Verdict

NOT_EQUAL = ("seconds", "window_tokens_per_second", "causality")  # times; the script probes nothing

TIMES = re.compile(r"\b(t|step_avg|train_time|eval_time):[\d.]+ms")


@pytest.fixture(scope="module")
def bundle(base, tmp_path_factory):
    """The bundle of the finished run, in a copy of its results that is not to be changed."""
    results = tmp_path_factory.mktemp("bundled") / "tiny"
    shutil.copytree(base.folder / "results" / "tiny", results)
    return write_bundle(results)


def data_of(workspace):
    data = workspace.folder / "results" / "data" / "tiny"
    return ["--data", data / "shards", "--tokenizer", data / "tokenizer" / "tokenizer.model"]


def scores(evaluation):
    methods = {
        name: {key: value for key, value in facts.items() if key not in NOT_EQUAL}
        for name, facts in evaluation["methods"].items()
    }
    return {**evaluation, "methods": methods}


def test_the_ternary_script_makes_the_pipelines_weights_artifact_scores_and_log(base, bundle, tmp_path):
    results = base.folder / "results" / "tiny"
    script = results / "script" / "train_gpt.py"
    ended = run_alone(script, *data_of(base), "--out", tmp_path)
    assert ended.returncode == 0, ended.stderr
    made, folder = result_of(tmp_path), results / "seed42"
    files = ("train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json")
    train, export, roundtrip, evaluate = (json.loads((folder / file).read_text())["metrics"] for file in files)
    assert made["weights_digest"] == train["weights_digest"]["final"]
    assert made["stored"] == export["storages"]["bf16"]
    assert (tmp_path / "bf16.tgolf").read_bytes() == (folder / "final/export/bf16.tgolf").read_bytes()
    assert made["code_bytes"] == export["code_bytes"] == script.stat().st_size
    assert made["trained"] == roundtrip["trained"]
    assert scores(made["evaluate"]) == scores(evaluate)
    printed, bundled = (TIMES.sub("", (at / "train_seed42.log").read_text()) for at in (tmp_path, bundle))
    assert printed == bundled == TIMES.sub("", ended.stdout)


@pytest.fixture
def plain(base, tmp_path, monkeypatch):
    """The shards as the contest has them: its names, no manifest, no byte counts; told by its environment variables."""
    shards, tokenizer = data_of(base)[1::2]
    folder = tmp_path / "fineweb"
    folder.mkdir()
    for path in (path for path in shards.glob("*.bin") if "bytes" not in path.name):
        (folder / f"fineweb_{path.name}").symlink_to(path)
    told = {"DATA_PATH": folder, "TOKENIZER_PATH": tokenizer, "SEED": 7}
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    return folder


def test_the_int6_script_makes_what_the_package_makes(plain, tmp_path):
    """With repeated layers, an average, GPTQ and test-time training; trained for fewer steps than the record."""
    record = load_record("tiny_int6")
    size = write_script(record, tmp_path / "train_gpt.py")
    arguments = ["--steps", "6", "--out"]
    ended = run_alone(tmp_path / "train_gpt.py", *arguments, tmp_path / "alone")
    assert ended.returncode == 0, ended.stderr
    assert main(settings_of(record), size, [*map(str, arguments), str(tmp_path / "package")]) == 0
    alone, package = (result_of(tmp_path / name) for name in ("alone", "package"))
    for made in (alone, package):
        made["evaluate"] = scores(made["evaluate"])
        made["stored"].pop("seconds", None)
        for key in ("training_seconds", "compile_seconds"):
            del made["run"][key]
    assert alone == package
    assert alone["evaluate"]["validation_bytes"]["raw"] is None
    assert (tmp_path / "alone" / "train_seed7.log").is_file()


def test_the_system_of_1722_is_trained_stored_and_scored(base, tmp_path):
    """Through its late switch: the learning rates' factor is below 0.15 in the last two steps, one of them logged."""
    arguments = [*data_of(base), "--out", tmp_path / "run"]
    assert main(settings_of(load_record("tiny_slot")), 1, list(map(str, arguments))) == 0
    made = result_of(tmp_path / "run")
    assert made["run"]["steps"] == 24
    scores = made["evaluate"]["methods"]
    assert scores["sliding"]["nats"] < scores["chunked"]["nats"] < 0.9 * math.log(512)
    assert scores["slot"]["nats"] < scores["sliding"]["nats"]
    assert {name: score["mark"] for name, score in scores.items() if "mark" in score} == {"slot": "not causal"}
    log = (tmp_path / "run" / "train_seed42.log").read_text().splitlines()
    assert [line.startswith("final_slot") for line in log if line.endswith("ms not causal")] == [True]
    curve = [json.loads(line) for line in next((tmp_path / "run").rglob("metrics.jsonl")).read_text().splitlines()]
    assert [line["step"] for line in curve if line["qat"]] == [24]


def test_the_bundle_is_whole_its_bytes_are_one_number_and_the_audit_is_green(base, bundle):
    script = base.folder / "results" / "tiny" / "script" / "train_gpt.py"
    assert (bundle / "train_gpt.py").read_bytes() == script.read_bytes()
    stated = json.loads((bundle / "submission.json").read_text())
    artifact = next(bundle.glob("seed*.tgolf")).stat().st_size
    assert stated["bytes_code"] == script.stat().st_size
    assert stated["bytes_total"] == script.stat().st_size + artifact
    assert {path.name for path in bundle.glob("*.log")} == {"train_seed42.log", "train_seed7.log"}
    assert "torch==" in (bundle / "requirements.txt").read_text()
    assert audit(bundle).exit_code == 0


def test_the_audit_reads_the_bundles_artifact(bundle):
    checks = {finding.check: finding for finding in audit(bundle).findings}
    artifact = next(bundle.glob("seed*.tgolf"))
    size = artifact.stat().st_size
    assert f"{artifact.name} has {size:,} bytes; logged " in checks["artifact.size"].evidence
    assert "90,112 ternary weights" in checks["artifact.readable"].evidence
    assert {checks[name].verdict for name in ("artifact.size", "artifact.readable")} == {Verdict.HOLDS}


def test_an_older_run_goes_out_with_the_script_that_its_exports_counted(bundle, tmp_path):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    script, text = tmp_path / "tiny" / "script" / "train_gpt.py", b"# of sources that have changed since"
    script.write_bytes(text)
    facts = {
        "made_from": "other sources",
        "bytes": len(text),
        "digest": digest_bytes(text),
        "requirements": ["torch==1"],
    }
    write_json(script.with_suffix(".json"), facts)
    assert (write_bundle(tmp_path / "tiny") / "train_gpt.py").read_bytes() != text  # not the one that was counted
    script.write_bytes(text)
    write_json(script.with_suffix(".json"), facts)
    for export in (tmp_path / "tiny").glob("seed*/final/export/export.json"):
        changed(export, lambda metrics: metrics.update(code_bytes=len(text)))
    made = write_bundle(tmp_path / "tiny")
    assert (made / "train_gpt.py").read_bytes() == text
    assert (made / "requirements.txt").read_text() == "torch==1\n"


def changed(path, change):
    facts = json.loads(path.read_text())
    change(facts["metrics"])
    path.write_text(json.dumps(facts))


def leaks(metrics):
    metrics["methods"]["sliding"]["causality"] |= {"causal": False, "reason": "it looks ahead"}


def repeats(metrics):
    metrics["methods"]["sliding"]["causality"] |= {"scored_again": 12}


def fits(metrics):
    metrics["methods"]["sliding"] |= {"mark": "not causal"}


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        ("train/train.json", None, "was not trained"),
        ("final/evaluate.json", None, "is not finished: final/evaluate.json is missing"),
        ("final/evaluate.json", leaks, r"its method sliding is not causal \(it looks ahead\)"),
        (
            "final/evaluate.json",
            repeats,
            r"sliding scores targets twice .* say evaluate.methods.sliding.rule: every_token",
        ),
        (
            "final/evaluate.json",
            fits,
            r"its method sliding is not causal .*; leave it out \(evaluate.methods.sliding: null",
        ),
        ("final/export/export.json", lambda m: m.update(code_bytes=7), "its export counted 7 bytes of code"),
        ("final/export/export.json", lambda m: m["storages"]["bf16"].update(bytes=1 << 24), "bytes, .* too many"),
    ],
)
def test_what_can_not_be_submitted_is_refused(bundle, tmp_path, file, change, complaint):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    path = tmp_path / "tiny" / "seed7" / file
    changed(path, change) if change else path.unlink()
    with pytest.raises(InputError, match=complaint):
        write_bundle(tmp_path / "tiny")


@pytest.mark.parametrize("content", ["", "[1]", "null", "{}", '{"schema": NaN}'])
@pytest.mark.parametrize(
    "file", ["record.json", *(f"seed7/{file}" for file in (*FILES, "train/metrics.jsonl")), "script/train_gpt.json"]
)
def test_a_damaged_file_is_told_or_made_again(bundle, tmp_path, file, content):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    (tmp_path / "tiny" / file).write_text(content)
    if file == "script/train_gpt.json" and content not in ("", "null"):  # it is made again, as "null" shows
        assert written_script(tmp_path / "tiny" / "script" / "train_gpt.py") is None
    elif file == "script/train_gpt.json" and content:
        assert (write_bundle(tmp_path / "tiny") / "train_gpt.py").read_bytes() == (bundle / "train_gpt.py").read_bytes()
    else:
        with pytest.raises(InputError, match=file.rpartition("/")[2]):
            write_bundle(tmp_path / "tiny", anyway=True)


@pytest.mark.parametrize(
    ("file", "keys"),
    [
        ("train/train.json", ("world",)),
        ("train/train.json", ("parameters", "trained")),
        ("final/evaluate.json", ("methods", "sliding", "seconds")),
    ],
)
def test_a_metrics_file_that_lacks_what_a_bundle_tells_is_named(bundle, tmp_path, file, keys):
    def lacks(metrics):
        for key in keys[:-1]:
            metrics = metrics[key]
        del metrics[keys[-1]]

    shutil.copytree(bundle.parent, tmp_path / "tiny")
    changed(tmp_path / "tiny" / "seed7" / file, lacks)
    with pytest.raises(InputError, match=rf"seed7/{file}: .*{keys[-1]}"):
        write_bundle(tmp_path / "tiny", anyway=True)


def test_a_log_that_ends_before_its_training_is_not_bundled(bundle, tmp_path):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    log = tmp_path / "tiny" / "seed7" / "train" / "metrics.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match=r"metrics\.jsonl: ends at step 22, the training at 24"):
        write_bundle(tmp_path / "tiny", anyway=True)


def test_one_run_is_not_bundled_as_two_seeds(bundle, tmp_path):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    shutil.rmtree(tmp_path / "tiny" / "seed7")
    shutil.copytree(tmp_path / "tiny" / "seed42", tmp_path / "tiny" / "seed7")
    with pytest.raises(InputError, match=r"seed7/train/train\.json: is of tiny, seed 42, not tiny, seed 7"):
        write_bundle(tmp_path / "tiny", anyway=True)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-9] + b"damaged  "], ids=["cut", "bits"])
def test_an_artifact_that_is_not_the_exported_one_is_not_bundled(bundle, tmp_path, damage):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    for artifact in (tmp_path / "tiny").glob("seed*/final/export/bf16.tgolf"):
        artifact.write_bytes(damage(artifact.read_bytes()))
    with pytest.raises(InputError, match=r"bf16\.tgolf: "):
        write_bundle(tmp_path / "tiny", anyway=True)


def test_another_artifact_under_the_name_of_the_exported_one_is_not_bundled(bundle, tmp_path):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    for artifact in (tmp_path / "tiny").glob("seed*/final/export/bf16.tgolf"):
        shutil.copyfile(artifact.with_name("fp16.tgolf"), artifact)
    with pytest.raises(InputError, match=r"bf16\.tgolf: is not the artifact that .*export\.json tells of"):
        write_bundle(tmp_path / "tiny", anyway=True)


def test_what_can_not_be_submitted_is_marked_if_it_is_bundled_anyway(bundle, tmp_path):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    (tmp_path / "tiny" / "seed7" / "train" / "train.json").unlink()
    made = write_bundle(tmp_path / "tiny", anyway=True)
    assert "Not to be submitted" in (made / "README.md").read_text()
    assert json.loads((made / "submission.json").read_text())["seeds"] == [42]


def test_the_target_refuses_a_bundle_that_was_made_anyway(copied):
    submission = write_bundle(copied.results("tiny")) / "submission.json"
    for seed in (42, 7):
        changed(copied.results("tiny", f"seed{seed}", "final", "evaluate.json"), fits)
    write_bundle(copied.results("tiny"), anyway=True)
    written = submission.read_bytes()
    run = copied.snakemake("bundle")
    assert run.code == 1
    (line,) = set(run.errors)
    assert line.startswith("error: results/tiny/bundle/submission.json: is marked not to be submitted (")
    assert "its method sliding is not causal" in line and submission.read_bytes() == written


def test_what_fails_leaves_a_bundle_whole_and_is_no_new_one(copied):
    made = write_bundle(copied.results("tiny"))
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    for seed in (42, 7):
        artifact = copied.results("tiny", f"seed{seed}", "final", "export", "bf16.tgolf")
        times = artifact.stat()
        artifact.write_bytes(b"damaged")
        os.utime(artifact, ns=(times.st_atime_ns, times.st_mtime_ns))  # else Snakemake makes what follows from it anew
        evaluation = copied.results("tiny", f"seed{seed}", "final", "evaluate.json")
        evaluation.write_text(evaluation.read_text() + "\n")
    run = copied.snakemake("bundle")
    assert run.code == 1, run.said
    (line,) = run.errors
    assert "final/export/bf16.tgolf: is too short" in line
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert not copied.results("tiny", WRITTEN).exists()


def test_no_score_of_a_bundle_made_anyway_stands_without_its_mark(bundle, tmp_path):
    shutil.copytree(bundle.parent, tmp_path / "tiny")
    for seed in (42, 7):
        changed(tmp_path / "tiny" / f"seed{seed}" / "final" / "evaluate.json", fits)
    made = write_bundle(tmp_path / "tiny", anyway=True)
    text = (made / "README.md").read_text()
    assert "by the method sliding (not causal)." in text
    assert "| val_loss (not causal) | val_bpb (not causal) |" in text
    assert "is not causal" in json.loads((made / "submission.json").read_text())["not_to_be_submitted"][0]
    for log in made.glob("*.log"):
        lines = [line for line in log.read_text().splitlines() if line.startswith("final_sliding")]
        assert [line.endswith("ms not causal") for line in lines] == [True]
