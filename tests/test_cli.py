import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.evaluate.test_stages import evaluate as evaluate_through_the_stage
from tests.evaluate.test_stages import evaluation
from tests.small import RECORDS, REPOSITORY, small_model
from tritgolf import __version__, cli
from tritgolf.artifact.named import SIZES
from tritgolf.cli import main
from tritgolf.config.modes import MODES
from tritgolf.config.record import load_record
from tritgolf.files import write_json
from tritgolf.model.counts import count_parameters
from tritgolf.resources import records_folder

COMMANDS = tuple(command.__name__.rpartition(".")[2] for command in cli.COMMANDS)
PUBLISHED = REPOSITORY / "tests" / "fixtures" / "published"


def run(capsys, *arguments) -> str:
    """Standard output of a command that succeeds."""
    assert main([str(argument) for argument in arguments]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def refuse(capsys, *arguments) -> str:
    """The one line of a command that cannot be done."""
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").strip()


@pytest.fixture
def scoring(finished, dataset):
    """Arguments of ``evaluate`` that succeed."""
    return [
        "evaluate",
        finished / "export" / "bf16.tgolf",
        "--shards",
        dataset / "shards" / "val_*.bin",
        "--tokenizer",
        dataset / "tokenizer" / "tokenizer.model",
    ]


def test_a_reader_that_leaves_early_is_no_error():
    """As in ``tritgolf describe … | head -1``."""
    command = [sys.executable, "-m", "tritgolf.cli", "describe", "tiny", "--records", str(RECORDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=REPOSITORY) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141  # as a shell says of what SIGPIPE ends; not 1, which is an answer


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)])
def test_help_is_there(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "usage: tritgolf" in text
    assert all(name in text for name in (COMMANDS if not command else ["--json" if command != ["run"] else "--cores"]))


def test_the_installed_command_is_quick_to_say_its_version():
    """Nothing slow is imported for it."""
    slow = {"torch", "numpy", "pandas", "pydantic", "yaml"}
    program = f"import sys, tritgolf.cli; assert not {slow} & set(sys.modules); tritgolf.cli.main()"
    done = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"tritgolf {__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["dance"], ["describe"], ["evaluate", "x"], ["inspect", "x", "--loud"]])
def test_wrong_usage_exits_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: tritgolf" in capsys.readouterr().err


def test_a_record_without_results_has_no_bundle(capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main(["bundle", "mine", "--results", str(tmp_path)])
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert "record 'mine': has no results" in told and "snakemake --cores all --config records='[mine]'" in told


@pytest.mark.parametrize(
    ("record", "published", "steps", "trits_and_scales"),
    [
        ("ternary_v1", 73_685_840, 10_000, 13_989_910),
        ("ternary_v2", 74_250_064, 10_000, 13_989_910),
        ("ternary_100k", 74_257_744, 100_000, 13_989_910),
    ],
)
def test_describe_the_records(capsys, record, published, steps, trits_and_scales):
    facts = json.loads(run(capsys, "describe", record, "--records", RECORDS, "--json"))
    assert facts["parameters"]["published"] == published
    assert (facts["steps"], facts["tokens"]) == (steps, steps * 524_288)
    kinds = facts["artifact"]["bytes_by_kind"]
    assert kinds["trits"] == 12_976_150
    assert kinds["trits"] + kinds["scales"] == trits_and_scales
    assert facts["artifact"]["bytes"] == sum(kinds.values())
    assert facts["configuration"]["name"] == record


def test_describe_for_people(capsys):
    text = run(capsys, "describe", "ternary_v2", "--records", RECORDS)
    for part in ("74,250,064", "64,880,640 in 506,880 groups", "5,242,880,000", "or 600 s if sooner", "model.width"):
        assert part in text, part
    assert "total" in text and "bytes before LZMA (the limit of 16,000,000 holds after it, with the code)" in text
    for setting, value in MODES["faithful"].items():
        line = next(line for line in text.splitlines() if line.split()[:1] == [setting])
        assert line.split(maxsplit=1)[1] == f"{value}  (faithful: {value}, honest: {MODES['honest'][setting]})"


def test_describe_a_transformer(capsys):
    facts = json.loads(run(capsys, "describe", "int6_recurrent", "--records", RECORDS, "--json"))
    counts, kinds = facts["parameters"], facts["artifact"]["bytes_by_kind"]
    assert counts["published"] == 36_486_278
    assert sum(count for role, count in counts.items() if role not in ("published", "trained")) == 36_486_278
    assert (counts["attention"] + counts["mlp"], counts["embedding"]) == (31_719_424, 4_194_304)
    assert kinds["codes6"] == (31_719_424 + 524_288) * 6 // 8
    # sp8192-spec: 3.328 bits a weight of the matrices, 4.715 of the table, 0.14 MB of scales; other tables taken whole
    rest = (16_396 + 1_056 + 30_720) + 524_288 * 6 // 8
    assert facts["artifact"]["coded_bytes"] == pytest.approx(13.195e6 + 2.472e6 + 0.141e6 + rest, rel=5e-4)
    text = run(capsys, "describe", "int6_recurrent", "--records", RECORDS)
    for part in (
        "36,486,278",
        "hash_embedding",
        "codes in their bits",
        "bytes before compression",
        "(faithful: False, ",
    ):
        assert part in text, part
    assert "trits" not in text
    assert re.search(r"^ +evaluate\.methods\.ttt\.adapt\.0\.kind +score_first$", text, re.M)
    assert re.search(r"^ +export\.storages\.nearest\.roles\.mlp +int6 a row, clip 12.85 σ, nearest$", text, re.M)
    assert "evaluate.stride" not in text and "calibration_tokens" not in text  # its methods and settings use neither


def test_describe_the_transformer_of_1722(capsys):
    facts = json.loads(run(capsys, "describe", "int6_slot", "--records", RECORDS, "--json"))
    assert (facts["parameters"]["published"], facts["steps"], facts["seconds"]) == (26_993_756, 20_000, 600)
    text = run(capsys, "describe", "int6_slot", "--records", RECORDS)
    assert re.search(r"^ +model\.rotary_stretch\.of +call  \(faithful: call, honest: context\)$", text, re.M)


def test_describe_shows_what_the_mode_decides_at_its_default_too(capsys):
    text = run(capsys, "describe", "tiny_int6", "--records", RECORDS)
    assert re.search(r"^ +train\.adam\.trains_hash_embedding +True  \(faithful: False, honest: True\)$", text, re.M)


@pytest.mark.parametrize("record", ["ternary_v2", "int6_recurrent"])
def test_a_record_is_described_without_torch(record):
    program = "import sys, tritgolf.cli; tritgolf.cli.main(); assert 'torch' not in sys.modules"
    command = [sys.executable, "-c", program, "describe", record, "--records", str(RECORDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_describe_a_records_file(capsys):
    by_file = run(capsys, "describe", RECORDS / "tiny.yaml", "--records", RECORDS)
    assert by_file == run(capsys, "describe", "tiny", "--records", RECORDS)
    line = refuse(capsys, "describe", "nowhere/tiny.yaml", "--records", RECORDS)
    assert line == "nowhere/tiny.yaml: is no file; give the path of a YAML file, or its name alone, tiny"


def test_describe_an_unknown_record(capsys):
    line = refuse(capsys, "describe", "ternary_v9", "--records", RECORDS)
    assert line.startswith("record 'ternary_v9': is unknown; known records: demo, ")


def test_the_records_of_the_contests_own_repository_hide_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "records" / "track_10min_16mb").mkdir(parents=True)
    assert records_folder().samefile(RECORDS)
    (tmp_path / "records" / "mine.yaml").touch()
    assert records_folder().samefile(tmp_path / "records")


def test_describe_a_run_of_a_record(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refuse(capsys, "describe", "tiny@short", "--records", RECORDS)
    assert line.startswith("results/tiny@short/record.json: is missing; make that run: snakemake")
    assert line.endswith("records='[tiny]' run=short")
    record = load_record("tiny", RECORDS, {"train": {"steps": 20}}).model_dump(mode="json")
    change = "train.steps: 24 → 20"
    write_json(
        tmp_path / "results" / "tiny@short" / "record.json", {**record, "name": "tiny@short", "laid_over": [change]}
    )
    assert json.loads(run(capsys, "describe", "tiny@short", "--json"))["laid_over"] == [change]
    text = run(capsys, "describe", "tiny@short")
    assert re.search(r"^laid over the record\n +train\.steps +24 → 20$", text, re.M)
    assert re.search(r"^ +steps +20$", text, re.M)


def test_inspect_our_artifact(capsys, finished):
    path = finished / "export" / "bf16.tgolf"
    facts = json.loads(run(capsys, "inspect", path, "--json"))
    counts = count_parameters(small_model())
    assert (facts["format"], facts["bytes"]) == ("tgolf", path.stat().st_size)
    assert (facts["ternary_weights"], facts["scales"], facts["stored_fp"]) == (
        counts.ternary,
        counts.groups,
        counts.stored_fp,
    )
    assert "zeros, all" in run(capsys, "inspect", path)


def test_inspect_a_published_artifact(capsys):
    command = ("inspect", PUBLISHED / "sample_pr920.ternary.ptz", "--records", RECORDS)
    facts = json.loads(run(capsys, *command, "--json"))
    assert facts["format"] == "ptz"
    assert [facts["header"][key] for key in ("record", "checkpoint", "storage_name")] == [None] * 3
    assert facts["header"]["model"]["quantizer"]["estimator"] == "rms"
    lines = run(capsys, *command).splitlines()
    assert "record              unknown (a published file; --record NAME if you know it)" in lines


def test_a_published_file_of_another_record_than_the_named_one_is_refused(capsys, tmp_path):
    path = PUBLISHED / "sample_pr640.ternary.ptz"
    command = ("inspect", path, "--records", RECORDS, "--record", "ternary_v2")
    line = refuse(capsys, *command)
    assert "is not of ternary_v2: it has layers 2 instead of 10, width 384 instead of 768, " in line
    assert line.endswith("; leave out --record, and it is recognized, or name another")
    assert "is not of ternary_v2" in refuse(capsys, "laboratory", *command[1:])
    model = json.loads(run(capsys, *command[:-2], "--json"))["header"]["model"]
    sizes = {name: model[name] for name in SIZES}
    mine = {"inherit": "ternary_v2", "model": sizes}
    for path in RECORDS.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "mine.yaml").write_text(json.dumps(mine))
    named = run(capsys, *command[:2], "--records", tmp_path, "--record", "mine")
    assert "record              mine (a published file)" in named


def test_inspect_what_is_no_artifact(capsys, tmp_path, finished):
    (tmp_path / "text").write_text("hello")
    assert "is neither a .tgolf nor" in refuse(capsys, "inspect", tmp_path / "text")
    assert "is not a file" in refuse(capsys, "inspect", tmp_path / "none")
    raw = (finished / "export" / "bf16.tgolf").read_bytes()
    (tmp_path / "cut.tgolf").write_bytes(raw[: len(raw) // 2])
    line = refuse(capsys, "inspect", tmp_path / "cut.tgolf")
    assert "cut.tgolf" in line
    assert line.endswith("; delete it and run the same command again, or fetch it again")


def test_evaluate_scores_as_the_stage_does(capsys, scoring, finished, dataset, tmp_path):
    methods = json.loads(run(capsys, *scoring, "--stride", 5, "--json"))["methods"]
    stage = evaluate_through_the_stage(finished, dataset, tmp_path, artifact=scoring[1])["metrics"]["methods"]
    assert methods.keys() == stage.keys() == {"chunked", "sliding"}
    for name, facts in methods.items():
        assert facts.keys() == stage[name].keys()
        for key in facts.keys() - {"causality", "seconds", "window_tokens_per_second"}:
            wanted = stage[name][key]
            assert facts[key] == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)
        assert facts["causality"]["causal"]


SCORE_FIRST = {"kind": "score_first", "chunk_tokens": 64, "epochs": 1, "lr": 0.5}
METHODS = {
    "sliding": {"kind": "sliding", "stride": 8, "rule": "every_token"},
    "ttt": {"kind": "sliding", "stride": 8, "rule": "every_token", "adapt": [SCORE_FIRST]},
}


@pytest.fixture
def with_a_record(scoring, tmp_path):
    """The arguments of ``scoring``, and records of which one, of the artifact's name, has these methods."""
    for path in RECORDS.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    small = {"inherit": "tiny", "evaluate": {"stride": 8, "methods": METHODS}}
    (tmp_path / "small.yaml").write_text(json.dumps(small))
    return [*scoring, "--records", tmp_path]


def test_evaluate_scores_by_the_methods_of_the_artifacts_record(capsys, with_a_record, finished, dataset, tmp_path):
    methods = json.loads(run(capsys, *with_a_record, "--method", "all", "--json"))["methods"]
    settings = evaluation(methods=METHODS, apply_temperature=False, temperatures=[])
    stage = evaluate_through_the_stage(finished, dataset, tmp_path, artifact=with_a_record[1], settings=settings)
    assert list(methods) == ["sliding", "ttt"]
    for name, facts in methods.items():
        assert facts["nats"] == pytest.approx(stage["metrics"]["methods"][name]["nats"])
        assert facts["causality"]["causal"]
    assert methods["ttt"]["nats"] != methods["sliding"]["nats"]
    text = run(capsys, *with_a_record, "--method", "ttt")
    assert "ttt 8" in text and "sliding" not in text


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (["--method", "slot"], "--method: 'slot' is no method of small; name one of sliding, ttt, or all"),
        (["--method", "ttt", "--stride", "4"], "--stride: is the record's where --method is given"),
        (["--method", "ttt", "--rule", "record"], "--rule: is the record's where --method is given"),
        (["--method", "ttt", "--records", RECORDS], "bf16.tgolf: is of no record in "),
    ],
)
def test_evaluate_refuses_methods_that_cannot_be(capsys, with_a_record, extra, expected):
    assert expected in refuse(capsys, *with_a_record, *extra)


def test_evaluate_for_people(capsys, scoring):
    text = run(capsys, *scoring, "--stride", 4, "--rule", "record")
    for part in ("chunked", "sliding 4", "BPB", "left out", "with z-loss"):
        assert part in text, part


def test_evaluate_marks_a_score_that_counts_targets_twice(capsys, scoring):
    text = run(capsys, *scoring, "--rule", "repeat_tail")
    assert text.count("TARGETS TWICE") == 1
    assert "scores are of targets that had one" in text


def test_evaluate_takes_one_shard_or_many(capsys, scoring, dataset):
    everything = json.loads(run(capsys, *scoring, "--json"))
    one = dataset / "shards" / "val_000000.bin"
    alone = json.loads(run(capsys, *scoring[:3], one, *scoring[4:], "--json"))
    train = json.loads(run(capsys, *scoring[:3], dataset / "shards" / "train_00000[01].bin", *scoring[4:], "--json"))
    assert alone["tokens"] == everything["tokens"]
    assert train["tokens"] == 8000
    assert [facts["split"] for facts in (everything, alone, train)] == ["validation", "validation", "train"]
    assert "training text, by the manifest" in run(
        capsys, *scoring[:3], dataset / "shards" / "train_*.bin", *scoring[4:]
    )
    assert everything["methods"]["sliding"]["stride"] == 8


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        (["--stride", "0"], "--stride: 0 is not possible; give 1 to 16, the window"),
        (["--stride", "17"], "--stride: 17 is not possible; give 1 to 16, the window"),
        (["--stride", "-1"], "--stride: -1 is not possible"),
        (["--batch", "0"], "--batch: 0 is not possible; give 1 or more windows"),
        (["--batch", "-4"], "--batch: -4 is not possible"),
        (["--shards", "/nowhere/val_*.bin"], "--shards: '/nowhere/val_*.bin' matches no file"),
        (["--tokenizer", "/nowhere/tokenizer.model"], "/nowhere/tokenizer.model: "),
    ],
)
def test_evaluate_refuses_what_cannot_be(capsys, scoring, extra, expected):
    assert refuse(capsys, *scoring, *extra).startswith(expected)


