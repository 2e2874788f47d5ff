"""Which runs there are: one that is counted under several seeds, one whose log is not read, several in one file."""

import gzip

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tests.audit.test_false_alarms import JSON, TABLE, TITLE, contradicted
from tritgolf.audit import listing
from tritgolf.audit.auditor import audit
from tritgolf.audit.submission import read_submission
from tritgolf.outcome import Verdict


def finding(path, check):
    return next(finding for finding in audit(path).findings if finding.check == check)


def evaluated(seed, bpb, starts=("Hyper", "  ", "val_tokens", "quantized_ttt")):
    """The log of an evaluation alone, which has no steps: its settings, and the scores of the stored model."""
    return "".join(line for line in styles.sp8192(seed, bpb).splitlines(True) if line.startswith(starts))


def of_trainings_and(evaluations, path):
    """Three trainings in one file with evaluations, whose scores are better."""
    trainings = "".join(styles.sp8192(seed, bpb + 0.0001) for seed, bpb in styles.SEEDS.items())
    by_seed = {str(seed): {"val_bpb": bpb} for seed, bpb in styles.SEEDS.items()}
    titles = "| Seed | Quantized BPB | Prefix2750 TTT BPB |\n|---|---|---|\n"
    rows = "".join(f"| {seed} | {bpb + 0.019:.8f} | {bpb:.8f} |\n" for seed, bpb in styles.SEEDS.items())
    facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3], "seed_results": by_seed}
    return folder(path, {"all": trainings + evaluations}, f"{TITLE}{titles}{rows}", facts)


def test_evaluations_one_after_another_in_a_file_are_told_apart(tmp_path):
    """They have no steps, so that a new header was taken for the same run's."""
    made = of_trainings_and("".join(evaluated(seed, bpb) for seed, bpb in styles.SEEDS.items()), tmp_path)
    assert [log.seed for log in read_submission(made).readable_logs] == [1, 2, 3] * 2
    assert contradicted(made) == {}


def test_a_log_that_may_be_of_several_runs_may_be_of_any_seed(tmp_path):
    """Another seed's score may be in it, although the one log that prints this seed has another."""
    without_headers = [evaluated(seed, bpb, ("quantized_ttt",)) for seed, bpb in list(styles.SEEDS.items())[1:]]
    made = of_trainings_and(evaluated(1, styles.SEEDS[1]) + "".join(without_headers), tmp_path)
    assert [log.seed for log in read_submission(made).readable_logs] == [1, 2, 3, 1]
    assert contradicted(made) == {}


@pytest.mark.parametrize("facts", [{"val_bpb": 1.1667}, {"val_bpb": 1.1667, "seeds": [1, 2, 3]}])
def test_one_run_under_three_seeds_is_counted_twice(facts, tmp_path):
    log = styles.int6(1, 1.1667)
    logs = {f"train_seed{seed}": log.replace("seed:1\n", f"seed:{seed}\n") for seed in (1, 2, 3)}
    made = folder(tmp_path, logs, "# val_bpb: 1.1667 (mean of three seeds)\n", facts)
    told = "train_seed2.log and train_seed3.log have the same loss at every step and print seeds 1, 2, 3"
    assert told in contradicted(made)["runs.copies"]
    assert "no log prints" not in finding(made, "runs.seeds").evidence


def test_a_copy_of_few_losses_is_one_by_its_validations(tmp_path):
    lines = [line for line in styles.sp8192(1).splitlines(True) if "train_loss" not in line]
    lines.insert(-9, "2000/20000 val_loss: 2.8001 val_bpb: 1.0840\n")
    logs = {f"s{seed}": "".join(lines).replace("  seed: 1\n", f"  seed: {seed}\n") for seed in (1, 2)}
    assert "runs.copies" in contradicted(folder(tmp_path, logs, "# val_bpb: 1.0810\n"))


def test_a_copy_without_a_seed_or_of_the_same_counts_once(tmp_path):
    log = styles.int6(1, 1.1667)
    logs = {"train_seed1": log, "train": log, "screen": log.replace("seed:1\n", "")}
    found = finding(folder(tmp_path, logs, "# val_bpb: 1.1667\n"), "runs.copies")
    assert found.verdict is Verdict.HOLDS
    assert "screen.log repeats" in found.evidence
    assert "1 runs, no two equal" in found.evidence


@pytest.fixture
def made(tmp_path):
    """Three runs, README.md and submission.json, all of one mind."""
    return folder(tmp_path / "made", styles.three(), TITLE + TABLE, JSON)


