"""Artifacts in a submission's folder: a bundle's of this program, and several of which one is read."""

import shutil

import pytest

from tests.audit.folders import folder, text
from tests.small import REPOSITORY
from tritgolf.audit.auditor import audit
from tritgolf.audit.checks import SUBMISSION_CHECKS
from tritgolf.audit.submission import read_submission
from tritgolf.outcome import Verdict

ARTIFACT = REPOSITORY / "tests/fixtures/container/v1_bitmask.tgolf"
BYTES = ARTIFACT.stat().st_size
CODE = 70853


def log(size=BYTES, trits=14336):
    """A log that counts what is in the sample, of ``size`` bytes."""
    total = size + CODE
    return text(
        "pr640/seed42",
        ("ternary:64880640(14239486B) fp:2513744(2537376B)", f"ternary:{trits}(3774B) fp:1684(2024B)"),
        ("budget:15993853/16000000 (15.99/16.00MB)", f"budget:{total}/16000000 ({total / 1e6:.2f}/16.00MB)"),
    )


def bundled(path, content=None, **facts):
    """A folder with the log and the artifact, or other ``content`` in its place."""
    made = folder(path, {"train_seed42": log(**facts)})
    (made / "seed42_bf16.tgolf").write_bytes(ARTIFACT.read_bytes() if content is None else content)
    return made


def outcome(name, path):
    check = next(check for check in SUBMISSION_CHECKS.checks if check.name == name)
    return check.run(read_submission(path))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("artifact.size", f"seed42_bf16.tgolf has {BYTES:,} bytes; logged {BYTES:,}"),
        ("artifact.readable", "14,336 ternary weights as bitmask"),
        ("artifact.contents", "14,336 trits and 1,684 others in 3,774 ternary bytes"),
    ],
)
def test_an_own_artifact_is_read(name, told, tmp_path):
    found = outcome(name, bundled(tmp_path))
    assert found.verdict is Verdict.HOLDS and told in found.evidence


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("artifact.size", {"size": BYTES + 1}, f"logged {BYTES + 1:,}"),
        ("artifact.readable", {"content": ARTIFACT.read_bytes()[:-1]}, "seed42_bf16.tgolf: "),
        ("artifact.contents", {"trits": 14337}, "ternary weights: file 14,336, log 14,337"),
    ],
)
def test_an_own_artifact_that_is_not_the_logs_is_contradicted(name, change, told, tmp_path):
    found = outcome(name, bundled(tmp_path, **change))
    assert found.verdict is Verdict.CONTRADICTED and told in found.evidence


def test_an_own_artifact_above_the_limit_breaks_it(tmp_path):
    made = folder(tmp_path, {}, "# val_bpb: 1.1705\n", {"val_bpb": 1.1705})
    (made / "seed42_bf16.tgolf").write_bytes(bytes(16_000_001))
    found = outcome("budget.limit", made)
    assert found.verdict is Verdict.CONTRADICTED
    assert "seed42_bf16.tgolf: 16,000,001 bytes, 1 too many" in found.evidence


def test_a_file_of_that_name_alone_is_left_open(tmp_path):
    found = outcome("artifact.readable", bundled(tmp_path, content=b"not an artifact"))
    assert found.verdict is Verdict.CANT_TELL
    assert "is in another format than those that are read here" in found.evidence


def test_which_of_several_artifacts_is_read_is_told_and_the_other_may_be_the_one_that_counts(tmp_path):
    made = bundled(tmp_path)
    assert ", artifact\n" in f"{audit(made).summary}\n"
    shutil.copyfile(ARTIFACT, made / "seed42_another.tgolf")
    with (made / "seed42_another.tgolf").open("ab") as file:
        file.write(b"\0")
    assert "several artifacts (seed42_another.tgolf is read)" in audit(made).summary
    found = outcome("artifact.size", made)
    assert found.verdict is Verdict.CANT_TELL and "another artifact may be the one that counts" in found.evidence
