"""READMEs whose text states no score, means of a single run, logs whose file's name alone tells the seed."""

import re

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_forms_of_figures import contradicted, evidence, verdicts
from tritgolf.outcome import Verdict

ROWS = {seed: (bpb, 15_700_000) for seed, bpb in styles.SEEDS.items()}


@pytest.mark.parametrize(("mean", "verdict"), [("1.1705", Verdict.HOLDS), ("1.1611", Verdict.CANT_TELL)])
def test_a_headline_may_stand_in_its_table_alone(mean, verdict, tmp_path):
    readme = f"# A run\n\n{styles.table(ROWS, mean)}"
    made = folder(tmp_path, styles.three(), readme, {"val_bpb": 1.1705})
    assert verdicts(made, "text.headline") == [verdict]


def test_what_a_pull_request_reported_is_no_score_of_this_run(tmp_path):
    other = "The sister of PR #1855 (`abc`), which held all else and reported a 3-seed mean of 1.06107587 afterwards.\n"
    made = folder(tmp_path, styles.three(), f"# A run\n\n{styles.table(ROWS, '1.1705')}\n{other}", {"val_bpb": 1.1705})
    assert verdicts(made, "text.headline", "json.score") == [Verdict.HOLDS] * 2
    assert "1.061" not in evidence(made, "text.mean")


@pytest.mark.parametrize(("seeds", "verdict"), [
    ([7], Verdict.HOLDS), (["7"], Verdict.HOLDS), ([7, 8], Verdict.CANT_TELL),
])  # fmt: skip
def test_the_mean_of_a_single_run_is_its_score(seeds, verdict, tmp_path):
    readme = "# A run\n\nMean val_bpb: `1.22440000`\n"
    made = folder(tmp_path, {"train_seed7": styles.baseline(7)}, readme, {"val_bpb": 1.2244, "seeds": seeds})
    assert verdicts(made, "text.headline", "text.mean") == [verdict] * 2


def unseeded():
    """Logs of a launcher that prints no settings: the seed stands in the names of their files."""
    return {name: re.sub(r"^seed:\d+\n", "", log, flags=re.MULTILINE) for name, log in styles.three().items()}


def test_rows_are_those_of_the_log_whose_name_tells_the_seed(tmp_path):
    made = folder(tmp_path / "a", unseeded(), f"# A run\n\n{styles.table(ROWS, '1.1705')}", {"val_bpb": 1.1705})
    assert evidence(made, "tables.rows") == "6 figures compared"
    assert verdicts(made, "tables.rows", "tables.means") == [Verdict.HOLDS] * 2
    other = ROWS | {2: (ROWS[2][0], 15_711_111)}
    made = folder(tmp_path / "b", unseeded(), f"# A run\n\n{styles.table(other, '1.1705')}", {"val_bpb": 1.1705})
    assert "seed 2 Artifact: table 15711111, log 15700000" in evidence(made, "tables.rows")
    foreign = ROWS | {2: (1.1999, 15_700_000)}  # the name may be of another run
    made = folder(tmp_path / "c", unseeded(), f"# A run\n\n{styles.table(foreign, '1.1705')}", {"val_bpb": 1.1705})
    assert "tables.rows" not in contradicted(made)


