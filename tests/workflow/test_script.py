"""A record's script, run by a Python that has no tritgolf, makes what the pipeline makes."""

import json

from tests.bundle.alone import result_of, run_alone
from tritgolf.bundle.run import main
from tritgolf.bundle.script import settings_of, write_script
from tritgolf.config.record import load_record

NOT_EQUAL = ("seconds", "window_tokens_per_second", "causality")  # times; the script probes nothing


def data_of(workspace):
    data = workspace.folder / "results" / "data" / "tiny"
    return ["--data", data / "shards", "--tokenizer", data / "tokenizer" / "tokenizer.model"]


def scores(evaluation):
    methods = {
        name: {key: value for key, value in facts.items() if key not in NOT_EQUAL}
        for name, facts in evaluation["methods"].items()
    }
    return {**evaluation, "methods": methods}


def test_the_ternary_script_makes_the_pipelines_weights_artifact_and_scores(base, tmp_path):
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


def test_the_int6_script_makes_what_the_package_makes(base, tmp_path):
    """With repeated layers, an average, GPTQ and test-time training; trained for fewer steps than the record."""
    record = load_record("tiny_int6")
    size = write_script(record, tmp_path / "train_gpt.py")
    arguments = [*data_of(base), "--steps", "6", "--out"]
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
