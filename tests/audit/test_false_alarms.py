"""Sound folders that look odd: no check may contradict them. A fuzz of real ones found most of these kinds of fault."""

import pytest

from tests.audit import styles
from tests.audit.folders import digits_lost, folder, text
from tritgolf.audit.auditor import audit
from tritgolf.audit.logs import parse_log
from tritgolf.audit.submission import read_submission
from tritgolf.audit.wholeness import is_whole
from tritgolf.outcome import Verdict

TITLE = "# A record\n\n**val_bpb: 1.1705** (mean of three seeds, std 0.0035)\n\n"
SIZES = {seed: (bpb, 15_700_000) for seed, bpb in styles.SEEDS.items()}
TABLE = styles.table(SIZES, "1.1705", "0.0035")
JSON = {"val_bpb": 1.1705, "seeds": [1, 2, 3], "bytes_total": 15_700_000}
OF_OTHERS = {
    "record": "For reference, PR #549 reports **val_bpb: 1.1194** (3-seed mean, std 0.0006).\n\n",
    "merged": "**1.1194 BPB** (mean of three) is what #549 has.\n\n",
    "ablation": "Ablation, no EMA: 1.1790 BPB (mean of three seeds)\n\n",
    "vs": "**vs official record** (a sliding window, val_bpb=1.1901): -0.0196 bpb\n\n",
    "sweep": "Best single seed of a sweep: 1.1500 val_bpb\n\n",
    "table": "| Seed | BPB (#549) |\n|---|---|\n| 42 | 1.1901 |\n| 1337 | 1.1902 |\n| Mean | 1.1902 |\n\n",
    "sizes": "First a 15.95 MB artifact, then a 16.10 MB artifact.\n\n",
    "size": "The previous record is a 15.95 MB artifact.\n\n",
    "spread": "Another set of ours: std 0.0123.\n\n",
}


def contradicted(path):
    findings = audit(path).findings
    return {finding.check: finding.evidence for finding in findings if finding.verdict is Verdict.CONTRADICTED}


def three(**edits):
    return styles.three(**edits)


def cut(log, before):
    """The log up to a line that begins so."""
    lines = log.splitlines(True)
    return "".join(lines[: next(at for at, line in enumerate(lines) if line.startswith(before))])


@pytest.mark.parametrize("where", ["before the title", "at the top", "at the end"])
@pytest.mark.parametrize("sentence", OF_OTHERS.values(), ids=OF_OTHERS)
def test_figures_of_other_systems_accuse_nobody(sentence, where, tmp_path):
    readme = {
        "before the title": sentence + TITLE + TABLE,
        "at the top": TITLE + sentence + TABLE,
        "at the end": TITLE + TABLE + "\n" + sentence,
    }[where]
    assert contradicted(folder(tmp_path, three(), readme, JSON)) == {}


@pytest.mark.parametrize("before", ["Serialized model int6", "final_int6_roundtrip", "final_int6_sliding", "step:1200"])
@pytest.mark.parametrize("how_many", [1, 3])
def test_a_log_that_was_cut_contradicts_nothing_behind_its_end(before, how_many, tmp_path):
    logs = three()
    for name in list(logs)[:how_many]:
        logs[name] = cut(logs[name], before)
    assert contradicted(folder(tmp_path, logs, TITLE + TABLE, JSON)) == {}


def test_a_score_that_two_seeds_share_is_not_swapped_where_one_log_is_lost(tmp_path):
    logs = {f"train_seed{seed}": styles.int6(seed, 1.1667) for seed in (1, 2)}
    facts = {"val_bpb": 1.1667, "seed_results": {"1": {"val_bpb": 1.1667}, "2": {"val_bpb": 1.1667}}}
    logs["train_seed2"] = digits_lost(logs["train_seed2"])
    assert contradicted(folder(tmp_path, logs, "# val_bpb: 1.1667\n", facts)) == {}


def test_a_log_that_lacks_a_line_in_its_midst_contradicts_no_column_of_it(tmp_path):
    titles = "| Seed | Roundtrip BPB | Sliding BPB | Artifact |"
    rows = "".join(f"| {seed} | {bpb + 0.02:.4f} | {bpb:.4f} | 15,700,000 |\n" for seed, bpb in styles.SEEDS.items())
    logs = three()
    for start in ("final_int6_roundtrip", "Total submission size int6"):
        lines = logs["train_seed2"].splitlines(True)
        logs["train_seed2"] = "".join(line for line in lines if not line.startswith(start))
    assert contradicted(folder(tmp_path, logs, f"{TITLE}{titles}\n|---|---|---|---|\n{rows}", JSON)) == {}


