"""A run whose line is absent or unreadable: nothing is said of all runs that only the others' lines show."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import contradicted
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

SCORES = {1: 1.0808, 2: 1.0810, 3: 1.0812}
FACTS = {"val_bpb": 1.081, "seeds": [1, 2, 3], "track": "10min_16mb",
         "seed_results": {str(seed): {"val_bpb": bpb} for seed, bpb in SCORES.items()}}  # fmt: skip
README = "# val_bpb: 1.0810 (mean of three seeds)\n"
SIZE, TIME = "Total submission size quantized+brotli: 15991930 bytes", "train_time: 588047ms"
EVALUATION, TOKENS = "eval_time:366525ms", "val_tokens: 40540160"


def three(edit=lambda log: log, seed=2):
    logs = {f"train_seed{each}": styles.sp8192(each, bpb) for each, bpb in SCORES.items()}
    changed = edit(logs[f"train_seed{seed}"])
    assert edit is three.__defaults__[0] or changed != logs[f"train_seed{seed}"]
    return logs | {f"train_seed{seed}": changed}


def findings(path):
    return {finding.check: finding for finding in audit(path).findings}


def changed(old, new):
    return lambda log: log.replace(old, new)


def test_all_runs_that_tell_are_told_of(tmp_path):
    found = findings(folder(tmp_path, three(), README, FACTS))
    for check in ("budget.limit", "timing.limit", "timing.evaluation", "evaluation.tokens", "json.score"):
        assert found[check].verdict is Verdict.HOLDS, found[check].evidence


@pytest.mark.parametrize(
    ("check", "line", "instead"),
    [
        *(("budget.limit", SIZE, SIZE.replace("15991930 bytes", text)) for text in ("16.99 MB", "-15991930 bytes", "")),
        *(("timing.limit", TIME, text) for text in ("train_time: -588047ms", "train_time: long", "")),
        *(("timing.evaluation", EVALUATION, text) for text in ("eval_time:-366525ms", "eval_time:long", "")),
        *(("evaluation.tokens", TOKENS, text) for text in ("val_tokens: -1", "val_tokens: all", "tokens")),
    ],
)
def test_a_run_whose_line_cannot_be_read_is_named(check, line, instead, tmp_path):
    found = findings(folder(tmp_path, three(changed(line, instead)), README, FACTS))[check]
    assert found.verdict is Verdict.CANT_TELL, found.evidence
    assert "train_seed2.log" in found.evidence


@pytest.mark.parametrize(
    ("check", "edit", "wrong"),
    [("budget.limit", changed("15991930", "16991930"), changed(SIZE, "")),
     ("timing.limit", changed("588047ms", "688047ms"), changed(TIME, "")),
     ("timing.evaluation", changed("366525ms", "766525ms"), changed(EVALUATION, ""))],
)  # fmt: skip
def test_another_run_that_breaks_the_rule_still_does(check, edit, wrong, tmp_path):
    logs = {**three(edit, 1), "train_seed2": three(wrong, 2)["train_seed2"]}
    assert check in contradicted(folder(tmp_path, logs, README, FACTS))


@pytest.mark.parametrize(
    ("check", "edit"),
    [("budget.limit", changed(" 15991930 bytes", " 16,991,930 bytes")), ("timing.limit", changed("588047ms", "688.0s")),
     ("timing.evaluation", changed("366525ms", "666.5s"))],
)  # fmt: skip
def test_grouped_digits_and_seconds_are_read(check, edit, tmp_path):
    assert check in contradicted(folder(tmp_path, three(edit), README, FACTS))


def test_no_tokens_are_fewer_than_all(tmp_path):
    edit = changed(TOKENS, "val_tokens: 0\ndata: fineweb10B_sp8192")
    assert "loaded 0 tokens" in contradicted(folder(tmp_path, three(edit), README, FACTS))["evaluation.tokens"]


def test_a_log_that_was_cut_leaves_its_run_open(tmp_path):
    found = findings(folder(tmp_path, three(lambda log: log.partition("stopping_early")[0], 1), README, FACTS))
    for check in ("budget.limit", "timing.limit", "timing.evaluation", "json.score"):
        assert found[check].verdict is Verdict.CANT_TELL, found[check].evidence
        assert "seed1.log" in found[check].evidence or "seed 1" in found[check].evidence


def test_a_claimed_seed_without_a_log_leaves_its_run_open(tmp_path):
    logs = {name: log for name, log in three().items() if name != "train_seed1"}
    found = findings(folder(tmp_path, logs, README, FACTS))
    for check in ("budget.limit", "timing.limit", "timing.evaluation", "json.score"):
        assert found[check].verdict is Verdict.CANT_TELL, found[check].evidence
        assert "seed 1" in found[check].evidence


def test_a_runs_evaluation_time_stands_with_its_own_score(tmp_path):
    """Seeds in another order than the names of their logs."""
    logs = {f"train_seed{name}": styles.sp8192(seed, SCORES[seed]) for name, seed in (("c", 1), ("a", 2), ("b", 3))}
    made = folder(tmp_path, logs, README, FACTS)
    assert findings(made)["timing.evaluation"].verdict is Verdict.HOLDS
    (made / "train_seedc.log").write_text(logs["train_seedc"].replace(EVALUATION, "eval_time:766525ms"))
    assert "timing.evaluation" in contradicted(made)


def test_an_evaluation_alone_is_of_the_training_of_its_seed(tmp_path):
    logs = {}
    for seed, log in zip(SCORES, three().values(), strict=True):
        logs[f"train_seed{seed}"] = log.replace(f"{SCORES[seed]:.8f}", f"{SCORES[seed] + 0.01:.8f}")
        last = log.splitlines()[-1]
        logs[f"ttt_seed{seed}"] = f"Hyperparameters:\n  seed: {seed}\n  ttt: 1\ntrain_shards: 128\n{last}\n"
    found = findings(folder(tmp_path, logs, f"{README}Trained: 1.0908, 1.0910, 1.0912\n", FACTS))
    assert found["budget.limit"].verdict is found["timing.limit"].verdict is Verdict.HOLDS


def test_a_log_that_prints_no_seed_is_of_the_seed_of_its_name(tmp_path):
    logs = {name: log.replace(f"  seed: {name[-1]}\n", "") for name, log in three().items()}
    found = findings(folder(tmp_path, logs, README, FACTS))
    assert found["budget.limit"].verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", ["fineweb10B_sp8192_proxy", "fineweb10B_sp8192-small"])
def test_fewer_tokens_of_data_under_another_name_accuse_nobody(name, tmp_path):
    edit = changed(TOKENS, f"val_tokens: 261888\ndata: {name}")
    found = findings(folder(tmp_path, three(edit), README, FACTS))["evaluation.tokens"]
    assert found.verdict is Verdict.CANT_TELL
    assert name in found.evidence


def test_tokens_may_stand_behind_the_shards(tmp_path):
    log = styles.baseline(1).replace(" tokens:62021632", "\ntrain_loader:dataset:x train_shards:80 val_tokens:62021632")
    found = findings(folder(tmp_path, {"train": log}, "# val_bpb: 1.2244\n"))["evaluation.tokens"]
    assert (found.verdict, "62,021,632 tokens" in found.evidence) == (Verdict.HOLDS, True)
