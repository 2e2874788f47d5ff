import json
import re
import shutil
import subprocess
import sys

import pytest

from tests.commands import PUBLISHED, refuse, run
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
    usage, what_it_does = text.split("\n\n")[:2]
    assert usage.startswith("usage: tritgolf") and re.search(r"^[A-Z].*\.", what_it_does, flags=re.DOTALL)
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


def test_a_record_without_results_has_no_bundle(capsys, tmp_path, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        main(["bundle", "mine", "--results", str(tmp_path)])
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    write_json("results/mine/record.json", [])
    for given in ("mine", "results/mine"):  # whose folder is looked into
        assert refuse(capsys, "bundle", given).startswith("results/mine/record.json: ")
    line = refuse(capsys, "bundle", "mine@x")
    assert "snakemake --cores all --config records='[mine]' run=x, with that run's overrides; or say" in line
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
    assert "total" in text and "bytes before compression (the limit of 16,000,000 holds after it" in text
    for setting, value in MODES["faithful"].items():
        line = next(line for line in text.splitlines() if line.split()[:1] == [setting])
        assert line.split(maxsplit=1)[1] == f"{value}  (faithful: {value}, honest: {MODES['honest'][setting]})"


def test_columns_without_trits_are_no_estimate_of_trits(capsys, tmp_path):
    (tmp_path / "coded.yaml").write_text("inherit: int6_recurrent\nexport: {code_layouts: [columns, arithmetic]}\n")
    (tmp_path / "int6_recurrent.yaml").write_text((RECORDS / "int6_recurrent.yaml").read_text())
    facts = json.loads(run(capsys, "describe", "coded", "--records", tmp_path, "--json"))["artifact"]
    assert "coded_bytes" in facts and "trained_bytes" not in facts


def test_describe_tells_what_trits_coded_by_columns_will_take(capsys):
    facts = json.loads(run(capsys, "describe", "ternary_best", "--records", RECORDS, "--json"))["artifact"]
    assert 0.98 * facts["limit"] < facts["trained_bytes"] < facts["limit"] < facts["bytes"]
    text = run(capsys, "describe", "ternary_best", "--records", RECORDS)
    assert f"{facts['trained_bytes']:,} bytes, as trained trits of such scales took" in text
    assert "storage 'own', trits in base 3\n" in text  # no codes in their bits


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
    assert line.startswith("record 'ternary_v9': is unknown; did you mean ternary_v2? known records: ")


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
    assert line.endswith("records='[tiny]' run=short, with that run's overrides")
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
