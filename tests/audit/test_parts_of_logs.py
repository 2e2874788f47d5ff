"""Logs of which a part is there, or of several runs: what they don't say accuses nobody."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, contradicted
from tests.audit.test_which_runs import finding
from tritgolf.outcome import Verdict

ADAPTED = {"train_seed1": styles.int6(1, 1.1709, 1.1650), "train_seed2": styles.int6(2, 1.1719, 1.1660)}
STORED = {"train_seed1": styles.int6(1, 1.1709), "train_seed2": styles.int6(2, 1.1719)}
ROWS = ((1, 1.1909, 1.1650), (2, 1.1919, 1.1660))
TABLE = "| Seed | Roundtrip BPB | TTT BPB |\n|---|---|---|\n" + "".join(
    f"| {seed} | {stored:.4f} | {adapted:.4f} |\n" for seed, stored, adapted in ROWS
)
README = f"# A record\n\n**val_bpb: 1.1655** (mean of two seeds)\n\n{TABLE}"
FACTS = {
    "val_bpb": 1.1655,
    "seed_results": {str(seed): {"val_bpb": bpb, "roundtrip_val_bpb": stored} for seed, stored, bpb in ROWS},
}


def end_of(log, seed=None):
    """The lines of a log's last evaluation, behind its seed if it is still told."""
    told = "" if seed is None else f"seed:{seed}\n"
    return told + log[log.index("legal_ttt val_loss") :]


@pytest.mark.parametrize("told", [False, True], ids=["an end", "an evaluation alone"])
def test_what_stood_before_the_end_of_a_log_is_open(told, tmp_path):
    sound = folder(tmp_path / "sound", ADAPTED, README, FACTS)
    assert {finding(sound, check).verdict for check in ("tables.rows", "json.score")} == {Verdict.HOLDS}
    logs = {name: end_of(log, int(name[-1]) if told else None) for name, log in ADAPTED.items()}
    made = folder(tmp_path / "ends", logs, README, FACTS)
    assert finding(made, "tables.rows").verdict is Verdict.CANT_TELL
    assert contradicted(made) == {}


def test_two_runs_that_are_not_told_apart_accuse_nobody(tmp_path):
    """A launcher's log with three runs of which only the first prints a header."""
    logs = [styles.gdn(seed, bpb) for seed, bpb in styles.SEEDS.items()]
    rows = {str(seed): {"val_bpb": bpb} for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, {"all_runs": "".join(logs)}, "# A record\n", JSON | {"seed_results": rows})
    assert contradicted(made) == {}


def test_a_run_without_a_printed_seed_has_the_scores_of_the_seed_that_it_is_named_after(tmp_path):
    logs = {name: log.replace(f"seed:{name[-1]}\n", "") for name, log in ADAPTED.items()}
    assert finding(folder(tmp_path, logs, README, FACTS), "json.score").verdict is Verdict.HOLDS


def over(seed, bpb, size):
    return styles.int6(seed, bpb).replace("15700000", f"{size}")


@pytest.mark.parametrize(("bpb", "verdict"), [(1.1650, Verdict.CANT_TELL), (1.1667, Verdict.CONTRADICTED)])
def test_a_run_that_is_too_large_is_not_the_submissions_unless_it_has_its_score(bpb, verdict, tmp_path):
    """The run of the score has no total in its log."""
    its_own = styles.int6(1, 1.1667).replace("Total submission size int6", "Sum int6")
    logs = {"train_seed1": its_own, "first_try_seed2": over(2, bpb, 16_100_000)}
    made = folder(tmp_path, logs, f"# val_bpb: 1.1667\n\nThe first try had {bpb}.\n", {"val_bpb": 1.1667})
    assert finding(made, "budget.limit").verdict is verdict


@pytest.mark.parametrize(("score", "verdict"), [(1.1667, Verdict.CONTRADICTED), (1.1500, Verdict.CANT_TELL)])
def test_the_script_of_an_earlier_run_is_no_false_one_where_the_scores_log_is_lost(score, verdict, tmp_path):
    logs = {"train_seed1": styles.int6(1, 1.1667), "train_seed2": styles.int6(2, 1.1667).replace("47642", "50000")}
    made = folder(tmp_path, logs, f"# val_bpb: {score}\n", {"val_bpb": score})
    (made / "train_gpt.py").write_bytes(b"#" * 47_642)
    assert finding(made, "budget.script").verdict is verdict


@pytest.mark.parametrize("whole", [True, False])
def test_scores_of_seeds_that_are_exchanged_do_not_hold(whole, tmp_path):
    """Where the logs may lack scores, the seeds' check can't contradict it."""
    logs = ADAPTED if whole else {name: f"ttt_enabled:1 slot_ttt_enabled:1\n{log}" for name, log in STORED.items()}
    scores = (1.1650, 1.1660) if whole else (1.1709, 1.1719)
    for seeds, is_right in ((("1", "2"), True), (("2", "1"), False)):
        losses = {bpb: round(styles.nats(bpb), 8) for bpb in scores}
        rows = {seed: {"val_bpb": bpb, "val_loss": losses[bpb]} for seed, bpb in zip(seeds, scores, strict=True)}
        made = folder(tmp_path / seeds[0], logs, "# A record\n", {"val_bpb": sum(scores) / 2, "seed_results": rows})
        found = {finding(made, check).verdict for check in ("json.score", "runs.seeds")}
        wrong = {Verdict.HOLDS, Verdict.CONTRADICTED} if whole else {Verdict.HOLDS, Verdict.CANT_TELL}
        assert found == ({Verdict.HOLDS} if is_right else wrong)
