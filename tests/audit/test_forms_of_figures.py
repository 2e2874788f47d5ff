"""Figures in the forms in which real submissions state them: each is held to the logs, and no other system's is."""

import base64
import lzma
import zlib
from random import Random

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.audit.packed_script import unpacked_size
from tritgolf.outcome import Verdict

TITLE = "# A record\n\n**val_bpb: 1.1705** (mean of three seeds, std 0.0035)\n\n"


def verdicts(path, *checks):
    findings = {finding.check: finding for finding in audit(path).findings}
    return [findings[check].verdict for check in checks]


def evidence(path, check):
    return next(finding.evidence for finding in audit(path).findings if finding.check == check)


def contradicted(path):
    return {finding.check for finding in audit(path).findings if finding.verdict is Verdict.CONTRADICTED}


@pytest.mark.parametrize("heading", ["Reference results", "Base Reference Results (source record)"])
def test_a_table_of_the_record_that_a_run_starts_from_claims_nothing_of_it(heading, tmp_path):
    rows = "| Seed | Sliding BPB | Artifact |\n|---|---|---|\n| 1 | 1.1228 | 15.56 MB |\n| 9 | 1.1238 | 15.54 MB |\n"
    readme = f"# A change\n\n**Base reference:** `1.1233 val_bpb` (3-seed mean)\n\n### {heading}\n\n{rows}"
    made = folder(tmp_path, {"train_seed1": styles.int6(1, 1.2785)}, readme, {"val_bpb": None})
    assert contradicted(made) == set()
    assert verdicts(made, "runs.seeds") == [Verdict.HOLDS]


@pytest.mark.parametrize(("size", "verdict"), [
    ("15,700,009", Verdict.HOLDS),  # the largest, which the limit is for
    ("15,700,003", Verdict.HOLDS),  # the mean
    ("15,700,007", Verdict.CONTRADICTED),
])  # fmt: skip
def test_the_size_in_a_row_of_means_may_be_the_largest(size, verdict, tmp_path):
    rows = {1: (1.1667, 15_700_000), 2: (1.1711, 15_700_000), 3: (1.1737, 15_700_009)}
    table = styles.table(rows, "1.1705").replace("**1.1705** | |", f"**1.1705** | {size} |")
    made = folder(tmp_path, styles.three(), TITLE + table)
    assert verdicts(made, "tables.means") == [verdict]
    assert ("1 the largest" in evidence(made, "tables.means")) == (size == "15,700,009")


COLUMNS = "| Seed | {} | Quantized | {} |\n|---|---|---|---|\n"


def by_stage(first, last, scores):
    """A table whose titles are stages alone: no unit says that they are of scores."""
    rows = "".join(f"| {seed} | {bpb + 0.0065:.5f} | {bpb + 0.0189:.5f} | {scores[seed]} |\n"
                   for seed, bpb in styles.SEEDS.items())  # fmt: skip
    return COLUMNS.format(first, last) + rows


@pytest.mark.parametrize(("first", "last"), [("Pre-quant EMA", "TTT"), ("Post-EMA", "**TTT (Track B)**")])
def test_columns_titled_by_their_stage_alone_are_of_scores(first, last, tmp_path):
    logs = {f"train_seed{seed}": styles.sp8192(seed, bpb) for seed, bpb in styles.SEEDS.items()}
    scores = {seed: f"{bpb:.5f}" for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path / "a", logs, TITLE + by_stage(first, last, scores))
    assert evidence(made, "tables.rows") == "9 figures compared"
    wrong = folder(tmp_path / "b", logs, TITLE + by_stage(first, last, scores | {2: "1.17019"}))
    assert "seed 2 TTT" in evidence(wrong, "tables.rows")
    assert verdicts(wrong, "tables.rows") == [Verdict.CONTRADICTED]


