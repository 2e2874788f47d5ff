"""The ledger's rows of #1716 and #1493: what their figures decide, and that other figures decide otherwise."""

import json
import shutil
from dataclasses import replace
from functools import cache

import pytest

from tests.audit.folders import PUBLISHED
from tests.small import REPOSITORY
from tritgolf.audit.claims import Published
from tritgolf.audit.ledger import BY_LOGS, BY_MEASUREMENT
from tritgolf.audit.logs import parse_log
from tritgolf.audit.measurements import Measurements
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.recurrent_facts import NUMBERS, SCORES, facts_of, read_recurrent
from tritgolf.audit.recurrent_measurements import Probe, RecurrentMeasurement
from tritgolf.errors import InputError
from tritgolf.outcome import Verdict

HOLDS, CONTRADICTED, OPEN = Verdict.HOLDS, Verdict.CONTRADICTED, Verdict.CANT_TELL

# What the figures decide, and a figure of the specification (or of the logs) that the evidence must give.
SPECIFIED = {
    "s01": (HOLDS, "0.0001429"),
    "s02": (HOLDS, "gain of test-time training: stated 0.00130"),
    "s03": (HOLDS, "15,996,103 (3,897 spare)"),
    "s04": (CONTRADICTED, "t = 1.78 (3.7 degrees), p = 0.078"),
    "s06": (CONTRADICTED, "601.13 to 601.21 s"),
    "s07": (HOLDS, "480.41"),
    "s08": (CONTRADICTED, "524,288 numbers would take 233,028 bytes"),
    "s09": (OPEN, "0.09 bits a number"),
    "s10": (CONTRADICTED, "qk_gain_init 5.25 → 5.0"),
    "s11": (OPEN, "48,172 numbers: 96,344 bytes in FP16, 49,514 in 8 bits, 46,830 less"),
    "s13": (CONTRADICTED, "15,991,930 to 15,993,232 bytes"),
    "s14": (CONTRADICTED, "0.23% of the largest"),
    "s16": (CONTRADICTED, "stated 53,508, the file has 53,514"),
    "s17": (CONTRADICTED, "step 1,951 of 4,393 = 44.4%"),
    "s19": (HOLDS, "chunks of the text: stated 1238"),
    "s20": (OPEN, "don't say"),
    "s21": (OPEN, "scores the text 7 times"),
    "s22": (HOLDS, "etlb_enabled: False"),
    "s23": (CONTRADICTED, "at step 3,000 the training losses of all seeds rise by 0.023 nats or more"),
    "s24": (HOLDS, "embed_wd: 0.085; muon_wd: 0.095"),
    "s25": (CONTRADICTED, "train_seq_len: 2048; eval_seq_len: 2048; compressor: brotli; embed_bits: 8"),
    "s29": (HOLDS, "36,486,278 parameters"),
    "s30": (OPEN, "gate_attn_src: proj"),
    "s31": (HOLDS, "67 Hessians for 67 matrices"),
    "s33": (CONTRADICTED, "std of sliding: stated 0.0002, by the logs 0.00011"),
    "s34": (CONTRADICTED, "seed 42 16,630 bytes"),
}


@cache
def claims():
    return {claim.id: claim for claim in Published(PUBLISHED).claims if claim.id.startswith("s")}


def by_logs(claim, folder=PUBLISHED):
    return BY_LOGS[claim](claims()[claim], Published(folder)).outcome


def by_measurement(claim, *rows):
    measured = Measurements(recurrent=rows)
    return BY_MEASUREMENT[claim](claims()[claim], Published(PUBLISHED), measured).outcome


def test_every_claim_of_the_system_is_here():
    assert claims().keys() == SPECIFIED.keys()


@pytest.mark.parametrize("claim", SPECIFIED)
def test_figures_show_what_the_specification_says(claim):
    verdict, evidence = by_logs(claim)
    assert (verdict, SPECIFIED[claim][1] in evidence) == (SPECIFIED[claim][0], True), evidence