@pytest.mark.parametrize(("std", "verdict"), [
    ("4,034", Verdict.HOLDS), ("4,030", Verdict.HOLDS), ("4,000", Verdict.HOLDS), ("4,040", Verdict.CONTRADICTED),
    ("4,031", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_std_of_sizes_may_be_in_whole_tens(std, verdict, tmp_path):
    sizes = {1: 15_908_464, 2: 15_903_972, 3: 15_900_415}
    logs = {name: log.replace("15700000", str(sizes[int(name[-1])])) for name, log in styles.three().items()}
    rows = {seed: (bpb, sizes[seed]) for seed, bpb in styles.SEEDS.items()}
    table = styles.table(rows, "1.1705", "0.0035").replace("| 0.0035 | |", f"| 0.0035 | {std} |")
    assert verdicts(folder(tmp_path, logs, f"# A run\n\n{table}"), "tables.stds") == [verdict]


def unscored(log):
    """The log of a run whose last score is that of its last step: nothing was scored after training."""
    return "".join(line for line in log.splitlines(True) if not line.startswith("final_"))


@pytest.mark.parametrize(("score", "verdict"), [(1.2174, Verdict.HOLDS), (1.2244, Verdict.CANT_TELL)])
def test_a_score_of_the_last_step_is_one_where_nothing_was_scored_after_it(score, verdict, tmp_path):
    facts = {"val_bpb": score, "val_loss": round(styles.nats(score), 4)}
    made = folder(tmp_path, {"train": unscored(styles.baseline(1, 1.2244))}, f"# val_bpb: {score}\n", facts)
    assert verdicts(made, "text.headline", "json.score") == [verdict] * 2
    assert contradicted(made) == set()


def test_a_log_that_lacks_its_scores_accuses_no_mean(tmp_path):
    logs = {name: unscored(log) for name, log in styles.three().items()}
    made = folder(tmp_path, logs, "# A run\n\n**val_bpb: 1.1705** (mean of three seeds)\n", {"val_bpb": 1.1705})
    assert verdicts(made, "text.headline", "text.mean", "json.score") == [Verdict.CANT_TELL] * 3


@pytest.mark.parametrize("other", ["1.1852", "1.1890"])  # that of the last steps, and of none
def test_a_score_in_the_line_behind_another_record_s_name_is_that_record_s(other, tmp_path):
    prior = f"Prior SOTA (the record of 9 April by @someone):\n**{other} BPB** (3-seed mean, std 0.0002).\n"
    readme = f"# A run\n\n**val_bpb: 1.1705** (mean of three seeds)\n\n{styles.table(ROWS, '1.1705')}\n{prior}"
    made = folder(tmp_path, styles.three(), readme, {"val_bpb": 1.1705})
    assert verdicts(made, "text.headline", "text.mean") == [Verdict.HOLDS] * 2
    assert other not in evidence(made, "text.mean")


@pytest.mark.parametrize(("ms", "verdict"), [(599_950, Verdict.HOLDS), (640_000, Verdict.CONTRADICTED)])
def test_the_last_step_tells_the_training_time_where_nothing_else_does(ms, verdict, tmp_path):
    log = styles.baseline(1, train_ms=ms).replace("iterations:20000", "iterations:2000").replace("/20000", "/2000")
    log = "".join(line for line in log.splitlines(True) if not line.startswith(("stopping", "step:2000/2000 val_loss")))
    made = folder(tmp_path, {"train": log}, "# val_bpb: 1.2244\n", {"val_bpb": 1.2244, "track": "10min_16mb"})
    assert verdicts(made, "timing.limit") == [verdict]


@pytest.mark.parametrize(("name", "value", "verdict"), [
    ("pre_quant_val_bpb", 1.0875, Verdict.HOLDS), ("sliding_bpb", 1.0831, Verdict.HOLDS),
    ("post_ema_val_bpb", 1.0975, Verdict.CONTRADICTED), ("quantized_val_bpb", 1.1111, Verdict.CONTRADICTED),
    ("neural_only_bpb", 1.1111, Verdict.HOLDS),  # of what, the log doesn't say
    ("delta_bpb", 0.0123, Verdict.HOLDS), ("baseline_val_bpb", 1.1111, Verdict.HOLDS),
])  # fmt: skip
def test_scores_of_a_seed_at_other_stages_are_the_log_s(name, value, verdict, tmp_path):
    facts = {"val_bpb": 1.0810, "seeds": [7], "seed_results": {"7": {"val_bpb": 1.0810, name: value}}}
    made = folder(tmp_path / "a", {"train_seed7": styles.sp8192(7)}, "# val_bpb: 1.0810\n", facts)
    assert verdicts(made, "json.score") == [verdict]
    two = {"train_seed7": styles.sp8192(7), "again_seed7": styles.sp8192(7, 1.0820)}
    assert "json.score" not in contradicted(folder(tmp_path / "b", two, "# val_bpb: 1.0810\n", facts))