@pytest.mark.parametrize("cell", ["380.1 s", "366.525", "2.9321", "12.5%", "0.0021", "3"])
def test_columns_titled_by_a_stage_may_be_of_something_else(cell, tmp_path):
    logs = {f"train_seed{seed}": styles.sp8192(seed, bpb) for seed, bpb in styles.SEEDS.items()}
    made = folder(tmp_path, logs, TITLE + by_stage("Pre-quant EMA", "TTT", dict.fromkeys(styles.SEEDS, cell)))
    assert contradicted(made) == set()
    assert evidence(made, "tables.rows") == "6 figures compared"


def by_seed(of):
    """submission.json in which ``of`` puts each seed's figures."""
    rows = {str(seed): {"val_bpb": bpb, "artifact_bytes": 15_700_000} for seed, bpb in styles.SEEDS.items()}
    return {"val_bpb": 1.1705, **of(rows)}


JSON_FORMS = {
    "a field a seed": lambda rows: {f"seed_{seed}": row for seed, row in rows.items()},
    "within results": lambda rows: {"results": {"seeds": rows}},
    "scores and sizes apart": lambda rows: {
        f"per_seed_{name}": {seed: row[name] for seed, row in rows.items()} for name in ("val_bpb", "artifact_bytes")
    },
    "sizes named after": lambda rows: {"seeds": rows, "artifact_bytes_per_seed": {"2": rows["2"]["artifact_bytes"]}},
}


@pytest.mark.parametrize("form", JSON_FORMS.values(), ids=JSON_FORMS)
def test_figures_by_seed_are_read_in_every_form(form, tmp_path):
    made = folder(tmp_path / "a", styles.three(), TITLE, by_seed(form))
    assert verdicts(made, "json.score", "json.bytes", "json.fields", "runs.seeds") == [Verdict.HOLDS] * 4
    for name, wrong, check in (("val_bpb", 1.1611, "json.score"), ("artifact_bytes", 15_800_000, "json.bytes")):
        false = lambda rows, n=name, w=wrong: form(rows | {"2": rows["2"] | {n: w}})  # noqa: E731
        found = contradicted(folder(tmp_path / name, styles.three(), TITLE, by_seed(false)))
        assert check in found


ROWS = [{"seed": seed, "val_bpb": bpb, "artifact_bytes": 15_700_000} for seed, bpb in styles.SEEDS.items()]
TABLE = "".join(f"| {seed} | {bpb:.4f} |\n" for seed, bpb in styles.SEEDS.items())


@pytest.mark.parametrize("place", [2, 3])
@pytest.mark.parametrize(("again", "expected"), [
    ({}, Verdict.HOLDS),
    ({"val_bpb": 1.1637, "artifact_bytes": 15_600_000}, Verdict.CANT_TELL),  # a second run, without a log
])  # fmt: skip
def test_of_a_seeds_several_rows_none_that_a_run_without_a_log_may_have_is_wrong(again, expected, place, tmp_path):
    rows = [*ROWS[:place], {**ROWS[2], **again}, *ROWS[place:]]
    readme = f"{TITLE}| Seed | Sliding BPB |\n|---|---|\n{TABLE}"
    made = folder(tmp_path, styles.three(), readme, {"val_bpb": 1.1705, "seed_results": rows})
    assert verdicts(made, "json.score", "json.fields") == [expected, Verdict.CANT_TELL]
    assert contradicted(made) == set()


@pytest.mark.parametrize("place", [2, 3])
def test_every_row_of_a_seed_is_held_to_the_limit_and_may_be_none(place, tmp_path):
    for name, again, check in (("size", {"artifact_bytes": 16_000_001}, "budget.limit"),
                               ("nan", {"val_bpb": float("nan")}, "json.fields")):  # fmt: skip
        rows = [*ROWS[:place], {**ROWS[2], **again}, *ROWS[place:]]
        made = folder(tmp_path / name, styles.three(), TITLE, {"val_bpb": 1.1705, "seed_results": rows})
        assert verdicts(made, check) == [Verdict.CONTRADICTED]


