import json

import pytest

from tritgolf.train.training_log import Curve, read_curve


def line(step: int) -> dict:
    return {"step": step, "training_seconds": step / 10}


def write_lines(path, steps, torn="") -> None:
    path.write_text("".join(json.dumps(line(step)) + "\n" for step in steps) + torn)


def test_a_missing_curve_is_empty(tmp_path):
    assert read_curve(tmp_path / "none") == []


@pytest.mark.parametrize("torn", ["", "{", '{"step": 7, "tra', '{"step": 7}'[:-1]])
def test_a_torn_last_line_is_left_out(tmp_path, torn):
    write_lines(tmp_path / "curve", [1, 2], torn)
    assert [found["step"] for found in read_curve(tmp_path / "curve")] == [1, 2]


def test_lines_after_the_resumed_step_are_dropped(tmp_path):
    path = tmp_path / "curve"
    write_lines(path, [1, 2, 4, 6], torn='{"st')
    curve = Curve(path, kept_steps=4)
    assert (curve.last_step, curve.last_seconds) == (4, 0.4)
    curve.write(line(6), batch_tokens=100)
    curve.close()
    assert [found["step"] for found in read_curve(path)] == [1, 2, 4, 6]
    assert path.read_text().endswith("\n")


def test_the_pace_since_the_line_before_by_hand(tmp_path):
    curve = Curve(tmp_path / "curve", kept_steps=0)
    curve.write({"step": 1, "training_seconds": 0.5}, batch_tokens=100)
    curve.write({"step": 5, "training_seconds": 2.5}, batch_tokens=100)
    first, second = read_curve(tmp_path / "curve")  # while it is still open
    curve.close()
    assert (first["step_ms"], first["tokens_per_second"]) == (500, 200)
    assert (second["step_ms"], second["tokens_per_second"]) == (500, 200)
    assert second == {"step": 5, "training_seconds": 2.5, "step_ms": 500, "tokens_per_second": 200}


def test_a_new_run_drops_the_whole_curve(tmp_path):
    write_lines(tmp_path / "curve", [1, 2])
    Curve(tmp_path / "curve", kept_steps=0).close()
    assert read_curve(tmp_path / "curve") == []