def test_a_log_without_the_stage_that_is_claimed_contradicts_nothing(tmp_path):
    readme = "# val_bpb: 1.1650, legal TTT\n\n| Seed | Sliding BPB | Post-TTT BPB |\n|---|---|---|\n"
    readme += "| 1 | 1.1667 | 1.1650 |\n"
    made = folder(tmp_path / "cut", {"seed1": styles.int6(1, 1.1667)}, readme)
    assert contradicted(made) == {}
    whole = folder(tmp_path / "whole", {"seed1": styles.int6(1, 1.1667, adapted=1.1660)}, readme)
    assert contradicted(whole).keys() == {"text.headline", "tables.rows"}


def test_whether_a_log_reaches_its_end():
    logs = [parse_log(styles.int6(seed, adapted=1.16), f"seed{seed}.log") for seed in (1, 2)]
    short = parse_log(cut(styles.int6(3, adapted=1.16), "legal_ttt"), "seed3.log")
    assert is_whole(logs[0], [*logs, short])
    assert not is_whole(short, [*logs, short])
    assert is_whole(short, [short])  # alone, nothing says so
    switched = styles.sp8192().replace("  vocab_size: 8192", "  ttt_enabled: True\n  vocab_size: 8192")
    assert is_whole(parse_log(switched, "x.log"), [])
    assert not is_whole(parse_log(cut(switched, "quantized_ttt"), "x.log"), [])
    assert not is_whole(parse_log(cut(switched, "quantized val_loss"), "x.log"), [])


@pytest.mark.parametrize("name", ["train_seed3.log", "train_seed3.txt", "notes.txt"])
def test_a_log_that_cannot_be_read_may_be_of_the_missing_seed(name, tmp_path):
    logs = three()
    made = folder(tmp_path, {key: logs[key] for key in ("train_seed1", "train_seed2")}, TITLE + TABLE, JSON)
    assert contradicted(made).keys() == {"runs.seeds"}
    (made / name).write_text(digits_lost(logs["train_seed3"]))
    assert contradicted(made) == {}


@pytest.mark.parametrize("readme", ["Three seeds: SEED=1, SEED=2, SEED=3.", "mean: 1.1705", "Of 3 runs the best."])
def test_one_log_of_several_runs_is_not_every_run(readme, tmp_path):
    facts = {"val_bpb": 1.1705, "bytes_total": 15_800_000}
    one = {"train_seed2": three()["train_seed2"]}
    assert contradicted(folder(tmp_path / "a", one, readme, facts)) == {}
    assert contradicted(folder(tmp_path / "b", one, "A run.", facts)).keys() >= {"json.score", "json.bytes"}


def test_the_log_of_one_row_contradicts_no_other_row(tmp_path):
    rows = "\n\n| Run | BPB |\n|---|---|\n| long | 1.1501 |\n| short | 1.1667 |\n"
    facts = {"val_bpb": 1.1501, "bytes_total": 15_800_000}
    assert contradicted(folder(tmp_path / "a", {"short": styles.int6(1, 1.1667)}, "Two lengths." + rows, facts)) == {}
    alone = {"short": styles.int6(1, 1.1667)}
    assert contradicted(folder(tmp_path / "b", alone, "A run.", facts)).keys() >= {"json.score", "json.bytes"}


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("#549 BPB", "1.1194"), ("Baseline BPB", "1.2244"), ("Train loss", "1.9000"), ("Headroom (bytes)", "300,000"),
        ("Raw size", "67,224,983"), ("Quant gap", "0.0200"), ("Sliding BPB range", "1.1600–1.1800"),
        ("Sliding BPB (est.)", "≈1.1600")
    ],
)  # fmt: skip
def test_columns_of_other_things_are_not_held_against_the_log(title, cell, tmp_path):
    readme = f"# val_bpb: 1.1667\n\n| Seed | Sliding BPB | {title} |\n|---|---|---|\n| 1 | 1.1667 | {cell} |\n"
    assert contradicted(folder(tmp_path, {"seed1": styles.int6(1, 1.1667)}, readme)) == {}