def test_the_mean_within_results_is_held_to_the_runs(tmp_path):
    results = {"mean_val_bpb": 1.1705, "std_val_bpb": 0.0035, "seeds": [1, 2, 3]}
    made = folder(tmp_path / "a", styles.three(), "# A run\n", {"results": results})
    assert verdicts(made, "text.mean", "text.std", "json.fields") == [Verdict.HOLDS] * 3
    wrong = {"results": results | {"mean_val_bpb": 1.1708, "std_val_bpb": 0.0044}}
    assert contradicted(folder(tmp_path / "b", styles.three(), "# A run\n", wrong)) == {"text.mean"}
    wrong = {"results": results | {"std_val_bpb": 0.0044}}
    assert contradicted(folder(tmp_path / "c", styles.three(), "# A run\n", wrong)) == {"text.std"}


@pytest.mark.parametrize("name", ["seed_results", "val_bpb_per_seed"])
def test_scores_in_a_list_are_those_of_the_runs_in_whichever_order(name, tmp_path):
    facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3], name: [1.1737, 1.1711, 1.1667]}
    made = folder(tmp_path / "a", styles.three(), TITLE, facts)
    assert verdicts(made, "json.score", "json.fields", "runs.seeds") == [Verdict.HOLDS] * 3
    assert contradicted(folder(tmp_path / "b", styles.three(), TITLE, facts | {name: [1.1737, 1.1611, 1.1667]})) == {
        "json.score"
    }


def test_a_zero_that_ends_a_figure_of_the_json_counts(tmp_path):
    logs = {"train_seed1": styles.int6(1, 1.1796)}
    for text, verdict in (
        ("1.180", Verdict.HOLDS),
        ("1.1800", Verdict.CONTRADICTED),
        ('"1.1800"', Verdict.CONTRADICTED),
    ):
        made = folder(tmp_path / text.strip('"'), logs, "# A run\n", f'{{"val_bpb": {text}}}')
        assert verdicts(made, "json.score") == [verdict]
    assert verdicts(folder(tmp_path / "inf", logs, "# A run\n", '{"val_bpb": 1e999}'), "json.fields") == [
        Verdict.CONTRADICTED
    ]


HEAD = "# val_bpb: 1.1705 (3-seed mean)\n\n"


@pytest.mark.parametrize("line", ["3-seed std: {} BPB / 0.0060 nats.", "**3-seed population std: **{} BPB****",
                                  "Three-seed standard deviation = {}. Each beats the merged 1.1810."])  # fmt: skip
def test_a_std_of_so_many_seeds_in_a_line_of_its_own_is_the_headlines(line, tmp_path):
    for spread, verdict in (("0.00354", Verdict.HOLDS), ("0.00289", Verdict.HOLDS), ("0.00411", Verdict.CONTRADICTED)):
        made = folder(tmp_path / spread, styles.three(), f"{HEAD}Text.\n\nMore text.\n\n{line.format(spread)}\n")
        assert verdicts(made, "text.std") == [verdict]


def test_a_std_of_other_runs_is_not_the_headlines(tmp_path):
    others = "5-seed std: 0.00411 BPB\n\nThe 3-seed std of #1019: 0.00411\n"
    assert contradicted(folder(tmp_path, styles.three(), HEAD + others)) == set()


def test_a_score_in_brackets_behind_a_pull_request_is_that_ones(tmp_path):
    readme = HEAD + "Claim: beats PR #1738 (`val_bpb` 1.1812, 3-seed mean) at p < 0.01.\n"
    assert verdicts(folder(tmp_path, styles.three(), readme), "text.mean") == [Verdict.HOLDS]


def test_the_std_of_all_claimed_seeds_is_decided_though_a_later_stage_was_killed(tmp_path):
    logs = {}
    for seed, bpb in styles.SEEDS.items():
        log = styles.sp8192(seed, bpb).replace("  vocab_size: 8192", "  ttt_enabled: True\n  vocab_size: 8192")
        logs[f"seed_{seed}"] = "".join(line for line in log.splitlines(True) if not line.startswith("quantized_ttt"))
    facts = {"val_bpb": 1.1726, "val_bpb_std": 0.0035, "seeds": [1, 2, 3]}  # of the sliding scores
    assert verdicts(folder(tmp_path / "a", logs, facts=facts), "text.std") == [Verdict.HOLDS]
    assert contradicted(folder(tmp_path / "b", logs, facts=facts | {"val_bpb_std": 0.0041})) == {"text.std"}
    facts = facts | {"val_bpb_std": 0.0041, "seeds": [1, 2, 3, 4]}
    assert "text.std" not in contradicted(folder(tmp_path / "c", logs, facts=facts))


