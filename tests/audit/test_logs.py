import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.folders import RUNS, text
from tritgolf.audit.logs import parse_log, read_log
from tritgolf.errors import InputError


@pytest.mark.parametrize("name", RUNS)
def test_every_published_log_is_read_whole(name):
    content = text(name)
    log = parse_log(content, name)
    assert len(log.steps) == content.count(" loss:")
    assert len(log.validations) == content.count(" val_loss:") - 2  # the roundtrip's and the sliding one are scores
    assert [score.name for score in log.scores] == ["final_ternary_roundtrip", "final_sliding"]
    assert log.budget and log.artifact and log.temperature and log.parameters
    assert len(log.hyperparameters) > 60
    assert log.warmups == (1, 2, 3, 4, 5)


def test_records_hold_what_the_lines_say():
    log = parse_log(text("pr920/seed42"), "x")
    assert (log.seed, log.parameters, log.setting_float("warmdown_fraction")) == (42, 74250064, 0.15)
    assert (log.steps[0].step, log.steps[0].loss.text, log.steps[0].label) == (1000, "3.2979", "step_avg")
    assert (log.final.step, log.final.total, log.final.nats.text, log.final.bpb.text) == (
        6540,
        10000,
        "3.0487",
        "1.1805",
    )
    assert (log.artifact.ternary_bytes, log.artifact.fp_bytes, log.artifact.code_bytes) == (13646848, 3101600, 76908)
    assert (log.budget.total, log.budget.limit, log.budget.verdict) == (15952348, 16000000, "FITS")
    assert log.artifact_bytes == 15952348 - 76908
    assert (log.sliding.stride, log.sliding.temperature.text, log.sliding.eval_ms.value) == (8, "0.90", 435717)
    assert (log.stop.reason, log.stop.train_ms.value, log.temperature.best.value) == ("wallclock_cap", 600666, 0.9)


def test_both_names_of_the_average_are_read():
    assert parse_log(text("pr640/seed42"), "x").steps[0].label == "avg"
    assert parse_log(text("pr923/seed7"), "x").steps[5].average_ms.text == "18.3"


def test_checkpoints_and_the_first_validation_are_read():
    log = parse_log(text("pr923/seed7"), "x")
    assert len(log.checkpoints) == 20
    assert (log.validations[0].step, log.validations[0].nats.text) == (0, "9.0188")


def test_lines_of_other_versions_are_read():
    lines = """model_params:17059912
step:1000/20000 train_loss:2.5 train_time:45000ms step_avg:45.00ms
step:1000/20000 val_loss:2.4000 val_bpb:1.4200 train_time:45010ms step_avg:45.01ms
final_int8_zlib_roundtrip val_loss:2.0700 val_bpb:1.2250 eval_time:1500ms
final_sliding_window val_loss:2.0100 val_bpb:1.1900 stride:64 eval_time:70000ms
"""
    log = parse_log(lines, "x")
    assert log.parameters == 17059912
    assert (log.steps[0].loss.text, log.steps[0].average_ms.text) == ("2.5", "45.00")
    assert log.final.train_ms.value == 45010
    assert log.roundtrip.bpb.text == "1.2250"
    assert (log.sliding.stride, log.sliding.eval_ms.value) == (64, 70000)


@given(seed=st.integers(0, 10**6), edits=st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_a_damaged_log_never_breaks_the_parser_or_invents_a_number(seed, edits):
    generator = random.Random(seed)
    content = list(text("pr920/seed42"))
    for _ in range(edits):
        content[generator.randrange(len(content))] = generator.choice("0123456789.:/=()MBxe\n \t\x00é")
    log = parse_log("".join(content), "x")
    for line in (*log.steps, *log.validations):
        assert f"{line.step}/{line.total}" in "".join(content).replace("\x00", "\x00")
    for score in log.scores:
        assert score.nats.text in "".join(content)
        assert score.bpb.interval.low > 0


@pytest.mark.parametrize("value", ["nan", "inf", "-1e99", "1e400", "0x10", "１２", ""])
def test_numbers_that_are_none_make_no_record(value):
    log = parse_log(f"final_sliding val_loss:{value} val_bpb:1.2\nstep:5/10 loss:{value} t:10ms avg:2.0ms\n", "x")
    assert log.scores == () and log.steps == ()


def test_a_score_of_zero_bits_a_byte_makes_no_record():
    assert parse_log("final_sliding val_loss:1.0 val_bpb:0.0000\n", "x").scores == ()


def test_settings_that_are_no_numbers_are_absent():
    log = parse_log("a=1 b=2 c=3 d=4 e=5 f=6 seed=x smear=maybe num_layers=1e999 model_dim=7.5\n", "x")
    assert log.seed is None
    assert log.setting_bool("smear") is None
    assert log.setting_int("num_layers") is None
    assert log.setting_int("model_dim") is None


def test_bytes_that_are_no_text_are_read_as_nothing(tmp_path):
    (tmp_path / "x.log").write_bytes(bytes(range(256)) * 100)
    assert not read_log(tmp_path / "x.log").is_readable


def test_a_missing_log_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_log(tmp_path / "none.log")


def test_a_huge_log_is_refused_unread(tmp_path):
    with (tmp_path / "x.log").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(InputError, match="larger than"):
        read_log(tmp_path / "x.log")
