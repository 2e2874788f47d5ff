import contextlib
import io
import pickle
import pickletools
import warnings
import zipfile
from collections import OrderedDict

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tritgolf.artifact.published.pickled import MAX_INSTRUCTIONS, Name, read_pickle
from tritgolf.artifact.published.torch_zip import MAX_MEMBERS, first_key, read_torch_zip
from tritgolf.malformed import MalformedError

DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def saved(value, **settings) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **settings)
    return buffer.getvalue()


def rezipped(data: bytes, change) -> bytes:
    """The zip ``data`` with its members (name → bytes) changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def no_calls(name, arguments):
    raise MalformedError(f"{name} {arguments}")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(value=plain, protocol=st.sampled_from([2, 4]))
def test_plain_data_comes_back(value, protocol):
    assert read_torch_zip(saved(value, pickle_protocol=protocol)) == value


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_come_back_with_their_strides(dtype):
    whole = torch.arange(24, dtype=torch.float32).to(dtype)
    views = {"whole": whole, "matrix": whole.reshape(4, 6), "turned": whole.reshape(4, 6).T, "part": whole[5:9]}
    for name, tensor in read_torch_zip(saved(views)).items():
        assert tensor.dtype == dtype
        assert torch.equal(tensor.float(), views[name].float())


def test_integers_and_single_numbers_come_back():
    values = {"codes": torch.tensor([[-128, 127]], dtype=torch.int8), "scale": torch.tensor(0.5)}
    back = read_torch_zip(saved(values))
    assert back["codes"].dtype == torch.int8
    assert all(torch.equal(back[name], value) for name, value in values.items())


def test_tensors_that_share_a_storage_are_not_multiplied():
    """A pickle of a few thousand bytes can speak of the same storage a thousand times."""
    storage = torch.zeros(25_000)
    with pytest.raises(MalformedError, match="together larger than the file"):
        read_torch_zip(saved([storage[:] for _ in range(100)]))


def test_the_first_key_of_a_dictionary():
    for protocol in (2, 4):
        assert first_key(saved({"w": 1, "m": 2}, pickle_protocol=protocol)[:200]) == "w"
    assert first_key(saved([1])[:100]) is None


@given(data=st.binary(max_size=60))
def test_the_first_key_of_anything_is_a_text_or_none(data):
    for start in (data, saved({"w": 1})[:60] + data, b"PK\3\4" + bytes(26) + data):
        assert first_key(start) is None or isinstance(first_key(start), str)


def test_ordered_dictionaries_and_sizes_come_back():
    assert read_torch_zip(saved([OrderedDict(), torch.Size([2, 3])])) == [{}, (2, 3)]


class Touch:
    """What an attacker sends: unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_executes(tmp_path, protocol):
    target = tmp_path / "made"
    data = saved({"weight": Touch(target)}, pickle_protocol=protocol)
    with pytest.raises(MalformedError, match=r"asks for .*open"):
        read_torch_zip(data)
    assert not target.exists()
    with warnings.catch_warnings(action="ignore"):
        torch.load(io.BytesIO(data), weights_only=False)["weight"].close()
    assert target.exists(), "the attack itself works, only not here"


@pytest.mark.parametrize(
    "instructions",
    [
        b"cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
        b"(S'ls'\nios\nsystem\n.",
        b"(cos\nsystem\nS'ls'\no.",
        b"cos\nsystem\nX\x02\x00\x00\x00ls\x85\x81.",
        b"}b.",
        b"\x82\x01.",
        b"P0\n.",
        b"0.",
        b"]]a",
        b"(.",
        b"e.",
        b"h\x07.",
        b"}NNs.",
        b"]NNu.",
        b"NNR.",
        b"]]\x93.",
        b"",
        b".",
        b"NN.",
        b"\xff",
    ],
)
def test_programs_and_nonsense_are_refused(instructions):
    with pytest.raises(MalformedError):
        read_pickle(instructions, no_calls, lambda _: None)


