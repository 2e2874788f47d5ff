"""The ledger's rows of #1722, of what came before it, and of #1019: what figures decide, and what others would."""

import json
import shutil
from functools import cache

import pytest

from tests.audit import styles
from tests.audit.folders import PUBLISHED
from tritgolf.audit.claims import Published
from tritgolf.audit.int6_facts import OPTIONAL, facts_of, read_int6
from tritgolf.audit.ledger import BY_LOGS
from tritgolf.audit.logs import parse_log
from tritgolf.errors import InputError
from tritgolf.outcome import Verdict
from tritgolf.report.statistics import mean, sample_std

HOLDS, CONTRADICTED, OPEN = Verdict.HOLDS, Verdict.CONTRADICTED, Verdict.CANT_TELL
SYSTEMS = ("pr1722", "slot_v2", "pr1019")

# What the figures decide, and a figure of the specification's rows that the evidence must give.
SPECIFIED = {
    "t01": (HOLDS, "0.00147, of the sample 0.001795, of the population 0.001466"),
    "t02": (CONTRADICTED, "1.12882, the merged record 1.11474"),
    "t03": (CONTRADICTED, "optimized on the scored positions"),
    "t04": (HOLDS, "the positions that it was fitted to"),
    "t05": (CONTRADICTED, "scored after the optimization"),
    "t06": (CONTRADICTED, "the first pass, 1.1403"),
    "t07": (CONTRADICTED, "26,973,196 trained and 20,560 frozen, 10 × 2,056"),
    "t08": (HOLDS, "27"),
    "t09": (CONTRADICTED, "roundtrip, sliding, ttt, slot"),
    "t10": (CONTRADICTED, "its own score is 1.14035, without it 1.12882"),
    "t11": (CONTRADICTED, "1.1404 is seed 999's; 1.1290 is seed 42's"),
    "t12": (CONTRADICTED, "385.9 to 396.1 s"),
    "t13": (CONTRADICTED, "780.5 to 791.2 s for test-time training and SLOT, 930 to 933 s"),
    "t14": (CONTRADICTED, "15,882,813, 15,918,085, 15,918,257; it is the artifact of the earlier set's seed 314"),
    "t15": (CONTRADICTED, "seed 314 5,482 steps, 1.1493"),
    "t16": (CONTRADICTED, "26,993,756 parameters, #1019's logs 27,067,484"),
    "t17": (CONTRADICTED, "damped by 0.005, #1019's by 0.01"),
    "t18": (CONTRADICTED, "of 68 matrices"),
    "t19": (CONTRADICTED, "nothing reads its sums"),
    "t20": (CONTRADICTED, "16,672,358 bytes"),
    "t21": (OPEN, "#1246"),
    "t22": (OPEN, "no such floor was measured"),
    "t23": (CONTRADICTED, "of the sample 0.000913, of the population 0.000745, neither"),
    "t24": (CONTRADICTED, "steps 5,455, 5,452, 5,451; 600 + 200 + 405 = 1,205 s"),
    "t25": (HOLDS, "seed 314's; the largest total is 15,932,462"),
    "t26": (HOLDS, "1.128931"),
    "t27": (OPEN, "logs 1.1293, 1.1290, 1.1285"),
    "t28": (CONTRADICTED, "the roundtrip, 1.1520 to 1.1528"),
    "t29": (OPEN, "no log"),
    "t30": (CONTRADICTED, "16,672,358 bytes; 1,441,792 weights more"),
    "t31": (OPEN, "no log"),
    "t32": (OPEN, "no log"),
    "t33": (CONTRADICTED, "mlp325 1.1251, mlp3 1.1304"),
    "t34": (OPEN, "cut to trits at export"),
    "t35": (CONTRADICTED, "6 logs: 0 ternary MLP matrices, 66 in 6 bits"),
    "t36": (CONTRADICTED, "rank 0 alone"),
    "t37": (OPEN, "64,880,640 trits"),
    "t38": (CONTRADICTED, "65.7M"),
    "t39": (CONTRADICTED, "as trits"),
    "t40": (OPEN, "no log"),
    "t41": (OPEN, "no log"),
    "t42": (CONTRADICTED, "read nowhere"),
    "t43": (CONTRADICTED, "latent weights"),
    "t44": (HOLDS, "t = 4.29 (3.3 degrees), p = 0.0095"),
    "t45": (CONTRADICTED, "already fits"),
    "t47": (CONTRADICTED, "up to 22,069.47 after; trained and scored with 22,081.79 alone"),
    "t48": (HOLDS, "196.5 to 198.3 s after 600.06 s"),
    "t49": (CONTRADICTED, "31 times more, the windows count 4,433 bytes more, 31 × 143.0"),
    "t50": (CONTRADICTED, "mlp_mult=3.0 and 26,993,756 parameters"),
    "t51": (OPEN, "damped by 0.01 1.12893, by 0.005 1.12882, with 29 steps more"),
    "t46": (CONTRADICTED, "largest artifact 15,883,000, largest total 15,984,850"),
}