def pack(log):
    log.with_name(f"{log.name}.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()


def archive(log):
    log.rename(log.with_name("logs_2026-04-09.tar"))


def link(log):
    log.rename(log.parent.parent / "elsewhere.log")
    log.symlink_to(log.parent.parent / "elsewhere.log")


def bury(log):
    (log.parent / "a/b/c").mkdir(parents=True)
    log.rename(log.parent / "a/b/c" / log.name)


def link_folder(log):
    (log.parent.parent / "logs").mkdir()
    log.rename(log.parent.parent / "logs" / log.name)
    (log.parent / "logs").symlink_to(log.parent.parent / "logs")


@pytest.mark.parametrize("hide", [pack, archive, link, bury, link_folder])
def test_a_log_that_is_not_read_may_be_the_missing_seeds(hide, made):
    hide(made / "train_seed3.log")
    assert contradicted(made) == {}
    found = finding(made, "runs.seeds")
    assert found.verdict is Verdict.CANT_TELL
    name = {pack: "train_seed3.log.gz", archive: "logs_2026-04-09.tar", bury: "a/b/c/train_seed3.log",
            link: "train_seed3.log", link_folder: "logs"}[hide]  # fmt: skip
    assert f"not read: {name}" in found.evidence


def test_a_log_beyond_the_most_files_may_be_the_missing_seeds(made, monkeypatch):
    (made / "train_seed3.log").rename(made / "zz_seed3.log")
    monkeypatch.setattr(listing, "MAX_FILES", 4)
    assert "not read: zz_seed3.log" in finding(made, "runs.seeds").evidence
    assert contradicted(made) == {}


@pytest.mark.parametrize("name", ["train_seed1.log.gz", "model.xz"])
def test_what_is_not_read_and_no_log_of_the_seed_hides_nothing(name, made):
    (made / "train_seed3.log").unlink()
    (made / name).write_bytes(b"")
    assert "no log prints 3" in contradicted(made)["runs.seeds"]


def test_a_run_alone_beside_a_log_that_is_not_read_is_not_every_run(tmp_path):
    facts = {"val_bpb": 1.15, "bytes_total": 15_800_000}
    made = folder(tmp_path, {"run": styles.int6(1, 1.1667)}, "A run.", facts)
    assert {"json.score", "json.bytes"} <= contradicted(made).keys()
    (made / "other.log.gz").write_bytes(b"")
    assert contradicted(made) == {}


def test_runs_in_a_file_that_is_named_for_the_first_are_not_misnamed(made):
    with (made / "train_seed1.log").open("a") as log:
        log.write((made / "train_seed2.log").read_text())
    (made / "train_seed2.log").unlink()
    assert contradicted(made) == {}
    assert finding(made, "runs.seeds").verdict is Verdict.HOLDS
    text = (made / "train_seed1.log").read_text()
    (made / "train_seed1.log").write_text(text.replace("seed:1\n", "seed:5\n"))
    assert "train_seed1.log prints seed 5" in contradicted(made)["runs.seeds"]


BANNERS = {"=== RUN {at} (seed={seed}) ===": True, "=== Seed {seed} ===\nW0326 torch/distributed/run.py": True,
           "a new run": False, "=== of seed 1 and seed {seed} ===": False}  # fmt: skip


@pytest.mark.parametrize("banner", BANNERS)
def test_a_launchers_line_names_the_seed_of_the_run_behind_it(banner, tmp_path):
    runs = [
        f"{banner.format(at=at, seed=seed)}\n{styles.SOURCE}{styles.RULE}Running Python 3.12\n{styles.RULE}"
        + styles.int6(seed, bpb).replace(f"seed:{seed}\n", "")
        for at, (seed, bpb) in enumerate(styles.SEEDS.items(), 1)
    ]
    logs = {"train": "\n".join(runs)}
    sound = folder(tmp_path / "a", logs, TITLE + TABLE, JSON)
    assert contradicted(sound) == {}
    is_named = BANNERS[banner]
    assert (finding(sound, "tables.rows").verdict is Verdict.HOLDS) is is_named
    assert (finding(sound, "runs.seeds").verdict is Verdict.HOLDS) is is_named
    wrong = folder(tmp_path / "b", logs, TITLE + TABLE.replace("| 2 | 1.1711", "| 2 | 1.1761"), JSON)
    assert ("tables.rows" in contradicted(wrong)) is is_named


def test_a_seed_that_a_run_prints_itself_is_its_own(tmp_path):
    log = f"=== Seed 7 ===\n{styles.int6(1, 1.1667)}"
    made = folder(tmp_path, {"train": log}, TITLE, {"val_bpb": 1.1667, "seeds": [1]})
    assert finding(made, "runs.seeds").verdict is Verdict.HOLDS


def test_folders_by_seed_within_a_folder_are_read(tmp_path):
    for seed, log in zip((1, 2, 3), styles.three().values(), strict=True):
        folder(tmp_path / f"seeds/{seed}", {"train": log})
    folder(tmp_path / "seeds/sweep", {"train": styles.int6(4)})
    made = folder(tmp_path, {}, TITLE + TABLE, JSON)
    assert finding(made, "runs.seeds").verdict is Verdict.HOLDS
    assert finding(made, "tables.rows").verdict is Verdict.HOLDS
    assert any("seeds/sweep/train.log (more than two folders deep)" in note for note in audit(made).notes)
    assert not any("seeds/1/train.log" in note for note in audit(made).notes)


def test_of_two_runs_of_a_seed_with_the_score_neither_is_surely_the_one(tmp_path):
    """An ablation that changed nothing has another script, which the submission's was said to differ from."""
    logs = {"plain": styles.int6(1, 1.17004), "ablation": styles.int6(1, 1.16996).replace("47642", "51000")}
    made = folder(tmp_path, logs, None, {"val_bpb": 1.17})
    (made / "train_gpt.py").write_text("#" * 47_642)
    assert finding(made, "budget.script").verdict is Verdict.CANT_TELL
    (made / "ablation.log").unlink()
    assert finding(made, "budget.script").verdict is Verdict.HOLDS
