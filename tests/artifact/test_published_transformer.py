"""The published artifact of #1716 through all that takes a ternary one: recognized, reloaded, scored, restored."""

import hashlib
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml

from tests.parity.of_1716 import FOLDER, facts, published_model
from tests.small import RECORDS
from tritgolf.artifact.inspect import inspect_artifact, open_artifact, render_facts
from tritgolf.artifact.kinds import tensor_specs
from tritgolf.artifact.published import transformer as recognizing
from tritgolf.artifact.published.int6_brotli import SYSTEM
from tritgolf.cli import main
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import TextBytes, TokenBytes
from tritgolf.evaluate.load import reloaded_network
from tritgolf.evaluate.text import ScoredText
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.laboratory.grid import load_grid
from tritgolf.laboratory.published import restorations
from tritgolf.laboratory.role_grid import RoleGridConfig
from tritgolf.model.specs import parameters_of

SAMPLE = FOLDER / "sample_pr1716.int6.ptz"
EXPECTED = facts("sample_pr1716")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A folder of records, one of which has the sample's model in FP32, as its check loss was computed."""
    folder = tmp_path_factory.mktemp("records")
    raw = load_record("int6_recurrent", RECORDS).model_dump(mode="json", exclude={"name"})
    raw["model"] = published_model(EXPECTED["config"]).model_dump(mode="json")
    raw["train"]["batch_tokens"], raw["train"]["micro_batch_sequences"] = 64 * 48, 48
    raw["evaluate"] |= {"stride": 16, "methods": None}
    (folder / "sample.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    other = load_record("tiny", RECORDS).model_dump(mode="json", exclude={"name"})
    (folder / "other.yaml").write_text(yaml.safe_dump(other), encoding="utf-8")
    (folder / "grids").symlink_to(RECORDS / "grids")
    return folder


@pytest.fixture(scope="module")
def sample(records):
    return open_artifact(SAMPLE, load_record("sample", records).model)


def sha256(tensor) -> str:
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def test_reloaded_weights_are_the_published_ones_to_the_bit():
    weights = reloaded_network(open_artifact(SAMPLE)).state_dict()  # in BF16, as published
    assert {name: (sha256(tensor), str(tensor.dtype)) for name, tensor in weights.items()} == {
        name: (expected["sha256"], f"torch.{expected['dtype']}") for name, expected in EXPECTED["tensors"].items()
    }


def test_its_check_loss_is_the_published_one(sample):
    ids = torch.tensor(EXPECTED["check_ids"])
    network = reloaded_network(sample)
    with torch.no_grad():
        for name in ("tok_emb.weight", "bigram.embed.weight"):  # computed in FP32 with the BF16 tables
            network.get_parameter(name).copy_(network.get_parameter(name).bfloat16())
        logits = network.head().logits(network(ids[:, :-1]))
    loss = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(EXPECTED["check_loss_recurrence_on_float32"], abs=1e-4)


def test_shapes_tell_sizes_and_a_record_the_rest(sample, records):
    alone = open_artifact(SAMPLE)
    model = published_model(EXPECTED["config"])
    assert all(getattr(alone.header.model, name) == getattr(model, name) for name in recognizing.TOLD)
    assert alone.assumed == SYSTEM.untold
    known = [load_record(name, records) for name in ("other", "sample")]
    found = open_artifact(SAMPLE, known=known)
    assert (found.header.model, found.assumed, sample.assumed) == (model, (), ())
    assert found.stored.payload_digest == alone.stored.payload_digest


def test_the_full_size_has_the_bytes_of_the_specification():
    record = load_record("int6_recurrent", RECORDS)
    specs = tensor_specs(parameters_of(record.model), record.export.storage("own"))
    assert sum(recognizing._bytes_by_kind(specs).values()) == 36_626_976
    shapes = {name: spec.shape for name, spec in specs.items()}
    told = recognizing.told_by_shapes(shapes, SYSTEM, SAMPLE)
    assert told.model_dump() == record.model.model_dump()  # the published settings are those of #1716


def test_other_records_and_files_are_refused(records, tmp_path):
    with pytest.raises(InputError, match=r"not of the named record: it has vocab_size 1024 instead of 8192, layers 2"):
        open_artifact(SAMPLE, load_record("int6_recurrent", RECORDS).model)
    with pytest.raises(InputError, match=r"not of the named record: it has .*gates"):
        open_artifact(SAMPLE, load_record("tiny", RECORDS).model)
    with pytest.raises(InputError, match="lacks tensors of a transformer"):
        recognizing.told_by_shapes({"tok_emb.weight": (8, 8)}, SYSTEM, SAMPLE)
    shapes = {name: tuple(one["shape"]) for name, one in EXPECTED["tensors"].items()}
    with pytest.raises(InputError, match="not those of a transformer"):
        recognizing.told_by_shapes({**shapes, "skip_weights": (9, 384), "skip_gates": (9, 384)}, SYSTEM, SAMPLE)


def test_facts_and_their_text():
    found = inspect_artifact(SAMPLE)
    assert json.loads(json.dumps(found)) == found
    assert found["bytes"] == EXPECTED["file_bytes"]
    by_label = EXPECTED["stats"]["elements_by_kind"]
    assert found["bytes_by_kind"]["codes6"] == by_label["gptq (int6)"] + by_label["simple int6 (bigram embed)"]
    assert (found["stored_fp"], found["codes"]["int8_tensor"]) == (
        by_label["passthrough (float16)"], by_label["pertensor int8 (control)"]
    )  # fmt: skip
    text = render_facts(found)
    for part in (
        "(int6_brotli, 956,287 bytes)",
        "not told            context",
        "mlp                 int6 a row, clip",
        "codes, int6_row",
        "zeros",
    ):
        assert (part in text) == (part != "zeros"), part


def test_the_laboratory_restores_it_otherwise(sample):
    tokens = np.random.default_rng(1).integers(0, 1024, 2 * 64 + 1).astype(np.uint16)
    sizes = TextBytes(TokenBytes(np.full(1024, 3), np.zeros(1024, bool), np.zeros(1024, bool)))
    text = ScoredText(tokens, chunked_windows(len(tokens), 64), sizes, 2, 0.0)
    found = restorations(sample, load_grid("int6", RECORDS / "grids", RoleGridConfig), text)
    rows, names = found["rows"], found["names"]
    assert {"nearest", "clip_10", "calibration_8"} & names.keys() == set()  # that needs the weights
    exact = rows[names["lossless"]]
    assert (exact["relative_error"], exact["max_tensor_error"], exact["over_own_bpb"]) == (0, 0, 0)
    assert rows["control_fp32"]["over_own_bpb"] == 0  # wider adds nothing
    narrow = rows["matrices_int5"]
    assert 0.02 < narrow["relative_error"] < 0.2 and narrow["over_own_bpb"] != 0
    assert narrow["factors"]["roles.mlp.rounding"] == "nearest"
    assert narrow["payload_bytes"] < rows["own"]["payload_bytes"] < rows["passthrough_fp16"]["payload_bytes"]


def test_the_commands_take_it(records, capsys, dataset):
    options = [str(SAMPLE), "--records", str(records)]
    assert main(["inspect", *options]) == 0
    assert "record              sample" in capsys.readouterr().out
    assert main(["inspect", str(SAMPLE), "--records", str(RECORDS)]) == 0
    assert "--record NAME if you know it" in capsys.readouterr().out
    assert main(["laboratory", *options]) == 0
    printed = capsys.readouterr().out
    assert "own but for attention, mlp: int5 a row, clip 12.85 σ" in printed
    assert "trits" not in printed
    text = [
        "--shards",
        str(dataset / "shards" / "*val*.bin"),
        "--tokenizer",
        str(dataset / "tokenizer" / "tokenizer.model"),
    ]
    for command in ("evaluate", "laboratory"):
        with pytest.raises(SystemExit) as stopped:
            main([command, str(SAMPLE), "--records", str(RECORDS), *text])
        assert stopped.value.code == 2
        assert "doesn't tell its model's context, rotary_dims" in capsys.readouterr().err