@cache
def claims():
    return {claim.id: claim for claim in Published(PUBLISHED).claims if claim.id.startswith("t")}


def by_logs(claim, folder=PUBLISHED):
    return BY_LOGS[claim](claims()[claim], Published(folder)).outcome


def test_every_claim_of_the_systems_is_here():
    assert claims().keys() == SPECIFIED.keys()


@pytest.mark.parametrize("claim", SPECIFIED)
def test_figures_show_what_the_specification_says(claim):
    verdict, evidence = by_logs(claim)
    assert (verdict, SPECIFIED[claim][1] in evidence) == (SPECIFIED[claim][0], True), evidence


def edited(tmp_path, edit, system="pr1722"):
    """``published/`` of these systems, where ``edit`` changed the facts of one in place."""
    for name in SYSTEMS:
        shutil.copytree(PUBLISHED / name, tmp_path / name)
    for name in ("claims.csv", "specification.csv"):
        shutil.copy(PUBLISHED / name, tmp_path)
    path = tmp_path / system / "facts.json"
    facts = json.loads(path.read_text())
    before = json.dumps(facts)
    edit(facts)
    assert json.dumps(facts) != before
    path.write_text(json.dumps(facts))
    return tmp_path


def each(**numbers):
    """An edit of a figure of every run."""
    return lambda facts: [run["numbers"].update(numbers) for run in facts["runs"].values()]


def score(name, bpb=0.0, seconds=0.0):
    def edit(facts):
        for run in facts["runs"].values():
            nats, old, took = run["scores"][name]
            run["scores"][name] = [nats, old + bpb, took + seconds]

    return edit


def code(**values):
    return lambda facts: facts["code"].update(values)


def of_variant(name, **values):
    return lambda facts: facts["code"]["variants"][name].update(values)


def without_runs(facts):
    facts["runs"] = {}


def ttt_before_the_roundtrip(facts):
    for run in facts["runs"].values():
        run["scores"] = {"ttt": run["scores"]["ttt"], **run["scores"]}


def chunks_as_windows(facts):
    for run in facts["runs"].values():
        run["scores"]["roundtrip"] = run["scores"]["sliding"]


def pruned_to_fit(facts):
    for run in facts["runs"].values():
        run["was_pruned"] = True
        run["numbers"]["target_mib"] = 15.2


# Claim, what is changed (in which system), what its verdict is then: none is typed in.
EDITS = [
    ("t01", "pr1722", score("slot", bpb=0.01), CONTRADICTED),
    ("t02", "pr1722", score("sliding", bpb=-0.02), HOLDS),
    ("t04", "pr1722", code(slot_scores="later positions"), CONTRADICTED),
    ("t06", "slot_v2", lambda facts: facts["runs"].clear(), CONTRADICTED),
    ("t07", "pr1722", each(ttt_trained=6_000_000), HOLDS),
    ("t08", "pr1722", each(ttt_trained=6_000_000), CONTRADICTED),
    ("t09", "pr1722", ttt_before_the_roundtrip, HOLDS),
    ("t10", "pr1722", score("ttt", bpb=-0.02), HOLDS),
    ("t11", "pr1722", score("ttt", bpb=0.01), CONTRADICTED),
    ("t12", "pr1722", score("slot", seconds=14.0), HOLDS),
    ("t14", "pr1722", each(artifact_bytes=15_799_020, total_bytes=15_925_701), HOLDS),
    ("t15", "pr1722", lambda facts: facts["runs"]["seed314"].update(last_bpb=1.1496), HOLDS),
    ("t16", "pr1722", each(parameters=27_067_484), HOLDS),
    ("t17", "pr1722", code(gptq_damping=0.01), HOLDS),
    ("t18", "pr1722", each(hessians=2), HOLDS),
    ("t19", "pr1722", code(swa_is_read=True), HOLDS),
    ("t20", "pr1722", pruned_to_fit, HOLDS),
    ("t24", "slot_v2", each(steps=5_452), CONTRADICTED),
    ("t25", "slot_v2", each(total_bytes=15_932_462), CONTRADICTED),
    ("t26", "slot_v2", score("sliding", bpb=0.001), CONTRADICTED),
    ("t28", "slot_v2", score("roundtrip", bpb=-0.02), HOLDS),
    ("t30", "pr1722", lambda facts: facts["code"]["variants"].pop("int6_gptq_mlp325"), OPEN),
    ("t35", "pr1722", each(ternary_mlps=22), HOLDS),
    ("t38", "pr1722", of_variant("trinity_v1", vocabulary=10_500), HOLDS),
    ("t39", "pr1722", of_variant("trinity_v1", table_stored_as="FP8"), HOLDS),
    ("t42", "pr1722", of_variant("trinity_late_qat", weight_decay_is_read=True), HOLDS),
    ("t43", "pr1722", of_variant("trinity_late_qat", evaluates="quantized weights"), HOLDS),
    ("t44", "pr1019", score("sliding", bpb=0.001), CONTRADICTED),
    ("t45", "pr1019", pruned_to_fit, CONTRADICTED),
    ("t46", "pr1019", each(artifact_bytes=15_984_850), HOLDS),
    ("t47", "pr1019", lambda facts: facts["code"]["rotary"].update(context=1024), HOLDS),
    ("t48", "pr1019", without_runs, OPEN),
    ("t49", "pr1019", chunks_as_windows, HOLDS),
    ("t50", "pr1722", each(mlp_multiple=5.0, ternary_mlps=22), HOLDS),
    ("t51", "pr1722", score("sliding", bpb=-0.002), HOLDS),
    *((claim, "pr1722", without_runs, OPEN) for claim in ("t01", "t07", "t13", "t20", "t35")),
]