def test_evaluate_refuses_shards_that_are_none(capsys, scoring, dataset, tmp_path):
    whole = (dataset / "shards" / "val_000000.bin").read_bytes()
    (tmp_path / "cut.bin").write_bytes(whole[:-1])
    assert "is cut short" in refuse(capsys, *scoring, "--shards", tmp_path / "cut.bin")
    header = np.frombuffer(whole[:1024], "<i4").copy()
    header[2] = 16
    (tmp_path / "short.bin").write_bytes(header.tobytes() + whole[1024 : 1024 + 32])
    line = refuse(capsys, *scoring, "--shards", tmp_path / "short.bin")
    assert "has 16 validation tokens, too few for two windows of 16" in line
    foreign = np.frombuffer(whole, "<u2").copy()
    foreign[600] = 300
    (tmp_path / "foreign.bin").write_bytes(foreign.tobytes())
    assert "has token 300 at position 88" in refuse(capsys, *scoring, "--shards", tmp_path / "foreign.bin")
    for folder in ("folder.bin", "folder"):
        (tmp_path / folder).mkdir()
        assert f"{folder}: is a folder, not a shard" in refuse(capsys, *scoring, "--shards", tmp_path / folder)


def test_a_sidecar_beside_the_shards_is_what_bytes_are_counted_by(capsys, scoring, dataset, tmp_path):
    """Its name matches the pattern too: it is no shard."""
    counted = json.loads(run(capsys, *scoring, "--json"))
    raw = json.loads((dataset / "corpus" / "corpus.json").read_text())["splits"]["validation"]["bytes"]
    assert (counted["bytes"]["raw"], counted["bytes"]["bpb_divides_by"]) == (raw, "raw")
    assert f"{raw:,} raw UTF-8 bytes of the text; {counted['bytes']['published']:,} as" in run(capsys, *scoring)
    for name in ("val_000000.bin", "manifest.json"):
        shutil.copy(dataset / "shards" / name, tmp_path)
    alone = [*scoring[:3], tmp_path / "val_*.bin", *scoring[4:]]
    without = json.loads(run(capsys, *alone, "--json"))
    assert (without["bytes"]["raw"], without["tokens"]) == (None, counted["tokens"])
    by_published, by_raw = (facts["methods"]["sliding"] for facts in (without, counted))
    assert by_published["bpb"] == by_raw["bpb_published_bytes"]
    assert "(the raw ones are not known)" in run(capsys, *alone)


