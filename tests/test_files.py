import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.errors import InputError, file_error, full_disk, one_line_errors
from tritgolf.files import (
    MOST_OF_OTHERS,
    atomic_directory,
    atomic_path,
    atomic_write,
    canonical_json,
    check_target,
    digest_bytes,
    digest_file,
    digest_json,
    read_json,
    read_json_of_others,
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


def test_json_of_others_is_neither_waited_for_nor_without_end(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(InputError, match=r"pipe\.json: is not a file"):
        read_json_of_others(tmp_path / "pipe.json")
    (tmp_path / "long.json").touch()
    os.truncate(tmp_path / "long.json", MOST_OF_OTHERS + 1)
    with pytest.raises(InputError, match=r"long\.json: has 67,108,865 bytes, more than"):
        read_json_of_others(tmp_path / "long.json")
    (tmp_path / "short.json").write_text("[1]")
    assert read_json_of_others(tmp_path / "short.json") == [1]
    with pytest.raises(InputError, match="is missing"):
        read_json_of_others(tmp_path / "none.json")


def test_a_link_to_itself_gives_way_to_the_file(tmp_path):
    """Python 3.11 and 3.12 raise ``RuntimeError`` where they resolve one, later versions don't."""
    (tmp_path / "loop").symlink_to("loop")
    write_text(tmp_path / "loop", "x")
    assert (tmp_path / "loop").read_text() == "x"
    assert files(tmp_path) == ["loop"]


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


@pytest.mark.parametrize("atomic", [atomic_path, atomic_directory])
def test_an_error_names_the_target_and_neither_the_source_of_a_copy_nor_a_temporary_file(tmp_path, atomic):
    def copied(path):  # as shutil.copyfile says it: the source is the first name
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "source", None, f"{path}/copy")

    with pytest.raises(OSError) as caught, atomic(tmp_path / "target") as temporary:
        copied(temporary)
    assert file_error(caught.value, "output").where == str(tmp_path / "target")
    with pytest.raises(FileNotFoundError) as missing, atomic(tmp_path / "target"):
        (tmp_path / "input").read_bytes()
    assert missing.value.filename == str(tmp_path / "input")
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


def test_a_folder_that_can_not_be_replaced_stays(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one").touch()
    rename = Path.rename

    def refused(self, target):
        if (self / "two").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError), atomic_directory(tmp_path / "folder") as temporary:
        (temporary / "two").touch()
    assert files(tmp_path) == ["folder"]
    assert files(tmp_path / "folder") == ["one"]


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


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe", b"[" * 10**5, b'{"a":' * 10**5, b"9" * 5000])
def test_a_damaged_json_file_is_one_line(tmp_path, content):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.json: is not JSON") as caught:
        read_json(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is missing"):
        read_json(tmp_path / "none.json")
    with pytest.raises(InputError, match="Is a directory; check this path"):
        read_json(tmp_path)


def test_no_device_or_pipe_is_replaced_and_a_link_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        for write in (check_target, lambda path: write_text(path, "x")):
            with pytest.raises(InputError, match=f"{name}: is a device or a pipe, which no file may replace"):
                write(tmp_path / name)
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "link").is_symlink()
    (tmp_path / "other").symlink_to("file")
    write_text(tmp_path / "other", "x")
    assert (tmp_path / "other").is_symlink() and (tmp_path / "file").read_text() == "x"


def test_half_a_character_as_names_of_files_hold_it_is_written(tmp_path):
    write_json(tmp_path / "value.json", {"name": "é\udcff"})
    assert read_json(tmp_path / "value.json") == {"name": "é\udcff"}
    write_text(tmp_path / "page.md", "é\udcff")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == "é?"


def test_digests_are_of_the_payload(tmp_path):
    data = os.urandom(3 << 20)
    (tmp_path / "data").write_bytes(data)
    wanted = "sha256:" + hashlib.sha256(data).hexdigest()
    assert digest_file(tmp_path / "data") == digest_bytes(data) == wanted
    assert digest_json({"b": 1, "a": [1.5, "é"]}) == digest_json({"a": [1.5, "é"], "b": 1})
    assert canonical_json({"b": 1, "a": [1.5, "é"]}) == '{"a":[1.5,"é"],"b":1}'.encode()
    assert digest_json({"a": 1}) != digest_json({"a": 1.5})


@pytest.mark.parametrize(
    ("numbers", "fix"),
    [
        ((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free space or choose another folder, then run again"),
        ((errno.EROFS, errno.EACCES, errno.EPERM), "get the right to it or choose another folder, then run again"),
        ((errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EIO), "check this path"),
    ],
    ids=["no room", "no right", "no such file"],
)
def test_a_file_that_the_system_refuses_is_one_line_and_an_exit_code(capsys, numbers, fix):
    for number in numbers:
        with pytest.raises(SystemExit) as stopped, one_line_errors():
            raise OSError(number, os.strerror(number), "results/file")
        assert stopped.value.code == 2
        assert capsys.readouterr().err == f"error: results/file: {os.strerror(number)}; {fix}\n"


def test_bad_input_is_one_line_and_an_exit_code(capsys):
    with pytest.raises(SystemExit) as stopped, one_line_errors():
        raise InputError("corpus.txt", "is empty", "give a file with text in it")
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: corpus.txt: is empty; give a file with text in it\n"


def test_bad_input_is_one_line_whatever_is_in_the_name_of_its_file(capsys):
    with pytest.raises(SystemExit), one_line_errors():
        raise InputError("a\nfile\r.txt", "is empty")
    assert capsys.readouterr().err == "error: a file .txt: is empty\n"


@pytest.mark.parametrize("bug", [ZeroDivisionError("x"), FileNotFoundError(errno.ENOENT, "no such file")])
def test_a_bug_keeps_its_traceback_and_has_an_exit_code_of_its_own(capsys, tmp_path, bug):
    with pytest.raises(SystemExit) as stopped, one_line_errors(log=tmp_path / "log"):
        raise bug
    assert stopped.value.code == 3
    told = capsys.readouterr().err
    assert told.startswith("Traceback (most recent call last):") and type(bug).__name__ in told.splitlines()[-1]
    assert (tmp_path / "log").read_text(encoding="utf-8") == told


def test_an_error_that_names_no_file_is_given_one():
    error = file_error(OSError(errno.ENOSPC, "No space left on device"), "results/live")
    assert str(error).startswith("results/live: No space left on device; free space")


def test_a_target_that_cannot_be_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    for fine in (tmp_path / "new" / "deep" / "x.json", tmp_path / "file"):
        check_target(fine)
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        check_target(tmp_path)
    with pytest.raises(InputError, match=r"x\.json: can't be written: .*file is no folder"):
        check_target(tmp_path / "file" / "x.json")
