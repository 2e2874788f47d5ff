import hashlib
import io
import json
import lzma
import math
import shutil

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.artifact.conftest import PUBLISHED, honest_storage, random_state, small_model
from tritgolf.artifact.kinds import stored_bytes, tensor_specs
from tritgolf.artifact.published.ptz import published_role, read_contents, read_ptz, write_ptz
from tritgolf.artifact.published.recognize import header_of, recognize_record
from tritgolf.artifact.statistics import stored_trits
from tritgolf.artifact.storage import reloaded_masters, restore, store
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.model.specs import parameters_of
from tritgolf.model.unet import UNet
from tritgolf.model.unet_parameters import described
from tritgolf.model.zeros import zero_fractions

SAMPLES = {"pr640": "absmean", "pr920": "rms"}
FAITHFUL = {"decide": "master", "shrinkage": True, "reload_dtype": "bfloat16", "mixes": "e4m3"}


def sample(name):
    return PUBLISHED / f"sample_{name}.ternary.ptz", json.loads((PUBLISHED / f"sample_{name}.json").read_text())


def bf16_digest(tensor):
    return hashlib.sha256(tensor.bfloat16().contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("name", SAMPLES)
def test_published_samples_reload_to_their_digests(name):
    path, expected = sample(name)
    artifact = read_ptz(path)
    loaded = artifact.restore().tensors | reloaded_masters(artifact.stored, SAMPLES[name], "bfloat16")
    assert set(loaded) == set(expected["tensors"])
    for tensor_name, facts in expected["tensors"].items():
        assert list(loaded[tensor_name].shape) == facts["shape"]
        assert torch.equal(loaded[tensor_name], loaded[tensor_name].bfloat16().float())
        assert bf16_digest(loaded[tensor_name]) == facts["sha256_bf16"], tensor_name


@pytest.mark.parametrize("name", SAMPLES)
def test_the_model_of_a_sample_is_recognized(name):
    path, expected = sample(name)
    artifact, config = read_ptz(path), expected["config"]
    model = artifact.header.model
    found = (model.vocab_size, model.layers, model.width, model.heads, model.kv_heads, model.mlp_multiple)
    keys = ("vocab_size", "num_layers", "model_dim", "num_heads", "num_kv_heads", "mlp_mult")
    assert found == tuple(config[key] for key in keys)
    assert (model.embed_dim, model.smear) == (config["embed_dim"], config["smear"])
    assert (model.quantizer.group_size, model.quantizer.estimator) == (config["group_size"], SAMPLES[name])
    assert {"standard": "base3", "bitmask": "bitmask"}[expected["layout"]] == artifact.layout
    UNet(model).load_state_dict(artifact.restore().weights())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_sizes_and_zeros_of_a_sample(name):
    path, expected = sample(name)
    artifact, stats = read_ptz(path), expected["stats"]
    kinds = artifact.bytes_by_kind
    assert kinds["trits"] + kinds["scales"] == stats["ternary_bytes"]
    assert sum(kinds.values()) == stats["ternary_bytes"] + stats["fp_bytes"]
    assert sum(tensor.numel() for tensor in artifact.stored.tensors.values()) == stats["fp_params"]
    trits = stored_trits(artifact.stored)
    assert sum(q.numel() for q in trits.values()) == stats["ternary_params"]
    for tensor_name, q in trits.items():
        published = expected["tensors"][tensor_name]["zero_fraction"]  # a mean in FP32
        zeros = zero_fractions({tensor_name: q}, {tensor_name: described(tensor_name)})["all"]
        assert zeros == pytest.approx(published, abs=0.1 / q.numel())
    if artifact.layout == "base3":
        assert stored_bytes(artifact.stored.specs, 128) == kinds


@pytest.mark.parametrize("name", SAMPLES)
def test_what_we_write_from_a_sample_is_the_sample(name, tmp_path):
    path, _ = sample(name)
    artifact = read_ptz(path)
    info = write_ptz(tmp_path / "ours.ptz", artifact.stored)
    assert info.layout == artifact.layout
    assert info.bytes_by_kind == artifact.bytes_by_kind
    ours, theirs = load(tmp_path / "ours.ptz"), load(path)
    assert list(ours) == list(theirs)
    for entry_name, entry in theirs.items():
        assert list(ours[entry_name]) == list(entry)
        for field, value in entry.items():
            mine = ours[entry_name][field]
            assert type(mine) is type(value)
            if isinstance(value, torch.Tensor):
                assert (mine.dtype, mine.shape) == (value.dtype, value.shape)
                assert torch.equal(mine.view(torch.uint8), value.view(torch.uint8))
            else:
                assert mine == value
    assert (
        read_ptz(tmp_path / "ours.ptz").stored.payload_digest == artifact.stored.payload_digest == info.payload_digest
    )


def load(path):
    return torch.load(io.BytesIO(lzma.decompress(path.read_bytes())), weights_only=True)


def save(path, entries):
    buffer = io.BytesIO()
    torch.save(entries, buffer)
    path.write_bytes(lzma.compress(buffer.getvalue(), preset=0))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    vectors=st.sampled_from(["float16", "bfloat16"]),
    estimator=st.sampled_from(["absmean", "rms"]),
    seed=st.integers(0, 50),
    zeros=st.booleans(),
)
def test_a_model_of_ours_comes_back_in_both_layouts(tmp_path, vectors, estimator, seed, zeros):
    model = small_model(quantizer={"group_size": 16, "estimator": estimator, "arithmetic": "bf16_weight"}, smear=zeros)
    storage = honest_storage(vectors, vectors=vectors, **FAITHFUL)
    state = random_state(model, seed)
    if zeros:
        state = {
            name: torch.where(tensor.abs() > 1.5 * tensor.abs().mean(), tensor, 0) for name, tensor in state.items()
        }
    stored = store(state, model, storage.by_role(model))
    info = write_ptz(tmp_path / "a.ptz", stored)
    artifact = read_ptz(tmp_path / "a.ptz", estimator)
    assert artifact.layout == info.layout
    assert artifact.stored.specs == stored.specs
    assert artifact.stored.payload_digest == stored.payload_digest
    ours = restore(stored, model, storage.by_role(model)).weights()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in artifact.restore().weights().items())


