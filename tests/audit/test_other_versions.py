"""Runs beside those of the score, of an earlier version or an ablation: a text quotes them, and they bind nothing."""

import re

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit.auditor import audit
from tritgolf.audit.claimed_runs import claimed_runs
from tritgolf.audit.submission import read_submission
from tritgolf.outcome import Verdict

CODE = 47_642  # bytes, as the logs of ``styles`` print it
EARLIER = "\n## Superseded runs\n\nThese took too much space.\n\n" + styles.table(
    {seed: (bpb + 0.004, 16_059_999) for seed, bpb in styles.SEEDS.items()}, "1.1745"
)


def recoded(log, code, total=15_700_000):
    """The log of a run of a script of another length."""
    raw = 67_224_983  # the model before it is compressed
    sizes = {CODE: code, raw + CODE: raw + code, 15_700_000 - CODE: total - code, 15_700_000: total}
    return re.sub(r"\d+(?= bytes)", lambda match: str(sizes.get(int(match[0]), match[0])), log)


def earlier(seed):
    """The log of an earlier version: a worse score, other code, too many bytes."""
    return recoded(styles.int6(seed, styles.SEEDS[seed] + 0.004), 60_000, total=16_059_999).replace("2.6", "2.5")


def of_two_versions(tmp_path, readme, facts):
    logs = {**styles.three(), **{f"v0_seed{seed}": earlier(seed) for seed in styles.SEEDS}}
    made = folder(tmp_path, logs, readme, facts)
    (made / "train_gpt.py").write_bytes(b"#" * CODE)
    return made


@pytest.mark.parametrize("facts", [JSON, {**JSON, "seeds": {"1": 1.1667, "2": 1.1711, "3": 1.1737}}])
def test_an_earlier_version_that_is_shown_binds_nothing(facts, tmp_path):
    made = of_two_versions(tmp_path, TITLE + TABLE + EARLIER, facts)
    assert contradicted(made) == {}
    assert {log.name for log in claimed_runs(read_submission(made)).runs} == {f"train_seed{n}.log" for n in (1, 2, 3)}


@pytest.mark.parametrize("unseeded", ["of the score", "of all runs"])
def test_an_earlier_version_binds_nothing_where_names_alone_tell_the_seeds(unseeded, tmp_path):
    """Logs that were cut at their beginning print no seed; their names do. Those of the score were passed over."""
    seeds = {str(seed): bpb for seed, bpb in styles.SEEDS.items()}
    made = of_two_versions(tmp_path, TITLE + TABLE + EARLIER, {**JSON, "seeds": seeds})
    for log in made.glob("train_*.log" if unseeded == "of the score" else "*.log"):
        log.write_text(re.sub(r"seed:\d\n", "", log.read_text()))
    assert contradicted(made) == {}
    assert {log.name for log in claimed_runs(read_submission(made)).runs} == {f"train_seed{n}.log" for n in (1, 2, 3)}


@pytest.mark.parametrize(("total", "is_over"), [(15_700_000, False), (16_059_999, True)])
def test_of_two_runs_of_a_seed_one_that_fits_may_be_the_scores(total, is_over, tmp_path):
    """No log has the score: an earlier run that is quoted, and too large, was taken for the submission's."""
    logs = {f"run{seed}": recoded(styles.int6(seed, bpb), CODE, total) for seed, bpb in styles.SEEDS.items()}
    logs |= {f"v0_seed{seed}": earlier(seed) for seed in styles.SEEDS}
    readme = "# A record\n\n**val_bpb: 1.1600** (mean of three seeds)\n" + EARLIER
    made = folder(tmp_path, logs, readme, {"val_bpb": 1.1600, "seeds": [1, 2, 3]})
    assert ("budget.limit" in contradicted(made)) is is_over


def test_a_mean_of_rows_as_rounded_is_of_the_runs_of_those_rows(tmp_path):
    exact = {1: 1.16666, 2: 1.17106, 3: 1.17357}  # their mean is 1.1704, that of the rows 1.1705
    rows = {seed: (bpb, 15_700_000) for seed, bpb in exact.items()}
    logs = {f"train_seed{seed}": styles.int6(seed, bpb) for seed, bpb in exact.items()}
    logs |= {f"v0_seed{seed}": earlier(seed) for seed in exact}
    readme = "# A record\n\n**val_bpb: 1.1705** (mean of three seeds)\n\n" + styles.table(rows, "1.1705") + EARLIER
    made = folder(tmp_path, logs, readme, {"val_bpb": 1.1705, "seeds": [1, 2, 3]})
    assert {log.name for log in claimed_runs(read_submission(made)).runs} == {f"train_seed{n}.log" for n in (1, 2, 3)}
    assert "budget.limit" not in contradicted(made)


