"""Sizes that a log tells in another way: without its code's, without a total, a total without the method."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import contradicted
from tritgolf.audit.auditor import audit
from tritgolf.audit.logs import parse_log
from tritgolf.outcome import Verdict

CODE, TOTAL = 47_642, 15_863_489  # bytes, as ``styles.baseline`` has them
README, FACTS = "# val_bpb: 1.2244\n", {"val_bpb": 1.2244, "bytes_total": TOTAL, "track": "10min_16mb"}


def without(log, *beginnings):
    return "".join(line for line in log.splitlines(True) if not line.startswith(beginnings))


def made(tmp_path, log, facts=FACTS, code=CODE):
    path = folder(tmp_path, {"train": log}, README, facts)
    (path / "train_gpt.py").write_bytes(b"#" * code)
    return path


def verdicts(path):
    return {found.check: found.verdict for found in audit(path).findings}


def test_a_total_without_a_method_may_be_of_the_compressed_model(tmp_path):
    log = styles.baseline(1).replace(f"size: {67_224_983 + CODE} bytes", f"size: {TOTAL} bytes")
    assert contradicted(made(tmp_path, log)) == {}


def test_raw_sizes_tell_the_code_that_no_line_does(tmp_path):
    log = without(styles.baseline(1), "Code size")
    assert parse_log(log, "train").code_bytes == (CODE,)
    found = verdicts(made(tmp_path / "a", log))
    assert (found["budget.sum"], found["budget.script"]) == (Verdict.HOLDS, Verdict.HOLDS)
    assert contradicted(made(tmp_path / "b", log, code=CODE + 5)).keys() == {"budget.script"}
    assert parse_log(without(log, "Serialized model:"), "train").code_bytes == ()


def mlx(size=TOTAL - CODE):
    """The contest's script for Apple's machines prints the compressed model and neither code nor total."""
    log = without(styles.baseline(1), "Code size", "Total submission", "Serialized model")
    return log.replace("final_int8", f"serialized_model_int8_zlib:{size} bytes (payload_ratio:3.64x)\nfinal_int8", 1)


def test_a_model_without_a_total_counts_with_the_script(tmp_path):
    found = verdicts(made(tmp_path / "a", mlx()))
    assert (found["budget.limit"], found["json.bytes"]) == (Verdict.HOLDS, Verdict.HOLDS)
    other = made(tmp_path / "b", mlx(), {**FACTS, "bytes_total": TOTAL - 7})
    assert verdicts(other)["json.bytes"] is not Verdict.HOLDS


def test_a_model_that_may_be_the_raw_one_accuses_nobody(tmp_path):
    assert contradicted(made(tmp_path, mlx(67_224_983))) == {}


@pytest.mark.parametrize(("wall", "ms", "verdict"), [
    ("600s", 582_000, Verdict.HOLDS), ("600s", 640_000, Verdict.CONTRADICTED), ("none", 582_000, Verdict.CANT_TELL),
])  # fmt: skip
def test_a_cap_may_be_called_wall(wall, ms, verdict, tmp_path):
    log = without(styles.baseline(1, train_ms=ms), "world_size", "train_batch_tokens", "seed:")
    log = log.replace("model_params", f"lr:embed=0.035 matrix=0.025 batch:786432 wall:{wall} seed:1\nmodel_params", 1)
    finding = next(found for found in audit(made(tmp_path, log)).findings if found.check == "timing.limit")
    assert finding.verdict is verdict
    assert "without a time limit" not in finding.evidence


def test_score_and_total_of_one_run_are_found_in_any_log(tmp_path):
    assert verdicts(made(tmp_path, styles.baseline(1)))["text.submission_json"] is Verdict.HOLDS


@pytest.mark.parametrize(("total", "verdicts_of"), [
    (15_886_378, (Verdict.HOLDS, Verdict.CANT_TELL)), (15_886_377, (Verdict.CONTRADICTED, Verdict.CONTRADICTED)),
])  # fmt: skip
def test_a_total_with_a_part_of_its_own_is_told_under_another_name(total, verdicts_of, tmp_path):
    """A table beside the model, and the code of a second script: the usual lines count neither."""
    told = "artifact_with_table: 15,779,959 bytes (15.05 MB)\ntotal_submission_with_table: 15,886,378 bytes\n"
    facts = {**FACTS, "bytes_total": total, "bytes_code": total - 15_779_959}
    path = made(tmp_path, styles.baseline(1) + told, facts)
    (path / "train_gpt.py").unlink()
    found = verdicts(path)
    assert (found["json.bytes"], found["budget.script"]) == verdicts_of


def beside(part=4_240_256, counted=4_240_256):
    """A log whose total counts a blob besides model and code, of which a line tells."""
    log = styles.baseline(1).replace(f"int8+zlib: {TOTAL} bytes", f"int8+zlib: {TOTAL - 5_000_000 + counted} bytes")
    log = log.replace(f"int8+zlib: {TOTAL - CODE} bytes", f"int8+zlib: {TOTAL - 5_000_000 - CODE} bytes")
    return log.replace("Total submission size int8", f"Paid prefix blob: {part} bytes\nTotal submission size int8", 1)


@pytest.mark.parametrize("part", [4_240_256, 4_240_255])
def test_a_total_may_count_a_part_that_a_line_of_its_own_tells(part, tmp_path):
    facts = {**FACTS, "bytes_total": TOTAL - 5_000_000 + 4_240_256, "bytes_code": CODE}
    found = contradicted(made(tmp_path, beside(part), facts))
    assert found.keys() == (set() if part == 4_240_256 else {"budget.sum", "json.sum"})


BARE = styles.baseline(1).replace(f"size int8+zlib: {TOTAL} bytes", f"size: {TOTAL} bytes (15.86 MB)")


@pytest.mark.parametrize(("log", "total"), [
    (BARE, TOTAL),  # without the method
    (without(styles.baseline(1), "Serialized", "Code size", "Total").replace(
        "final_int8", f"Ternary artifact: {TOTAL - CODE} bytes (lzma) = 15.82MB\n  code: {CODE} bytes\n"
        f"Code size: {CODE} bytes\nTotal submission size: {TOTAL} bytes = 15.86MB\nfinal_int8", 1), TOTAL),
    (without(styles.baseline(1), "Serialized", "Code size", "Total").replace(
        "final_int8", f"artifact:{TOTAL - CODE}B  code:{CODE}B  total:{TOTAL}B  (15.863MB)\nfinal_int8", 1), TOTAL),
    (styles.baseline(1).replace(f"size int8+zlib: {TOTAL} bytes", f"size: {TOTAL + 1} bytes"), None),  # no sum
    (without(styles.baseline(1), "Total submission size int8"), None),  # the raw weights' alone
], ids=["bare", "stored", "brief", "no sum", "raw"])  # fmt: skip
def test_a_total_is_the_sum_of_the_compressed_model_and_the_code_by_whichever_name(log, total, tmp_path):
    assert parse_log(log, "train").total_bytes == total
    wrong = made(tmp_path, log, {**FACTS, "bytes_total": TOTAL + 50})
    assert ("json.bytes" in contradicted(wrong)) is (total is not None)


@pytest.mark.parametrize("name", ["total_submission_bytes", "submission_bytes", "artifact_bytes_total"])
def test_a_total_of_the_json_may_have_another_name(name, tmp_path):
    for total in (TOTAL, TOTAL + CODE, 16_000_001):
        found = verdicts(made(tmp_path / str(total), styles.baseline(1), {"val_bpb": 1.2244, name: total}))
        assert (found["json.bytes"] is Verdict.HOLDS) is (total == TOTAL)
        assert (found["json.bytes"] is Verdict.CONTRADICTED) is (total != TOTAL)
        assert (found["budget.limit"] is Verdict.CONTRADICTED) is (total > 16_000_000)


@pytest.mark.parametrize(("told", "accused"), [("15,860,000", False), ("15,870,000", True), ("15,863,000", True)])
def test_a_table_may_round_its_sizes_to_ten_thousands(told, accused, tmp_path):
    path = folder(tmp_path, {"train": styles.baseline(1)}, f"{README}\n| Seed | val_bpb | Artifact bytes |\n|-|-|-|\n"
                  f"| 1 | 1.2244 | {told} |\n", FACTS)  # fmt: skip
    assert contradicted(path).keys() == ({"json.bytes", "tables.rows"} if accused else set())


@pytest.mark.parametrize(("size", "accused"), [(TOTAL, False), (TOTAL - CODE, True)])
def test_a_total_by_seed_counts_the_code(size, accused, tmp_path):
    facts = {"seed_results": {"1": {"val_bpb": 1.2244, "bytes_total": size}}, "val_bpb": 1.2244}
    assert ("json.bytes" in contradicted(made(tmp_path / "a", styles.baseline(1), facts))) is accused
    facts = {"seed_results": {"1": {"val_bpb": 1.2244, "artifact_bytes": size}}, "val_bpb": 1.2244}
    assert contradicted(made(tmp_path / "b", styles.baseline(1), facts)) == {}