def test_small_matrices_of_the_published_rule_are_e4m3(tmp_path):
    model = small_model(width=256, vocab_size=32)
    state = random_state(model, 0)
    storage = honest_storage(vectors="bfloat16", **FAITHFUL)
    stored = store(state, model, storage.by_role(model), rule=published_role)
    write_ptz(tmp_path / "a.ptz", stored)
    entries = load(tmp_path / "a.ptz")
    types = {name: entry["type"] for name, entry in entries.items()}
    assert types["blocks.0.attn.proj.weight"] == "fp8"
    assert types["blocks.0.mlp.fc.weight"].startswith("ternary")
    artifact = read_ptz(tmp_path / "a.ptz")
    assert artifact.stored.specs == stored.specs
    UNet(artifact.header.model).load_state_dict(artifact.restore().weights())


def test_rows_that_were_filled_up_to_a_group_lose_the_filling(tmp_path):
    name = "blocks.0.mlp.fc.weight"
    q = torch.zeros(2, 32, dtype=torch.int8)
    q[:, :20] = torch.tensor([1, -1, 0, 1, 1] * 4)
    entry = {
        "type": "ternary",
        "packed": bytes(pack_by_hand(q)),
        "scale": torch.tensor([1.0, 2.0, 3.0, 4.0]).half(),
        "shape": [2, 20],
        "padded_cols": 32,
        "group_size": 16,
        "n_trits": 64,
        "orig_shape": [2, 20],
    }
    save(tmp_path / "a.ptz", {name: entry})
    stored = read_contents(tmp_path / "a.ptz").stored
    weight = reloaded_masters(stored, "rms", "bfloat16")[name]
    assert weight.shape == (2, 20)
    assert stored_trits(stored)[name].shape == (2, 20)
    # s/√(share of nonzeros in a whole group of 16, the filling included): 13 of 16, and 3 of 16
    expected = [1 / math.sqrt(13 / 16), -2 / math.sqrt(3 / 16), 3 / math.sqrt(13 / 16)]
    assert [weight[0, 0], weight[0, 16], weight[1, 0]] == [torch.tensor(value).bfloat16() for value in expected]


def pack_by_hand(q):
    t = [*(q.reshape(-1) + 1).tolist(), 0, 0, 0, 0]
    return [sum(t[start + i] * 3**i for i in range(5)) for start in range(0, q.numel(), 5)]


