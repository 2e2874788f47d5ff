import errno
import hashlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.errors import InputError, full_disk, full_disk_error, one_line_errors
from tritgolf.files import (
    atomic_directory,
    atomic_path,
    atomic_write,
    canonical_json,
    check_target,
    digest_bytes,
    digest_file,
    digest_json,
    read_json,
    write_json,
    write_text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "new" / "file"
    with atomic_write(target) as file:
        file.write(b"abc")
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert files(target.parent) == ["file"]


def test_a_failure_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(KeyError), atomic_write(tmp_path / "file") as file:
        file.write(b"half")
        raise KeyError
    assert (tmp_path / "file").read_text() == "before"
    assert files(tmp_path) == ["file"]


def test_a_file_has_the_mode_that_others_get(tmp_path):
    (tmp_path / "usual").touch()
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
def test_a_real_full_disk_names_the_file_and_leaves_nothing(tmp_path):
    """/dev/full is opened as a file and refuses what is written, as a disk does."""
    with pytest.raises(OSError) as caught, atomic_path(tmp_path / "file"), open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        full.write(b"x")
    assert caught.value.errno == errno.ENOSPC
    assert full_disk(caught.value)
    assert caught.value.filename == str(tmp_path / "file")
    assert files(tmp_path) == []


def test_a_folder_replaces_the_one_before(tmp_path):
    for text in ("one", "two"):
        with atomic_directory(tmp_path / "folder") as temporary:
            (temporary / text).write_text(text)
    assert files(tmp_path) == ["folder"]
    assert files(tmp_path / "folder") == ["two"]
    with pytest.raises(KeyError), atomic_directory(tmp_path / "folder") as temporary:
        (temporary / "half").touch()
        raise KeyError
    assert files(tmp_path) == ["folder"]
    assert files(tmp_path / "folder") == ["two"]


@given(JSON)
def test_json_survives_a_file(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "value.json"
    write_json(path, value)
    assert read_json(path) == value
    assert path.read_text(encoding="utf-8").endswith("\n")
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_refused(tmp_path, number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "value.json", {"loss": number})
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([number])
    assert files(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe"])
def test_a_damaged_json_file_is_one_line(tmp_path, content):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.json: is not JSON") as caught:
        read_json(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is missing"):
        read_json(tmp_path / "none.json")


def test_digests_are_of_the_payload(tmp_path):
    data = os.urandom(3 << 20)
    (tmp_path / "data").write_bytes(data)
    wanted = "sha256:" + hashlib.sha256(data).hexdigest()
    assert digest_file(tmp_path / "data") == digest_bytes(data) == wanted
    assert digest_json({"b": 1, "a": [1.5, "é"]}) == digest_json({"a": [1.5, "é"], "b": 1})
    assert canonical_json({"b": 1, "a": [1.5, "é"]}) == '{"a":[1.5,"é"],"b":1}'.encode()
    assert digest_json({"a": 1}) != digest_json({"a": 1.5})


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES])
def test_no_room_is_one_line_and_an_exit_code(capsys, number):
    with pytest.raises(SystemExit) as stopped, one_line_errors(exit_code=3):
        raise OSError(number, os.strerror(number), "results/file")
    assert stopped.value.code == 3
    assert capsys.readouterr().err == (
        f"error: results/file: {os.strerror(number)}; free space or choose another folder, then run again\n"
    )


def test_bad_input_is_one_line_and_an_exit_code(capsys):
    with pytest.raises(SystemExit) as stopped, one_line_errors():
        raise InputError("corpus.txt", "is empty", "give a file with text in it")
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: corpus.txt: is empty; give a file with text in it\n"


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), one_line_errors():
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), one_line_errors():
        raise FileNotFoundError(errno.ENOENT, "no such file")


def test_an_error_that_names_no_file_is_given_one():
    error = full_disk_error(OSError(errno.ENOSPC, "No space left on device"), "results/live")
    assert str(error).startswith("results/live: No space left on device; free space")


def test_a_target_that_cannot_be_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    for fine in (tmp_path / "new" / "deep" / "x.json", tmp_path / "file"):
        check_target(fine)
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        check_target(tmp_path)
    with pytest.raises(InputError, match=r"x\.json: can't be written: .*file is no folder"):
        check_target(tmp_path / "file" / "x.json")
