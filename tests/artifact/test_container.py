import hashlib
import json
import lzma
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.artifact.conftest import header_for, honest_storage, random_state, small_model
from tritgolf.artifact.codecs import CODECS, compress
from tritgolf.artifact.container import read_artifact, write_artifact
from tritgolf.artifact.container_header import MAGIC, MAX_HEADER, PREFIX, VERSION
from tritgolf.artifact.kinds import MAX_ELEMENTS, PAYLOAD_KINDS
from tritgolf.artifact.layouts import base3
from tritgolf.artifact.layouts.base3 import base3_length
from tritgolf.artifact.layouts.registry import TRIT_LAYOUTS, pack
from tritgolf.artifact.storage import store
from tritgolf.errors import InputError

FIRST = Path(__file__).parents[1] / "fixtures" / "container"  # written by this project's version 1
FIRST_FILES = [
    ("v1_base3.tgolf", "base3", "87425248a42b75f18ab016a3c9e1eecefcc78d08b5e276fc17986b3a72205ea2"),
    ("v1_bitmask.tgolf", "bitmask", "6af2383d1eb867f9dcbefabc7df3d88dd13a2a92675ebaeed88e6d8abe294264"),
]
FORMATS = st.sampled_from(["float32", "bfloat16", "float16", "e4m3", "e5m2"])


@pytest.fixture(scope="module")
def stored(state, model, storage):
    return store(state, model, storage.by_role(model))


@pytest.fixture(scope="module")
def file_bytes(stored, header, tmp_path_factory):
    path = tmp_path_factory.mktemp("artifact") / "own.tgolf"
    write_artifact(path, stored, header)
    return path.read_bytes()


@pytest.fixture(scope="module")
def files(file_bytes, stored, header, tmp_path_factory):
    """Files of both versions, and of each codec."""
    folder = tmp_path_factory.mktemp("files")
    for codec in CODECS:
        write_artifact(folder / codec, stored, header, [codec])
    first = [path.read_bytes() for path in sorted(FIRST.glob("*.tgolf"))]
    return [file_bytes, *(path.read_bytes() for path in sorted(folder.iterdir())), *first]


def assert_same(one, other):
    assert one.specs == other.specs
    assert list(one.specs) == list(other.specs)
    for name, (q, scale) in one.quantized.items():
        assert torch.equal(other.quantized[name].codes, q)
        assert torch.equal(other.quantized[name].scale, scale)
    for name, tensor in one.tensors.items():
        assert torch.equal(other.tensors[name], tensor)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    formats=st.tuples(FORMATS, FORMATS, FORMATS, FORMATS, FORMATS),
    seed=st.integers(0, 100),
    smear=st.booleans(),
    codecs=st.lists(st.sampled_from(list(CODECS)), min_size=1, unique=True),
    zeros=st.sampled_from([0.0, 1.0, 3.0]),
)
def test_an_artifact_comes_back(tmp_path, formats, seed, smear, codecs, zeros):
    model = small_model(smear=smear)
    kinds = ("scales", "table", "projections", "mixes", "vectors")
    storage = honest_storage(**dict(zip(kinds, formats, strict=True)))
    state = random_state(model, seed)
    state = {name: tensor * (tensor.abs() > zeros * tensor.abs().mean()) for name, tensor in state.items()}
    stored, header = store(state, model, storage.by_role(model)), header_for(model, storage)
    info = write_artifact(tmp_path / "a.tgolf", stored, header, codecs)
    artifact = read_artifact(tmp_path / "a.tgolf")
    assert artifact.header == header
    assert_same(artifact.stored, stored)
    assert artifact.stored.payload_digest == info.payload_digest == stored.payload_digest
    assert artifact.file_bytes == info.bytes == (tmp_path / "a.tgolf").stat().st_size
    assert (artifact.layout, artifact.bytes_by_kind) == (info.layout, info.bytes_by_kind)
    assert info.bytes == info.layout_bytes[info.layout] == min(info.layout_bytes.values())