def test_a_sidecar_that_is_not_its_shard_s_is_told(capsys, scoring, dataset, tmp_path):
    shutil.copytree(dataset / "shards", tmp_path / "shards")
    shard, sidecar = (tmp_path / "shards" / name for name in ("val_000000.bin", "val_bytes_000000.bin"))
    here = [*scoring[:3], tmp_path / "shards" / "val_*.bin", *scoring[4:]]
    counts = sidecar.read_bytes()
    sidecar.write_bytes(counts[:1024] + counts[1026:] + b"\1\0")
    assert "val_bytes_000000.bin: does not have the digest of its manifest" in refuse(capsys, *here)
    sidecar.write_bytes(shard.read_bytes())
    assert "val_bytes_000000.bin: holds tokens, it seems, not byte counts" in refuse(capsys, *here)
    sidecar.write_bytes(counts)
    (tmp_path / "shards" / "manifest.json").unlink()
    shutil.copy(shard, shard.with_name("val_000001.bin"))
    assert main([str(part) for part in here]) == 0
    assert "val_bytes_000001.bin: is missing, so the raw bytes of all 2 shards are not known" in capsys.readouterr().err


def test_what_is_no_validation_shard_is_told(capsys, scoring, dataset, tmp_path):
    everything = [*scoring[:3], dataset / "shards" / "*.bin", *scoring[4:]]
    line = "names shards of validation and of other text (train_000000.bin …), by their manifest.json"
    assert line in refuse(capsys, *everything)
    shutil.copytree(dataset / "shards", tmp_path / "shards")
    here = [*scoring[:3], tmp_path / "shards" / "val_*.bin", *scoring[4:]]
    shutil.copy(tmp_path / "shards" / "val_000000.bin", tmp_path / "shards" / "val_other.bin")
    assert "val_other.bin: is not one of the shards that" in refuse(capsys, *here)
    (tmp_path / "shards" / "val_other.bin").rename(tmp_path / "shards" / "val_bytes_000007.bin")
    assert "val_bytes_000007.bin: is a sidecar of byte counts by its name" in refuse(capsys, *here)
    (tmp_path / "shards" / "val_bytes_000007.bin").unlink()
    (tmp_path / "shards" / "val_bytes_000000.bin").rename(tmp_path / "shards" / "val_000001.bin")
    assert "val_000001.bin: holds byte counts, it seems, not tokens" in refuse(capsys, *here)


