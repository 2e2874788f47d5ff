"""The README's figures are those of the metrics it names; docs/running.md's settings those of the configuration."""

import json
import re
from pathlib import Path

import pytest

from tests import kept
from tests.pages import one_line, table_after
from tritgolf.audit.claims import Published
from tritgolf.config.modes import MECHANISMS_OF, MODES, TRANSFORMER_MODES
from tritgolf.config.record import known_records, load_record
from tritgolf.data.dataset import load_dataset
from tritgolf.pipeline import check_together
from tritgolf.report.frames import seed_frame
from tritgolf.report.metrics import load_run
from tritgolf.report.published import read_published
from tritgolf.report.statistics import format_mean_std, mean

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
RUNNING = (DOCS / "running.md").read_text()
TEXT = one_line(README)
RUN = kept.RECORD_LENGTH


def test_a_newcomer_can_finish_the_page():
    assert len(README.splitlines()) <= 150 and len(README.split()) <= 1500


@pytest.mark.parametrize("setting", MODES["faithful"])
def test_every_setting_of_the_modes_is_in_the_table(setting):
    row = f"| `{setting}` | `{MODES['faithful'][setting]}` | `{MODES['honest'][setting]}` |"
    assert row in RUNNING


def test_what_the_modes_decide_of_a_transformer_is_told():
    faithful, honest = (TRANSFORMER_MODES[mode] | MECHANISMS_OF["transformer"][mode] for mode in ("faithful", "honest"))
    for own in faithful.keys() - MODES["faithful"].keys():
        assert f"| `{own}` | `{faithful[own]}` | `{honest[own]}` |" in RUNNING
    for key in faithful.keys() & MODES["faithful"].keys():
        assert [faithful[key], honest[key]] == [MODES["faithful"][key], MODES["honest"][key]]


def test_every_record_is_in_the_table():
    for name in known_records(ROOT / "records"):
        base = name.removeprefix("demo_") if name.startswith("demo_fix_") else name
        assert re.search(rf"^\|[^|]*`{base}`", RUNNING, re.M)


def test_the_measured_scores_are_those_of_the_metrics():
    found = kept.figures(RUN)
    frame = seed_frame(load_run(kept.HONEST))
    strides = found.pop("stride"), *set(frame["stride"])
    sliding = "sliding BPB, stride {} (two of #920's logs print 8: [c14](docs/claims.md); `ternary_honest`: {})"
    found[sliding.format(*strides)] = found.pop("sliding BPB")
    assert f"6,530 steps, {float(found.pop('seconds')):.0f} s on four H200s, `ternary_v2` has" in TEXT
    rows = table_after(README, "<!-- table: full size -->")
    assert {row[0]: row[2] for row in rows} == found
    paces = {machine: f"{pace.mean():.1f}" for machine, pace in frame.groupby("hardware")["ms_per_step"]}
    assert {row[0]: row[3] for row in rows} == {
        "steps": kept.of_seeds(frame, "steps", 0),
        "ms/step": f"{paces['4 × NVIDIA H200']} on 4×H200, {paces['2 × NVIDIA H100 80GB HBM3']} on 2×H100",
        sliding.format(*strides): kept.of_seeds(frame, "sliding_bpb", 4),
        "val BPB, with z-loss": kept.of_seeds(frame, "val_record_bpb", 4),
        "RT BPB, with z-loss": kept.of_seeds(frame, "rt_record_bpb", 4),
        "RT gap": kept.of_seeds(frame, "rt_gap_record_bpb", 4),
        "artifact bytes": kept.of_seeds(frame, "artifact_bytes", 0),
        "artifact and code bytes": kept.of_seeds(frame, "total_bytes", 0),
    }


def test_the_published_figures_are_those_of_the_logs():
    ours = read_published(ROOT / "published" / "pr920").seeds
    columns = ("steps", "ms_per_step", "sliding_bpb", "val_bpb", "rt_bpb", "rt_gap", "artifact_bytes", "total_bytes")
    decimals = (0, 2, 4, 4, 4, 4, 0, 0)
    shown = [row[1] for row in table_after(README, "<!-- table: full size -->")]
    assert shown == [
        format_mean_std(ours[name], places, fixed=True) for name, places in zip(columns, decimals, strict=True)
    ]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in DOCS.glob("*.md"))])
