"""The published artifacts of #1716 and #1722 against samples that the published code wrote."""

import hashlib
import io
import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tritgolf.artifact.codecs import compress, decompress_brotli, decompress_xz
from tritgolf.artifact.published import int6_brotli, int6_lzma
from tritgolf.artifact.published.formats import READERS, published_format
from tritgolf.artifact.published.int6_brotli import shuffled, unshuffled
from tritgolf.artifact.published.labelled import INT6, INT8_A_TENSOR, StoredTensor
from tritgolf.errors import InputError
from tritgolf.malformed import MalformedError
from tritgolf.quantize.ternary import Quantized

PARITY = Path(__file__).parents[1] / "parity"
TERNARY = Path(__file__).parents[1] / "fixtures" / "published" / "sample_pr920.ternary.ptz"
SAMPLES = {"int6_brotli": "sample_pr1716", "int6_lzma": "sample_pr1722"}
FILES = {"int6_brotli": PARITY / "sample_pr1716.int6.ptz", "int6_lzma": PARITY / "sample_pr1722.trinity.ptz"}


@pytest.fixture(scope="module")
def contents():
    """The samples as torch.save wrote them, and their JSON."""
    unpacked = {
        "int6_brotli": decompress_brotli(FILES["int6_brotli"].read_bytes(), 1 << 22),
        "int6_lzma": decompress_xz(FILES["int6_lzma"].read_bytes(), 1 << 22),
    }
    expected = {name: json.loads((PARITY / f"{sample}.json").read_text()) for name, sample in SAMPLES.items()}
    return {name: (unpacked[name], expected[name]) for name in SAMPLES}


@pytest.fixture(scope="module")
def read():
    return {name: READERS[name].read(path) for name, path in FILES.items()}


