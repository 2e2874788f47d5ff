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


@pytest.mark.parametrize(("total", "verdict"), [(15_863_489, Verdict.HOLDS), (15_863_612, Verdict.CANT_TELL)])
def test_a_total_may_have_another_name_than_the_one_compressed_model(total, verdict, tmp_path):
    log = styles.baseline(1, 1.2244).replace("Serialized model int8+zlib:", "Serialized model int8+zstd-22:")
    log = log.replace("size int8+zlib: 15863489", f"size int8+zlib: {total}")
    assert f"zlib: {total}" in log
    assert "zstd-22: 15815847" in log
    assert verdicts(folder(tmp_path, {"train": log}), "budget.sum") == [verdict]


def test_sizes_two_in_a_line_are_read(tmp_path):
    log = styles.baseline(1, 1.2244)
    sizes = ["Serialized model: 67224983 bytes  Code: 47642 bytes",
             "Serialized zstd-22: 15815847 bytes  Total: 15863489 bytes"]  # fmt: skip
    kept = [line for line in log.splitlines() if not line.startswith(("Serialized", "Total", "Code"))]
    at = next(at for at, line in enumerate(kept) if line.startswith("final_"))
    made = folder(tmp_path, {"train": "\n".join([*kept[:at], *sizes, *kept[at:]])})
    assert verdicts(made, "budget.sum", "budget.limit") == [Verdict.HOLDS] * 2
    assert "15,815,847 + 47,642 = 15,863,489" in evidence(made, "budget.sum")


SIZES = {1: 15_700_000, 2: 15_710_000, 3: 15_720_000}


@pytest.mark.parametrize(("size", "verdict"), [
    (SIZES[2], Verdict.HOLDS),  # its own
    (SIZES[1], Verdict.CONTRADICTED),  # another run's
    (SIZES[3], Verdict.CANT_TELL),  # the largest, which the limit is for
])  # fmt: skip
def test_a_score_and_a_size_are_of_one_run(size, verdict, tmp_path):
    logs = {f"train_seed{seed}": styles.baseline(seed, bpb, total=SIZES[seed]) for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, logs, None, {"val_bpb": 1.1711, "bytes_total": size, "seeds": [1, 2, 3]})
    assert verdicts(made, "text.submission_json") == [verdict]


@pytest.mark.parametrize("size", sorted(SIZES.values()))
def test_a_mean_beside_any_runs_size_accuses_nobody(size, tmp_path):
    logs = {f"train_seed{seed}": styles.baseline(seed, bpb, total=SIZES[seed]) for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, logs, None, {"val_bpb": 1.1705, "bytes_total": size, "seeds": [1, 2, 3]})
    assert contradicted(made) == set()


@pytest.mark.parametrize(
    ("mean", "verdict"), [(15710000.33333333, Verdict.HOLDS), (15710900.33333333, Verdict.CONTRADICTED)]
)
def test_a_mean_of_sizes_may_be_no_whole_number(mean, verdict, tmp_path):
    sizes = SIZES | {3: 15_720_001}
    logs = {f"train_seed{seed}": styles.baseline(seed, bpb, total=sizes[seed]) for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, logs, None, {"val_bpb": 1.1705, "bytes_total_mean": mean, "seeds": [1, 2, 3]})
    assert verdicts(made, "json.bytes") == [verdict]


@pytest.mark.parametrize("size", ["**15.7 MB** |", "15.70 MB (mean) | 8 GPUs", "15.70 MB"])
def test_a_size_beside_the_headline_may_be_short_or_have_a_remark(size, tmp_path):
    readme = f"# A record\n\n**val_bpb: 1.1705** (mean of three seeds) | {size}\n\nHadamard: +0.5MB artifact size.\n"
    assert verdicts(folder(tmp_path, styles.three(), readme), "text.artifact") == [Verdict.HOLDS]


def test_the_claimed_seeds_come_before_all_runs(tmp_path):
    logs = styles.three() | {"old_seed7": styles.int6(7, 1.1705)}
    made = folder(tmp_path, logs, TITLE + styles.table(ROWS, "1.1705"), {"val_bpb": 1.1705, "seeds": [1, 2, 3]})
    assert "over 3 runs" in evidence(made, "text.mean")