@pytest.mark.parametrize("line", ["max artifact {} bytes", "- **Artifact**: max {} bytes (code and model)",
                                  "The maximum artifact is **{} bytes**.", "**Artifact size**: {} bytes"])  # fmt: skip
def test_an_artifact_size_in_bytes_is_held_to_the_logs(line, tmp_path):
    for size, verdict in (("15,700,000", Verdict.HOLDS), ("15,700,001", Verdict.CONTRADICTED),
                          ("15700000", Verdict.HOLDS), ("15700001", Verdict.CONTRADICTED)):  # fmt: skip
        made = folder(tmp_path / size, styles.three(), HEAD + line.format(size) + "\n")
        assert verdicts(made, "text.artifact") == [verdict]


@pytest.mark.parametrize("line", ["under the 16,000,000-byte artifact cap", "the raw artifact: 67,224,983 bytes",
                                  "The artifact limit of 16,000,000 bytes"])  # fmt: skip
def test_a_limit_is_no_size_of_an_artifact(line, tmp_path):
    assert contradicted(folder(tmp_path, styles.three(), HEAD + line + "\n")) == set()


@pytest.mark.parametrize(("name", "right"), [
    ("artifact_bytes_max", 15_700_009), ("max_artifact_bytes", 15_700_009), ("artifact_bytes_mean", 15_700_003),
    ("bytes_total_min", 15_700_000), ("total_artifact_bytes", 15_700_009),
])  # fmt: skip
def test_sizes_of_all_runs_in_the_json_are_held_to_the_logs(name, right, tmp_path):
    logs = styles.three()
    logs["train_seed2"] = logs["train_seed2"].replace("15700000", "15700009").replace("15652358", "15652367")
    made = folder(tmp_path / "a", logs, TITLE, {"seeds": [1, 2, 3], name: right})
    assert verdicts(made, "json.bytes") == [Verdict.HOLDS]
    assert contradicted(folder(tmp_path / "b", logs, TITLE, {"seeds": [1, 2, 3], name: right - 4})) == {"json.bytes"}
    fewer = {key: logs[key] for key in ("train_seed1", "train_seed2")}
    assert "json.bytes" not in contradicted(folder(tmp_path / "c", fewer, TITLE, {"seeds": [1, 2, 3], name: right - 4}))


@pytest.mark.parametrize("name", ["V21_README.md", "SUBMISSION.md", "readme_final.md"])
def test_the_only_text_that_is_called_a_readme_is_read(name, tmp_path):
    made = folder(tmp_path, styles.three())
    (made / name).write_text(HEAD)
    (made / "NOTES.md").write_text("# val_bpb: 1.1111\n")
    assert verdicts(made, "text.headline") == [Verdict.HOLDS]
    assert name in audit(made).summary
    (made / "V19_README.md").write_text("# val_bpb: 1.1111\n")
    assert verdicts(made, "text.headline") == [Verdict.CANT_TELL]
    assert f"no README.md, but {', '.join(sorted([name, 'V19_README.md']))}" in evidence(made, "text.headline")
    (made / "README.md").write_text("# val_bpb: 1.1700 (3-seed mean)\n")
    assert verdicts(made, "text.headline") == [Verdict.CONTRADICTED]


def test_a_mean_with_its_std_named_before_it_is_read(tmp_path):
    for name, figures, verdict in (
        ("a", "1.17050 ± 0.00354", Verdict.HOLDS),
        ("b", "1.17080 ± 0.00354", Verdict.CONTRADICTED),
    ):
        readme = f"# A run\n\n**Headline:** sliding, 3-seed **mean ± σ = {figures}** (sample std, n=3).\n"
        made = folder(tmp_path / name, styles.three(), readme)
        assert verdicts(made, "text.mean") == [verdict]
    assert verdicts(folder(tmp_path / "a", styles.three()), "text.std") == [Verdict.HOLDS]


