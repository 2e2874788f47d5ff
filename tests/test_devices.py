"""GPUs handed out by locks. The devices here are made up: CUDA_VISIBLE_DEVICES names them, and nothing opens them."""

import os
import subprocess
import sys

import pytest

from tests.small import REPOSITORY
from tritgolf import devices
from tritgolf.devices import HELD, VARIABLE, assigned_gpus, visible_devices
from tritgolf.errors import InputError

LISTING = "GPU 0: A (UUID: GPU-0a-1)\n  MIG 1g Device 0: (UUID: MIG-7)\nGPU 1: A (UUID: GPU-0b-z2)\n"
HOLDER = """
import sys, time
from pathlib import Path
from tritgolf.devices import assigned_gpus
folder, count = Path(sys.argv[1]), int(sys.argv[2])
with assigned_gpus(count, folder) as held:
    print(",".join(held), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def machine(monkeypatch):
    """A machine with these devices, as CUDA_VISIBLE_DEVICES has it; the driver lists none."""
    monkeypatch.setattr(devices, "_listed", lambda: ())
    monkeypatch.setattr(devices, "POLL_SECONDS", 0.01)
    return lambda visible: monkeypatch.setenv(VARIABLE, visible)


@pytest.fixture
def hold(tmp_path):
    """Start a process that holds so many of four devices until it reads a line or is killed."""
    started = []

    def start(count):
        environment = {**os.environ, VARIABLE: "0,1,2,3", "PYTHONPATH": str(REPOSITORY)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-c", HOLDER, str(tmp_path), str(count)]
        started.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def held_by(process) -> list[str]:
    return process.stdout.readline().strip().split(",")


def test_ids_are_the_drivers_uuids(monkeypatch):
    monkeypatch.setattr(devices, "_listed", lambda: tuple(devices.LISTED.findall(LISTING)))
    monkeypatch.delenv(VARIABLE, raising=False)
    assert visible_devices() == ("GPU-0a-1", "GPU-0b-z2")
    monkeypatch.setenv(VARIABLE, "1")
    assert visible_devices() == ("GPU-0b-z2",)
    monkeypatch.setenv(VARIABLE, "GPU-0b-z2, GPU-0a-1")
    assert visible_devices() == ("GPU-0b-z2", "GPU-0a-1")


@pytest.mark.parametrize(
    ("chosen", "visible"), [("", ()), ("-1", ()), ("0,1", ("0", "1")), ("2,-1,3", ("2",)), ("MIG-7", ("MIG-7",))]
)
def test_a_choice_is_read_as_cuda_reads_it(machine, chosen, visible):
    machine(chosen)
    assert visible_devices() == visible


def test_without_a_driver_there_are_none(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(VARIABLE, raising=False)
    devices._listed.cache_clear()
    assert visible_devices() == ()
    devices._listed.cache_clear()


def test_jobs_at_the_same_time_get_different_devices_and_return_them(machine, tmp_path):
    machine("0,1,2")
    with assigned_gpus(1, tmp_path) as first:
        assert os.environ[VARIABLE] == ",".join(first)
        machine("0,1,2")
        with assigned_gpus(2, tmp_path) as second:
            assert os.environ[VARIABLE] == ",".join(second)
            assert sorted(first + second) == ["0", "1", "2"]
    assert os.environ[VARIABLE] == "0,1,2"
    with assigned_gpus(3, tmp_path) as every:
        assert every == ("0", "1", "2")


def test_devices_come_back_after_an_error(machine, tmp_path):
    machine("0")
    with pytest.raises(KeyError), assigned_gpus(1, tmp_path):
        raise KeyError
    with assigned_gpus(1, tmp_path) as again:
        assert again == ("0",)


def test_jobs_whose_caller_holds_the_device_share_it(machine, monkeypatch, tmp_path):
    machine("0,1")
    with assigned_gpus(2, tmp_path):
        machine("1")
        monkeypatch.setenv(HELD, "1")
        with assigned_gpus(1, tmp_path) as first, assigned_gpus(1, tmp_path) as second:
            assert first == second == ("1",)
        with pytest.raises(InputError, match="2 are asked for, 1 is here"), assigned_gpus(2, tmp_path):
            pass


def test_a_killed_holder_loses_its_devices(machine, hold, tmp_path):
    holder = hold(4)
    assert len(held_by(holder)) == 4
    holder.kill()
    holder.wait()
    machine("0,1,2,3")
    with assigned_gpus(4, tmp_path) as held:
        assert len(held) == 4


def test_who_finds_too_few_waits_and_says_for_whom(hold):
    first = hold(3)
    taken = held_by(first)
    second = hold(2)
    told = second.stderr.readline()
    assert told == f"waiting for 2 of 4 GPUs: 1 free, others held by process {first.pid}\n"
    third = hold(1)  # finds the second before it; or that one's free device would go to it for ever
    assert third.stderr.readline() == "waiting for GPUs: another job that waits for some came first\n"
    first.stdin.write("\n")
    first.stdin.flush()
    both = held_by(second) + held_by(third)
    assert len(set(both)) == 3
    assert set(both) & set(taken)


def test_many_jobs_never_share_one(tmp_path):
    """Each job writes a file of the device's name that must not be there, and takes it away at its end."""
    program = """
import sys, time
from pathlib import Path
from tritgolf.devices import assigned_gpus
for _ in range(5):
    with assigned_gpus(int(sys.argv[2]), Path(sys.argv[1]) / "locks") as held:
        for device in held:
            (Path(sys.argv[1]) / device).touch(exist_ok=False)
        time.sleep(0.002)
        for device in held:
            (Path(sys.argv[1]) / device).unlink()
"""
    environment = {**os.environ, VARIABLE: "0,1,2", "PYTHONPATH": str(REPOSITORY)}
    program = program.replace("for _", "import tritgolf.devices; tritgolf.devices.POLL_SECONDS = 0.002\nfor _")
    command = [sys.executable, "-c", program, str(tmp_path)]
    jobs = [subprocess.Popen([*command, str(count)], env=environment) for count in (1, 1, 2, 3)]
    assert [job.wait() for job in jobs] == [0, 0, 0, 0]


def test_more_than_there_are_is_an_error(machine, tmp_path):
    machine("0,1")
    with (
        pytest.raises(InputError, match="gpus: 3 are asked for, 2 are here"),
        assigned_gpus(3, tmp_path),
    ):
        pass


@pytest.mark.parametrize(("visible", "count"), [("", 2), ("0,1", 0)])
def test_a_job_without_gpus_is_left_alone(machine, tmp_path, visible, count):
    machine(visible)
    with assigned_gpus(count, tmp_path / "locks") as held:
        assert held == ()
        assert os.environ[VARIABLE] == visible
    assert not (tmp_path / "locks").exists()


def test_child_processes_see_the_assigned_devices_only(machine, tmp_path):
    machine("0,1,2")
    with assigned_gpus(2, tmp_path):
        shown = subprocess.run(["printenv", VARIABLE], capture_output=True, text=True, check=True).stdout
    assert shown == "0,1\n"


def test_the_folder_of_another_user_is_refused(machine, tmp_path, monkeypatch):
    machine("0")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(InputError, match="belongs to another user"), assigned_gpus(1, tmp_path):
        pass


def test_all_jobs_of_a_user_share_one_folder(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    assert devices._lock_folder(None) == devices._lock_folder(None)
    assert "elsewhere" not in str(devices._lock_folder(None))
