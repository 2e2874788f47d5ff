import errno
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from tritgolf.checkpoint import delete_others, latest, live_path, load, prune, save, tensors_digest
from tritgolf.errors import InputError

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(3, dtype=torch.bfloat16), "step": torch.tensor(3.0)}
FACTS = {"step": 3, "configuration": "sha256:ours", "seconds": 1.5}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "state.safetensors"
    save(path, TENSORS, FACTS)
    return path


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(
        torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in TENSORS.items()
    )


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "new" / "state.safetensors"
    digest = save(path, TENSORS, FACTS)
    found = load(path)
    assert same(found.tensors)
    assert found.facts == {**FACTS, "digest": digest}
    assert digest == tensors_digest(TENSORS)
    assert [file.name for file in path.parent.iterdir()] == ["state.safetensors"]


def test_views_of_one_stack_are_saved_apart(tmp_path):
    stack = torch.arange(12.0).reshape(2, 2, 3)
    save(tmp_path / "views", {"first": stack[0], "last": stack[1].T}, FACTS)
    found = load(tmp_path / "views").tensors
    assert torch.equal(found["first"], stack[0])
    assert torch.equal(found["last"], stack[1].T)


def test_the_digest_is_of_names_dtypes_shapes_and_values():
    digest = tensors_digest(TENSORS)
    assert digest == tensors_digest(dict(reversed(TENSORS.items())))
    changed = [
        {**TENSORS, "c": torch.zeros(0)},
        {**TENSORS, "a": TENSORS["a"].reshape(3, 2)},
        {**TENSORS, "a": TENSORS["a"] + 1e-6},
        {**TENSORS, "b": TENSORS["b"].half()},
        {"z": TENSORS["a"], "b": TENSORS["b"], "step": TENSORS["step"]},
    ]
    assert len({digest, *map(tensors_digest, changed)}) == 6


@given(st.data())
def test_no_flipped_bit_passes_unnoticed(saved, tmp_path_factory, data):
    """Of the tensors, of the facts, of the header: the checkpoint is refused, or is what was saved."""
    raw = bytearray(saved.read_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))
    damaged = tmp_path_factory.mktemp("flipped") / "state.safetensors"
    damaged.write_bytes(raw)
    try:
        found = load(damaged)
    except InputError as error:
        assert str(damaged) in str(error)
        assert "\n" not in str(error)
    else:
        assert same(found.tensors)
        assert found.facts == load(saved).facts


@given(st.data())
def test_a_truncated_checkpoint_is_refused(saved, tmp_path_factory, data):
    raw = saved.read_bytes()
    damaged = tmp_path_factory.mktemp("truncated") / "state.safetensors"
    damaged.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(InputError, match="damaged"):
        load(damaged)


def test_files_of_others_are_refused(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        load(tmp_path / "nothing")
    with pytest.raises(InputError, match="is missing"):
        load(tmp_path)
    for number, metadata in enumerate([None, {"facts": "[1]"}, {"facts": "{}"}, {"facts": "no"}, {"other": "{}"}]):
        foreign = tmp_path / f"{number}.safetensors"
        save_file({"a": torch.ones(2)}, foreign, metadata=metadata)
        with pytest.raises(InputError, match="damaged"):
            load(foreign)
    (tmp_path / "text").write_text("x" * 100)
    with pytest.raises(InputError, match="damaged"):
        load(tmp_path / "text")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_checkpoint_and_nothing_else(tmp_path, monkeypatch, number):
    path = tmp_path / "state.safetensors"
    save(path, TENSORS, FACTS)
    before = path.read_bytes()

    def full(*_):
        raise OSError(number, "no room")

    monkeypatch.setattr("tritgolf.files.os.fsync", full)
    with pytest.raises(OSError, match="no room"):
        save(path, {"a": torch.zeros(5)}, FACTS)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def write_states(folder, steps, configuration="sha256:ours"):
    for step in steps:
        save(live_path(folder, step), TENSORS, {"step": step, "configuration": configuration})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_state_is_used(tmp_path):
    assert latest(tmp_path, "sha256:ours") is None
    write_states(tmp_path, [4, 8, 100])
    assert latest(tmp_path, "sha256:ours").facts["step"] == 100


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_state_is_passed_over_with_a_warning(tmp_path, capsys, damage):
    write_states(tmp_path, [4, 8])
    newest = live_path(tmp_path, 8)
    raw = bytearray(newest.read_bytes())
    raw[-1] ^= 1
    newest.write_bytes({"flip": raw, "truncate": raw[:-9], "empty": b""}[damage])
    assert latest(tmp_path, "sha256:ours").facts["step"] == 4
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {newest}")
    assert warning.endswith("; trying the checkpoint before it\n")
    assert warning.count("\n") == 1


def test_only_damaged_states_mean_a_new_beginning(tmp_path, capsys):
    write_states(tmp_path, [4, 8])
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    assert latest(tmp_path, "sha256:ours") is None
    assert capsys.readouterr().err.count("warning") == 2


def test_states_of_another_configuration_are_refused_and_deleted_where_that_is_asked_for(tmp_path, capsys):
    write_states(tmp_path, [4, 8])
    write_states(tmp_path, [9, 12], configuration="sha256:theirs")
    with pytest.raises(InputError, match=r"state_00000012\.safetensors: is of other settings or data: delete it, or"):
        latest(tmp_path, "sha256:ours")
    assert len(names(tmp_path)) == 4
    live_path(tmp_path, 16).write_bytes(b"damaged")
    delete_others(tmp_path, "sha256:ours")
    assert latest(tmp_path, "sha256:ours").facts["step"] == 8
    live_path(tmp_path, 16).unlink()
    assert names(tmp_path) == ["state_00000004.safetensors", "state_00000008.safetensors"]
    assert capsys.readouterr().err.count("belongs to another configuration") == 2


def test_the_last_two_states_are_kept(tmp_path):
    write_states(tmp_path, [4, 8, 12, 99_999_999])
    prune(tmp_path)
    assert names(tmp_path) == ["state_00000012.safetensors", "state_99999999.safetensors"]
    prune(tmp_path)
    assert len(names(tmp_path)) == 2


def test_facts_are_plain_json(saved):
    header = saved.read_bytes()
    size = int.from_bytes(header[:8], "little")
    assert "facts" in json.loads(header[8 : 8 + size])["__metadata__"]
