"""The figures of docs/runs.md are those of the metrics it names."""

import json
import statistics
from pathlib import Path

from tests import kept
from tests.pages import one_line, table_after
from tritgolf.audit.int6_measurements import Loss
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.submission import read_logs
from tritgolf.report.experiment_table import experiment_table
from tritgolf.report.experiments import load_experiment
from tritgolf.report.frames import seed_frame
from tritgolf.report.metrics import load_run, read_record_facts
from tritgolf.report.record_facts import AS_WRITTEN
from tritgolf.report.statistics import format_mean_std
from tritgolf.report.tables import roundtrip_table

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "runs.md").read_text()
TEXT = one_line(PAGE)
RUN, AS_WRITTEN_RUN = kept.RECORD_LENGTH, kept.LENGTH_AS_WRITTEN


def test_the_runs_of_1900_steps_are_compared_as_the_experiment_does():
    frame = experiment_table(*load_experiment(kept.MEASURED / "equal_tokens_docs_en")).frame
    last = frame[(frame["step"] == 1900) & (frame["seed"] == 42)]
    columns = []
    runs = zip((*kept.SHORT, kept.HONEST), ("fp16", "bf16", "lossless"), strict=True)
    for run, storage in runs:
        of = last[(last["record"] == load_run(run).facts.name) & (last["storage"] == storage)].squeeze()
        gap = f"{of['gap_bpb']:+.5f}" if of["gap_bpb"] else "0 exactly"
        scores = [f"{of[name]:.4f}" for name in ("training_loss", "trained_bpb", "rt_bpb")]
        figures = kept.figures(run)
        columns.append([figures["ms/step"], *scores, gap, figures["sliding BPB"], f"{of['artifact_bytes']:,.0f}"])
        assert (figures["steps"], figures["stride"]) == ("1,900", "64")
    shown = [row[1:] for row in table_after(PAGE, "<!-- table: 1900 steps -->")]
    assert shown == [list(row) for row in zip(*columns, strict=True)]
    lead = float(columns[1][3]) - float(columns[2][3])
    assert f"`ternary_honest` leads `ternary_v2` by {lead:.4f} after the reload, which is what seeds differ by" in TEXT
    assert f"`ternary_v1` leads `ternary_v2` by {float(columns[1][2]) - float(columns[0][2]):.3f} BPB" in TEXT
    train = json.loads((kept.HONEST / "seed42/train/train.json").read_text())["metrics"]
    assert train["tokens"] // 10**6 == 996 and "996 million tokens" in TEXT


def test_the_three_seeds_are_those_of_their_metrics():
    frame = seed_frame(load_run(kept.HONEST))
    *seeds, summary = table_after(PAGE, "<!-- table: ternary_honest seeds -->")
    for row, (_, seed) in zip(seeds, frame.iterrows(), strict=True):
        count, name = seed["hardware"].split(" × ")
        assert seed["stride"] == 64 and seed["rt_gap_bpb"] == 0
        assert row == [
            str(seed["seed"]),
            f"{count}×{name.split()[1]}",
            f"{seed['ms_per_step']:.1f}",
            *(f"{seed[column]:.4f}" for column in ("sliding_bpb", "val_bpb")),
            "0 exactly",
            f"{seed['artifact_bytes']:,}",
        ]
    scores = [kept.of_seeds(frame, column, 4) for column in ("sliding_bpb", "val_bpb", "rt_gap_bpb")]
    assert summary == ["mean ± std", "", "", *scores, kept.of_seeds(frame, "artifact_bytes", 0)]