def test_same_input_same_bytes(stored, header, tmp_path, file_bytes):
    for name in ("one.tgolf", "another.tgolf"):
        write_artifact(tmp_path / name, stored, header)
        assert (tmp_path / name).read_bytes() == file_bytes


def test_the_smaller_layout_is_kept(model, tmp_path):
    layouts = {}
    for name, magnitude in (("dense", 1.0), ("sparse", 0.0)):
        state = random_state(model, 0)
        for weight in state.values():
            if weight.ndim == 2 and weight.shape[1] % 16 == 0:
                weight[:] = torch.where(torch.arange(weight.shape[1]) % 16 == 0, 1.0, magnitude)
        storage = honest_storage()
        info = write_artifact(
            tmp_path / name, store(state, model, storage.by_role(model)), header_for(model, storage), ["none"]
        )
        layouts[name] = info.layout
        assert set(info.layout_bytes) == set(TRIT_LAYOUTS)
    assert layouts == {"dense": "base3", "sparse": "bitmask"}


def test_bytes_by_kind_add_up(stored, header, tmp_path):
    info = write_artifact(tmp_path / "a.tgolf", stored, header, ["none"])
    assert tuple(info.bytes_by_kind) == PAYLOAD_KINDS
    assert info.bytes_by_kind == info.compressed_by_kind
    trits = sum(ternary.codes.numel() for ternary in stored.quantized.values())
    assert info.layout == "base3"
    assert info.bytes_by_kind["trits"] == base3_length(trits)
    assert info.bytes_by_kind["scales"] == trits // 16 * 2
    assert info.bytes_by_kind["table"] == 48 * 12
    assert info.bytes - sum(info.bytes_by_kind.values()) > PREFIX.size  # the header


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_an_input_error(tmp_path, files, data):
    damaged = bytearray(data.draw(st.sampled_from(files)))
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4, unique=True)):
        damaged[place] ^= data.draw(st.integers(1, 255))
    expect_error(tmp_path, bytes(damaged))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 5), cut=st.integers(0, 10**9), more=st.binary(min_size=1, max_size=9))
@example(which=0, cut=0, more=b"\0")
def test_truncation_and_surplus_are_input_errors(tmp_path, files, which, cut, more):
    expect_error(tmp_path, files[which][: cut % len(files[which])])
    expect_error(tmp_path, files[which] + more)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_anything_after_the_magic_is_an_input_error(tmp_path, content):
    expect_error(tmp_path, MAGIC + content)


@pytest.mark.parametrize(("name", "layout", "digest"), FIRST_FILES)
def test_files_of_version_1_are_read(name, layout, digest, header):
    artifact = read_artifact(FIRST / name)
    assert artifact.header == header
    assert artifact.header.tokenizer is None
    assert (artifact.layout, artifact.stored.payload_digest) == (layout, f"sha256:{digest}")
    sizes = {"trits": len(pack_trits(artifact.stored, layout)), "scales": 1792, "table": 576, "projections": 768}
    assert artifact.bytes_by_kind == sizes | {"mixes": 320, "vectors": 360}
    assert tuple(artifact.compressed_by_kind) == PAYLOAD_KINDS


@pytest.mark.parametrize(("name", "layout", "digest"), FIRST_FILES)
def test_a_file_of_version_1_comes_back_as_one_of_this(name, layout, digest, tmp_path):
    old = read_artifact(FIRST / name)
    info = write_artifact(tmp_path / "new.tgolf", old.stored, old.header, ["xz", "none"])
    new = read_artifact(tmp_path / "new.tgolf")
    assert new.header == old.header
    assert_same(new.stored, old.stored)
    assert (info.layout, info.payload_digest) == (layout, f"sha256:{digest}")