def test_a_loss_beside_a_score_that_no_run_has_is_decided_where_all_runs_have_one_ratio(tmp_path):
    facts = {"val_bpb": 1.17051234, "val_loss": 1.9764, "seeds": [1, 2, 3]}
    assert verdicts(folder(tmp_path / "a", styles.three(), facts=facts), "json.loss") == [Verdict.HOLDS]
    wrong = facts | {"val_loss": 1.9793}
    assert verdicts(folder(tmp_path / "b", styles.three(), facts=wrong), "json.loss") == [Verdict.CONTRADICTED]


def test_the_parts_of_a_total_are_read_under_their_other_names(tmp_path):
    facts = {"total_bytes": 15_700_000, "code_bytes": 47_642}
    assert verdicts(folder(tmp_path / "a", styles.three(), facts=facts), "json.sum") == [Verdict.HOLDS]
    assert "json.sum" in contradicted(folder(tmp_path / "b", styles.three(), facts=facts | {"code_bytes": 47_643}))


PREQUANT = ("prequant_ttt:done in {} s (8 gpus)", "prequant_ttt:done elapsed={}s", "ttt_adamw:done elapsed={}s")


@pytest.mark.parametrize("line", PREQUANT)
def test_minutes_of_fitting_that_neither_clock_counts_are_told(line, tmp_path):
    """A model that is fitted to the validation text before it is stored: neither of training nor of evaluation."""
    log = styles.int6(1, 1.1667)  # 600 s of training, 81 s of evaluation
    for seconds, verdict in (("172.1", Verdict.HOLDS), ("519.4", Verdict.CANT_TELL), ("519.2", Verdict.HOLDS)):
        fitted = log.replace("Serialized model: 6", f"{line.format(seconds).replace(' s', 's')}\nSerialized model: 6")
        made = folder(tmp_path / seconds, {"seed1": fitted}, "# Record\n", {"track": "10min_16mb", "val_bpb": 1.1667})
        assert verdicts(made, "timing.limit", "timing.evaluation") == [verdict] * 2
        assert f"{seconds} s of fitting" in evidence(made, "timing.limit")
        assert f"{seconds} s of fitting" in evidence(made, "timing.evaluation")


@pytest.mark.parametrize("name", ["Run {0} (seed={0})", "Run {0} (seed {0})", "A{0} (Seed: {0})"])
@pytest.mark.parametrize("is_across", [True, False])
def test_a_run_that_has_its_seed_in_brackets_is_of_that_seed(name, is_across, tmp_path):
    for wrong, mean, verdict in (({}, "1.1705", Verdict.HOLDS), ({2: 1.1611}, "1.1672", Verdict.CONTRADICTED)):
        scores = {name.format(seed): f"{wrong.get(seed, bpb):.4f}" for seed, bpb in styles.SEEDS.items()}
        rows = [["Run", "Sliding BPB"], ["---", "---"], *map(list, scores.items())]
        across = [["Metric", *scores], ["---"] * 4, ["Sliding BPB", *scores.values()], ["Training time", *["600s"] * 3]]
        lines = ["| " + " | ".join(row) + " |" for row in (across if is_across else rows)]
        title = f"# val_bpb: {mean} (mean of three seeds)\n\n"
        made = folder(tmp_path / verdict.name, styles.three(), title + "\n".join(lines) + "\n")
        assert verdicts(made, "tables.rows") == [verdict]


@pytest.mark.parametrize(("total", "verdict"), [(15_673_548, Verdict.HOLDS), (16_673_548, Verdict.CONTRADICTED)])
def test_a_total_that_has_its_method_in_between_is_one(total, verdict, tmp_path):
    """A script that stores the model in a second way prints the size of the first one, too large, as well."""
    first = "Serialized model int8+zlib: 24693606 bytes\nTotal submission size int8+zlib: 24741248 bytes"
    second = f"Serialized model GPTQ+brotli: {total - 47642} bytes\nTotal mixed submission: {total} bytes (FITS 16MB)"
    before, _, after = styles.baseline().partition("Serialized model int8")
    log = f"{before}{first}\n{second}\n{after[after.index('final_int8') :]}"
    made = folder(tmp_path / "a", {"seed42": log}, "# Record\n", {"val_bpb": 1.2244, "bytes_total": total})
    assert verdicts(made, "budget.limit", "json.bytes") == [verdict, Verdict.HOLDS]


