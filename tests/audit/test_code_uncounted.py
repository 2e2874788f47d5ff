"""Sizes that leave the code out: wrong as those of a whole submission, while an artifact may be the model alone."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import TITLE
from tritgolf.audit.auditor import audit
from tritgolf.outcome import Verdict

MODEL, TOTAL = 15_652_358, 15_700_000


def bytes_check(made):
    return next(finding for finding in audit(made).findings if finding.check == "json.bytes")


def with_another_run():
    """Three seeds, and a run of a fourth, so that the folder's runs are not those of the score alone."""
    return styles.three() | {"ablation": styles.int6(4, 1.18)}


@pytest.mark.parametrize(("facts", "verdict"), [
    ({"bytes_total": MODEL}, Verdict.CONTRADICTED),
    ({"total_submission_bytes": MODEL}, Verdict.CONTRADICTED),
    ({"bytes_total": TOTAL}, Verdict.HOLDS),
    ({"bytes_total": MODEL - 1}, Verdict.CANT_TELL),  # of a run whose log isn't there
    ({"artifact_bytes": MODEL}, Verdict.HOLDS),  # which is the model alone to some
])  # fmt: skip
def test_a_total_that_is_a_runs_model_to_the_byte_leaves_the_code_out(facts, verdict, tmp_path):
    """Beside other runs, of which a total may be, this one was open."""
    found = bytes_check(folder(tmp_path, with_another_run(), TITLE, {"val_bpb": 1.1705, "seeds": [1, 2, 3]} | facts))
    assert found.verdict is verdict
    assert ("without code" in found.evidence) == (MODEL in facts.values())


def test_a_total_that_is_the_mean_of_the_models_leaves_the_code_out(tmp_path):
    logs = {f"train_seed{seed}": styles.int6(seed, bpb).replace(str(MODEL), str(MODEL + 30 * seed**2))
            .replace(str(TOTAL), str(TOTAL + 30 * seed**2)) for seed, bpb in styles.SEEDS.items()}  # fmt: skip
    facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3], "bytes_total": MODEL + 140}
    found = bytes_check(folder(tmp_path, logs, TITLE, facts))
    assert found.verdict is Verdict.CONTRADICTED
    assert "the mean of the models, without code" in found.evidence


@pytest.mark.parametrize(("name", "verdict"), [
    ("bytes_total_max", Verdict.CONTRADICTED), ("artifact_bytes_max", Verdict.HOLDS),
])  # fmt: skip
def test_the_largest_total_is_no_models(name, verdict, tmp_path):
    facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3], name: MODEL}
    assert bytes_check(folder(tmp_path, styles.three(), TITLE, facts)).verdict is verdict


@pytest.mark.parametrize(("title", "verdict"), [
    ("Total", Verdict.CONTRADICTED), ("Total size (bytes)", Verdict.CONTRADICTED),
    ("submission_bytes", Verdict.CONTRADICTED), ("Submission", Verdict.CANT_TELL),
    ("Artifact", Verdict.CANT_TELL), ("Total artifact", Verdict.CANT_TELL), ("Model size", Verdict.CANT_TELL),
])  # fmt: skip
def test_a_column_of_totals_has_no_models(title, verdict, tmp_path):
    rows = "".join(f"| {seed} | {bpb:.4f} | {MODEL:,} |\n" for seed, bpb in styles.SEEDS.items())
    readme = f"{TITLE}| Seed | Sliding BPB | {title} |\n|---|---|---|\n{rows}"
    assert bytes_check(folder(tmp_path, styles.three(), readme, {"val_bpb": 1.1705})).verdict is verdict