def test_1716_beside_its_published_code():
    published = json.loads((kept.INT6 / "published_code.json").read_text())
    final = kept.INT6 / "seed42" / "final"
    chunked = json.loads((final / "chunked_scores.json").read_text())
    methods = json.loads((final / "evaluate.json").read_text())["metrics"]["methods"]
    export = json.loads((final / "export" / "export.json").read_text())["metrics"]
    size = export["storages"]["own"]["bytes"]
    steps = [json.loads(line) for line in (kept.INT6 / "seed42" / "train" / "metrics.jsonl").read_text().splitlines()]
    before, after = (
        statistics.median(step["step_ms"] for step in steps if step["recurrence"] is on and step["step"] > 10)
        for on in (False, True)
    )
    bpb = {name: f"{facts['bpb_published_bytes']:.4f}" for name, facts in (chunked | methods).items()}
    rows = {row[0]: row[1:] for row in table_after(PAGE, "<!-- table: int6 800 steps -->")}
    assert rows == {
        "raw weights, step 400": [f"{published['raw_weights_step_400_bpb']:.4f}", bpb["state_00000400"]],
        "averaged weights": [f"{published['averaged_bpb']:.4f}", bpb["final"]],
        "artifact: GPTQ, int6 and int8": [f"{published['quantized_bpb']:.4f}", bpb["artifact own"]],
        "the same weights rounded to the nearest": ["", bpb["artifact nearest"]],
        "artifact, sliding, stride 64": [f"{published['sliding_bpb']:.4f}", bpb["sliding"]],
        "artifact, test-time training": [f"{published['ttt_bpb']:.4f}", bpb["ttt"]],
        "artifact bytes (Brotli)": [f"{published['artifact_bytes']:,}", f"{size:,}"],
        "ms/step before, after the switch (other cards, older code: [speed.md](speed.md))": [
            f"{published['ms_per_step_before_switch']}, {published['ms_per_step_after_switch']}",
            f"{before:.0f}, {after:.0f}",
        ],
    }
    assert bpb["chunked"] == bpb["artifact own"]
    gain = chunked["artifact nearest"]["bpb_published_bytes"] - chunked["artifact own"]["bpb_published_bytes"]
    assert f"GPTQ is worth {gain:.4f} BPB over rounding to the nearest" in TEXT
    raw = published["raw_weights_step_800_bpb"]
    averaged = published["averaged_bpb"]
    assert f"averaged weights ({averaged:.4f}) are worse than its raw ones ({raw:.4f})" in TEXT and raw < averaged
    stages = ("averaged weights", "artifact: GPTQ, int6 and int8", "artifact, sliding, stride 64")
    apart = [
        abs(float(there) - float(here)) for there, here in (rows[s] for s in (*stages, "artifact, test-time training"))
    ]
    assert max(apart) < 0.001 and "within 0.001 BPB of its published code" in one_line((ROOT / "README.md").read_text())
    assert 21_000 < size + 49_500 - export["byte_limit"] < 21_750 and "by some 21,700" in TEXT
    assert methods["ttt"]["causality"]["causal"] is None


def test_1722_s_scores_are_its_metrics_and_say_what_the_probe_says():
    seed = kept.INT6_SLOT / "seed42"
    hardware = json.loads((seed / "train/train.json").read_text())["provenance"]["hardware"]
    assert hardware["gpus"] == ["NVIDIA H200"] * 2
    train, export, roundtrip, evaluation = (
        json.loads((seed / file).read_text())["metrics"]
        for file in ("train/train.json", "final/export/export.json", "final/roundtrip.json", "final/evaluate.json")
    )
    methods, storages = evaluation["methods"], roundtrip["storages"]
    assert {facts["byte_counting"] for facts in methods.values()} == {"raw"}
    scores = [roundtrip["trained"], storages["own"], storages["nearest"]]
    scores += [methods[name] for name in ("sliding_every", "sliding", "ttt", "slot")]
    rows = table_after(PAGE, "<!-- table: int6_slot 600 steps -->")
    assert [row[1] for row in rows] == [f"{facts['bpb']:.4f}" for facts in scores]
    said_of_slot = methods["slot"]["causality"]
    valid = [name for name, facts in methods.items() if facts["causality"]["causal"]]
    assert [row[2].startswith("yes") for row in rows] == [True] * 4 + [False, True, False]
    assert set(methods) - set(valid) == {"slot"} and rows[-1][2] == "**no: not causal**"
    assert f"SLOT makes {methods['ttt']['bpb'] - methods['slot']['bpb']:.4f} BPB out of nothing" in TEXT
    leak = said_of_slot["later_tokens"]["leak"]
    assert f"a change from token {leak['changed']:,} on moves the score at {leak['moved']}" in TEXT
    assert f"by {leak['nats']:.2f} nats" in TEXT
    seconds = [methods[name]["seconds"] for name in ("slot", "ttt")]
    assert "Scoring took {:.0f} s of one H200, {:.0f} s without SLOT".format(*seconds) in TEXT
    gain = storages["nearest"]["bpb"] - storages["own"]["bpb"]
    assert f"is worth {gain:.4f} BPB over rounding to the nearest. The artifact takes" in TEXT
    assert f"The artifact takes {export['storages']['own']['bytes']:,} bytes" in TEXT
    assert f"on two H200s ({train['step_ms']['median']:.1f} ms a step)" in TEXT