def edited(tmp_path, edit, system="pr1716"):
    """``published/`` of these two systems, where ``edit`` changed each run of one in place."""
    for name in ("pr1716", "pr1493"):
        shutil.copytree(PUBLISHED / name, tmp_path / name)
    shutil.copy(PUBLISHED / "claims.csv", tmp_path)
    shutil.copy(PUBLISHED / "specification.csv", tmp_path)
    path = tmp_path / system / "facts.json"
    facts = json.loads(path.read_text())
    before = json.dumps(facts)
    for run in facts["runs"].values():
        edit(run, facts)
    assert json.dumps(facts) != before
    path.write_text(json.dumps(facts))
    return tmp_path


def number(name, value):
    return lambda run, facts: run["numbers"].update({name: value})


def setting(**values):
    return lambda run, facts: run["settings"].update(values)


def score(name, nats=0.0, bpb=0.0, seconds=0.0):
    def edit(run, facts):
        run["scores"][name] = [a + b for a, b in zip(run["scores"][name], (nats, bpb, seconds), strict=True)]

    return edit


def with_control_in_fp16(run, facts):
    run["kinds"]["passthrough (float16)"] += run["kinds"].pop("pertensor int8 (control)")
    run["kinds"].pop("simple int8 (small matrix)")


def as_stated_script(run, facts):
    facts["script"] |= {"readable": 53508, "minified": 52775}


# Claim, what is changed in each run of #1716, what the claim's verdict is then: none is typed in.
EDITS = [
    ("s01", score("ttt", bpb=0.001), CONTRADICTED),
    ("s02", score("sliding", bpb=0.001), CONTRADICTED),
    ("s03", number("code_bytes", 28_097), CONTRADICTED),
    ("s04", score("ttt", bpb=-0.004), HOLDS),
    ("s06", number("hessian_seconds", 11.5), HOLDS),
    ("s07", score("quantized", seconds=200.0), CONTRADICTED),
    ("s08", number("artifact_bytes", 16_300_000), OPEN),
    ("s09", setting(bigram_dim="48"), CONTRADICTED),
    ("s11", with_control_in_fp16, OPEN),
    ("s14", with_control_in_fp16, OPEN),
    ("s16", as_stated_script, HOLDS),
    ("s16", number("code_bytes", 18_000), CONTRADICTED),
    ("s17", number("recurrence_step", 1977), HOLDS),
    ("s19", setting(ttt_epochs="4"), CONTRADICTED),
    ("s19", number("ttt_chunks", 1239), CONTRADICTED),
    ("s22", setting(slot_enabled="True"), CONTRADICTED),
    ("s22", setting(slot_enabled="False"), HOLDS),
    ("s23", number("validation_tokens", 40_540_160), CONTRADICTED),
    ("s24", setting(embed_wd="0.08"), CONTRADICTED),
    ("s29", number("parameters", 36_000_000), CONTRADICTED),
    ("s29", setting(num_layers="12"), CONTRADICTED),
    ("s31", setting(embed_clip_sigmas="15.0"), CONTRADICTED),
    ("s31", number("hessians", 66), CONTRADICTED),
]


@pytest.mark.parametrize(("claim", "edit", "verdict"), EDITS)
def test_other_figures_decide_otherwise(claim, edit, verdict, tmp_path):
    assert by_logs(claim, edited(tmp_path, edit)).verdict is verdict


