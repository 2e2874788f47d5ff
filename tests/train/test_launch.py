import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.small import REPOSITORY, TIMEOUT
from tests.train.test_loop import digests, without_times
from tritgolf import checkpoint
from tritgolf.errors import BAD_INPUT, InputError
from tritgolf.files import write_json
from tritgolf.processes import LAUNCHED
from tritgolf.stages.train import _plan_json
from tritgolf.train import __main__ as rank
from tritgolf.train import launch
from tritgolf.train.launch import publish, train

FAULTY = Path(__file__).with_name("faulty_worker.py")


@pytest.fixture
def with_fault(monkeypatch, tmp_path):
    """Have the launcher start ``faulty_worker.py`` instead of ``tritgolf.train``."""

    def arm(fault: str, step: int) -> None:
        def command(plan_path, _processes):
            return [sys.executable, str(FAULTY), fault, str(step), str(tmp_path), str(plan_path)]

        monkeypatch.setattr(launch, "_command", command)
        monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))

    return arm


def states(live: Path) -> list[str]:
    return sorted(path.name for path in live.glob("state_*"))


def test_a_worker_computes_what_this_process_does(straight, plan):
    facts = train(_plan_json(plan), processes=1)
    assert (facts["steps"], facts["stop_reason"], facts["world"], facts["attention"]) == (12, "steps", 1, "sdpa")
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_a_killed_worker_is_started_again_and_ends_with_the_same_weights(straight, plan, with_fault, capfd):
    with_fault("kill", 7)
    facts = train(_plan_json(plan), processes=1)
    assert facts["steps"] == 12
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)
    assert "small seed 1: a rank ended with exit code -9; continuing at the last state" in capfd.readouterr().err


def test_sigterm_ends_with_75_and_the_same_command_continues(straight, plan, with_fault):
    with_fault("stop", 5)
    with pytest.raises(SystemExit) as stopped:
        train(_plan_json(plan), processes=1)
    assert stopped.value.code == 75
    assert not (plan.live / "final.safetensors").exists()
    assert states(plan.live)[-1] > "state_00000004.safetensors"
    assert train(_plan_json(plan), processes=1)["steps"] == 12
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_a_loss_that_is_not_finite_is_final(plan, with_fault, tmp_path, capfd):
    with_fault("diverge", 9)
    with pytest.raises(InputError, match="training, step 10: the loss is nan"):
        train(_plan_json(plan), processes=1)
    assert "continuing" not in capfd.readouterr().err
    assert states(plan.live) == ["state_00000004.safetensors", "state_00000008.safetensors"]


def test_a_full_disk_is_final_and_leaves_nothing_half_written(plan, with_fault, capfd):
    with_fault("full", 6)
    with pytest.raises(InputError) as caught:
        train(_plan_json(plan), processes=1)
    message = str(caught.value)
    assert str(plan.live) in message
    assert "File too large" in message
    assert "\n" not in message
    error = capfd.readouterr().err
    assert "continuing" not in error
    assert "Traceback" not in error
    assert states(plan.live) == ["state_00000004.safetensors"]
    assert not list(plan.live.glob("*.tmp"))
    for path in plan.live.glob("*.safetensors"):
        checkpoint.load(path)


def test_a_worker_does_not_outlive_its_launcher(plan, tmp_path):
    """kill −9 of the launcher alone: no second writer may be left in the live folder when it is started again."""
    write_json(tmp_path / "plan.json", _plan_json(plan))
    program = f"""
import json, sys
from tritgolf.train import launch
launch._command = lambda plan, _: [sys.executable, {str(FAULTY)!r}, "hang", "6", {str(tmp_path)!r}, str(plan)]
launch.train(json.load(open({str(tmp_path / "plan.json")!r})), 1)
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    launcher = subprocess.Popen([sys.executable, "-c", program], env=environment)
    wait_for(lambda: (tmp_path / "hanging").exists() and (tmp_path / "hanging").read_text())
    worker = int((tmp_path / "hanging").read_text())
    assert running(worker)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    try:
        wait_for(lambda: not running(worker))
    finally:
        if running(worker):
            os.kill(worker, signal.SIGKILL)


def wait_for(happened) -> None:
    end = time.monotonic() + TIMEOUT
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def commands(monkeypatch, program: str) -> None:
    monkeypatch.setattr(launch, "_command", lambda plan_path, _: [sys.executable, "-c", program, str(plan_path)])


def test_workers_that_make_no_progress_are_given_up(plan, monkeypatch, capfd):
    commands(monkeypatch, "raise SystemExit(3)")
    with pytest.raises(InputError) as caught:
        train(_plan_json(plan), processes=1)
    assert str(caught.value).startswith(
        "training small seed 1: its processes ended 3 times without a new state (last exit code 3)"
    )
    assert capfd.readouterr().err.count("continuing at the last state") == 2


def test_progress_between_failures_is_not_given_up(plan, monkeypatch):
    """A worker that is killed every hour but saves states in between goes on."""
    program = """
