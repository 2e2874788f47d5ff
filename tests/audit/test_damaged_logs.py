"""Logs as copying, cutting and packing leave them: repeated, without their beginnings, without suffixes, not read."""

import gzip
import re
import zipfile

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit.auditor import audit
from tritgolf.audit.logs import parse_log
from tritgolf.audit.run_log import RunLog
from tritgolf.audit.submission import read_submission
from tritgolf.outcome import Verdict

README = TITLE + TABLE


def verdicts(path):
    return {finding.check: finding.verdict for finding in audit(path).findings}


def made_of(path, edit, name="{}"):
    return folder(path, {name.format(log): edit(text) for log, text in styles.three().items()}, README, JSON)


def twice_by_two_ranks(text):
    """Each line of both ranks, which are not in step."""
    lines = text.splitlines(True)
    behind = [*lines[:3], *(line for pair in zip(lines[3:], lines, strict=False) for line in pair), *lines[-3:]]
    return "".join(behind)


@pytest.mark.parametrize("edit", [
    twice_by_two_ranks,
    lambda text: text + "".join(text.splitlines(True)[-18:]),
    lambda text: re.sub(r" (?=(?:train|val|step)_\w+:)", "\t", text),
    lambda text: re.sub(r" (?=\w+:)", "\t", text),
    lambda text: "\0" * 4096 + text,
    lambda text: "".join(f"  3%|▎  | {at}/99 [00:01<00:40]\r{line}" for at, line in enumerate(text.splitlines(True))),
    lambda text: "".join(f'{line}{{"step": {at}, "val_bpb": 1.5}}\n' for at, line in enumerate(text.splitlines(True))),
], ids=["two ranks", "the end again", "tabs", "more tabs", "zeros", "bars", "JSON"])  # fmt: skip
@pytest.mark.parametrize("style", ["int6", "ternary", "sp8192"])
def test_what_is_printed_again_or_between_says_nothing_else(style, edit, tmp_path):
    """Steps seemed to go back, a total of another line to be the submission's, settings to end where a bar began."""
    text = getattr(styles, style)(42)
    plain = folder(tmp_path / "plain", {"train_seed42": text}, "# A run\n")
    edited = folder(tmp_path / "edited", {"train_seed42": edit(text)}, "# A run\n")
    assert verdicts(edited) == verdicts(plain)
    assert parse_log(edit(text), "a.log").fingerprint == parse_log(text, "a.log").fingerprint


def test_the_scores_of_an_evaluation_alone_are_of_several_evaluations(tmp_path):
    """Without validations, the scores between the first and the last were taken for one evaluation's."""
    names = ("final_int6_roundtrip", "DIAGNOSTIC post_ttt", "final_int6_sliding_window", "ttt", "legal_ttt")
    lines = [styles.score(name, 1.17, " eval_time:999ms") for name in names]
    lines[1] = "DIAGNOSTIC post_ttt val_loss:1.8709 val_bpb:1.1083 eval_time:999ms"  # of a part of the text
    made = folder(tmp_path, {"eval_seed1": "\n".join(lines)}, "# A run\n")
    assert contradicted(made) == {}


def test_logs_without_suffix_are_read(tmp_path):
    made = made_of(tmp_path / "a", str)
    for log in (made / "train_seed2.log", made / "train_seed3.log"):
        log.rename(log.with_suffix(""))
    assert verdicts(made) == verdicts(made_of(tmp_path / "b", str))
    (made / "training").write_text("echo run\n")
    assert read_submission(made).unread == ()


@pytest.mark.parametrize(("name", "seed"), [
    ("train_seed42.log", 42), ("seed42_v2.log", 42), ("seed42_2026-04-09.log", 42), ("seed42_20260409.log", 42),
    ("v6_seed1337_2024.log", None), ("seeds_1-2-3.log", None), ("seed42_seed42.log", 42), ("seed1_seed2.log", None),
])  # fmt: skip
def test_a_name_with_several_seeds_is_no_single_runs(name, seed):
    assert RunLog(name, "", ()).named_seed == seed