def test_every_local_link_leads_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_every_target_of_the_page_exists():
    rows = RUNNING.split("| target | what it makes", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    targets = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    snakefile = (ROOT / "Snakefile").read_text() + "".join(p.read_text() for p in (ROOT / "rules").glob("*.smk"))
    assert len(targets) > 10
    for target in targets:
        assert f"rule {target}:" in snakefile


def test_the_record_and_the_text_of_ones_own_are_valid_and_fit(tmp_path):
    record, text = re.findall(r"```yaml\n(.*?)```", README, re.S)
    for path in (ROOT / "records").glob("*.yaml"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "mine.yaml").write_text(record)
    mine = load_record("mine", tmp_path)
    (tmp_path / "mine.yaml").write_text(text)
    check_together(mine, load_dataset("mine", tmp_path), processes=8)


def test_the_storage_of_ones_own_is_valid(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", RUNNING, re.S)
    (tmp_path / "mine.yaml").write_text(example)
    mine = load_record(str(tmp_path / "mine.yaml"), ROOT / "records")
    assert mine.export.storages["finer"].mixes == "bfloat16" != mine.export.storages["bf16"].mixes


def test_how_far_the_formats_of_scales_move_a_gap_is_that_of_everything_kept():
    """In laboratories and roundtrips, at every checkpoint, also of records that are trained in what they store."""
    moved, at_the_end = [], []
    for path in kept.MEASURED.glob("*/**/laboratory.json"):
        found = json.loads(path.read_text())["metrics"]
        if {"scales_bf16", "scales_fp16"} <= found["names"].keys():
            moved.append(kept.spread(found, "bf16", "fp16"))
            at_the_end += [kept.gap_of(found, "own")] if path.parent.name == "final" else []
    for path in kept.MEASURED.glob("*/**/roundtrip.json"):
        storages = json.loads(path.read_text())["metrics"]["storages"]
        if {"bf16", "fp16"} <= storages.keys():
            moved.append(abs(storages["bf16"]["gap_bpb"] - storages["fp16"]["gap_bpb"]))
    assert len(moved) > 50 and 0.0003 < max(moved) < 0.0004
    assert "FP16 and BF16 scales give gaps within 0.0004 BPB of each other" in TEXT
    assert f"gaps at the end of training go up to {max(at_the_end):.3f}." in TEXT


def test_the_honest_record_loses_nothing():
    seeds = load_run(kept.HONEST).seeds
    assert [seed.reloaded("final", "lossless").gap_bpb for seed in seeds] == [0, 0, 0]
    assert {seed.train.steps for seed in seeds} == {1900} and "three seeds of 1,900 steps" in TEXT


def test_what_is_said_of_the_gap_at_the_records_length_is_the_laboratories():
    found = kept.laboratory(RUN)
    own, left = kept.gap_of(found, "own"), kept.gap_of(found, "mixes_bf16")
    gaps = sorted(read_published(ROOT / "published" / "pr920").seeds["rt_gap"])
    assert f"`ternary_v2` has a gap of {own:.4f}; the published ones are" in TEXT
    assert "the published ones are {:.4f}, {:.4f} and {:.4f}.".format(*gaps) in TEXT and gaps[0] < own < gaps[-1]
    assert "Storing mixes and skips in e4m3 causes four fifths of it" in TEXT and 1 - left / own == pytest.approx(
        4 / 5, abs=0.01
    )


def test_what_is_said_of_the_best_trits_is_what_their_runs_scored():
    scored, ttt, counts = {}, {}, {}
    best = ("ternary_best_fits_docs_en_h200", "ternary_best_time1716_docs_en_h200")
    int4, int6 = "best_int4_docs_en_h200", tuple(path.name for path in kept.MEASURED.glob("best_int6*"))
    for name in (*best, int4, *int6, "ternary_v2_docs_en_2xh100", "int6_recurrent_800_docs_en_2xh200"):
        seeds = load_run(kept.MEASURED / name).seeds
        scored[name.partition("_docs")[0]] = f"{mean(seed.evaluate.sliding.by_published_bytes for seed in seeds):.4f}"
        if name in (*best, int4, *int6):
            ttt[name] = f"{mean(seed.method('ttt').by_published_bytes for seed in seeds):.4f}"
            counts[name] = len(seeds)
            for seed in seeds:
                export, own = seed.export("final"), seed.roundtrip("final").own_storage
                assert export.storages[own].bytes + export.code_bytes < export.byte_limit
    assert f"in equal GPU time**: {scored['ternary_best_fits']} against #920's {scored['ternary_v2']}, and" in TEXT
    assert f"{scored['ternary_best_time1716']} against #1716's {scored['int6_recurrent_800']}," in TEXT
    best_int6 = min(int6, key=ttt.__getitem__)
    assert (counts[int4], counts[best[0]], counts[best_int6]) == (3, 3, 1) and ttt[int4] == min(ttt.values())
    told = one_line((DOCS / "isobyte.md").read_text())
    [p] = re.findall(r"\| with test-time training +\| int4 +\| trits .*? ([\d.]+) \| +yes \|", told)
    with_it = f"{ttt[int4]}, trits {ttt[best[0]]} (three seeds each, p = {p}), int6 {ttt[best_int6]} (one seed)"
    assert f"best with test-time training**: {with_it}. Without it 4 bits score {scored['best_int4']}, too near" in TEXT
    assert "with test-time training the best are int4" in told
    assert "without test-time training trits and int4 are too near to tell" in told


def test_how_many_claims_hold_is_what_the_ledger_says():
    told = r"^- \*\*[cst]\d+\*\* .*: \*\*([a-z' ]+)[^*]*\*\* <details>"
    rows = re.findall(told, (DOCS / "claims.md").read_text(), re.M)
    verdicts = ("holds", "contradicted", "disputed", "open in part", "can't tell yet")
    counted = {verdict: rows.count(verdict) for verdict in verdicts}
    assert sum(counted.values()) == len(rows) == 99
    said = "Of {} claims of the published texts {} hold and {} are contradicted"
    assert said.format(len(rows), counted["holds"], counted["contradicted"]) in TEXT


def test_what_is_said_of_the_audit_is_its_stored_score():
    score = json.loads((ROOT / "measured/audit/score.json").read_text())
    assert score["precision"] == 1 and score["wrong"] == []
    assert f"each of its {score['contradicted']} verdicts *contradicted* is right" in TEXT
    assert f"finds {score['defects_found']} of {score['defects']} defects" in TEXT
    assert f"decides {1 - score['cant_tell_share']:.0%} of what can be decided" in TEXT


def test_the_rerun_is_told_as_the_ledger_has_it():
    rerun = next(row for row in Published(ROOT / "published").reruns if row["claim"] == "c01")
    assert f"scored {rerun['reproduced']} where {rerun['claimed']} is published" in TEXT
