"""Lines of a training log become TensorBoard's events, as they are written."""

import json

import pytest

from tests.commands import refuse, run
from tritgolf.errors import InputError
from tritgolf.use.events import follow, logs_in, scalars, write_lines

LINE = {"step": 2, "loss": 5.5, "record_loss": 5.6, "phase_ms": {"gradients": 7}, "recurrence": True, "note": "x"}


class Events(list):
    def add_scalar(self, tag, scalar_value, global_step):
        self.append((tag, scalar_value, global_step))

    def flush(self):
        pass


def lines(*steps):
    return "".join(json.dumps(LINE | {"step": step}) + "\n" for step in steps)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "tiny" / "seed42" / "live" / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(lines(2))
    return path


def test_every_number_of_a_line_is_a_scalar():
    assert dict(scalars(LINE)) == {
        "loss/nats": 5.5,
        "loss/with_z_loss": 5.6,
        "phase_ms/gradients": 7.0,
        "recurrence": 1,
    }


def test_a_growing_log_is_read_on_by_whole_lines_and_one_begun_anew_from_its_start(log):
    events = Events()
    place = write_lines(log, events)
    log.write_text(lines(2, 4) + '{"step": 6')
    place = write_lines(log, events, place)
    assert [step for tag, _, step in events if tag == "loss/nats"] == [2, 4]
    log.write_text(lines(2))
    assert write_lines(log, events, place) == log.stat().st_size
    assert [step for tag, _, step in events if tag == "loss/nats"] == [2, 4, 2]


@pytest.mark.parametrize(
    "line", ["no JSON", "[1]", "null", '{"loss": 2}', '{"step": "x"}', '{"step": null}', "\x80", '{"step": 1e999}']
)
def test_a_damaged_line_is_told_by_its_number(log, line):
    log.write_bytes(lines(2).encode() + line.encode("latin-1") + b"\n" + lines(6).encode())
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 2: is no line of a training log"):
        write_lines(log, Events())
    place = len(lines(2))
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 2: "):
        write_lines(log, Events(), place)


def test_of_a_run_that_trains_the_live_log_is_taken(log, tmp_path):
    done = tmp_path / "tiny" / "seed42" / "train" / "metrics.jsonl"
    done.parent.mkdir()
    done.write_text(lines(2, 4))
    assert logs_in(tmp_path) == {"tiny/seed42": log}
    log.unlink()
    written = {}
    follow(tmp_path, lambda name: written.setdefault(name, Events()), None)
    assert len(written["tiny/seed42"]) == 8


def test_the_command_writes_events_or_says_what_is_missing(log, tmp_path, capsys, monkeypatch):
    with pytest.raises(InputError, match="holds no training log"):
        logs_in(log.parent)
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    line = refuse(capsys, "tensorboard", tmp_path, "--out", tmp_path / "runs")
    assert line == "tensorboard: is not installed; pip install 'tritgolf[tensorboard]'"


def test_tensorboard_reads_them(log, tmp_path, capsys):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    assert "tiny/seed42" in run(capsys, "tensorboard", tmp_path, "--out", tmp_path / "runs")
    events = EventAccumulator(str(tmp_path / "runs" / "tiny" / "seed42")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss/nats")] == [(2, 5.5)]
