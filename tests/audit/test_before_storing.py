"""Scores of a model before it was stored, where the log has one of the stored one; logs that are cut before it."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, contradicted
from tests.audit.test_which_runs import finding
from tritgolf.outcome import Verdict

STORED, AS_TRAINED = 1.1709, 1.1817  # bits a byte of a run of styles.int6, and of its last step
TOLD = "from before its model was stored"
LOGS = {f"train_seed{seed}": styles.int6(seed, bpb) for seed, bpb in styles.SEEDS.items()}
MEAN, MEAN_AS_TRAINED = 1.1705, 1.1813


@pytest.mark.parametrize(("score", "verdict"), [(STORED, Verdict.HOLDS), (AS_TRAINED, Verdict.CANT_TELL)])
def test_a_score_from_before_storing_is_not_the_submissions(score, verdict, tmp_path):
    made = folder(tmp_path, {"train": styles.int6(1)}, f"# A record\n\n**val_bpb: {score}**\n", {"val_bpb": score})
    for check in ("text.headline", "json.score"):
        found = finding(made, check)
        assert (found.verdict, TOLD in found.evidence) == (verdict, verdict is Verdict.CANT_TELL)


@pytest.mark.parametrize(("score", "verdict"), [(MEAN, Verdict.HOLDS), (MEAN_AS_TRAINED, Verdict.CANT_TELL)])
def test_nor_is_a_mean_of_such(score, verdict, tmp_path):
    readme = f"# A record\n\n**val_bpb: {score}** (mean of three seeds)\n"
    made = folder(tmp_path, LOGS, readme, JSON | {"val_bpb": score})
    for check in ("text.headline", "text.mean", "json.score"):
        found = finding(made, check)
        assert (found.verdict, TOLD in found.evidence) == (verdict, verdict is Verdict.CANT_TELL)


def test_a_run_that_was_never_stored_has_the_score_of_its_last_step(tmp_path):
    log = styles.int6(1).partition("Serialized model")[0]
    made = folder(tmp_path, {"train": log}, f"# val_bpb: {AS_TRAINED}\n", {"val_bpb": AS_TRAINED})
    assert {finding(made, check).verdict for check in ("text.headline", "json.score")} == {Verdict.HOLDS}


@pytest.mark.parametrize("before", ["Pre-quant", "Best pre-quant", "Final pre-quant", "diagnostic pre-quantization"])
def test_a_line_that_says_so_is_no_headline_but_true(before, tmp_path):
    lines = (f"- {before} eval at stop: `val_bpb:{AS_TRAINED}`\n", f"- Post-quant eval: `val_bpb:{STORED}`\n")
    for line, score in ((lines[0], AS_TRAINED), ("".join(lines), STORED)):
        made = folder(tmp_path, {"train": styles.int6(1)}, f"# A record\n\n{line}")
        found = finding(made, "text.headline")
        assert (found.verdict, f"README {score}" in found.evidence) == (Verdict.HOLDS, True)


def test_a_mean_that_a_later_line_calls_one_from_before_storing_is_one(tmp_path):
    readme = (
        f"# val_bpb: {MEAN} (mean of three seeds)\n\nA\n\nB\n\nC\n\nD\n\nThe last step's mean is {MEAN_AS_TRAINED}.\n"
    )
    found = finding(folder(tmp_path, LOGS, readme, JSON), "text.mean")
    assert (found.verdict, str(MEAN_AS_TRAINED) in found.evidence) == (Verdict.HOLDS, True)


def test_a_log_that_is_cut_before_the_line_of_more_digits_accuses_nobody(tmp_path):
    """The line of four digits may be cut off, too: 1.17374 printed as 1.1737, 1.17378 as well."""
    seed3 = styles.int6(3, 1.17378).replace(" val_bpb:1.1738 stride", " val_bpb:1.1737 stride")
    cut = seed3.partition("final_int6_sliding_window_exact")[0]
    row = "| 3 | 1.17378000 | 15,700,000 |"
    readme = "# A record\n\n" + styles.table({1: (1.1667, 15_700_000), 2: (1.1711, 15_700_000)}, "1.1705").replace(
        "| **Mean**", f"{row}\n| **Mean**"
    )
    facts = {
        "val_bpb": 1.1705,
        "seed_results": {"1": {"val_bpb": 1.1667}, "2": {"val_bpb": 1.1711}, "3": {"val_bpb": 1.17378}},
    }
    for name, log in (("sound", seed3), ("cut", cut)):
        made = folder(tmp_path / name, LOGS | {"train_seed3": log}, readme, facts)
        assert not {"tables.rows", "json.score"} & contradicted(made).keys()