def mixed(bpb: float, seed: int) -> str:
    """A run whose last score, of a mixture with a model of bytes, is printed in bits a byte alone."""
    return f"{styles.int6(seed, bpb + 0.2)}byte_mixer val_bpb:{bpb:.8f} eval_time:480934ms order=5 N_bytes=40540160\n"


def test_a_score_in_bits_alone_is_one(tmp_path):
    logs = {f"seed{seed}": mixed(bpb - 0.2, seed) for seed, bpb in styles.SEEDS.items()}
    rows = {seed: (bpb - 0.2, 15_700_000) for seed, bpb in styles.SEEDS.items()}
    facts = {"val_bpb": 0.9705, "seeds": [1, 2, 3], "seed_results": {seed: bpb for seed, (bpb, _) in rows.items()}}
    text = f"# val_bpb: 0.9705 (3-seed mean, std 0.0035)\n\n{styles.table(rows, '0.9705', '0.0035')}"
    made = folder(tmp_path / "a", logs, text, facts)
    checks = ("text.headline", "text.mean", "text.std", "tables.rows", "json.score", "evaluation.bytes_per_token")
    assert verdicts(made, *checks) == [Verdict.HOLDS] * len(checks)
    made = folder(tmp_path / "c", logs, text.replace("Sliding BPB", "PPM mixer (order 5)"), facts)
    assert evidence(made, "tables.rows") == "6 figures compared"
    rows[2] = (0.9611, 15_700_000)
    text = f"# val_bpb: 0.9672 (3-seed mean, std 0.0062)\n\n{styles.table(rows, '0.9672', '0.0062')}"
    made = folder(tmp_path / "b", logs, text, facts | {"seed_results": {seed: bpb for seed, (bpb, _) in rows.items()}})
    assert {"tables.rows", "json.score"} <= set(contradicted(made))


def test_a_loss_has_nothing_to_go_with_where_scores_are_in_bits_alone(tmp_path):
    facts = {"val_bpb": 0.97, "val_loss": 1.6, "track": "10min_16mb"}
    made = folder(tmp_path / "a", {"seed1": mixed(0.97, 1)}, "# Record\n", facts)
    assert "json.loss" not in contradicted(made)
    assert verdicts(made, "json.score") == [Verdict.HOLDS]


def test_a_score_in_bits_alone_without_its_time_is_told_as_unread(tmp_path):
    made = folder(tmp_path / "a", {"seed1": styles.int6(1) + "byte_mixer val_bpb:0.9705\n"}, "# Record\n", {})
    assert verdicts(made, "lines.scores") == [Verdict.CANT_TELL]
    assert "byte_mixer val_bpb:0.9705" in evidence(made, "lines.scores")


def shipped(path, source, code=47_642, total=16_030_000):
    """A run that counted its code as it was written, and the script that packs it: some 700 bytes."""
    packed = base64.b85encode(lzma.compress(source)).decode()
    script = f'import lzma as L,base64 as B\nexec(L.decompress(B.b85decode("{packed}")))\n'
    log = styles.baseline(total=total).replace("47642", str(code))
    made = folder(path, {"seed42": log}, "# Record\n", {"val_bpb": 1.2244, "code_bytes": len(script)})
    (made / "train_gpt.py").write_text(script)
    return made


