"""What the data of a folder plainly decide is decided, and a row that claims nothing accuses nobody."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_forms_of_figures import TITLE, contradicted, evidence, verdicts
from tritgolf.outcome import Verdict

ROWS = {seed: (bpb, 15_700_000) for seed, bpb in styles.SEEDS.items()}


def by_seed(**others):
    """Figures by seed of submission.json; ``others``: of seed 2, in place of its own."""
    rows = {str(seed): {"val_bpb": bpb, "val_loss": round(styles.nats(bpb), 8)} for seed, bpb in styles.SEEDS.items()}
    return {"val_bpb": 1.1705, "seed_results": rows | {"2": rows["2"] | others}}


@pytest.mark.parametrize(("row", "verdict"), [
    ("| 4 | — | — |", Verdict.HOLDS),
    ("| 4 | TBD | pending |", Verdict.HOLDS),
    ("| 4 | | |", Verdict.HOLDS),
    ("| 4 | 1.1799 | 15,700,000 |", Verdict.CONTRADICTED),
    ("| 4 | see the log | |", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_row_of_a_seed_without_any_figure_is_of_a_run_that_was_planned(row, verdict, tmp_path):
    table = styles.table(ROWS, "1.1705").replace("| **Mean**", f"{row}\n| **Mean**")
    made = folder(tmp_path, styles.three(), TITLE + table)
    assert verdicts(made, "runs.seeds") == [verdict]


SLIDING = "\nfinal_eval_mode:sliding_window stride:64 batch_seqs:32\n"


def with_mode(line):
    """The baseline's logs, with a line before the score that says how it was made."""
    logs = {f"train_seed{seed}": styles.baseline(seed, bpb) for seed, bpb in styles.SEEDS.items()}
    return {name: log.replace("\nfinal_int8", f"{line}final_int8", 1) for name, log in logs.items()}


@pytest.mark.parametrize(("text", "line", "verdict"), [
    ("A sliding window scores it.", SLIDING, Verdict.CONTRADICTED),
    ("A sliding window scores it.", "\n", Verdict.CANT_TELL),
    ("TTT comes first.", "\nttt_p2: done in 389129ms\n", Verdict.CONTRADICTED),
    ("TTT comes first.", "\nttt: total 389129ms\n", Verdict.CONTRADICTED),
    ("TTT comes first.", "\nttt: starting\n", Verdict.CANT_TELL),
])  # fmt: skip
def test_a_line_of_the_log_may_name_the_way_to_score_that_its_stage_does_not(text, line, verdict, tmp_path):
    readme = f"# A record\n\n{text}\n"
    made = folder(tmp_path / "a", with_mode(line), readme, by_seed())
    assert contradicted(made) == set()
    wrong = folder(tmp_path / "b", with_mode(line), readme, by_seed(val_bpb=1.1611))
    assert verdicts(wrong, "json.score") == [verdict]


def test_losses_by_seed_are_held_to_the_seeds_log(tmp_path):
    made = folder(tmp_path / "a", styles.three(), None, by_seed())
    assert "seed 2: loss" in evidence(made, "json.score")
    assert verdicts(made, "json.score") == [Verdict.HOLDS]
    wrong = folder(tmp_path / "b", styles.three(), None, by_seed(val_loss=1.9612345))
    assert verdicts(wrong, "json.score") == [Verdict.CONTRADICTED]
    in_bits = folder(tmp_path / "c", styles.three(), None, by_seed(val_loss=round(styles.SEEDS[2] * 2.43593, 6)))
    assert verdicts(in_bits, "json.score") == [Verdict.CANT_TELL]


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, Verdict.HOLDS), (0.003, Verdict.CONTRADICTED)])
def test_a_mean_of_losses_is_held_to_the_runs(shift, verdict, tmp_path):
    mean = sum(map(styles.nats, styles.SEEDS.values())) / len(styles.SEEDS)
    made = folder(tmp_path, styles.three(), TITLE, by_seed() | {"mean_val_loss": round(mean + shift, 6)})
    assert verdicts(made, "text.mean") == [verdict]


def test_a_headline_that_is_the_mean_of_submission_json_is_the_submissions_own(tmp_path):
    readme = "# A record\n\n**Mean val_bpb: 1.1699** (3 seeds) | **Best: 1.1667**\n\nval_bpb: 1.1667\n"
    made = folder(tmp_path, styles.three(), readme, by_seed() | {"val_bpb": 1.1667, "mean_val_bpb": 1.1699})
    assert verdicts(made, "text.headline", "text.mean") == [Verdict.CONTRADICTED] * 2
    assert evidence(made, "text.headline").startswith("README 1.1699")