def test_a_log_that_is_named_for_a_seed_may_be_its_run_beside_one_that_prints_it(tmp_path):
    """The other, of an ablation, was the only one held to what is stated for the seed."""
    logs = styles.three()
    logs["train_seed2"] = logs["train_seed2"].replace("seed:2\n", "")
    logs["ablation"] = styles.int6(2, 1.2).replace("15700000", "14700000").replace("15652358", "14652358")
    by_seed = {str(seed): {"bytes_total": 15_700_000} for seed in styles.SEEDS}
    made = folder(tmp_path, logs, README, JSON | {"seeds": by_seed})
    assert contradicted(made) == {}


def pack(log):
    log.with_name(f"{log.name}.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()


def bury(log):
    (log.parent / "a/b/c").mkdir(parents=True, exist_ok=True)
    log.rename(log.parent / "a/b/c" / log.name)


@pytest.mark.parametrize("hide", [pack, bury])
def test_a_second_run_of_a_seed_may_lie_in_what_is_not_read(hide, tmp_path):
    """Those that are read were taken for all, and the scores of the others for made up."""
    logs = styles.three() | {f"best_seed{seed}": styles.int6(seed, bpb - 0.02) for seed, bpb in styles.SEEDS.items()}
    by_seed = {str(seed): {"val_bpb": bpb - 0.02, "pre_quant_bpb": bpb - 0.0022} for seed, bpb in styles.SEEDS.items()}
    facts = {"val_bpb": 1.1505, "val_bpb_std": 0.0035, "seeds": [1, 2, 3], "seed_results": by_seed}
    made = folder(tmp_path, logs, "# A record\n\n**val_bpb: 1.1505** (mean of three seeds, std 0.0035)\n", facts)
    for log in made.glob("best_*.log"):
        hide(log)
    assert contradicted(made) == {}


def test_the_std_of_runs_that_are_read_may_not_be_that_of_all(tmp_path):
    logs = styles.three() | {f"best_seed{seed}": styles.int6(seed, bpb - 0.00001) for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, logs, TITLE.replace("0.0035", "0.0045"), JSON)
    for log in made.glob("best_*.log"):
        pack(log)
    assert contradicted(made) == {}


@pytest.mark.parametrize(("total", "is_over"), [(15_700_000, False), (15_800_000, True)])
def test_a_run_of_another_seed_binds_nothing_where_the_scores_run_fits(total, is_over, tmp_path):
    """A log without its beginning prints no seed: a run of a setting that is too large was taken for another seed's."""
    logs = {"raw": styles.int6(1, 1.1667).replace("seed:1\n", "")}
    logs["bigram"] = styles.int6(1, 1.16).replace("15700000", "16700000").replace("15652358", "16652358")
    readme = "# What does not work\n\nval_bpb: 1.1667\n\n| Bigram | 1.1600 |\n|---|---|\n| Raw | 1.1667 |\n"
    made = folder(tmp_path, logs, readme, {"val_bpb": 1.1667, "bytes_total": total})
    assert ("budget.limit" in contradicted(made)) is is_over


@pytest.mark.parametrize(("count", "verdict"), [("3", Verdict.CANT_TELL), ("five", Verdict.CONTRADICTED)])
def test_a_std_of_so_many_runs_is_not_held_to_another_number_of_them(count, verdict, tmp_path):
    """All five have the mean of the three, and another spread."""
    scores = {1: 1.1667, 2: 1.1711, 3: 1.1737, 4: 1.1704, 5: 1.1706}
    logs = {f"train_seed{seed}": styles.int6(seed, bpb) for seed, bpb in scores.items()}
    made = folder(tmp_path, logs, f"# A record\n\n**val_bpb: 1.1705** ({count}-seed mean, std 0.0035)\n")
    assert verdicts(made)["text.std"] is verdict


def test_a_score_that_a_run_has_is_no_mean_of_runs_by_chance(tmp_path):
    """Runs of other settings were held to the limit, as parts of a mean that nobody states."""
    logs = {f"setting_{name}": styles.int6(1, bpb).replace("15700000", total).replace("2.6", f"2.{at}")
            for at, (name, bpb, total) in enumerate((("a", 1.17, "15700000"), ("b", 1.16, "16700000"),
                                                     ("c", 1.18, "15600000")))}  # fmt: skip
    readme = "# What does not work\n\nval_bpb: 1.1700\n\n| Muon | 1.1600 |\n|---|---|\n| Adam | 1.1800 |\n"
    assert "budget.limit" not in contradicted(folder(tmp_path, logs, readme, {"val_bpb": 1.1700}))


def test_the_code_of_another_run_makes_no_wrong_sum(tmp_path):
    """Each run has its own size of compressed code; a cut log of the total has none."""
    logs = {seed: styles.sp8192(seed, 1.08 + seed / 1000, 15_991_930 + seed) for seed in (1, 2)}
    logs[2] = logs[2].replace("16630 bytes", "16700 bytes")
    cut = "".join(line for line in logs[1].splitlines(True) if not line.startswith("Code"))
    facts = {"val_bpb": 1.081, "seeds": [1, 2], "bytes_total": 15_991_931, "bytes_code": 16_700}
    made = folder(tmp_path / "a", {"train_seed1": cut, "train_seed2": logs[2]}, "# A run\n", facts)
    assert verdicts(made)["json.sum"] is Verdict.CANT_TELL
    made = folder(tmp_path / "b", {"train_seed1": logs[1], "train_seed2": logs[2]}, "# A run\n", facts)
    assert "json.sum" in contradicted(made)


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_script_in_an_archive_may_be_smaller_than_the_one_that_is_counted(is_packed, tmp_path):
    log = styles.int6(1, 1.1667).replace("15700000", "16040000").replace("15652358", "15992358")
    made = folder(tmp_path, {"train_seed1": log}, "# val_bpb: 1.1667\n")
    with zipfile.ZipFile(made / "code.zip", "w") as archive:
        archive.writestr("train_gpt.py", "pass\n")
    if not is_packed:
        (made / "train_gpt.py").write_bytes(b"#" * 47_642)
    assert ("budget.limit" in contradicted(made)) is not is_packed


@pytest.mark.parametrize(("mean", "verdict"), [("15.703", Verdict.HOLDS), ("15.701", Verdict.CONTRADICTED)])
def test_a_mean_of_sizes_in_megabytes_is_that_of_the_logged_bytes(mean, verdict, tmp_path):
    """That of the rows as rounded differs, and the logged ones were bytes."""
    sizes = {1: 15_700_490, 2: 15_702_490, 3: 15_704_520}  # their mean is 15.70250, that of the rows 15.70233
    logs = {f"train_seed{seed}": styles.int6(seed, styles.SEEDS[seed]).replace("15700000", str(size))
            .replace("15652358", str(size - 47_642)) for seed, size in sizes.items()}  # fmt: skip
    rows = "".join(f"| {seed} | {styles.SEEDS[seed]:.4f} | {size / 1e6:.3f} MB |\n" for seed, size in sizes.items())
    table = f"| Seed | Sliding BPB | Artifact |\n|---|---|---|\n{rows}| Mean | 1.1705 | {mean} MB |\n"
    made = folder(tmp_path, logs, TITLE + table, JSON | {"bytes_total": 15_704_520})
    assert verdicts(made)["tables.means"] is verdict


@pytest.mark.parametrize(("share", "verdict"), [(1.0002, Verdict.CANT_TELL), (1.001, Verdict.CONTRADICTED)])
def test_an_evaluation_of_a_run_may_end_a_little_elsewhere(share, verdict, tmp_path):
    """Published runs differ by two ten thousandths in the bytes a token of an evaluation under one name."""
    line = "mixture val_loss:{:.8f} val_bpb:{:.8f} eval_time:999ms\n"
    scores = {seed: (styles.nats(bpb), bpb) for seed, bpb in (styles.SEEDS | {4: 1.17}).items()}
    scores[4] = (scores[4][0], scores[4][1] * share)
    logs = {f"seed{seed}": styles.int6(seed, 1.17 + seed / 1000) + line.format(*of) for seed, of in scores.items()}
    assert verdicts(folder(tmp_path, logs, "# A run\n"))["evaluation.bytes_per_token"] is verdict