def test_the_ratio_of_bytes_is_the_runs_own():
    ratio = load_run(RUN).seeds[0].evaluate.sliding.raw_per_published_byte
    assert f"there are {ratio:.4f} for each" in TEXT
    raw = (RUN, kept.INT6, kept.INT6_SLOT, kept.SLOT_DEMO, *kept.BEST, kept.FP8)
    others = [run for run in kept.MEASURED.glob("*/record.json") if run.parent not in raw]
    assert {score.byte_counting for run in others for score in load_run(run.parent).trained_scores} == {"published"}


def test_scores_on_the_way_are_worse_at_4000_steps_than_at_2000_while_the_loss_falls():
    for run in (RUN, AS_WRITTEN_RUN):
        seed = load_run(run).seeds[0]
        early, later = (seed.roundtrip(step).trained.by_published_bytes for step in ("step_002000", "step_004000"))
        first, second = (
            statistics.mean(line.loss for line in seed.log if end - 172 < line.step <= end) for end in (2000, 4000)
        )  # each over one reading of the text
        assert later > early and second < first
        if run is RUN:
            assert f"({later:.4f} against {early:.4f} BPB in the faithful one)" in TEXT


def test_the_estimators_scores_after_long_training_are_the_laboratorys():
    scores = {name: [found["trained"]["bpb"] for found in kept.long_laboratories(name)] for name in ("absmean", "rms")}
    said = ", ".join(f"{name} {statistics.mean(x):.3f} ± {statistics.stdev(x):.3f}" for name, x in scores.items())
    assert f"after 50,000 steps: {said} BPB (three runs each" in TEXT
    assert {len(found) for found in scores.values()} == {3}
    configurations = []
    for run in kept.LONG_AS_WRITTEN:
        record = json.loads((run / "record.json").read_text())
        assert record["model"]["quantizer"].pop("estimator") == run.name.split("_")[1]
        configurations.append((record["model"], record["train"] | {"checkpoints": "do not matter"}))
    assert configurations[0] == configurations[1]


def test_the_estimators_are_compared_at_the_demos_size_as_the_experiment_does():
    frame = experiment_table(*load_experiment(kept.MEASURED / "estimator_demo")).frame
    last = frame[(frame["step"] == 1100) & (frame["record"] == "demo_absmean") & (frame["storage"] == "bf16")]
    seeds = last[last["seed"].isin([42, 1337, 7])]
    ahead = -seeds["trained_bpb_over_baseline"]
    assert f"absmean leads by {ahead.mean():.3f} ± {ahead.std():.3f} BPB, which" in TEXT and len(ahead) == 3


def test_the_published_losses_of_both_estimators_are_those_of_the_logs():
    def published(system):
        return read_logs(ROOT / "published" / system)

    behind = []
    for step in range(1000, 5001, 1000):
        pr640, pr920 = (
            [line.loss.value for log in logs for line in log.steps if line.step == step]
            for logs in (published("pr640"), published("pr920"))
        )
        assert len(pr640) == len(pr920) == 3
        behind.append(statistics.mean(pr640) - statistics.mean(pr920))
    assert f"#640 is {min(behind):.3f} to {max(behind):.3f} nats *behind* #920 at steps 1,000 to 5,000" in TEXT


def test_what_the_pages_call_as_written_and_faithful_is_what_the_runs_recorded():
    told = {folder: training for (_, training), runs in kept.LONG.items() for folder, _ in runs}
    told |= dict.fromkeys(kept.AS_WRITTEN, "as written") | {RUN: "faithful", kept.HONEST: "honest"}
    labels = {folder: read_record_facts(folder / "record.json").label for folder in told}
    assert {folder: label.partition(" (")[0] for folder, label in labels.items()} == told
    assert AS_WRITTEN in labels.values()


