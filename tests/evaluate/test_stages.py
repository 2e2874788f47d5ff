"""Roundtrip and evaluation stages on the artifacts of a small random network."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.evaluate.test_score import one_by_one
from tests.small import random_network, small_model, small_training
from tritgolf.artifact.container import read_artifact
from tritgolf.config.evaluate import EvaluateConfig
from tritgolf.data.corpus import load_corpus
from tritgolf.data.loader import TokenStream, training_files, validation_byte_counts, validation_tokens
from tritgolf.data.manifest import load_manifest, with_byte_counts, write_manifest
from tritgolf.data.shards import open_shard, write_shard
from tritgolf.errors import InputError
from tritgolf.evaluate import text
from tritgolf.evaluate.bytes import token_bytes
from tritgolf.evaluate.roundtrip import paired_gap
from tritgolf.evaluate.score import WindowNats
from tritgolf.evaluate.windows import chunked_windows, sliding_windows
from tritgolf.files import write_json
from tritgolf.stages import evaluate as stage
from tritgolf.stages.evaluate import evaluate_stage
from tritgolf.stages.roundtrip import roundtrip_stage

STORAGES = ("exact", "bf16", "fp16")


def evaluation(**settings) -> EvaluateConfig:
    usual = {"stride": 5, "window_rule": "every_token", "headline_z_loss": False, "apply_temperature": True}
    return EvaluateConfig(**{**usual, "calibration_tokens": 100, "batch_sequences": 7, **settings})


def evaluate(finished: Path, dataset: Path, output: Path, **changes) -> dict:
    usual = {
        "record": "small",
        "seed": 1,
        "name": "final",
        "model": small_model(),
        "train": small_training(),
        "settings": evaluation(),
        "artifact": finished / "export" / "exact.tgolf",
        "training": finished / "train.json",
        "shards": dataset / "shards",
        "tokenizer": dataset / "tokenizer" / "tokenizer.model",
        "facts": output / "evaluate.json",
    }
    evaluate_stage(**{**usual, **changes})
    return json.loads((output / "evaluate.json").read_text())


def roundtrip(finished: Path, dataset: Path, output: Path, **changes) -> dict:
    usual = {
        "record": "small",
        "seed": 1,
        "name": "final",
        "model": small_model(),
        "own_storage": "bf16",
        "z_loss": 1e-4,
        "attention": "auto",
        "batch": 7,
        "checkpoint": finished / "final.safetensors",
        "artifacts": {name: finished / "export" / f"{name}.tgolf" for name in STORAGES},
        "shards": dataset / "shards",
        "tokenizer": dataset / "tokenizer" / "tokenizer.model",
        "facts": output / "roundtrip.json",
    }
    roundtrip_stage(**{**usual, **changes})
    return json.loads((output / "roundtrip.json").read_text())


@pytest.fixture(scope="module")
def dataset(dataset, tmp_path_factory):
    """The usual one, as if every token had a byte that the tokenizer took away: both countings differ."""
    folder = tmp_path_factory.mktemp("counted") / "dataset"
    shutil.copytree(dataset, folder)
    manifest = load_manifest(folder / "shards")
    sidecars = [folder / "shards" / shard.byte_counts.file for shard in manifest.of("validation")]
    for path in sidecars:
        write_shard(path, open_shard(path).astype(int) + 1)
    counted = with_byte_counts(manifest.of("validation"), sidecars)
    shards = (*manifest.of("train"), *counted)
    write_manifest(folder / "shards", manifest.model_copy(update={"shards": shards}))
    return folder


@pytest.fixture(scope="module")
def scored(tmp_path_factory, finished, dataset) -> dict:
    return evaluate(finished, dataset, tmp_path_factory.mktemp("evaluate"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory, finished, dataset) -> dict:
    return roundtrip(finished, dataset, tmp_path_factory.mktemp("roundtrip"))


@pytest.fixture(scope="module")
def tokens(dataset):
    return np.asarray(validation_tokens(dataset / "shards", 16))


def bits_of(nats, size) -> float:
    return sum(nats) / math.log(2) / int(size)


def published_size(tokens, targets, dataset) -> int:
    counted = token_bytes(dataset / "tokenizer" / "tokenizer.model").byte_counts(tokens[targets], tokens[targets + 1])
    return int(counted.sum())


def raw_size(targets, dataset) -> int:
    return int(validation_byte_counts(dataset / "shards")[targets + 1].sum())


def test_chunked_and_sliding_scores_against_loops(scored, tokens, dataset):
    network = random_network(small_model())  # the storage "exact" loses nothing of it
    methods = scored["metrics"]["methods"]
    chunked, sliding = methods["chunked"], methods["sliding"]
    windows = chunked_windows(len(tokens), 16)
    nats, squares = one_by_one(network, tokens, windows)
    targets = np.arange(windows.scored)
    raw, published = raw_size(targets, dataset), published_size(tokens, targets, dataset)
    assert raw != published
    assert chunked["bpb"] == pytest.approx(bits_of(nats, raw), rel=1e-5)
    assert chunked["bpb_published_bytes"] == pytest.approx(bits_of(nats, published), rel=1e-5)
    inflated = [n + 1e-4 * square for n, square in zip(nats, squares, strict=True)]
    assert chunked["record_bpb"] == pytest.approx(bits_of(inflated, published), rel=1e-5)
    assert chunked["tokens_scored"] + chunked["tokens_left_out"] == len(tokens) - 1

    nats, _ = one_by_one(network, tokens, sliding_windows(len(tokens), 16, 5, "every_token"))
    assert sliding["nats"] == pytest.approx(sum(nats) / (len(tokens) - 1), rel=1e-5)
    assert sliding["bpb"] == pytest.approx(bits_of(nats, raw_size(np.arange(len(tokens) - 1), dataset)), rel=1e-5)
    assert (sliding["tokens_scored"], sliding["tokens_left_out"]) == (len(tokens) - 1, 0)
    assert (sliding["stride"], sliding["window"], sliding["rule"]) == (5, 16, "every_token")


def test_the_bytes_of_all_targets_are_those_of_the_text(scored, tokens, dataset):
    from sentencepiece import SentencePieceProcessor  # noqa: PLC0415

    processor = SentencePieceProcessor(model_file=str(dataset / "tokenizer" / "tokenizer.model"))
    documents = np.split(tokens, np.flatnonzero(tokens == processor.bos_id()))
    normalized = sum(len(processor.decode(document.tolist()).encode()) for document in documents)
    raw = load_corpus(dataset / "corpus")["splits"]["validation"]["bytes"] + len(tokens) - 1
    sliding, told = scored["metrics"]["methods"]["sliding"], scored["metrics"]["validation_bytes"]
    assert (sliding["bytes"], sliding["published_bytes"], sliding["byte_counting"]) == (raw, normalized, "raw")
    ratio = raw / normalized
    assert told == {"raw": raw, "published": normalized, "raw_per_published": ratio, "bpb_divides_by": "raw"}


def test_shards_without_byte_counts_are_scored_by_published_bytes_and_it_says_so(scored, finished, dataset, tmp_path):
    old = tmp_path / "dataset"
    shutil.copytree(dataset, old)
    manifest = json.loads((old / "shards" / "manifest.json").read_text())
    for shard in manifest["shards"]:
        if counted := shard.pop("byte_counts", None):
            (old / "shards" / counted["file"]).unlink()
    (old / "shards" / "manifest.json").write_text(json.dumps(manifest))
    found, known = evaluate(finished, old, tmp_path)["metrics"], scored["metrics"]
    by_published, by_raw = (metrics["methods"]["sliding"] for metrics in (found, known))
    assert by_published["byte_counting"] == "published"
    assert by_published["bpb"] == by_published["bpb_published_bytes"] == by_raw["bpb_published_bytes"]
    assert found["validation_bytes"]["raw"] is found["validation_bytes"]["raw_per_published"] is None
    assert found["validation_bytes"]["bpb_divides_by"] == "published"


def test_changed_byte_counts_are_told(finished, dataset, tmp_path):
    changed = tmp_path / "dataset"
    shutil.copytree(dataset, changed)
    sidecar = changed / "shards" / "val_bytes_000000.bin"
    sidecar.write_bytes(sidecar.read_bytes()[:-2] + b"\7\7")
    with pytest.raises(InputError, match=r"val_bytes_000000.bin: does not have the digest of its manifest"):
        evaluate(finished, changed, tmp_path)


def test_the_step_is_that_of_the_artifact_not_the_last_of_the_run(finished, dataset, tmp_path):
    artifact = finished / "export" / "exact.tgolf"
    longer = json.loads((finished / "train.json").read_text())
    step = longer["metrics"]["steps"]
    longer["metrics"]["steps"] = step + 1
    (tmp_path / "train.json").write_text(json.dumps(longer))
    found = evaluate(finished, dataset, tmp_path, training=tmp_path / "train.json", name=f"step_{step:06d}")
    assert found["step"] == step == read_artifact(artifact).header.step


def test_the_temperature_is_calibrated_on_the_training_tokens_after_the_last_trained(scored, dataset):
    """12 steps of 8 micro-steps, each of which consumes 2 · 16 + 1 tokens."""
    unseen = TokenStream(training_files(dataset / "shards")).take(12 * 8 * 33, 100)
    found = scored["metrics"]["temperature"]
    assert found["calibration_tokens"] == 100
    assert [point["temperature"] for point in found["grid"]] == [0.9, 0.95, 1.0, 1.05, 1.1]
    for point in found["grid"]:
        nats, _ = one_by_one(random_network(small_model()), unseen, chunked_windows(100, 16), point["temperature"])
        assert point["calibration_nats"] == pytest.approx(sum(nats) / 96, rel=1e-5)
    assert found["best"] == min(found["grid"], key=lambda point: point["calibration_nats"])["temperature"]


def test_calibration_reads_no_validation_token(finished, dataset, tmp_path, monkeypatch):
    seen, original = [], stage.calibrate

    def calibrate(network, unseen, *rest):
        seen.append(unseen)
        return original(network, unseen, *rest)

    monkeypatch.setattr(stage, "calibrate", calibrate)
    write_json(tmp_path / "train.json", {"metrics": {"steps": 5, "world": 2}})
    evaluate(finished, dataset, tmp_path, training=tmp_path / "train.json")
    # two ranks: 4 micro-steps of 2 · (2 · 16 + 1) tokens a step
    assert np.array_equal(seen[0], TokenStream(training_files(dataset / "shards")).take(5 * 4 * 66, 100))


def test_the_best_temperature_is_applied_to_the_sliding_score(scored, tokens, dataset):
    found = scored["metrics"]["temperature"]
    assert found["applied"]
    assert found["best"] != 1  # a random network is too sure of itself: else this would test nothing
    windows = sliding_windows(len(tokens), 16, 5, "every_token")
    nats, _ = one_by_one(random_network(small_model()), tokens, windows, found["best"])
    assert found["sliding_bpb_at_best"] == pytest.approx(
        bits_of(nats, raw_size(np.arange(len(tokens) - 1), dataset)), rel=1e-5
    )
    assert found["sliding_bpb_at_best"] != scored["metrics"]["methods"]["sliding"]["bpb"]


def test_temperature_is_left_alone_where_the_mode_says_so(finished, dataset, tmp_path):
    found = evaluate(finished, dataset, tmp_path, settings=evaluation(apply_temperature=False))["metrics"][
        "temperature"
    ]
    assert (found["applied"], found["sliding_bpb_at_best"]) == (False, None)
    assert len(found["grid"]) == 5


def test_a_best_temperature_of_1_changes_nothing(finished, dataset, tmp_path):
    metrics = evaluate(finished, dataset, tmp_path, settings=evaluation(temperatures=(1.0,)))["metrics"]
    assert metrics["temperature"]["sliding_bpb_at_best"] == metrics["methods"]["sliding"]["bpb"]


def test_the_record_rule_leaves_the_end_out(finished, dataset, tmp_path, tokens):
    settings = evaluation(window_rule="drop_tail", stride=4)
    sliding = evaluate(finished, dataset, tmp_path, settings=settings)["metrics"]["methods"]["sliding"]
    usable = (len(tokens) - 1) // 16 * 16
    assert sliding["tokens_left_out"] == len(tokens) - 1 - usable + 4
    assert sliding["tokens_scored"] == usable - 4


def test_the_payload_has_no_times(scored, finished, dataset, tmp_path):
    again = evaluate(finished, dataset, tmp_path)
    assert again["payload_digest"] == scored["payload_digest"]
    other = evaluate(finished, dataset, tmp_path, artifact=finished / "export" / "fp16.tgolf")
    assert other["payload_digest"] != scored["payload_digest"]
    assert other["metrics"]["storage"] == "fp16"


def test_a_text_too_short_for_the_record_rule_is_told(finished, dataset, tmp_path, monkeypatch):
    short = validation_tokens(dataset / "shards", 16)[:20]
    monkeypatch.setattr(text, "validation_tokens", lambda *_: short)
    assert evaluate(finished, dataset, tmp_path)["metrics"]["methods"]["sliding"]["tokens_scored"] == 19
    with pytest.raises(InputError, match=r"too short .* every_token"):
        evaluate(finished, dataset, tmp_path, settings=evaluation(window_rule="drop_tail", stride=4))


def test_a_text_without_a_byte_is_told(finished, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(text, "validation_tokens", lambda *_: np.zeros(40, np.uint16))
    with pytest.raises(InputError, match="holds control tokens alone"):
        evaluate(finished, dataset, tmp_path)


def test_the_tokenizer_must_be_that_of_the_shards(finished, dataset, tmp_path):
    other = tmp_path / "tokenizer.model"
    other.write_bytes((dataset / "tokenizer" / "tokenizer.model").read_bytes() + b"\0")
    for run in (evaluate, roundtrip):
        with pytest.raises(InputError, match="is not the tokenizer that made the shards"):
            run(finished, dataset, tmp_path, tokenizer=other)
    assert not list(tmp_path.glob("*.json"))


def test_damaged_inputs_are_told_and_leave_no_output(finished, dataset, tmp_path):
    raw = bytearray((finished / "export" / "exact.tgolf").read_bytes())
    raw[-5] ^= 4
    (tmp_path / "damaged.tgolf").write_bytes(raw)
    with pytest.raises(InputError, match=r"damaged\.tgolf"):
        evaluate(finished, dataset, tmp_path, artifact=tmp_path / "damaged.tgolf")
    (tmp_path / "damaged.safetensors").write_bytes((finished / "final.safetensors").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"damaged\.safetensors"):
        roundtrip(finished, dataset, tmp_path, checkpoint=tmp_path / "damaged.safetensors")
    with pytest.raises(InputError, match="is missing"):
        evaluate(finished, dataset, tmp_path, training=tmp_path / "train.json")
    assert not list(tmp_path.glob("*.json"))


def test_a_storage_that_loses_nothing_has_no_gap(compared):
    exact = compared["metrics"]["storages"]["exact"]
    assert (exact["gap_bpb"], exact["gap_se"], exact["trits_changed"], exact["max_weight_error"]) == (0, 0, 0, 0)
    assert exact["bpb"] == compared["metrics"]["trained"]["bpb"]


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_the_gap_of_a_storage_is_the_difference_of_its_scores(compared, name):
    storage, trained = compared["metrics"]["storages"][name], compared["metrics"]["trained"]
    assert storage["gap_bpb"] == pytest.approx(storage["bpb"] - trained["bpb"], abs=1e-9)
    assert storage["gap_bpb"] != 0
    assert storage["gap_se"] > 0
    assert storage["trits_changed"] == 0
    assert storage["max_weight_error"] > 0


def test_the_trained_score_is_that_of_the_evaluation_of_an_exact_artifact(compared, scored):
    trained, chunked = compared["metrics"]["trained"], scored["metrics"]["methods"]["chunked"]
    assert {key: trained[key] for key in ("nats", "bpb", "record_bpb", "bytes")} == {
        key: pytest.approx(chunked[key], rel=1e-12) for key in ("nats", "bpb", "record_bpb", "bytes")
    }


def test_a_paired_gap_by_hand():
    # differences 1, 0, 3: mean 4/3, variance 7/3, so the sum 4 has a standard error of √(3 · 7/3) = √7 nats
    trained, reloaded = (WindowNats(np.array(nats), np.zeros(3)) for nats in ([1.0, 2.0, 3.0], [2.0, 2.0, 6.0]))
    gap = paired_gap(trained, reloaded, bytes_=10)
    assert gap.bpb == pytest.approx(4 / math.log(2) / 10)
    assert gap.standard_error == pytest.approx(math.sqrt(7) / math.log(2) / 10)


def test_one_window_has_no_standard_error():
    one, other = WindowNats(np.array([1.0]), np.zeros(1)), WindowNats(np.array([2.0]), np.zeros(1))
    with pytest.raises(ValueError, match="1 windows have no standard error"):
        paired_gap(one, other, 1)