def test_without_a_manifest_names_tell_training_from_validation(capsys, scoring, dataset, tmp_path):
    for ours, theirs in (("val", "fineweb_val"), ("val_bytes", "fineweb_val_bytes"), ("train", "fineweb_train")):
        shutil.copy(dataset / "shards" / f"{ours}_000000.bin", tmp_path / f"{theirs}_000000.bin")
    everything = [*scoring[:3], tmp_path / "*.bin", *scoring[4:]]
    line = "names shards of validation and of other text (fineweb_train_000000.bin …), by their names"
    with pytest.raises(SystemExit):
        main([str(part) for part in everything])
    assert line in capsys.readouterr().err
    assert main([str(part) for part in (*scoring[:3], tmp_path / "*_val_*.bin", *scoring[4:], "--json")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["split"], facts["bytes"]["bpb_divides_by"]) == ("validation", "raw")


def test_evaluate_refuses_a_text_of_less_than_two_windows(capsys, scoring, dataset, tmp_path):
    whole = (dataset / "shards" / "val_000000.bin").read_bytes()
    header = np.frombuffer(whole[:1024], "<i4").copy()
    header[2] = 20
    (tmp_path / "short.bin").write_bytes(header.tobytes() + whole[1024 : 1024 + 40])
    shutil.copy(dataset / "shards" / "manifest.json", tmp_path)
    line = refuse(capsys, *scoring, "--shards", tmp_path / "short.bin")
    assert "has 20 validation tokens, too few for two windows of 16" in line


def test_evaluate_refuses_a_tokenizer_of_another_size(capsys, scoring, tmp_path, dataset):
    from tritgolf.data.tokenizer import save_tokenizer, train_tokenizer  # noqa: PLC0415

    model = train_tokenizer(dataset / "corpus" / "train.jsonl.zst", 298, 10**6)
    save_tokenizer(model, tmp_path / "tokenizer", origin="trained")
    line = refuse(capsys, *scoring, "--tokenizer", tmp_path / "tokenizer" / "tokenizer.model")
    assert "has 298 pieces, the artifact's model 300" in line


def test_evaluate_refuses_a_tokenizer_that_did_not_make_the_shards(capsys, scoring, tmp_path, dataset):
    """One of the right size, so that only the manifest tells."""
    from tritgolf.data.tokenizer import save_tokenizer, train_tokenizer  # noqa: PLC0415

    model = train_tokenizer(dataset / "corpus" / "train.jsonl.zst", 300, 10**4)
    save_tokenizer(model, tmp_path / "tokenizer", origin="trained")
    other = ["--tokenizer", tmp_path / "tokenizer" / "tokenizer.model"]
    assert "is not the tokenizer that made the shards in" in refuse(capsys, *scoring, *other)
    shutil.copy(dataset / "shards" / "val_000000.bin", tmp_path)
    assert main([str(part) for part in (*scoring, "--shards", tmp_path / "val_*.bin", *other)]) == 0
    assert "no manifest.json says which tokenizer made these shards" in capsys.readouterr().err


def test_a_record_is_not_named_for_a_file_that_names_its_own(capsys, scoring):
    line = refuse(capsys, *scoring, "--record", "ternary_v2", "--records", RECORDS)
    assert "bf16.tgolf: says itself which record it is of" in line
    assert "leave out --record" in refuse(capsys, "inspect", scoring[1], "--record", "tiny", "--records", RECORDS)


def test_evaluate_refuses_a_published_file_on_other_shards(capsys, scoring, tmp_path):
    path = shutil.copy(PUBLISHED / "sample_pr640.ternary.ptz", tmp_path / "final_model.ternary.ptz")
    line = refuse(capsys, "evaluate", path, *scoring[2:], "--records", RECORDS)
    assert "has 300 pieces, the artifact's model 1024" in line