def test_the_table_of_gaps_can_be_made_again():
    assert "lossless" in roundtrip_table(load_run(RUN)).markdown()


def test_what_the_probe_says_of_test_time_training_on_a_gpu():
    again = json.loads((kept.INT6 / "ttt_causality.json").read_text())
    export = json.loads((kept.INT6 / "seed42" / "final" / "export" / "export.json").read_text())["metrics"]
    assert again["payload_digest"] == export["storages"]["own"]["payload_digest"]
    ttt = again["methods"]["ttt"]
    assert ttt["causality"]["causal"] and ttt["causality"]["reason"].startswith(
        "16 changes of later tokens moved no earlier score"
    )
    assert f"on {ttt['tokens_scored']:,} tokens of other text: scores repeat, and 16 changes of later tokens" in TEXT
    assert ttt["causality"]["later_tokens"]["repeatable"]


def test_a_script_trained_at_the_pipeline_s_pace():
    runs = [
        [json.loads(line) for line in (kept.MEASURED / "speed" / f"pace_{name}_2xh200.jsonl").read_text().splitlines()]
        for name in ("pipeline", "script")
    ]
    assert [(run[-1]["step"], run[-1]["tokens"]) for run in runs] == [(100, 100 * 524_288)] * 2
    assert runs[0][0]["loss"] == runs[1][0]["loss"]
    ours, script = (run[-1]["training_seconds"] for run in runs)
    assert f"{ours:.2f}" == f"{script:.2f}"
    assert f"100 steps of `ternary_v2` took {script:.2f} s on two H200s by script and by pipeline" in TEXT


def test_test_time_training_scores_alike_on_one_rank_and_on_two():
    alone = json.loads((kept.INT6 / "ttt_causality.json").read_text())
    together = json.loads((kept.INT6 / "two_ranks.json").read_text())["methods"]["ttt"]
    scores = [facts["bpb_published_bytes"] for facts in (alone["methods"]["ttt"], together)]
    assert f"On two H200s their score is {scores[0] - scores[1]:.5f} BPB lower" in TEXT


def _losses(name: str) -> dict[str, list[Loss]]:
    """The rows of a kept experiment on #1722's ternary models, by their words."""
    found: dict[str, list[Loss]] = {}
    for one in read_measurements(kept.MEASURED).int6.losses:
        if one.experiment == name:
            found.setdefault(one.what, []).append(one)
    return found


def _signed(values) -> str:
    return format_mean_std(values, 4, signed=True, fixed=True)


def test_when_trits_begin_is_what_the_kept_experiment_says():
    (_, int6), *rows = _losses("hybrid_start_demo").items()
    base = {one.seed: one.bpb for one in int6}
    shown = table_after(PAGE, "<!-- table: hybrid start -->")
    assert len(base) == 3
    assert shown == [
        [what, _signed([one.bpb - base[one.seed] for one in of]), _signed([one.gap for one in of])]
        for what, of in rows[: len(shown)]
    ]
    late, early = (statistics.fmean(one.bpb - base[one.seed] for one in dict(rows)[what])
                   for what in ("from 85% on", "from the start"))  # fmt: skip
    assert 0.05 < early / late < 0.15


def test_the_fixes_are_what_the_kept_experiment_and_laboratories_say():
    rows = _losses("trinity_v1_demo")
    assert table_after(PAGE, "<!-- table: trinity v1 -->") == [
        [what, format_mean_std([one.bpb for one in of], 4), _signed([one.gap for one in of])]
        for what, of in rows.items()
    ]
    for seed in load_run(kept.MEASURED / "trinity_v1_demo" / "demo_trinity_v1").seeds:
        grid = seed.laboratories["final"].rows
        assert abs(grid["fix_2"].gap_bpb) < 0.001 * grid["own"].gap_bpb
        assert all(abs(grid[name].over_own_bpb) < 0.002 for name in ("fix_3", "fix_4"))
    trained = [[one.bpb - one.gap for one in rows[what]] for what in ("as it was: z-loss 1e-4", "fix 5: z-loss 1e-5")]
    differences = [after - before for before, after in zip(*trained, strict=True)]
    assert abs(statistics.fmean(differences)) < statistics.stdev(differences)