def test_a_script_that_unpacks_itself_is_held_to_the_code_that_it_unpacks(tmp_path):
    source = b"".join(b"a%d = %d\n" % (n, n * n) for n in range(4000))[:47_642]
    made = shipped(tmp_path / "a", source)
    assert verdicts(made, "budget.script", "budget.limit") == [Verdict.HOLDS, Verdict.CANT_TELL]
    assert "47,642 bytes unpacked" in evidence(made, "budget.script")
    assert "which unpacks itself" in evidence(made, "budget.limit")
    assert verdicts(shipped(tmp_path / "b", source[:40_000]), "budget.script") == [Verdict.CANT_TELL]
    assert verdicts(shipped(tmp_path / "c", source, total=16_060_000), "budget.limit") == [Verdict.CONTRADICTED]
    (made / "train_gpt.py").write_bytes(source[:30_000])
    assert verdicts(made, "budget.script", "budget.limit") == [Verdict.CONTRADICTED] * 2


HUNGRY = lzma.compress(Random(0).randbytes(1500), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}])  # 256 MiB
NO_SOURCE = {
    "without exec": "x" * 2000,
    "no Python": "exec(",
    "no archive": "exec(B.b85decode('" + "~" * 2000 + "'))",
    "null": "\0",
    "half a character": "exec('" + "\\ud800" * 2000 + "')",
    "memory": f"exec(unpack({base64.b85encode(HUNGRY).decode()!r}))",
    "too long": "a" * (4 << 20) + "a",
}


@pytest.mark.parametrize("text", NO_SOURCE.values(), ids=NO_SOURCE)
def test_a_script_that_unpacks_nothing_is_a_plain_one(text, tmp_path):
    (tmp_path / "train_gpt.py").write_text(text)
    assert unpacked_size(tmp_path / "train_gpt.py") is None


@pytest.mark.parametrize("form", ["raw", "zlib", "bytes"])
def test_a_script_may_be_packed_in_several_ways(form, tmp_path):
    source = b"".join(b"a%d = %d\n" % (n, n * n) for n in range(2000))
    filters = [{"id": lzma.FILTER_LZMA2}]
    raw = lzma.compress(source, format=lzma.FORMAT_RAW, filters=filters)
    data = {"raw": base64.b85encode(raw).decode(), "zlib": base64.b64encode(zlib.compress(source)), "bytes": raw}[form]
    (tmp_path / "train_gpt.py").write_text(f"exec(unpack({data!r}))\n")
    assert unpacked_size(tmp_path / "train_gpt.py") == len(source)


def test_adaptation_behind_the_storing_is_no_fitting_before_it(tmp_path):
    logs = {"seed1": styles.int6(1, 1.1667) + "ttt_adamw:done elapsed=519.4s\n"}
    made = folder(tmp_path, logs, "# Record\n", {"track": "10min_16mb", "val_bpb": 1.1667})
    assert verdicts(made, "timing.limit", "timing.evaluation") == [Verdict.HOLDS] * 2


@pytest.mark.parametrize(
    "name", ["val_bpb_3seed_{}", "val_bpb_{}_3_seeds", "3_seed_{}_val_bpb", "three_seed_{}_val_bpb"]
)
def test_a_field_may_say_of_how_many_seeds_it_is(name, tmp_path):
    for mean, std, verdict in (("1.1705", "0.0035", Verdict.HOLDS), ("1.1675", "0.0035", Verdict.CONTRADICTED)):
        facts = {name.format("mean"): float(mean), name.format("std"): float(std), "seeds": [1, 2, 3]}
        made = folder(tmp_path / mean, styles.three(), "# Record\n", facts)
        assert verdicts(made, "text.mean") == [verdict]
    facts = {name.format("mean"): 1.1705, name.format("std"): 0.0055, "seeds": [1, 2, 3]}
    assert contradicted(folder(tmp_path / "std", styles.three(), "# Record\n", facts)) == {"text.std"}


def test_results_per_seed_are_read(tmp_path):
    rows = {str(seed): {"byte_mixer_val_bpb": 1.0, "val_bpb": bpb} for seed, bpb in styles.SEEDS.items()}
    facts = {"val_bpb": 1.1705, "per_seed_results": rows}
    assert verdicts(folder(tmp_path / "a", styles.three(), "# Record\n", facts), "runs.seeds") == [Verdict.HOLDS]
    rows["2"]["val_bpb"] = 1.1611
    assert contradicted(folder(tmp_path / "b", styles.three(), "# Record\n", facts)) == {"json.score"}