def test_a_summary_of_more_rows_than_a_table_shows_is_not_held_to_those(tmp_path):
    shown = styles.table({seed: SIZES[seed] for seed in (1, 2)}, "1.1705", "0.0035")
    assert contradicted(folder(tmp_path / "a", three(), TITLE + shown, JSON)) == {}
    alone = {name: log for name, log in three().items() if name != "train_seed3"}
    assert contradicted(folder(tmp_path / "b", alone, "# A record\n\n" + shown)).keys() == {
        "tables.means",
        "tables.stds",
    }


def test_scores_of_four_digits_may_have_had_more(tmp_path):
    """1.1705 is the mean of values that print as 1.1667, 1.1711 and 1.1735."""
    logs = {f"seed{seed}": "".join(line for line in styles.int6(seed, bpb).splitlines(True) if "_exact" not in line)
            for seed, bpb in {1: 1.1667, 2: 1.1711, 3: 1.1735}.items()}  # fmt: skip
    made = folder(tmp_path, logs, "# val_bpb: 1.1705 (mean of three seeds)\n", {"seeds": [1, 2, 3]})
    assert contradicted(made) == {}
    (made / "README.md").write_text("# val_bpb: 1.1706 (mean of three seeds)\n")
    assert "text.mean" in contradicted(made)


@pytest.mark.parametrize("gpus", ["world_size:2", "world_size:1"])
def test_limits_of_eight_gpus_bind_no_run_of_fewer(gpus, tmp_path):
    log = styles.int6(1, 1.1667).replace("world_size:8", gpus).replace("599950ms", "2400107ms")
    log = log.replace("eval_time:74066ms", "eval_time:740660ms")
    assert contradicted(folder(tmp_path, {"seed1": log}, "# Record, 10 minutes\n", {"track": "10min_16mb"})) == {}


def test_an_evaluation_besides_the_claimed_one_may_take_longer(tmp_path):
    log = styles.int6(1, 1.1667, adapted=1.1650).replace("eval_time:74066ms", "eval_time:740660ms")
    facts = {"track": "10min_16mb", "val_bpb": 1.1650}
    assert contradicted(folder(tmp_path, {"seed1": log}, "# val_bpb: 1.1650, TTT\n", facts)) == {}
    facts["val_bpb"] = 1.1667
    found = contradicted(folder(tmp_path, {"seed1": log}, "# val_bpb: 1.1667\n", facts))
    assert found.keys() == {"timing.evaluation"}


def test_of_two_compressions_one_may_fit(tmp_path):
    log = styles.int6(1, 1.1667)
    both = log + "Total submission size int8+zlib: 17000000 bytes\nSerialized model int8+zlib: 16952358 bytes\n"
    assert "budget.limit" not in contradicted(folder(tmp_path / "a", {"seed1": both}))
    over = log.replace("15700000", "17000000").replace("15652358", "16952358")
    assert contradicted(folder(tmp_path / "b", {"seed1": over})).keys() == {"budget.limit"}


def test_a_run_that_the_score_is_not_of_may_be_of_earlier_code(tmp_path):
    logs = {"seed1": styles.int6(1, 1.1667), "ablation": styles.int6(2, 1.2, adapted=1.19).replace("47642", "47000")}
    made = folder(tmp_path, {name: log.replace("15652358", "15653000") if name == "ablation" else log
                             for name, log in logs.items()}, "# val_bpb: 1.1667\n")  # fmt: skip
    (made / "train_gpt.py").write_bytes(b"#" * 47_642)
    finding = next(finding for finding in audit(made).findings if finding.check == "budget.script")
    assert finding.verdict is Verdict.HOLDS
    assert "runs that the score is not of count other code: 47,000 (ablation.log)" in finding.evidence


def test_a_script_that_stores_other_weights_is_not_held_to_the_ternary_ones_lines(tmp_path):
    fork = text("pr640/seed42", ("final_ternary_roundtrip", "final_binary_roundtrip"), ("ternary:", "binary:"))
    assert parse_log(fork, "x.log").dialect != "ternary"
    assert contradicted(folder(tmp_path / "a", {"seed42": fork})) == {}
    lines = (
        (" loss:", " lr:0.01 loss:"),
        ("code:70853", "code:70999"),
        ("optimal_T:0.90", "optimal_T:0.97"),
    )
    newer = text("pr640/seed42", *lines, ("T=0.90", "T=0.97"), ("budget:15993853", "budget:15993999"))
    of_the_script = {"lines.complete", "lines.formats", "evaluation.temperature"}
    assert not of_the_script & contradicted(folder(tmp_path / "b", {"seed42": newer})).keys()


