"""The published artifact of #1722 (and #1019) through all that takes one: recognized, reloaded, scored, restored."""

import hashlib
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml

from tests.parity.of_1716 import FOLDER, facts
from tests.parity.of_1722 import model_1722
from tests.small import RECORDS
from tritgolf.artifact.inspect import inspect_artifact, open_artifact, render_facts
from tritgolf.artifact.kinds import tensor_specs
from tritgolf.artifact.published import int6_lzma
from tritgolf.artifact.published import transformer as recognizing
from tritgolf.cli import main
from tritgolf.config.record import load_record
from tritgolf.config.storage import RoleStorage
from tritgolf.errors import InputError
from tritgolf.evaluate.bytes import TextBytes, TokenBytes
from tritgolf.evaluate.load import reloaded_network
from tritgolf.evaluate.text import ScoredText
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.laboratory.grid import load_grid
from tritgolf.laboratory.published import restorations
from tritgolf.laboratory.role_grid import RoleGridConfig
from tritgolf.model.specs import parameters_of

SAMPLE = FOLDER / "sample_pr1722.trinity.ptz"
EXPECTED = facts("sample_pr1722")
MODEL = model_1722(EXPECTED["config"])  # in FP32, as its check loss was computed


def sha256(tensor) -> str:
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def full_size(**settings):
    """The model of #1019; with the smaller hash table that #1722 was run with."""
    sizes = {"vocab_size": 1024, "num_layers": 11, "model_dim": 512, "num_heads": 8, "num_kv_heads": 4, "mlp_mult": 3}
    rest = {"rope_dims": 16, "xsa_last_n": 11, "ve_dim": 128, "ve_layers": "9,10"}
    return model_1722(sizes | rest | {"bigram_vocab_size": 3072, "bigram_dim": 112} | settings)


def storage_of_the_format() -> RoleStorage:
    """How a file of full size stores each role."""
    forms = int6_lzma.SYSTEM.forms
    codes = {**dict.fromkeys(("attention", "mlp"), "int6")}
    codes |= dict.fromkeys(("embedding", "hash_embedding", "value_embedding"), "int8")
    codes |= dict.fromkeys(("projection", "mix", "control"), "passthrough")
    return RoleStorage(roles={role: forms[label] for role, label in codes.items()})


def test_reloaded_weights_are_the_published_ones_to_the_bit():
    weights = reloaded_network(open_artifact(SAMPLE)).state_dict()  # in BF16, as published
    assert {name: (sha256(tensor), str(tensor.dtype)) for name, tensor in weights.items()} == {
        name: (expected["sha256"], f"torch.{expected['dtype']}") for name, expected in EXPECTED["tensors"].items()
    }


def test_its_check_loss_is_the_published_one():
    ids = torch.tensor(EXPECTED["check_ids"])
    network = reloaded_network(open_artifact(SAMPLE, MODEL))
    with torch.no_grad():
        for name in int6_lzma.BFLOAT16:  # computed in FP32 with the BF16 tables
            network.get_parameter(name).copy_(network.get_parameter(name).bfloat16())
        logits = network.head().logits(network(ids[:, :-1]))
    loss = F.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(EXPECTED["check_loss_float32"], abs=1e-4)


def test_shapes_tell_sizes_and_a_model_the_rest():
    alone, named = open_artifact(SAMPLE), open_artifact(SAMPLE, MODEL)
    assert all(getattr(alone.header.model, name) == getattr(MODEL, name) for name in recognizing.TOLD)
    assert alone.assumed == int6_lzma.SYSTEM.untold and named.assumed == ()
    assert named.header.model == MODEL
    assert alone.header.model.rotary_stretch.of == "call" and alone.header.model.context == 2048
    assert (alone.stored.payload_digest, alone.file_format) == (named.stored.payload_digest, "int6_lzma")


@pytest.mark.parametrize("hash_table", [{}, {"bigram_vocab_size": 2048, "bigram_dim": 128}])
def test_at_full_size_every_tensor_of_65536_elements_or_fewer_is_fp16_and_no_other(hash_table):
    table = parameters_of(full_size(**hash_table))
    specs = tensor_specs(table, storage_of_the_format())
    in_fp16 = {name for name, spec in specs.items() if spec.codes is None}
    assert in_fp16 == {name for name, parameter in table.items() if parameter.size <= 65_536}
    assert sum(table[name].size for name, spec in specs.items() if spec.kind == "int6_row") == 25_952_256
    told = recognizing.told_by_shapes({name: spec.shape for name, spec in specs.items()}, int6_lzma.SYSTEM, SAMPLE)
    assert (
        told.model_dump()
        == full_size(**hash_table)
        .model_copy(update={"compute": "bfloat16", "rotary_frequencies": "bfloat16", "q_gain": told.q_gain})
        .model_dump()
    )