def test_an_ablation_that_is_quoted_may_be_of_other_code(tmp_path):
    readme = TITLE + TABLE + "\nWithout EMA it scores 1.1837 BPB.\n"
    logs = styles.three() | {"no_ema": recoded(styles.int6(1, 1.1837), 49_000)}
    made = folder(tmp_path, logs, readme, JSON)
    (made / "train_gpt.py").write_bytes(b"#" * CODE)
    assert contradicted(made) == {}


def test_a_run_of_the_score_of_other_code_contradicts(tmp_path):
    logs = styles.three()
    logs["train_seed2"] = recoded(logs["train_seed2"], 49_000)
    made = folder(tmp_path, logs, TITLE + TABLE, JSON)
    (made / "train_gpt.py").write_bytes(b"#" * CODE)
    assert contradicted(made).keys() == {"budget.script"}


@pytest.mark.parametrize(("lora", "verdict"), [(49_000, Verdict.HOLDS), (CODE, Verdict.CONTRADICTED)])
def test_a_run_named_like_one_of_several_scripts_is_of_that_one(lora, verdict, tmp_path):
    made = folder(tmp_path, styles.three() | {"log_lora_7": recoded(styles.int6(7, 1.1837), lora)}, TITLE + TABLE, JSON)
    (made / "train_gpt.py").write_bytes(b"#" * CODE)
    (made / "train_gpt_lora.py").write_bytes(b"#" * 49_000)
    assert next(found for found in audit(made).findings if found.check == "budget.script").verdict is verdict


@pytest.mark.parametrize("words", ["mean across `1/2`", "2-seed mean of the clean runs 1 and 2", "mean (seeds 1, 2)"])
@pytest.mark.parametrize("name", [lambda seed: f"seed{seed}", lambda seed: "abc"[seed - 1]], ids=["series", "names"])
def test_a_mean_of_some_seeds_that_it_names_is_held_to_their_runs(words, name, tmp_path):
    """It was held to the mean of all runs alone. Another mean may be another system's."""
    logs = {name(seed): styles.int6(seed, bpb) for seed, bpb in styles.SEEDS.items()}
    for mean, verdict in (("1.1689", Verdict.HOLDS), ("1.1680", Verdict.CANT_TELL)):
        readme = f"# A record\n\n- {words}: `val_bpb:{mean}`\n\n{TABLE}"
        made = folder(tmp_path / mean, logs, readme, JSON)
        assert {f.check: f.verdict for f in audit(made).findings}["text.mean"] is verdict


@pytest.mark.parametrize(("std", "verdict"), [("0.0035", Verdict.HOLDS), ("0.0075", Verdict.CONTRADICTED)])
@pytest.mark.parametrize("word", ["stddev", "stdev", "std"])
def test_a_std_is_one_under_each_of_its_short_names(word, std, verdict, tmp_path):
    readme = f"# A record\n\nThree runs:\n- mean `val_bpb`: `1.1705`\n- sample {word}: `{std}`\n\n{TABLE}"
    made = folder(tmp_path, styles.three(), readme, JSON)
    assert {f.check: f.verdict for f in audit(made).findings}["text.std"] is verdict


@pytest.mark.parametrize(("mean", "verdict"), [("1.1705", Verdict.HOLDS), ("1.1699", Verdict.CANT_TELL)])
def test_the_best_run_beside_the_mean_is_no_mean(mean, verdict, tmp_path):
    readme = f"# A record\n\nIt has **val_bpb 1.1667** (best seed) / **{mean}** (mean across 3 seeds).\n\n{TABLE}"
    made = folder(tmp_path, styles.three(), readme, {**JSON, "val_bpb": 1.1667})
    found = {finding.check: finding.verdict for finding in audit(made).findings}
    assert found["text.headline"] is Verdict.HOLDS
    assert found["text.mean"] is verdict


def test_code_is_counted_where_artifacts_are_trained_not_where_they_are_evaluated(tmp_path):
    """The score's runs load stored artifacts and count no code; those that trained them do, and are quoted."""
    trained = {f"train_seed{seed}": styles.int6(seed, bpb + 0.004) for seed, bpb in styles.SEEDS.items()}
    of_training = r"(?m)^.*\bbytes\b.*\n|^step:.*\n|^stopping.*\n"
    evaluated = {f"eval_seed{n}": re.sub(of_training, "", styles.int6(n, bpb)) for n, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, trained | evaluated, TITLE + TABLE + EARLIER, JSON)
    (made / "train_gpt.py").write_bytes(b"#" * (CODE + 5))
    assert "budget.script" in contradicted(made)