@pytest.mark.parametrize(("line", "verdict"), [
    ("**val_bpb: 1.1735** (3-seed mean)", Verdict.CONTRADICTED),
    ("`mean_val_bpb: 1.1735` (3 seeds, stride 64)", Verdict.CONTRADICTED),
    ("It begins with a model of val_bpb 1.1735 (3-seed mean).", Verdict.CANT_TELL),
    ("val_bpb: 1.1735", Verdict.CANT_TELL),
])  # fmt: skip
def test_a_line_at_the_top_that_begins_with_the_score_is_the_submissions_own(line, verdict, tmp_path):
    readme = f"# A record\n\n{line}\n\n{styles.table(ROWS, '1.1705')}"
    made = folder(tmp_path, styles.three(), readme, by_seed())
    assert verdicts(made, "text.headline") == [verdict]


@pytest.mark.parametrize(("others", "verdict"), [
    ({"val_bpb": 1.1611}, Verdict.CONTRADICTED),
    ({"val_loss": 1.9612345}, Verdict.CONTRADICTED),
    ({}, Verdict.HOLDS),
])  # fmt: skip
def test_a_second_run_of_another_seed_leaves_no_seed_open(others, verdict, tmp_path):
    logs = styles.three() | {"train_seed1_reference": styles.int6(1, 1.1699)}
    readme = f"# A record\n\n{styles.table(ROWS, '1.1705')}"
    made = folder(tmp_path, logs, readme, by_seed(**others))
    assert verdicts(made, "json.score") == [verdict]


def test_a_seed_whose_row_is_of_another_run_stays_open(tmp_path):
    logs = styles.three() | {"train_seed1_reference": styles.int6(1, 1.1699)}
    readme = "# A record\n\n" + styles.table(ROWS | {2: (1.1611, 15_700_000)}, "1.1672")
    made = folder(tmp_path, logs, readme, by_seed(val_bpb=1.1611))
    assert verdicts(made, "json.score") == [Verdict.CANT_TELL]


def of_ngrams(wrong, *orders):
    """A folder of runs that end in a score with n-grams of these orders; ``wrong``: the first row's sliding score."""
    logs = {
        f"train_seed{seed}": f"{styles.int6(seed, bpb)}\n{styles.score(f'final_sliding_ngram{order}', bpb - 0.1)}\n"
        for (seed, bpb), order in zip(styles.SEEDS.items(), orders, strict=True)
    }
    rows = {**styles.SEEDS, 1: wrong}
    body = "".join(f"| {seed} | {bpb:.4f} | {styles.SEEDS[seed] - 0.1:.4f} |\n" for seed, bpb in rows.items())
    return logs, f"# A record\n\n| Seed | Sliding BPB | n-gram BPB |\n|---|---|---|\n{body}"


@pytest.mark.parametrize(("wrong", "orders", "verdict"), [
    (1.1667, (5, 7, 7), Verdict.HOLDS),
    (1.1611, (5, 7, 7), Verdict.CONTRADICTED),
    (1.1611, (7, 7, 7), Verdict.CONTRADICTED),
])  # fmt: skip
def test_runs_whose_stages_differ_in_a_number_alone_lack_nothing(wrong, orders, verdict, tmp_path):
    made = folder(tmp_path, *of_ngrams(wrong, *orders), {"val_bpb": 1.0705})
    assert verdicts(made, "tables.rows") == [verdict]


def test_a_figure_that_a_log_without_its_end_lacks_leaves_the_rows_open(tmp_path):
    logs, readme = of_ngrams(1.1611, 7, 7, 7)
    at = logs["train_seed1"].index("final_sliding_ngram7")
    cut = logs | {"train_seed1": logs["train_seed1"][:at]}
    rows = readme.replace("| Sliding BPB |", "| Roundtrip BPB | Sliding BPB |").replace("|---|---|", "|---|---|---|", 1)
    for seed, bpb in {**styles.SEEDS, 1: 1.1611}.items():
        rows = rows.replace(f"| {seed} | {bpb:.4f}", f"| {seed} | {styles.SEEDS[seed] + 0.02:.4f} | {bpb:.4f}")
    made = folder(tmp_path, cut, rows, {"val_bpb": 1.0705})
    assert "seed 1 Sliding BPB: table 1.1611" in evidence(made, "tables.rows")
    assert verdicts(made, "tables.rows") == [Verdict.CANT_TELL]


@pytest.mark.parametrize(("mean", "verdict"), [("1.1705", Verdict.HOLDS), ("1.1699", Verdict.CANT_TELL)])
def test_a_mean_that_may_be_of_more_runs_than_the_table_has_is_left_open(mean, verdict, tmp_path):
    table = styles.table(ROWS, mean).replace(f"**{mean}** | |", f"**{mean}** | 15,700,000 |")
    made = folder(tmp_path, styles.three() | {"train_seed4": styles.int6(4, 1.1755)}, f"# A record\n\n{table}")
    assert verdicts(made, "tables.means") == [verdict]
