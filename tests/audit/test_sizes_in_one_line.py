"""Sizes told all in one line, or under a script's own names, and a JSON's code that is not the one counted."""

import pytest

from tests.audit import styles
from tests.audit.test_sizes_told_otherwise import CODE, FACTS, TOTAL, made, verdicts, without
from tritgolf.audit.logs import parse_log
from tritgolf.outcome import Verdict

RAW = 67_224_983
ONE_LINE = (
    f"Int8+zlib: {TOTAL - CODE} bytes  code: {CODE} bytes  total: {TOTAL} bytes",
    f"model_size int8+zlib:{TOTAL - CODE} bytes  code:{CODE} bytes  total:{TOTAL} bytes  limit:16MB(16777216)  FITS",
    f"code_size:{CODE} bytes total_submission_size:{RAW + CODE} bytes\n"
    f"serialized_model_int8_zlib:{TOTAL - CODE} bytes (payload:17178912 payload_ratio:3.91x)\n"
    f"total_submission_size_int8_zlib:{TOTAL} bytes",
)


def told(sizes):
    """The contest's own log, with its sizes in the words of another script."""
    log = without(styles.baseline(1), "Serialized model", "Code size", "Total submission")
    return log.replace("final_int8", f"Raw model: {RAW} bytes\n{sizes}\nfinal_int8", 1)


@pytest.mark.parametrize("sizes", ONE_LINE, ids=["a method's name", "model_size", "names with a method"])
def test_sizes_of_one_line_are_read(sizes, tmp_path):
    log = parse_log(told(sizes), "train")
    assert (log.total_bytes, log.code_bytes) == (TOTAL, (CODE,))
    found = verdicts(made(tmp_path / "a", told(sizes)))
    checks = ("budget.sum", "budget.limit", "budget.script", "json.bytes", "text.submission_json")
    assert {found[check] for check in checks} == {Verdict.HOLDS}
    wrong = verdicts(made(tmp_path / "b", told(sizes), {**FACTS, "bytes_total": TOTAL - 7}))
    assert wrong["json.bytes"] is Verdict.CONTRADICTED
    no_sum = told(sizes.replace(f"code:{CODE}", f"code:{CODE + 5}").replace(f"code: {CODE}", f"code: {CODE + 5}"))
    if no_sum != told(sizes):
        assert verdicts(made(tmp_path / "c", no_sum))["budget.sum"] is Verdict.CONTRADICTED


UNPACKED, PACKED, SUBMISSION = 48_000, 16_630, 15_991_930  # bytes, as ``styles.sp8192`` has them


@pytest.mark.parametrize(("fields", "verdict"), [
    ({"bytes_code": UNPACKED}, Verdict.HOLDS),  # which the log has beside the one that it counts
    ({"bytes_code": UNPACKED, "bytes_code_compressed": PACKED}, Verdict.HOLDS),
    ({"bytes_code_raw": PACKED}, Verdict.HOLDS),
    ({"bytes_code": UNPACKED + 9}, Verdict.CONTRADICTED),
    ({"bytes_code": 0, "bytes_code_raw": PACKED - 9}, Verdict.CONTRADICTED),
])  # fmt: skip
def test_the_code_of_the_json_may_be_the_one_that_the_total_counts_compressed(fields, verdict, tmp_path):
    path = made(tmp_path, styles.sp8192(), {"val_bpb": 1.0810, "bytes_total": SUBMISSION, **fields})
    assert verdicts(path)["json.sum"] is verdict
