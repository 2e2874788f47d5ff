"""``tritgolf evaluate`` scores as the stage does, and refuses in one line what can't be scored."""

import json
import shutil

import numpy as np
import pytest

from tests.commands import PUBLISHED, refuse, run
from tests.evaluate.test_stages import evaluate as evaluate_through_the_stage
from tests.evaluate.test_stages import evaluation
from tests.small import RECORDS, small_model
from tritgolf.cli import main
from tritgolf.config.record import load_record
from tritgolf.files import write_json


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
    small = {"inherit": "tiny", "train": {"z_loss": 0.01}, "evaluate": {"stride": 8, "methods": METHODS}}
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


def test_evaluate_finds_the_methods_of_a_record_of_ones_own(capsys, with_a_record, finished, tmp_path):
    """By the results that the artifact lies in, as they were resolved; elsewhere by the record's file."""
    own = {"inherit": "tiny", "model": small_model().model_dump(mode="json"), "evaluate": {"methods": METHODS}}
    (tmp_path / "small.yaml").write_text(json.dumps(own))
    results = tmp_path / "results" / "small"
    artifact = results / "seed42" / "final" / "export" / "bf16.tgolf"
    artifact.parent.mkdir(parents=True)
    shutil.copy(finished / "export" / "bf16.tgolf", artifact)
    write_json(results / "record.json", load_record("small", tmp_path).model_dump(mode="json"))
    scoring = [with_a_record[0], artifact, *with_a_record[2:-2], "--method", "sliding", "--json"]
    (by_results,) = json.loads(run(capsys, *scoring))["methods"].values()
    (results / "record.json").unlink()
    assert "is of no record in" in refuse(capsys, *scoring)
    (by_file,) = json.loads(run(capsys, *scoring, "--record", tmp_path / "small.yaml"))["methods"].values()
    assert by_results["nats"] == by_file["nats"]


def test_the_z_loss_is_the_records_where_one_is_named(capsys, with_a_record):
    def of_z_loss(*extra):
        facts = json.loads(run(capsys, *with_a_record, *extra, "--json"))["methods"]["sliding"]
        return facts["record_bpb"] - facts["bpb_published_bytes"]

    assert of_z_loss("--method", "sliding") == pytest.approx(100 * of_z_loss("--stride", 8))  # as published: 1e-4


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
        (
            ["--shards", str(RECORDS / "tiny*.yaml")],
            f"{RECORDS / 'tiny.yaml'}: is no shard, by its ending; give shards",
        ),
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
    assert "and has another model than the named one; leave out --record" in refuse(
        capsys, "inspect", scoring[1], "--record", "tiny", "--records", RECORDS
    )


def test_evaluate_refuses_a_published_file_on_other_shards(capsys, scoring, tmp_path):
    path = shutil.copy(PUBLISHED / "sample_pr640.ternary.ptz", tmp_path / "final_model.ternary.ptz")
    line = refuse(capsys, "evaluate", path, *scoring[2:], "--records", RECORDS)
    assert "has 300 pieces, the artifact's model 1024" in line