def test_a_name_stays_a_name():
    assert read_pickle(b"cos\nsystem\n.", no_calls, no_calls) == Name("os", "system")


@given(start=st.sampled_from([b"", b"\x80\x02}", b"](", b"}X\x01\x00\x00\x00a"]), data=st.binary(max_size=60))
def test_any_bytes_are_plain_data_or_refused(start, data):
    with contextlib.suppress(MalformedError):
        read_pickle(start + data, no_calls, lambda _: None)


def test_a_pickle_without_end_is_refused():
    with pytest.raises(MalformedError, match="more than"):
        read_pickle(b"N" * (MAX_INSTRUCTIONS + 1) + b".", no_calls, no_calls)


def test_the_memo_takes_no_memory_for_a_large_index():
    assert read_pickle(b"Nr\xff\xff\xff\xff.", no_calls, no_calls) is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"K\x06\x86", b"K\x07\x86", "beyond its storage"),  # size (1, 6) → (1, 7)
        (b"K\x06K\x01\x86", b"K\xffK\x01\x86", r"impossible|beyond"),  # stride
        (b"FloatStorage", b"DoubleStorage", "a storage that the file doesn't have"),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(old, new, complaint):
    data = saved(torch.zeros(1, 6))

    def change(members):
        pickled = members["archive/data.pkl"]
        assert old in pickled
        members["archive/data.pkl"] = pickled.replace(old, new)

    assert read_torch_zip(rezipped(data, lambda _: None)).shape == (1, 6)
    with pytest.raises(MalformedError, match=complaint):
        read_torch_zip(rezipped(data, change))


def test_a_small_storage_cannot_become_a_large_tensor():
    with pytest.raises(MalformedError, match="beyond its storage"):
        read_torch_zip(saved(torch.zeros(4).expand(4, 4)))
    with pytest.raises(MalformedError, match="impossible tensor"):
        read_torch_zip(saved(torch.zeros(1).expand(1000, 1000)))


def members_variants():
    return {
        "a storage missing": (lambda members: members.pop("archive/data/0") and None, "doesn't have"),
        "a storage cut": (lambda members: members.update({"archive/data/0": b"abc"}), "doesn't have"),
        "no pickle": (lambda members: members.pop("archive/data.pkl") and None, "no torch.save file"),
        "two pickles": (lambda members: members.update({"more/data.pkl": b"."}), "no torch.save file"),
        "big-endian": (lambda members: members.update({"archive/byteorder": b"big"}), "big-endian"),
        "too many": (
            lambda members: members.update({f"{n}": b"" for n in range(MAX_MEMBERS)}),
            "not one of torch.save",
        ),
    }


@pytest.mark.parametrize("what", members_variants())
def test_an_odd_zip_is_refused(what):
    change, complaint = members_variants()[what]
    with pytest.raises(MalformedError, match=complaint):
        read_torch_zip(rezipped(saved(torch.zeros(3)), change))


def test_a_compressed_zip_is_refused_before_it_expands():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 20))
    with pytest.raises(MalformedError, match=r"not one of torch.save"):
        read_torch_zip(buffer.getvalue())


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damage_is_refused_or_harmless(data):
    damaged = bytearray(saved({"name": "text", "tensor": torch.zeros(2, 2)}))
    for place in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedError):
        tensors = [value for value in read_torch_zip(bytes(damaged)).values() if isinstance(value, torch.Tensor)]
        assert all(tensor.numel() <= len(damaged) for tensor in tensors)


def test_the_reader_knows_every_instruction_that_pickle_writes_for_plain_data():
    value = {"a": [1, 2**40, -5, "b", b"c" * 300, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), None, True, False, {}]}
    for protocol in (2, 3, 4):
        data = pickletools.optimize(pickle.dumps(value, protocol=protocol))
        calls = {"construct": lambda _, arguments: arguments[0].encode("latin1"), "resolve": no_calls}
        assert read_pickle(data, **calls) == value