def sha256(tensor) -> str:
    return hashlib.sha256(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_reloads_to_its_digests(name, read, contents):
    expected, weights = contents[name][1]["tensors"], read[name].weights()
    assert list(weights) == list(expected)
    for tensor, facts in expected.items():
        weight = weights[tensor]
        assert (list(weight.shape), str(weight.dtype)) == (facts["shape"], f"torch.{facts['dtype']}")
        assert sha256(weight) == facts["sha256"], tensor
        assert read[name].tensors[tensor].label == facts["kind"]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_facts_of_a_sample(name, read, contents):
    facts, expected = read[name].facts(), contents[name][1]
    assert json.loads(json.dumps(facts)) == facts
    assert facts["bytes"] == expected["file_bytes"]
    assert facts["elements_by_label"] == expected["stats"]["elements_by_kind"]
    assert facts["numbers"] == sum(expected["stats"]["elements_by_kind"].values())
    for key in ("tensors", "stored_tensors"):
        assert facts[key] == expected["stats"][key]


@pytest.mark.parametrize(("name", "module"), [("int6_brotli", int6_brotli), ("int6_lzma", int6_lzma)])
def test_what_we_write_of_a_sample_is_the_sample(name, module, read, contents):
    """Before compression: every tensor's bytes, names, labels and order, and with the same torch the whole file."""
    content, expected = contents[name]
    ours = module.content_of(read[name].tensors)
    if torch.__version__ == expected["versions"]["torch"]:
        assert ours == content
    assert len(content) == expected["unpacked_bytes"] + (5 if name == "int6_brotli" else 0)
    mine, theirs = loaded(name, ours), loaded(name, content)
    assert (list(mine["w"]), mine["m"]) == (list(theirs["w"]), theirs["m"])
    for key, tensor in theirs["w"].items():
        assert (mine["w"][key].dtype, mine["w"][key].shape) == (tensor.dtype, tensor.shape)
        assert sha256(mine["w"][key]) == sha256(tensor)


def loaded(name, content):
    data = unshuffled(content) if name == "int6_brotli" else content
    return torch.load(io.BytesIO(data), weights_only=True)


def test_a_file_of_ours_comes_back(tmp_path):
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(-31, 32, (6, 10), generator=generator, dtype=torch.int8)
    matrix = Quantized(codes, torch.rand(6, 1, generator=generator).half().float())
    vector = Quantized(codes[:1], torch.rand(1, 1, generator=generator))
    tensors = {
        "blocks.0.mlp.fc.weight": StoredTensor("gptq (int6)", INT6, (6, 10), matrix),
        "blocks.0.attn_scale": StoredTensor("pertensor int8 (control)", INT8_A_TENSOR, (10,), vector),
    }
    (tmp_path / "a.ptz").write_bytes(int6_brotli.compressed(int6_brotli.content_of(tensors)))
    back = int6_brotli.read_int6_brotli(tmp_path / "a.ptz")
    for name, weight in back.weights().items():
        assert torch.equal(weight, tensors[name].dequantized())
    assert back.weights()["blocks.0.attn_scale"].shape == (10,)
    (tmp_path / "b.ptz").write_bytes(compress(int6_brotli.content_of(tensors), "brotli"))
    assert int6_brotli.read_int6_brotli(tmp_path / "b.ptz").payload_digest == back.payload_digest


def test_our_brotli_is_as_small_as_the_published_one(contents):
    content = contents["int6_brotli"][0]
    packed = compress(content, "brotli")
    assert len(packed) < 1.001 * FILES["int6_brotli"].stat().st_size
    assert decompress_brotli(packed, len(content)) == content


# By the published functions: of the bytes 1 … 11, 1 … 10, of one byte, of none.
SHUFFLED = ["425348460201030507090b020406080a", "42534846020103050709020406080a", "01", ""]


def test_the_byte_shuffle_is_the_published_one():
    inputs = [bytes(range(1, 12)), bytes(range(1, 11)), b"\1", b""]
    assert [shuffled(data).hex() for data in inputs] == SHUFFLED


@given(data=st.binary(min_size=2, max_size=50))
def test_shuffled_bytes_come_back(data):
    assert unshuffled(shuffled(data)) == data


def test_bytes_that_are_not_shuffled_are_refused():
    for data in (b"", b"BSHF", b"BSHF\3abc", b"PK\3\4"):
        with pytest.raises(MalformedError, match="no shuffled bytes"):
            unshuffled(data)


def small_entries():
    return {
        "w": {
            "matrix.q": torch.tensor([[31, -31], [0, 5]], dtype=torch.int8),
            "matrix.scale": torch.tensor([0.5, 0.25]).half(),
            "vector.q_pt": torch.tensor([1, 127, -127], dtype=torch.int8),
            "vector.scale_pt": torch.tensor(0.5),
            "gain": torch.tensor([1.5]).half(),
        },
        "m": {"matrix": "gptq (int6)", "vector": "pertensor int8 (control)", "gain": "passthrough (float16)"},
    }


def write(path, entries):
    buffer = io.BytesIO()
    torch.save(entries, buffer)
    path.write_bytes(compress(shuffled(buffer.getvalue()), "brotli"))


DAMAGES = {
    "no labels": (lambda e: e.pop("m"), "no dictionary of tensors w"),
    "something else": (lambda e: e.update(code={}), "no dictionary of tensors w"),
    "an unknown label": (lambda e: e["m"].update(gain="exec"), "tensor gain has a label"),
    "a label that is no text": (lambda e: e["m"].update(gain=[1]), "tensor gain has a label"),
    "an impossible name": (lambda e: e["m"].update({"a\nb": "gptq (int6)"}), "impossible name"),
    "a long name": (lambda e: e["m"].update({"a" * 201: "gptq (int6)"}), "impossible name"),
    "a tensor missing": (lambda e: e["w"].pop("matrix.scale"), "tensor matrix is not there"),
    "no tensor": (lambda e: e["w"].update(gain=1), "tensor gain is not there"),
    "a tensor without label": (lambda e: e["w"].update(more=torch.ones(1).half()), "that no label"),
    "a tensor of two labels": (
        lambda e: e["m"].update({"matrix.scale": "passthrough (float16)"}),
        "more than",
    ),
    "codes beyond": (lambda e: e["w"]["matrix.q"].fill_(32), "up to ±31"),
    "codes below": (lambda e: e["w"]["vector.q_pt"].fill_(-128), "up to ±127"),
    "codes of floats": (lambda e: e["w"].update({"matrix.q": torch.ones(2, 2)}), "up to ±31"),
    "a vector with a scale a row": (
        lambda e: e["w"].update({"matrix.q": torch.ones(2).to(torch.int8)}),
        "one scale a row",
    ),
    "too few scales": (lambda e: e["w"].update({"matrix.scale": torch.ones(1).half()}), "one scale a row"),
    "too many scales": (lambda e: e["w"].update({"vector.scale_pt": torch.ones(2)}), "not one scale"),
    "a scale that is NaN": (lambda e: e["w"]["matrix.scale"].fill_(torch.nan), "not finite"),
    "a scale of another dtype": (lambda e: e["w"].update({"matrix.scale": torch.ones(2)}), "not finite torch.float16"),
    "an infinite number": (lambda e: e["w"]["gain"].fill_(torch.inf), "not finite"),
    "three dimensions": (lambda e: e["w"].update(gain=torch.ones(1, 1, 1).half()), "has 3 dimensions"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_the_published_code_never_writes_is_an_input_error(damage, tmp_path):
    entries = small_entries()
    change, complaint = DAMAGES[damage]
    change(entries)
    write(tmp_path / "a.ptz", entries)
    with pytest.raises(InputError, match=complaint) as error:
        int6_brotli.read_int6_brotli(tmp_path / "a.ptz")
    assert str(error.value).startswith(str(tmp_path / "a.ptz"))
    assert "\n" not in str(error.value)


def test_codes_of_a_row_of_zeros_mean_nothing(tmp_path):
    entries = small_entries()
    entries["w"]["matrix.q"][1], entries["w"]["matrix.scale"][1] = -128, 0
    write(tmp_path / "a.ptz", entries)
    weight = int6_brotli.read_int6_brotli(tmp_path / "a.ptz").weights()["matrix"]
    assert weight.tolist() == [[15.5, -15.5], [0, 0]]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), change=st.integers(1, 255), cut=st.booleans())
@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_file_is_an_input_error_or_whole(tmp_path, name, place, change, cut):
    """Brotli has no checksum: a changed number may pass, a name or a size may not."""
    data = bytearray(SMALL[name])
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] ^= change
    (tmp_path / "a.ptz").write_bytes(data)
    try:
        back = READERS[name].read(tmp_path / "a.ptz")
    except InputError as error:
        assert str(error).startswith(str(tmp_path / "a.ptz"))
        return
    assert name == "int6_brotli" and not cut
    assert set(back.facts()["elements_by_label"]) <= set(int6_brotli.FORMS)


