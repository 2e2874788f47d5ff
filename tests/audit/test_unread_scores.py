"""Scores in a form that is none: NaN is held against the claim, others are named, none is passed over."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder, text
from tests.audit.test_false_alarms import contradicted
from tests.audit.test_unread_lines import FACTS, README, findings, three
from tritgolf.audit.dialects import DIALECTS
from tritgolf.audit.dialects.base import Dialect
from tritgolf.audit.dialects.sp8192 import SP8192
from tritgolf.audit.logs import parse_log
from tritgolf.outcome import Verdict


def last_line(new):
    """The log with another last line: its final score."""
    return lambda log: log.replace(log.splitlines()[-1], new)


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf"])
@pytest.mark.parametrize("facts", [FACTS, {**FACTS, "seed_results": None}])
def test_a_final_score_of_nan_is_held_against_the_claim(facts, value, tmp_path):
    edit = last_line(f"quantized_ttt val_loss:{value} val_bpb:{value} eval_time:366525ms")
    found = contradicted(folder(tmp_path, three(edit, 3), README, {**facts, "val_bpb_std": 0.0002}))
    assert "NaN at quantized_ttt (train_seed3.log)" in found["text.mean"]
    assert "quantized_ttt of train_seed3.log" in found["lines.scores"]
    assert "text.std" not in found  # runs of three scores have one, these have two
    if facts is FACTS:
        assert "seed 3: 1.0812" in found["json.score"]


def test_a_dialect_says_which_of_its_scores_failed(monkeypatch, tmp_path):
    """Of a family whose scores look otherwise a NaN was passed over, and all of them called readable."""
    own = Dialect(
        "own",
        recognizes=lambda lines: any(line.startswith("eval[") for line in lines),
        read=SP8192.read,
        failed=lambda lines: tuple("quantized_ttt" for line in lines if line.startswith("eval[ttt] nan")),
    )
    monkeypatch.setattr("tritgolf.audit.dialects.DIALECTS", (own, *DIALECTS))
    found = contradicted(folder(tmp_path, three(last_line("eval[ttt] nan"), 3), README, FACTS))
    assert "quantized_ttt of train_seed3.log" in found["lines.scores"]


def test_a_diagnostic_of_nan_accuses_nobody(tmp_path):
    edit = lambda log: log.replace("stopping_early", "DIAGNOSTIC pre val_loss:nan val_bpb:nan\nstopping_early")  # noqa: E731
    assert contradicted(folder(tmp_path, three(edit), README, FACTS)) == {}


def test_a_run_that_the_claim_is_not_of_may_have_failed(tmp_path):
    failed = last_line("quantized_ttt val_loss:nan val_bpb:nan")(styles.sp8192(9))
    made = folder(tmp_path, {**three(), "failed": failed}, README, FACTS)
    assert "lines.scores" not in contradicted(made)


@pytest.mark.parametrize(
    "line",
    ["quantized_ttt VAL_LOSS:3.05010000 VAL_BPB:1.18079352", "quantized_ttt loss 3.0501 bpb 1.18079352",
     "quantized_ttt val_loss:3.05010000 val_bpb:1.18079352e+00", "quantized_ttt val_loss:3.0501 val_bpb:-1.18",
     "quantized_ttt val_loss:3.0501 val_bpb:118%"],
)  # fmt: skip
def test_a_score_in_another_form_is_named(line, tmp_path):
    found = findings(folder(tmp_path, three(last_line(line)), README, FACTS))["lines.scores"]
    assert found.verdict is Verdict.CANT_TELL
    assert f"train_seed2.log: {line}" in found.evidence


def test_bpb_may_stand_before_nats(tmp_path):
    nats = styles.nats(1.1808, 8192)
    edit = last_line(f"quantized_ttt val_bpb:1.18079352 val_loss:{nats:.8f} eval_time:366525ms")
    assert "json.score" in contradicted(folder(tmp_path, three(edit, 3), README, FACTS))


def test_an_unread_score_of_the_ternary_script_is_named(tmp_path):
    log = text("pr640/seed42").replace("final_sliding val_loss:", "final_sliding VAL_LOSS:")
    found = findings(folder(tmp_path, {"seed42": log}, "# val_bpb: 1.1565\n"))["lines.scores"]
    assert found.verdict is Verdict.CANT_TELL
    assert "final_sliding VAL_LOSS" in found.evidence


@pytest.mark.parametrize("words", ["mode:int5 ", "decay:0.997 start=50 ", "stride:64 seq_len: 2048 "])
def test_words_may_stand_between_a_stage_and_its_score(words, tmp_path):
    line = f"final_int5_roundtrip {words}val_loss:{styles.nats(1.1667):.4f} val_bpb:1.1667 eval_time:6453ms"
    log = styles.baseline(1) + line + "\n"
    made = folder(tmp_path, {"train": log}, "# val_bpb: 1.1667\n", {"val_bpb": 1.1667})
    assert findings(made)["text.headline"].verdict is Verdict.HOLDS
    assert contradicted(made) == {}


@pytest.mark.parametrize(
    "words", ["ttt step:500 ", "ttt iter=12 ", "ttt chunk:3/1893 ", "ttt epoch:2/3 lr:0.1 ", "iter 100 loss:2.3 "]
)
def test_a_score_on_the_way_is_no_final_one(words):
    line = f"{words}val_loss:{styles.nats(1.1667):.4f} val_bpb:1.1667"
    assert parse_log(styles.baseline(1) + line + "\n", "a").scores == parse_log(styles.baseline(1), "a").scores


def test_a_stage_with_words_behind_it_may_have_failed(tmp_path):
    made = folder(
        tmp_path, {"seed1": styles.baseline(1) + "final_int5 mode:int5 val_loss:nan val_bpb:nan\n"}, "# A run\n"
    )
    assert parse_log((made / "seed1.log").read_text(), "seed1").failed == ("final_int5",)


def test_the_line_that_says_an_evaluation_is_done_is_a_score(tmp_path):
    """It may alone name the way to score: the one after it repeats the figures under the name of the export."""
    nats = styles.nats(1.1532)
    done = f"ttt_sliding:done val_loss={nats:.6f} val_bpb=1.153200 elapsed=457.9s\n"
    log = styles.int6(1, 1.1532).replace("final_int8_zlib_roundtrip_exact", f"{done}final_int8_zlib_roundtrip_exact")
    title = "# Looped with TTT, {} BPB\n"
    for score, verdict in (("1.1532", Verdict.HOLDS), ("1.1395", Verdict.CONTRADICTED)):
        made = folder(tmp_path / score, {"train": log}, title.format(score), {"val_bpb": 1.1532})
        assert findings(made)["text.headline"].verdict is verdict


def test_a_stage_may_have_a_word_in_brackets(tmp_path):
    """The line beside it with more digits has no time: that of the evaluation stands on this one alone."""
    line = f"final_int6_roundtrip(ttt_lora) val_loss:{styles.nats(1.0147):.4f} val_bpb:1.0147 eval_time:2434054ms\n"
    facts = {"val_bpb": 1.0147, "track": "track_10min_16mb"}
    found = contradicted(folder(tmp_path, {"train": styles.baseline(1) + line}, "# TTT, 1.0147 BPB\n", facts))
    assert set(found) == {"timing.evaluation"}
    assert "longest evaluation 2434.1 s" in found["timing.evaluation"]


@pytest.mark.parametrize(("last", "verdict"), [
    ("1.16670000", Verdict.HOLDS), ("1.16651000", Verdict.HOLDS), ("1.14670000", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_score_and_its_repetition_with_more_digits_are_one_number(last, verdict, tmp_path):
    """One of the two was changed by hand: the log then seemed to be of two runs, and all was left open."""
    name = "final_int6_sliding_window_exact"
    line = next(line for line in styles.int6(1, 1.1667).splitlines() if line.startswith(name))
    log = styles.int6(1, 1.1667).replace(line, line.replace("1.16670000", last))
    found = findings(folder(tmp_path / "a", {"seed1": log}, "# val_bpb: 1.1467\n"))["lines.scores"]
    assert found.verdict is verdict
    assert ("final_int6_sliding_window of seed1.log 1.1667 and 1.1467" in found.evidence) == (
        verdict is Verdict.CONTRADICTED
    )
    lines = [(a, b) for a, b in zip(log.splitlines(), styles.int6(2, 1.19).splitlines(), strict=True)]
    of_two = "\n".join(line for pair in lines for line in dict.fromkeys(pair))
    assert "lines.scores" not in contradicted(folder(tmp_path / "b", {"seed1": of_two}, "# val_bpb: 1.1467\n"))