@pytest.mark.parametrize(
    ("where", "value", "complaint"),
    [
        (["codec"], "brotli", "codec"),
        (["layout"], "int_bits", "layout"),
        (["layout"], "bitmask", "bits take"),
        (["sections", 0, "layout"], "base3", "sections.0.layout"),
        (["sections", 0, "raw"], (1 << 40) - 1, "section trits can't have"),
        (["sections", 0, "kind"], "codes", "its sections are not"),
    ],
)
def test_a_lie_of_version_1_is_an_input_error(tmp_path, where, value, complaint):
    header, rest = split((FIRST / "v1_base3.tgolf").read_bytes())
    *parents, last = where
    target = header
    for key in parents:
        target = target[key]
    target[last] = value
    assert complaint in expect_error(tmp_path, joined(header, rest, version=1))


def test_the_tokenizer_is_in_the_header(stored, header, tmp_path):
    known = header.model_copy(update={"tokenizer": "sha256:" + "0" * 64})
    write_artifact(tmp_path / "a.tgolf", stored, known)
    assert read_artifact(tmp_path / "a.tgolf").header == known


def test_each_section_has_the_codec_that_is_smallest(stored, header, tmp_path):
    infos = {codec: write_artifact(tmp_path / codec, stored, header, [codec]) for codec in CODECS}
    info = write_artifact(tmp_path / "all", stored, header, list(CODECS))
    for kind, size in info.compressed_by_kind.items():
        if kind != "trits":  # of which each file has another layout
            assert size == min(alone.compressed_by_kind[kind] for alone in infos.values())
    chosen = {entry["codec"] for entry in split((tmp_path / "all").read_bytes())[0]["sections"]}
    assert len(chosen) > 1
    assert info.bytes <= min(alone.bytes for alone in infos.values())


def test_a_layout_that_is_compressed_is_only_stored(stored, header, tmp_path, monkeypatch):
    monkeypatch.setattr(base3, "is_compressed", True)
    info = write_artifact(tmp_path / "a.tgolf", stored, header, ["xz"])
    entry = split((tmp_path / "a.tgolf").read_bytes())[0]["sections"][0]
    assert (info.layout, entry["codec"]) == ("base3", "none")
    assert_same(read_artifact(tmp_path / "a.tgolf").stored, stored)


HUGE = 1 << 62
LIES = {
    "a raw length that the shapes don't have": ("sections.1.raw", lambda raw: raw + 1, "section scales can't have"),
    "a huge raw length": ("sections.0.raw", (1 << 40) - 1, "section trits can't have"),
    "a negative length": ("sections.0.stored", -1, "sections.0.stored"),
    "a section longer than the file": ("sections.0.stored", 1 << 39, "in the file: truncated"),
    "a section missing": ("sections", lambda sections: sections[:-1], "its sections are not"),
    "sections in another order": ("sections", lambda sections: sections[::-1], "its sections are not"),
    "a tensor twice": ("tensors", lambda tensors: [*tensors, tensors[0]], "names a tensor twice"),
    "a tensor missing": ("tensors", lambda tensors: tensors[1:], "not those of the model"),
    "a huge shape": ("tensors.2.shape", [MAX_ELEMENTS, MAX_ELEMENTS], "not those of the model"),
    "a shape beyond 64 bits": ("tensors.2.shape", [HUGE, HUGE], "tensors.2.shape"),
    "an empty shape": ("tensors.2.shape", [], "not those of the model"),
    "an unknown format": ("tensors.2.format", "float8", "tensors.2.format"),
    "an unknown kind": ("tensors.2.kind", "code", "tensors.2.kind"),
    "another kind": ("tensors.1.kind", "ternary", "a kind that it can't have"),
    "an unknown codec": ("sections.0.codec", "zip", "sections.0.codec"),
    "no compression": ("sections.0.codec", "none", "a section holds"),
    "another codec": ("sections.0.codec", "brotli", "damaged"),
    "an unknown layout": ("sections.0.layout", "code", "sections.0.layout"),
    "another layout": ("sections.0.layout", "bitmask", "bits take"),
    "a layout of numbers for trits": ("sections.0.layout", "byte_planes", "a layout that it can't have"),
    "a layout of trits for numbers": ("sections.1.layout", "base3", "a layout that it can't have"),
    "a tokenizer that is no digest": ("artifact.tokenizer", "import os", "artifact.tokenizer"),
    "a model that has other tensors": ("artifact.model.width", 64, "not those of the model"),
    "a model with too many layers": (
        "artifact.model.layers",
        HUGE,
        "layers: 4611686018427387904 is not possible; it must be at most 1,000",
    ),
    "a model too large": ("artifact.model.vocab_size", HUGE, "artifact.model.vocab_size"),
    "an open storage choice": ("artifact.storage.reload_dtype", None, "storage.reload_dtype: is left open"),
    "an unknown key": ("artifact.code", "import os", "artifact.code"),
    "no model": ("artifact.model", None, "artifact.model"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_an_input_error_even_with_right_checksums(tmp_path, file_bytes, lie):
    where, value, complaint = LIES[lie]
    header, rest = split(file_bytes)
    *parents, last = [int(part) if part.isdigit() else part for part in where.split(".")]
    target = header
    for key in parents:
        target = target[key]
    target[last] = value(target[last]) if callable(value) else value
    assert complaint in expect_error(tmp_path, joined(header, rest))


@pytest.mark.parametrize(("section", "complaint"), [(0, "larger than 242"), (1, "not finite"), (5, "not finite")])
def test_section_contents_are_checked_beyond_their_checksum(tmp_path, stored, header, section, complaint):
    path = tmp_path / "plain.tgolf"
    write_artifact(path, stored, header, ["none"])
    container, payload = split(path.read_bytes())
    assert container["sections"][0]["layout"] == "base3"
    entry = container["sections"][section]
    start = sum(before["stored"] for before in container["sections"][:section])
    content = b"\xff" * entry["stored"]  # no base-3 byte, and NaN in every format
    entry["sha256"] = hashlib.sha256(content).hexdigest()
    changed = payload[:start] + content + payload[start + len(content) :]
    assert complaint in expect_error(tmp_path, joined(container, changed))


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"null", b"{}"])
def test_a_header_that_is_no_header_is_an_input_error(tmp_path, text):
    packed = compress(text, "xz")
    prefix = PREFIX.pack(MAGIC, VERSION, len(packed), len(text), hashlib.sha256(packed).digest())
    expect_error(tmp_path, prefix + packed)