def test_a_run_evaluated_again_or_cut_is_no_repeated_count(tmp_path):
    log = text("pr640/seed42")
    logs = {
        "seed42": log,
        "seed42_again": log.replace("eval_time:429", "eval_time:431"),
        "seed42_cut": cut(log, "temp_"),
    }
    assert "budget.identical" not in contradicted(folder(tmp_path, logs))


def test_a_slower_machine_contradicts_no_stride(tmp_path):
    slow = text("pr640/seed7").replace("seed=7", "seed=8")
    slow = slow.replace("eval_time:429", "eval_time:829")
    assert "evaluation.run_time" not in contradicted(folder(tmp_path, {"a": text("pr640/seed42"), "b": slow}))


def test_a_pointer_of_git_lfs_is_no_artifact(tmp_path):
    made = folder(tmp_path, {"seed42": text("pr640/seed42")})
    (made / "final_model.ternary.ptz").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n")
    assert not {"artifact.size", "artifact.readable"} & contradicted(made).keys()


def test_deltas_to_what_a_table_lacks_are_not_judged(tmp_path):
    readme = "| Run | Steps | BPB | Delta |\n|---|---|---|---|\n"
    readme += "| a | 2000 | 1.1700 | -0.0100 |\n| b | 2100 | 1.1600 | -0.0210 |\n"
    assert contradicted(folder(tmp_path / "a", three(), readme)) == {}
    two = readme.replace("Steps", "Pre-quant BPB").replace("2000", "1.1500").replace("2100", "1.1400")
    assert contradicted(folder(tmp_path / "b", three(), two)) == {}


def test_a_code_size_in_whole_thousands_is_a_rounded_one(tmp_path):
    facts = {"bytes_total": 15_700_000, "bytes_code": 48_000}
    assert "json.sum" not in contradicted(folder(tmp_path, three(), facts=facts))
    facts["bytes_code"] = 49_000
    assert "json.sum" in contradicted(folder(tmp_path, three(), facts=facts))


@pytest.mark.parametrize(
    "size",
    ["15 700 000", "15_700_000", "15\u202f700\u202f000", "15.7M", "15,700,000 B", "15700k", "15.7Mbyte", "15,70 MB"],
)
def test_sizes_are_read_however_their_thousands_are_grouped(size, tmp_path):
    readme = f"# val_bpb: 1.1667\n\n| Seed | Sliding BPB | Artifact |\n|---|---|---|\n| 1 | 1.1667 | {size} |\n"
    made = folder(tmp_path, {"seed1": styles.int6(1, 1.1667)}, readme)
    assert contradicted(made) == {}


def test_a_decimal_comma_groups_no_thousands(tmp_path):
    head = "| Seed | Sliding BPB | ms/step |\n|---|---|---|\n"
    facts = {"val_bpb": "1,167", "seeds": {"1": {"val_bpb": "1,167"}}}
    for score in ("1,1667", "1,167"):
        readme = f"# val_bpb: 1.1667\n\n{head}| 1 | {score} | 91,87 |\n"
        assert contradicted(folder(tmp_path / score, {"seed1": styles.int6(1, 1.1667)}, readme, facts=facts)) == {}


def test_a_size_with_spaces_between_its_thousands_is_held_to_the_log(tmp_path):
    readme = "# val_bpb: 1.1667\n\n| Seed | Sliding BPB | Artifact |\n|---|---|---|\n| 1 | 1.1667 | 15 700 001 |\n"
    assert "tables.rows" in contradicted(folder(tmp_path, {"seed1": styles.int6(1, 1.1667)}, readme))


def test_a_readme_that_is_too_large_is_not_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("tritgolf.audit.submission.MAX_TEXT_BYTES", 100)
    made = read_submission(folder(tmp_path, {"seed1": styles.int6(1, 1.1667)}, "# val_bpb: 1.1667\n" + 100 * "x"))
    assert made.not_in_readme("a table") == "README.md is too large to be one"