def test_seeds_are_independent_where_tokens_are_the_contests_and_losses_their_own(tmp_path):
    seeds = iter(range(3))

    def own_batches(run, facts):
        run["numbers"]["validation_tokens"] = 40_540_160
        at = next(seeds)
        run["losses"] = [[step, loss + (0.03 if step // 500 % 3 == at else 0.0)] for step, loss in run["losses"]]

    outcome = by_logs("s23", edited(tmp_path, own_batches))
    assert (outcome.verdict, "no loss rises for all of them" in outcome.evidence) == (OPEN, True)


@pytest.mark.parametrize("settings", [{"num_layers": "4"}, {"num_layers": "many"}])
def test_settings_of_no_model_are_one_line(settings, tmp_path):
    with pytest.raises(InputError, match="published run of seed 42"):
        by_logs("s31", edited(tmp_path, setting(**settings)))


def test_a_page_of_settings_holds_where_the_logs_print_them(tmp_path):
    printed = setting(
        muon_wd="0.085", adam_wd="0.095", train_seq_len="32768", eval_seq_len="32768", compressor="lzma",
        matrix_bits="6", embed_bits="6",
    )  # fmt: skip
    assert by_logs("s25", edited(tmp_path, printed)).verdict is HOLDS


def test_two_changes_hold_where_only_the_table_differs(tmp_path):
    merged = json.loads((PUBLISHED / "pr1716/facts.json").read_text())

    def as_1716_but_wider(run, facts):
        run["settings"] = {**merged["runs"]["seed42"]["settings"], "bigram_dim": "48"}
        run["numbers"] = merged["runs"]["seed42"]["numbers"]

    folder = edited(tmp_path, as_1716_but_wider, "pr1493")
    differing = by_logs("s10", folder)
    assert (differing.verdict, "bigram_dim 48 → 32" in differing.evidence) == (HOLDS, True)
    assert by_logs("s08", folder).verdict is OPEN  # both have the table then
    assert by_logs("s34", folder).verdict is HOLDS


def test_without_8_bit_embeddings_elsewhere_only_the_stated_bytes_speak(tmp_path):
    outcome = by_logs("s13", edited(tmp_path, setting(embed_bits="7"), "pr1493"))
    assert outcome.verdict is CONTRADICTED
    assert "33,825 bytes over, stated 65 KB" in outcome.evidence and "#1493 fits" not in outcome.evidence


def test_a_spread_that_is_as_printed_holds(tmp_path):
    def wider(run, facts):
        run["scores"]["sliding"][1] += {"42": 0.0001, "314": 0.0, "999": -0.0001}[run["settings"]["seed"]]

    assert by_logs("s33", edited(tmp_path, wider, "pr1493")).verdict is HOLDS


def log_of(run):
    """A log of our own writing with a run's figures."""
    said = {name: f"{value}" for name, value in run["numbers"].items()}
    lines = ["Hyperparameters:", *(f"  {key}: {value}" for key, value in run["settings"].items())]
    lines += ["  data_dir: /somewhere", f"train_shards: {said['train_shards']}"]
    lines += [f"val_tokens: {said['validation_tokens']}", f"model_params:{said['parameters']}"]
    lines += [f"gptq:reserving {said['reserved_seconds']}s, effective=588000ms"]
    lines += [f"{step}/20000 val_loss: 2.9 val_bpb: 1.1" for step in run["validations"]]
    lines += [f"{step}/20000 train_loss: {loss:.4f} train_time: 0.9m tok/s: 7488686" for step, loss in run["losses"]]
    lines += [f"layer_loop:enabled step:{said['recurrence_step']} frac:0.350 encoder:[0] decoder:[1]"]
    lines += [f"stopping_early: wallclock_cap train_time: {said['train_ms']}ms step: {said['steps']}/20000"]
    lines += [f"Code size: {said['code_bytes']} bytes"]
    lines += [f"GPTQ:collected {said['hessians']} Hessians in {said['hessian_seconds']}s", "Quantized weights:"]
    lines += [f"  {kind}: {', '.join(names)}" for kind, names in run["kinds"].items()]
    lines += [f"Serialized model quantized+brotli: {said['artifact_bytes']} bytes"]
    lines += [f"Total submission size quantized+brotli: {said['total_bytes']} bytes"]
    lines += [f"ttt:start chunks={said['ttt_chunks']} ttt_lr=0.005 ttt_epochs=3"]
    for name, label in SCORES.items():
        nats, bpb, seconds = run["scores"][name]
        lines.append(f"{label} val_loss:{nats:.8f} val_bpb:{bpb:.8f} eval_time:{seconds * 1000:.0f}ms")
    return "\n".join(lines) + "\n"


def test_facts_are_what_a_log_says():
    run = json.loads((PUBLISHED / "pr1716/facts.json").read_text())["runs"]["seed42"]
    found = facts_of(parse_log(log_of(run), "x"))
    assert {**found, "sha256_of_the_log": run["sha256_of_the_log"]} == run


@pytest.mark.parametrize("line", ["GPTQ:collected", "quantized_ttt"])
def test_a_log_that_lacks_a_line_gives_no_facts(line):
    run = json.loads((PUBLISHED / "pr1716/facts.json").read_text())["runs"]["seed42"]
    text = "\n".join(each for each in log_of(run).splitlines() if not each.startswith(line))
    with pytest.raises(ValueError, match="no "):
        facts_of(parse_log(text, "x"))


def test_the_table_of_seeds_is_of_the_same_runs():
    rows = (PUBLISHED / "pr1716/seeds.csv").read_text().splitlines()
    for run in read_recurrent(PUBLISHED / "pr1716").runs:
        row = next(row.split(",") for row in rows if row.startswith(f"{run.seed},"))
        assert [float(value) for value in row[1:2] + row[6:9]] == [
            run.numbers[name] for name in ("steps", "artifact_bytes", "code_bytes", "total_bytes")
        ]
        assert [f"{run.scores[name].bpb:.5f}" for name in SCORES] == row[2:6]
    assert set(NUMBERS) == set(run.numbers)


@pytest.mark.parametrize("content", ["", '{"schema": "tritgolf/published-recurrent-runs/1", "runs": {"seed1": {}}}'])
def test_damaged_facts_are_one_line(content, tmp_path):
    (tmp_path / "facts.json").write_text(content)
    with pytest.raises(InputError, match="is no file of published runs"):
        read_recurrent(tmp_path)


def test_facts_of_another_kind_are_no_runs():
    assert not read_recurrent(PUBLISHED / "pr920")
    assert not read_recurrent(PUBLISHED / "pr1722")


ROW = RecurrentMeasurement(
    "run", 42, 800, "text", True, False, {"averaged": 0.7, "quantized": 0.71, "sliding": 0.69, "ttt": 0.68},
    {"averaged": 0.7, "quantized": 0.711, "sliding": 0.69, "ttt": 0.68}, 0.72,
    {"sliding": Probe(True, "no leak", 0, 0, False), "ttt": Probe(True, "no leak", 0, 0, True)},
)  # fmt: skip


def probed(**changes):
    return replace(ROW, probes={**ROW.probes, "ttt": ROW.probes["ttt"]._replace(**changes)})


@pytest.mark.parametrize(
    ("claim", "row", "verdict"),
    [
        ("s08", ROW, CONTRADICTED),
        ("s08", replace(ROW, trains_bigram=True), OPEN),
        ("s08", replace(ROW, published_code={"ttt": 0.66}), OPEN),
        ("s31", ROW, HOLDS),
        ("s31", replace(ROW, nearest=0.70), CONTRADICTED),
        ("s31", replace(ROW, nearest=None), OPEN),
        *((claim, ROW, HOLDS) for claim in ("s19", "s21", "s22")),
        *((claim, probed(causal=None), OPEN) for claim in ("s19", "s21", "s22")),
        *((claim, probed(causal=False), CONTRADICTED) for claim in ("s19", "s22")),
        ("s21", probed(scored_again=3), CONTRADICTED),
        ("s21", probed(tokens_left_out=1), CONTRADICTED),
    ],
)
def test_measurements_decide_what_logs_leave_open(claim, row, verdict):
    assert by_measurement(claim, row).verdict is verdict


def test_the_kept_run_is_read():
    row = next(row for row in read_measurements(REPOSITORY / "measured").recurrent)
    assert (row.steps, row.has_bigram, row.trains_bigram) == (800, True, False)
    assert f"{row.nearest - row.scores['quantized']:.4f}" == "0.0066"
    assert row.scores.keys() >= row.published_code.keys() - {"raw_weights_step_400", "raw_weights_step_800"}
    assert row.probes["ttt"].adapts and not row.probes["sliding"].adapts