def test_a_hybrid_is_held_to_its_scores_in_bits(tmp_path):
    scores = {1: 1.0397, 2: 1.0415, 3: 1.0414}
    logs = {f"seed{seed}": styles.gdn(seed, bpb) for seed, bpb in scores.items()}
    for wrong, mean, verdict in (({}, "1.0409", Verdict.HOLDS), ({2: 1.0389}, "1.0400", Verdict.CONTRADICTED)):
        rows = "".join(f"| {seed} | 1650 | {bpb - 0.02:.4f} | {wrong.get(seed, bpb):.4f} | 15,700,000 |\n"
                       for seed, bpb in scores.items())  # fmt: skip
        head = "| Seed | Steps | Post-EMA BPB | Quantized BPB | Artifact |\n|---|---|---|---|---|\n"
        text = f"# val_bpb: {mean} (3-seed mean)\n\n{head}{rows}"
        made = folder(tmp_path / mean, logs, text, {"val_bpb": float(mean), "seeds": [1, 2, 3]})
        assert verdicts(made, "tables.rows", "text.mean") == [verdict] * 2
        assert verdicts(made, "runs.seeds", "timing.limit", "lines.scores") == [Verdict.HOLDS] * 3


@pytest.mark.parametrize(("minutes", "verdict"), [
    ("19.8", Verdict.CONTRADICTED), ("9.8", Verdict.HOLDS), ("10.0", Verdict.CANT_TELL), ("10.1", Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_run_that_did_all_its_steps_tells_its_time_in_minutes(minutes, verdict, tmp_path):
    lines = [line for line in styles.sp8192(1).splitlines() if not line.startswith("stopping_early")]
    steps = [at for at, line in enumerate(lines) if " train_loss: " in line]
    place = lines[steps[-1]].partition("/")[0]
    total = lines[steps[-1]].partition("/")[2].partition(" ")[0]
    lines[steps[-1]] = f"{place}/{place} train_loss: 2.9 train_time: {minutes}m tok/s: 2982703"
    text = "\n".join(lines) + "\n"
    facts = {"track": "10min_16mb", "val_bpb": 1.0810}
    assert verdicts(folder(tmp_path / "a", {"seed1": text}, "# Record\n", facts), "timing.limit") == [verdict]
    cut = text.replace(f"{place}/{place} ", f"{place}/{total} ")
    assert verdicts(folder(tmp_path / "b", {"seed1": cut}, "# Record\n", facts), "timing.limit") == [Verdict.CANT_TELL]


@pytest.mark.parametrize(("size", "verdict"), [
    ("15.70 MB", Verdict.HOLDS), ("**15.700 MB**", Verdict.HOLDS), ("15.75 MB", Verdict.CANT_TELL),
    ("~15.70 MB", Verdict.CANT_TELL),
])  # fmt: skip
def test_a_size_between_the_bars_of_the_headline_may_be_the_artifacts(size, verdict, tmp_path):
    text = f"# Record\n\n**val_bpb: 1.1705** (3-seed mean) | {size} | 8xH100\n"
    made = folder(tmp_path, styles.three(), text, {"val_bpb": 1.1705, "seeds": [1, 2, 3]})
    assert verdicts(made, "text.artifact") == [verdict]


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ("| Pre-quant BPB | 1.2174 |\n| **Final val_bpb** | **1.2244** |\n", Verdict.HOLDS),
        ("| Final BPB | 1.2100 |\n", Verdict.CANT_TELL),  # whether it is the headline, no text says
        ("| Baseline BPB | 1.2244 |\n", Verdict.CANT_TELL),
        ("| Pre-quant BPB | 1.2244 |\n", Verdict.CANT_TELL),
    ],
)
def test_the_score_of_a_readme_may_stand_in_a_row_of_its_measures_alone(rows, verdict, tmp_path):
    made = folder(tmp_path, {"seed42": styles.baseline(1)}, f"# Record\n\n| Metric | Value |\n|:--|--:|\n{rows}")
    assert verdicts(made, "text.headline") == [verdict]