@pytest.mark.parametrize(("claim", "system", "edit", "verdict"), EDITS)
def test_other_figures_decide_otherwise(claim, system, edit, verdict, tmp_path):
    outcome = by_logs(claim, edited(tmp_path, edit, system))
    assert outcome.verdict is verdict, outcome


def test_the_specifications_means_and_stds_are_the_facts():
    expected = {
        ("slot_v2", "slot"): (0.66757139, 0.00091298), ("pr1722", "slot"): (0.65801947, 0.00179502),
        ("slot_v2", "sliding"): (1.12893094, 0.00041353), ("pr1722", "sliding"): (1.12881818, 0.00017649),
        ("pr1722", "ttt"): (1.14034881, 0.00016722), ("pr1019", "sliding"): (1.11473509, 0.00035387),
    }  # fmt: skip
    for (system, name), figures in expected.items():
        scores = read_int6(PUBLISHED / system).bpb(name)
        assert (mean(scores), sample_std(scores)) == pytest.approx(figures, abs=1e-8)


def test_the_table_of_seeds_is_of_the_same_runs():
    rows = [row.split(",") for row in (PUBLISHED / "pr1722/seeds.csv").read_text().splitlines()]
    for run in read_int6(PUBLISHED / "pr1722").runs:
        row = dict(zip(rows[0], next(row for row in rows if row[0] == str(run.seed)), strict=True))
        names = ("steps", "artifact_bytes", "code_bytes", "total_bytes")
        assert [float(row[name]) for name in names] == [run.numbers[name] for name in names]
        assert [float(row[f"{name}_bpb"]) for name in ("sliding", "ttt")] == [
            run.scores[name].bpb for name in ("sliding", "ttt")
        ]


def test_facts_are_what_a_log_says():
    facts = facts_of(parse_log(styles.trinity(seed=7, bpb=1.13, slot=0.66), "x"))
    assert facts["numbers"]["artifact_bytes"] + facts["numbers"]["code_bytes"] == facts["numbers"]["total_bytes"]
    assert (facts["numbers"]["late_qat_step"], facts["numbers"]["slot_steps"], facts["was_pruned"]) == (1790, 24, False)
    assert list(facts["scores"]) == ["post_ema", "roundtrip", "sliding", "ttt", "slot"]
    assert facts["scores"]["slot"][1:] == [0.66, 396.083]
    plain = facts_of(parse_log(styles.trinity(adapted=None, slot=None), "x"))
    assert not any(name.startswith(("ttt_", "slot_")) for name in plain["numbers"]) and OPTIONAL


@pytest.mark.parametrize("line", ["late_qat:", "Trinity Hybrid serialized", "seed:"])
def test_a_log_that_lacks_a_line_gives_no_facts(line):
    text = "\n".join(each for each in styles.trinity().splitlines() if not each.startswith(line))
    with pytest.raises(ValueError, match="no "):
        facts_of(parse_log(text, "x"))


@pytest.mark.parametrize("content", ["", '{"schema": "tritgolf/published-int6-runs/1", "runs": {"seed1": {}}}'])
def test_damaged_facts_are_one_line(content, tmp_path):
    (tmp_path / "facts.json").write_text(content)
    with pytest.raises(InputError, match="is no file of published runs"):
        read_int6(tmp_path)


def test_facts_of_another_kind_are_no_runs():
    assert not read_int6(PUBLISHED / "pr1716")
    assert not read_int6(PUBLISHED / "pr1493/none")