import json, pathlib, sys
live = pathlib.Path(json.load(open(sys.argv[1]))["live"])
number = len(list(live.glob("state_*")))
(live / f"state_{number:08d}.safetensors").touch()
if number < 6:
    raise SystemExit(9)
(live / "finished.json").write_text('{"steps": 6}')
"""
    commands(monkeypatch, program)
    assert train(_plan_json(plan), processes=1) == {"steps": 6}


def test_an_old_ending_is_not_taken_for_a_new_one(plan, monkeypatch):
    write_json(plan.live / "finished.json", {"steps": 1})
    write_json(plan.live / "failure.json", {"error": ["an", "old", "failure"]})
    commands(monkeypatch, "pass")
    with pytest.raises(InputError, match="ended 3 times"):
        train(_plan_json(plan), processes=1)


def test_the_failure_of_a_worker_is_told_as_its_own(plan, monkeypatch):
    program = """
import json, pathlib, sys
live = pathlib.Path(json.load(open(sys.argv[1]))["live"])
(live / "failure.json").write_text(json.dumps({"error": ["shard", "is cut short", "make it again"]}))
raise SystemExit(1)
"""
    commands(monkeypatch, program)
    with pytest.raises(InputError, match=r"^shard: is cut short; make it again$"):
        train(_plan_json(plan), processes=1)


def test_ctrl_c_lets_the_workers_save_their_state(plan, monkeypatch):
    program = """
import os, pathlib, json, signal, sys, time
live = pathlib.Path(json.load(open(sys.argv[1]))["live"])
received = []
signal.signal(signal.SIGTERM, lambda *_: received.append(1))
os.kill(os.getppid(), signal.SIGINT)
end = time.monotonic() + 900
while not received and time.monotonic() < end:
    time.sleep(0.01)
(live / "saved").touch()
"""
    commands(monkeypatch, program)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores Ctrl-C
    with pytest.raises(SystemExit) as stopped:
        train(_plan_json(plan), processes=1)
    assert stopped.value.code == 75
    assert (plan.live / "saved").exists()


def test_several_ranks_are_started_by_torchrun():
    command = launch._command(Path("plan.json"), 4)
    assert command[1:3] == ["-m", "torch.distributed.run"]
    assert "--nproc-per-node=4" in command
    assert command[-3:] == ["-m", "tritgolf.train", "plan.json"]


def test_published_checkpoints_are_verified_copies(straight, tmp_path):
    outputs = {name: tmp_path / f"{name}.safetensors" for name in ("step_000004", "final")}
    found = publish(straight, outputs)
    for name, output in outputs.items():
        copy = checkpoint.load(output)
        assert copy.facts["checkpoint"] == name
        assert found[name] == copy.facts["digest"] == checkpoint.load(straight / f"{name}.safetensors").facts["digest"]


def test_a_damaged_checkpoint_is_not_published(straight, tmp_path):
    live = tmp_path / "live"
    live.mkdir()
    raw = (straight / "final.safetensors").read_bytes()
    (live / "final.safetensors").write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(InputError, match="damaged") as caught:
        publish(live, {"final": tmp_path / "out.safetensors"})
    assert f"delete {live}" in str(caught.value)  # its states say that training is done: it alone can't be made again
    assert not (tmp_path / "out.safetensors").exists()


def test_a_rank_that_nobody_launched_tells_its_failure_itself(plan, monkeypatch, capsys):
    """GPUs that torch can't use, say: a launcher would read it in ``failure.json``."""
    monkeypatch.setattr(rank, "die_with_parent", lambda: None)
    write_json(plan.live / "plan.json", _plan_json(dataclasses.replace(plan, device="cuda")))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert rank.main(str(plan.live / "plan.json")) == BAD_INPUT
    assert capsys.readouterr().err.startswith("error: GPUs: 1 is asked for, none is here")
    monkeypatch.setenv(LAUNCHED, "1")
    assert rank.main(str(plan.live / "plan.json")) == BAD_INPUT
    assert capsys.readouterr().err == ""
