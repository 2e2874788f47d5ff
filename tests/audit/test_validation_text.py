"""Bits a byte of the contest's own text, whose bytes are known: a script that counts others accuses the score."""

import math
import re

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import contradicted
from tritgolf.audit.auditor import audit
from tritgolf.audit.contest import VALIDATION_BYTES, VALIDATION_TOKENS
from tritgolf.outcome import Verdict

CHECK = "evaluation.bytes_per_token"


def miscounted(log, share):
    """The log of a script that counts so many times the bytes: all its bits a byte are as many times fewer."""
    return re.sub(r"(?<=val_bpb:)[\d.]+", lambda match: f"{float(match[0]) / share:.{len(match[0]) - 2}f}", log)


def claimed(tmp_path, logs, bpb):
    return folder(tmp_path, logs, f"# val_bpb: {bpb:.4f}\n", {"val_bpb": round(bpb, 4)})


@pytest.mark.parametrize("vocabulary", [1024, 8192])
def test_the_known_bytes_are_those_of_our_logs(vocabulary):
    ratio = VALIDATION_BYTES / VALIDATION_TOKENS[vocabulary]
    assert ratio == pytest.approx(styles.BYTES_A_TOKEN[vocabulary], rel=1e-3)


@pytest.mark.parametrize("share", [1.33, 0.8])
def test_another_count_of_bytes_contradicts_though_all_lines_agree(share, tmp_path):
    made = claimed(tmp_path, {"train": miscounted(styles.baseline(1), share)}, 1.2244 / share)
    assert "which the contest's text doesn't have" in contradicted(made)[CHECK]


@pytest.mark.parametrize("other", ["fineweb10B_sp1024_proxy", "our_own_text"])
def test_another_text_may_have_other_bytes(other, tmp_path):
    log = miscounted(styles.baseline(1), 1.33).replace("fineweb10B_sp1024", other)
    assert CHECK not in contradicted(claimed(tmp_path, {"train": log}, 1.2244 / 1.33))


def test_bytes_of_a_part_of_the_text_accuse_nobody(tmp_path):
    assert CHECK not in contradicted(claimed(tmp_path, {"train": miscounted(styles.baseline(1), 1.02)}, 1.2244 / 1.02))


def test_runs_from_before_a_count_was_mended_are_told(tmp_path):
    logs = {"mended": styles.baseline(1), **{f"old_{n}": miscounted(styles.baseline(n), 1.33) for n in (1, 2, 3)}}
    made = claimed(tmp_path, logs, 1.2244)
    (made / "README.md").write_text("# val_bpb: 1.2244\n\nBefore the mend it was 0.9206 BPB.\n")
    finding = next(found for found in audit(made).findings if found.check == CHECK)
    assert finding.verdict is Verdict.HOLDS
    assert "not of the score: old_1.log counts 3.2" in finding.evidence


def test_a_loss_in_nats_a_byte_is_no_other_count_of_bytes(tmp_path):
    """A mixture with a model of bytes prints its loss in nats a byte: ln 2 times its bits, one byte a token."""
    a_byte = "".join(f"{name} val_loss:{0.95 * math.log(2):.8f} val_bpb:0.95000000 eval_time:9ms\n"
                     for name in ("legal_ttt_exact", "final_mixture_exact"))  # fmt: skip
    made = claimed(tmp_path, {"train": styles.sp8192(1) + a_byte}, 0.95)
    assert contradicted(made) == {}
    finding = next(found for found in audit(made).findings if found.check == CHECK)
    assert finding.verdict is Verdict.HOLDS
    assert "2 scores in nats a byte" in finding.evidence