@pytest.mark.parametrize("name", SAMPLES)
def test_anything_after_the_file_is_an_input_error(tmp_path, name):
    (tmp_path / "a.ptz").write_bytes(SMALL[name] + b"\0")
    with pytest.raises(InputError, match=r"follows it|after the compressed data"):
        READERS[name].read(tmp_path / "a.ptz")


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(int6_brotli, "MAX_CONTENT", 1 << 20)
    (tmp_path / "a.ptz").write_bytes(compress(bytes(2 << 20), "brotli"))
    with pytest.raises(InputError, match="decompresses to more than"):
        int6_brotli.read_int6_brotli(tmp_path / "a.ptz")


def test_formats_are_told_apart_by_their_first_bytes(tmp_path):
    found = {name: published_format(path) for name, path in {**FILES, "ptz": TERNARY}.items()}
    assert found == {name: name for name in READERS}
    for content in (b"", b"text", b"\xfd7zXY", bytes(5000)):
        (tmp_path / "other").write_bytes(content)
        assert published_format(tmp_path / "other") is None
    (tmp_path / "cut").write_bytes(TERNARY.read_bytes()[:20])
    assert published_format(tmp_path / "cut") == "ptz"


def small_files():
    """Files of both formats that are quick to read."""
    buffers = [io.BytesIO(), io.BytesIO()]
    entries = small_entries()
    torch.save(entries, buffers[0])
    parts = {key: tensor for key, tensor in entries["w"].items() if "_pt" not in key}
    torch.save({"w": parts, "m": {"matrix": {"type": "int6"}, "gain": "passthrough"}}, buffers[1])
    return {
        "int6_brotli": compress(shuffled(buffers[0].getvalue()), "brotli"),
        "int6_lzma": compress(buffers[1].getvalue(), "xz"),
    }


SMALL = small_files()