def damaged_entries():
    ternary, plain = "blocks.0.mlp.fc.weight", "vocab_bias"
    return {
        "unknown name": (lambda e: e.update({"lm_head.weight": e[plain]}), "lm_head.weight"),
        "no dictionary": (lambda e: e.update({plain: [1]}), "vocab_bias has no type"),
        "unknown type": (lambda e: e[plain].update(type="int8"), "vocab_bias is of no type"),
        "a table as trits": (lambda e: e.update({"tok_emb.weight": e[ternary]}), "tok_emb.weight is of no type"),
        "another dtype": (lambda e: e[plain].update(data=e[plain]["data"].float()), "not a tensor of its type"),
        "no tensor": (lambda e: e[plain].update(data=b"abc"), "not a tensor of its type"),
        "not finite": (lambda e: e[plain]["data"].fill_(torch.nan), "not finite"),
        "no scale": (lambda e: e[ternary].pop("scale"), "lacks a field"),
        "too few scales": (lambda e: e[ternary].update(scale=e[ternary]["scale"][:-1]), "its scales are not"),
        "scale NaN": (lambda e: e[ternary]["scale"].fill_(torch.nan), "its scales are not"),
        "wrong count": (lambda e: e[ternary].update(n_trits=7), "sizes don't agree"),
        "wrong padding": (lambda e: e[ternary].update(padded_cols=400), "sizes don't agree"),
        "huge": (
            lambda e: e[ternary].update(orig_shape=[1 << 40, 384], n_trits=384 << 40),
            "sizes don't agree",
        ),
        "negative": (lambda e: e[ternary].update(orig_shape=[-768, -384]), "lacks a field"),
        "no group": (lambda e: e[ternary].update(group_size=0), "lacks a field"),
        "cut trits": (lambda e: e[ternary].update(packed=e[ternary]["packed"][:-1]), "trits in base 3 take"),
        "odd trits": (lambda e: e[ternary].update(packed=b"\xff" * len(e[ternary]["packed"])), "larger than 242"),
        "a tensor missing": (lambda e: e.pop("blocks.1.attn_scale"), "not those of a ternary U-Net"),
        "a block missing": (
            lambda e: [e.pop(name) for name in list(e) if name.startswith("blocks.0.")],
            "lacks tensors",
        ),
        "no table": (lambda e: e.pop("tok_emb.weight"), "lacks tensors"),
        "mixed vectors": (
            lambda e: e.update({plain: {"type": "bf16", "data": e[plain]["data"].bfloat16()}}),
            "name it: absmean or rms",
        ),
        "empty": (lambda e: e.clear(), "don't share one layout"),
    }


@pytest.mark.parametrize("what", damaged_entries())
def test_a_damaged_entry_is_an_input_error(tmp_path, what):
    entries = load(sample("pr640")[0])
    change, complaint = damaged_entries()[what]
    change(entries)
    save(tmp_path / "a.ptz", entries)
    with pytest.raises(InputError, match=complaint) as error:
        read_ptz(tmp_path / "a.ptz")
    assert str(error.value).startswith(str(tmp_path / "a.ptz"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), change=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_an_input_error(tmp_path, place, change, cut):
    data = bytearray(sample("pr920")[0].read_bytes())
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] ^= change
    (tmp_path / "a.ptz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.ptz: "):
        read_ptz(tmp_path / "a.ptz")


def test_anything_after_the_file_is_an_input_error(tmp_path):
    shutil.copy(sample("pr920")[0], tmp_path / "a.ptz")
    with (tmp_path / "a.ptz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match="after the compressed data"):
        read_ptz(tmp_path / "a.ptz")


def test_a_bomb_is_refused(tmp_path):
    (tmp_path / "a.ptz").write_bytes(lzma.compress(bytes(65 << 20), preset=0))
    with pytest.raises(InputError, match="decompresses to more than"):
        read_ptz(tmp_path / "a.ptz")


def test_a_format_that_the_published_file_lacks_is_a_bug(tmp_path, model, state):
    with pytest.raises(ValueError, match="no format float32"):
        write_ptz(tmp_path / "a.ptz", store(state, model, honest_storage(vectors="float32").by_role(model)))


def test_the_estimator_can_be_named():
    assert read_ptz(sample("pr920")[0], estimator="absmean").header.model.quantizer.estimator == "absmean"


@pytest.mark.parametrize("name", ["ternary_v1", "ternary_v2", "ternary_100k"])
def test_full_size_artifacts_are_recognized(name):
    records = [load_record(record) for record in ("demo", "ternary_v1", "ternary_v2", "ternary_100k")]
    record = next(record for record in records if record.name == name)
    assert recognize_record(record.model, records) == name
    assert recognize_record(small_model(), records) is None


def test_a_full_size_header_is_inferred_from_shapes():
    record = load_record("ternary_100k")
    specs = tensor_specs(parameters_of(record.model), record.export.by_role("bf16", record.model))
    header = header_of(specs, 128, None, "a.ptz")
    assert recognize_record(header.model, [load_record("ternary_v2"), record]) == "ternary_100k"
    assert header.storage == record.export.storage("bf16")
