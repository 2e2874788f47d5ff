"""Means of one run, losses among them, and stds that a text made of the rows as it prints them."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import contradicted
from tests.audit.test_which_runs import finding
from tritgolf.outcome import Verdict

TITLE = "# A record\n\n**val_bpb: 1.1667**\n"


@pytest.mark.parametrize("loss", [1.1667, 1.1661])
def test_the_mean_loss_of_one_run_is_its_loss(loss, tmp_path):
    nats = round(styles.nats(loss), 8)
    facts = {"seed_results": {"1": {"val_bpb": 1.1667}}, "mean_val_bpb": 1.1667, "mean_val_loss": nats}
    made = folder(tmp_path, {"train": styles.int6(1, 1.1667)}, TITLE, facts)
    assert ("text.mean" in contradicted(made)) is (loss != 1.1667)
    assert (finding(made, "text.mean").verdict is Verdict.HOLDS) is (loss == 1.1667)


# To four digits they are 1.0310, 1.0321 and 1.0331, whose std is 0.00105; theirs is 0.00103.
SPREAD = {42: 1.03102658, 137: 1.03206516, 3: 1.03309190}
HEAD = "# A record\n\n**val_bpb: {mean}** (3-seed mean, std {std})\n\n"


# To four digits they are 1.0310, 1.0312 and 1.0313: coarse, they have a std of 0.00015 instead of 0.00010.
COARSE = {42: 1.03104900, 137: 1.03115100, 3: 1.03125100}


@pytest.mark.parametrize(("scores", "std", "verdict"), [
    (SPREAD, "0.0010", Verdict.HOLDS), (SPREAD, "0.0011", Verdict.HOLDS), (SPREAD, "0.0013", Verdict.CONTRADICTED),
    (COARSE, "0.0001", Verdict.HOLDS), (COARSE, "0.0002", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_std_may_be_that_of_the_rows_as_they_are_printed(scores, std, verdict, tmp_path):
    logs = {f"train_seed{seed}": styles.baseline(seed, bpb) for seed, bpb in scores.items()}
    rows = "".join(f"| {seed} | {bpb:.4f} |\n" for seed, bpb in scores.items())
    mean = f"{sum(scores.values()) / 3:.4f}"
    table = f"| Seed | val_bpb |\n|---|---|\n{rows}| **Mean** | **{mean}** |\n| **Std** | **{std}** |\n"
    made = folder(tmp_path, logs, HEAD.format(mean=mean, std=std) + table, {"val_bpb": float(mean), "seeds": [*scores]})
    assert finding(made, "tables.stds").verdict is verdict
    assert finding(made, "text.std").verdict is verdict


@pytest.mark.parametrize("behind", ["vs merged `1.1428` SOTA", "(baseline: 1.2244, improvement: 0.054 BPB)"])
@pytest.mark.parametrize(("mean", "verdict"), [("1.1705", Verdict.HOLDS), ("1.1695", Verdict.CONTRADICTED)])
def test_a_labelled_score_is_the_own_one_whatever_it_is_set_against(behind, mean, verdict, tmp_path):
    made = folder(tmp_path, styles.three(), f"# A record\n\n**Mean val_bpb: {mean}** {behind}\n", {"seeds": [1, 2, 3]})
    assert finding(made, "text.headline").verdict is verdict


@pytest.mark.parametrize("line", [
    "val_bpb: 1.1428 (previous SOTA)", "val_bpb: 1.1428, the merged SOTA, vs 1.1705 here",
    "SOTA val_bpb: 1.1428 vs ours", "The baseline's val_bpb: 1.1428",
])  # fmt: skip
def test_a_labelled_score_of_another_is_not_the_own_one(line, tmp_path):
    made = folder(tmp_path, styles.three(), f"# A record\n\n{line}\n", {"seeds": [1, 2, 3]})
    assert contradicted(made) == {}


@pytest.mark.parametrize("swapped", [False, True])
def test_rows_whose_seeds_are_swapped_are_told(swapped, tmp_path):
    scores = dict(zip((2, 1, 3) if swapped else (1, 2, 3), styles.SEEDS.values(), strict=True))
    rows = "".join(f"| {seed} | {bpb:.8f} |\n" for seed, bpb in scores.items())
    table = f"| Seed | Sliding BPB |\n|---|---|\n{rows}| Mean | 1.17050000 |\n"
    made = folder(tmp_path, styles.three(), f"# val_bpb: 1.1705 (mean of 3 seeds)\n\n{table}", {"val_bpb": 1.1705})
    assert ("tables.rows" in contradicted(made)) is swapped
    assert not swapped or "has the scores of train_seed2.log" in contradicted(made)["tables.rows"]


@pytest.mark.parametrize(("count", "also", "verdict"), [
    ("3 seeds", {}, Verdict.CONTRADICTED),
    ("4 seeds", {}, Verdict.CANT_TELL),  # one of which has no log
    ("all seeds", {}, Verdict.CANT_TELL),
    ("3 seeds", {"other": styles.int6(4, 1.18)}, Verdict.CANT_TELL),  # which three, nothing says
    ("3 seeds", {"train_seed3": styles.int6(3, 1.1737).replace("warmup_steps:2", "warmup_steps:9")}, Verdict.CANT_TELL),
], ids=["three", "of four", "no count", "four runs", "other settings"])  # fmt: skip
def test_the_best_run_is_no_mean_of_the_three_that_lie_there(count, also, verdict, tmp_path):
    """Where the best one's row stood alone, its seed was the only one claimed, and the mean was open."""
    readme = f"**val_bpb: 1.1667** (mean of {count})\n\n| Seed | BPB |\n|---|---|\n| 1 | 1.1667 |\n"
    made = folder(tmp_path, styles.three() | also, readme, {"val_bpb": 1.1667})
    assert finding(made, "text.mean").verdict is verdict