@pytest.mark.parametrize(
    ("version", "packed", "length", "complaint"),
    [
        (VERSION + 1, 10, 10, "version 3; this program reads versions 1 to 2"),
        (0, 10, 10, "version 0; this program reads versions 1 to 2"),
        (VERSION, MAX_HEADER + 1, 10, "its header can't have"),
        (VERSION, 11, 10, "its header can't have 11 bytes"),
        (VERSION, 10, MAX_HEADER + 1, "bytes of JSON"),
        (VERSION, 10, 10, "its header is damaged"),
    ],
)
def test_the_prefix_is_checked_first(tmp_path, version, packed, length, complaint):
    message = expect_error(tmp_path, PREFIX.pack(MAGIC, version, packed, length, bytes(32)) + bytes(10))
    assert complaint in message


def test_a_missing_file_is_an_input_error(tmp_path):
    for path in (tmp_path / "none.tgolf", tmp_path):
        with pytest.raises(InputError, match="is not a file"):
            read_artifact(path)


def test_a_failed_write_leaves_nothing(stored, header, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_artifact(tmp_path / "a.tgolf", stored, header)
    assert not list(tmp_path.iterdir())


def split(data):
    _, _, packed, _, _ = PREFIX.unpack(data[: PREFIX.size])
    end = PREFIX.size + packed
    return json.loads(lzma.decompress(data[PREFIX.size : end])), data[end:]


def pack_trits(stored, layout):
    return pack(torch.cat([matrix.codes.reshape(-1) for matrix in stored.quantized.values()]).numpy(), layout)


def joined(header, rest, version=VERSION):
    text = json.dumps(header).encode()
    packed = compress(text, "xz")
    return PREFIX.pack(MAGIC, version, len(packed), len(text), hashlib.sha256(packed).digest()) + packed + rest


def expect_error(folder, data):
    path = folder / "damaged.tgolf"
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        read_artifact(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
    return str(error.value)