def test_files_of_another_model_are_refused():
    with pytest.raises(InputError, match=r"not of the named record: it has vocab_size 1024 instead of 512, layers 2"):
        open_artifact(SAMPLE, load_record("tiny_int6", RECORDS).model)
    shapes = {name: tuple(one["shape"]) for name, one in EXPECTED["tensors"].items() if name != "smear.gate"}
    with pytest.raises(InputError, match="lacks tensors of a transformer"):
        recognizing.told_by_shapes({"tok_emb.weight": (8, 8)}, int6_lzma.SYSTEM, SAMPLE)
    with pytest.raises(InputError, match=r"not those of a transformer of #1716, #1019 or #1722"):
        recognizing.told_by_shapes({**shapes, "skip_weights": (9, 384)}, int6_lzma.SYSTEM, SAMPLE)


def test_facts_and_their_text():
    found = inspect_artifact(SAMPLE)
    assert json.loads(json.dumps(found)) == found
    by_label = EXPECTED["stats"]["elements_by_kind"]
    assert (found["parameters"], found["bytes"]) == (EXPECTED["stats"]["parameters"], EXPECTED["file_bytes"])
    assert found["bytes_by_kind"]["codes6"] == by_label["int6"]
    assert found["codes"] == {"int6_row": by_label["int6"], "int8_row": by_label["int8"]}
    assert found["stored_fp"] == by_label["passthrough"]
    text = render_facts(found)
    for part in ("(int6_lzma, 1,415,820 bytes)", "rotary_stretch", "int6 a row, clip at quantiles", "clipped"):
        assert part in text, part


def test_the_laboratory_restores_it_otherwise():
    tokens = np.random.default_rng(1).integers(0, 1024, 2 * 64 + 1).astype(np.uint16)
    sizes = TextBytes(TokenBytes(np.full(1024, 3), np.zeros(1024, bool), np.zeros(1024, bool)))
    text = ScoredText(tokens, chunked_windows(len(tokens), 64), sizes, 2, 0.0)
    grids = RECORDS / "grids"
    found = restorations(open_artifact(SAMPLE, MODEL), load_grid("trinity", grids, RoleGridConfig), text)
    rows, names = found["rows"], found["names"]
    assert {"nearest_matrices", "clip_largest", "no_floor", "calibration_8"} & names.keys() == set()  # of the weights
    exact = rows[names["lossless"]]
    assert (exact["relative_error"], exact["max_tensor_error"], exact["over_own_bpb"]) == (0, 0, 0)
    narrow = rows["matrices_int5"]
    assert 0.01 < narrow["relative_error"] < 0.2 and narrow["over_own_bpb"] != 0
    # A grid of #1716's records, too: rows about what this storage doesn't have are left out.
    others = restorations(open_artifact(SAMPLE, MODEL), load_grid("int6", grids, RoleGridConfig))
    assert "matrices_int5" in others["names"] and not {"clip_10", "table_int6"} & others["names"].keys()


def test_the_commands_take_it(tmp_path, capsys):
    assert main(["inspect", str(SAMPLE), "--records", str(RECORDS)]) == 0
    assert "--record NAME if you know it" in capsys.readouterr().out
    raw = load_record("int6_recurrent", RECORDS).model_dump(mode="json", exclude={"name"})
    raw |= {"model": MODEL.model_dump(mode="json")}
    raw["train"] |= {"batch_tokens": 64 * 48, "micro_batch_sequences": 48, "start": {}}
    raw["evaluate"] |= {"stride": 16, "methods": None}
    (tmp_path / "sample.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    (tmp_path / "grids").symlink_to(RECORDS / "grids")
    assert main(["laboratory", str(SAMPLE), "--records", str(tmp_path)]) == 0
    assert "own but for attention, mlp: int5 a row" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(SAMPLE), "--records", str(RECORDS), "--shards", "x", "--tokenizer", "y"])
    assert stopped.value.code == 2
    assert "doesn't tell its model's context, rotary_dims" in capsys.readouterr().err
