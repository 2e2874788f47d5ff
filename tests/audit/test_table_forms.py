"""The same table by seed in the forms that people write: what it says is read in all of them, or called open."""

import pytest

from tests.audit import styles
from tests.audit.folders import folder
from tritgolf.audit.auditor import audit
from tritgolf.audit.markdown import read_tables
from tritgolf.outcome import Verdict

TITLE = "# Record: a model\n\n**val_bpb: {}** (mean of three seeds)\n\n"
SCORES = {seed: f"{bpb:.4f}" for seed, bpb in styles.SEEDS.items()}
WRONG = SCORES | {2: "1.1611"}  # whose mean is 1.1672


def pipes(header, *rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def of_cells(name, title="Seed"):
    return lambda scores: pipes([title, "BPB"], *([name.format(seed), bpb] for seed, bpb in scores.items()))


def without_outer_pipes(scores):
    return "Seed | BPB\n--- | ---\n" + "".join(f"{seed} | {bpb}\n" for seed, bpb in scores.items())


def html(scores):
    rows = "".join(f"<tr>\n<td><b>{seed}</b></td>\n<td align=right>{bpb}</td></tr>" for seed, bpb in scores.items())
    return f"<table><thead><tr><th>Seed</th>\n<th>BPB</th></tr></thead>{rows}</table>\n"


def quoted(scores):
    return "".join(f"> {line}" for line in of_cells("{}")(scores).splitlines(True))


def across(scores):
    return pipes(["Metric", *(f"Seed {seed}" for seed in scores)], ["Sliding BPB", *scores.values()])


def below_runs(scores):
    """Runs across, and their seeds in a row of their own."""
    runs = [f"Run {place}" for place, _ in enumerate(scores, 1)]
    return pipes(["Metric", *runs, "Best"], ["Sliding BPB", *scores.values(), "—"], ["Seed", *map(str, scores), ""])


def beside_a_slash(scores):
    return pipes(["Metric / Seed", *map(str, scores)], ["Sliding BPB", *scores.values()])


def measured_across(scores):
    return pipes(["Stage", *(f"Seed {seed} BPB" for seed in scores)], ["Sliding", *scores.values()])


def second(scores):
    return pipes(["Config", "Seed", "BPB"], *(["ours", str(seed), bpb] for seed, bpb in scores.items()))


FORMS = {
    "plain": of_cells("{}"),
    "RNG seed": of_cells("{}", "RNG seed"),
    "Seed #": of_cells("{}", "Seed #"),
    "seed 1": of_cells("seed {}"),
    "a footnote": of_cells("{}†"),
    "a picture": lambda scores: of_cells("{}")({seed: f"✅ {bpb}" for seed, bpb in scores.items()}),
    "struck out": lambda scores: of_cells("{}")({seed: f"~~1.2~~ {bpb}" for seed, bpb in scores.items()}),
    "a link": of_cells("[{0}](train_seed{0}.log)"),
    "Run": of_cells("Seed {}", "Run"),
    "Log": of_cells("train_seed{}.log", "Log"),
    "without outer pipes": without_outer_pipes,
    "HTML": html,
    "quoted": quoted,
    "across": across,
    "below runs": below_runs,
    "beside a slash": beside_a_slash,
    "measured across": measured_across,
    "second column": second,
}


def rows_of(path, scores, form, stated):
    facts = {"val_bpb": float(stated), "seeds": [1, 2, 3]}
    findings = audit(folder(path, styles.three(), TITLE.format(stated) + form(scores), facts)).findings
    return next(finding for finding in findings if finding.check == "tables.rows")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_rows_are_read_and_held_to_the_logs(form, tmp_path):
    assert rows_of(tmp_path / "right", SCORES, form, "1.1705").verdict is Verdict.HOLDS
    assert rows_of(tmp_path / "wrong", WRONG, form, "1.1672").verdict is Verdict.CONTRADICTED


def test_a_row_that_is_no_runs_is_open_where_the_headline_is_not_of_its_table(tmp_path):
    finding = rows_of(tmp_path, WRONG, of_cells("{}"), "1.1705")
    assert finding.verdict is Verdict.CANT_TELL
    assert "seed 2" in finding.evidence


@pytest.mark.parametrize("form", [of_cells("{}", "Run"), of_cells("s{}", "Layers"), of_cells("{}", "Depth")])
def test_numbers_of_something_else_are_no_seeds(form, tmp_path):
    assert rows_of(tmp_path, WRONG, form, "1.1705").verdict is Verdict.CANT_TELL


def findings_of(path, table, logs=None, stated="1.1705", seeds=(1, 2, 3)):
    """Check → verdict, of a folder with a table."""
    facts = {"val_bpb": float(stated)} | ({"seeds": seeds} if seeds else {})
    made = folder(path, logs or styles.three(), f"# Record: a model\n\n**val_bpb: {stated}**\n\n{table}", facts)
    return {finding.check: finding.verdict for finding in audit(made).findings}


def test_means_and_stds_across_are_those_of_the_seeds(tmp_path):
    table = pipes(
        ["Metric / Seed", "1", "2", "3", "Mean", "Std"], ["Sliding BPB", *SCORES.values(), "1.1705", "0.0035"]
    )
    for name, text, expected in (
        ("a", table, Verdict.HOLDS),
        ("b", table.replace("1.1705", "1.1695"), Verdict.CONTRADICTED),
    ):
        assert findings_of(tmp_path / name, text)["tables.means"] is expected


@pytest.mark.parametrize("table", [
    pipes(["Metric", "1", "2", "3"], ["Sliding BPB", *WRONG.values()]),  # of which kind?
    pipes(["Seed", "1", "2", "3"], ["42", *WRONG.values()]),  # strides of a seed
    pipes(["Metric", "Seed 1 BPB", "Seed 1 loss", "Seed 2 BPB"], ["Sliding", "1.1167", "1.9699", "1.1111"]),
    pipes(["Setting", "Ours", "Baseline"], ["Seed", "1", "7"], ["Sliding BPB", "1.1667", "1.2244"]),
    pipes(["Metric", "Run 1", "Run 2"], ["Seed", "1", "none"], ["Sliding BPB", "1.1667", "1.2244"]),
])  # fmt: skip
def test_columns_that_may_be_no_seeds_are_left_open(table, tmp_path):
    found = findings_of(tmp_path, table)
    assert found["tables.rows"] is Verdict.CANT_TELL
    assert Verdict.CONTRADICTED not in found.values()


def test_scores_across_are_no_sizes_of_an_artifact(tmp_path):
    others = [f"{float(score) + 0.02:.4f}" for score in SCORES.values()]
    titles = ["Stage", *(f"BPB (seed {seed})" for seed in SCORES)]
    found = findings_of(tmp_path, pipes(titles, ["Sliding", *SCORES.values()], ["Final artifact", *others]))
    assert found["tables.rows"] is Verdict.HOLDS
    assert Verdict.CONTRADICTED not in found.values()


BASELINE = (
    pipes(["Metric", "Baseline (seed 7)", "Ours (seed 1)"], ["Sliding BPB", "1.2244", "1.1667"]),
    pipes(["Run", "Sliding BPB"], ["Baseline (seed 7)", "1.2244"], ["Ours (seed 1)", "1.1667"], ["Mean", "1.1000"]),
)


@pytest.mark.parametrize("table", BASELINE)
def test_a_baselines_run_is_no_claimed_seed(table, tmp_path):
    found = findings_of(tmp_path, table, {"train_seed1": styles.int6(1, 1.1667)}, "1.1667", seeds=())
    assert found["tables.rows"] is Verdict.HOLDS
    assert Verdict.CONTRADICTED not in found.values()


@pytest.mark.parametrize("titles", [["Step", "Seed 1", "Seed 2", "Seed 3"], ["Step", "Value"]])
def test_the_steps_of_an_ablation_are_not_the_runs(titles, tmp_path):
    table = pipes(titles, ["+ roundtrip", "1.1967", "1.2011", "1.2037"][: len(titles)],
                  ["+ sliding window", *SCORES.values()][: len(titles)])  # fmt: skip
    logs = styles.three() if len(titles) > 2 else {"train_seed1": styles.int6(1, 1.1667)}
    assert (
        Verdict.CONTRADICTED
        not in findings_of(tmp_path, table, logs, "1.1705" if len(logs) > 1 else "1.1667", ()).values()
    )


def of_two_runs(roundtrip="1.1950", logs=2, sliding="1.1750"):
    """A table in which seed 2 has two runs, and as many of their logs."""
    rows = [[str(seed), f"{bpb:.4f}", f"{bpb + 0.02:.4f}"] for seed, bpb in styles.SEEDS.items()]
    table = pipes(["Seed", "Sliding BPB", "Roundtrip BPB"], *rows, ["2", sliding, roundtrip], ["Mean", "1.1000", ""])
    again = {"again_seed2": styles.int6(2, 1.1750), "third_seed2": styles.int6(2, 1.1790)}
    return table, styles.three() | dict(list(again.items())[: logs - 1])


@pytest.mark.parametrize(("edits", "expected"), [
    ({}, Verdict.HOLDS),
    ({"roundtrip": "1.1850"}, Verdict.CONTRADICTED),
    ({"logs": 1}, Verdict.CANT_TELL),  # the second run has no log
    ({"logs": 1, "roundtrip": "1.1850"}, Verdict.CANT_TELL),
    ({"logs": 1, "sliding": "1.1711"}, Verdict.CANT_TELL),  # a run without a log, of the same score
    ({"logs": 3, "roundtrip": "1.1850"}, Verdict.CANT_TELL),
    ({"sliding": "1.1760", "roundtrip": "1.1960"}, Verdict.CANT_TELL),
])  # fmt: skip
def test_each_of_two_rows_of_a_seed_is_held_to_its_run(edits, expected, tmp_path):
    found = findings_of(tmp_path, *of_two_runs(**edits))
    assert found["tables.rows"] is expected
    assert found["tables.means"] is Verdict.CANT_TELL


def test_a_table_of_one_seeds_runs_alone_is_read(tmp_path):
    table = pipes(
        ["Seed", "Run", "Sliding BPB", "Artifact"],
        ["2", "a", "1.1711", "15,700,000"],
        ["2", "b", "1.1750", "15,700,001"],
    )
    logs = {name: log for name, log in of_two_runs()[1].items() if name.endswith("2")}
    assert findings_of(tmp_path, table, logs, "1.1711", seeds=())["tables.rows"] is Verdict.CONTRADICTED


def test_cells_that_span_others_make_no_table():
    assert read_tables("<table><tr><th colspan=2>a</th></tr><tr><td>1</td><td>2</td></tr></table>") == ()


def test_prose_with_bars_is_no_header():
    (table,) = read_tables("1.1 BPB | 8xH100\n| Seed | BPB |\n|---|---|\n| 1 | 2 |\n")
    assert table.header == ("Seed", "BPB")


@pytest.mark.parametrize("text", ["<table>", "<table><tr><td", "<td<td", "| [", "[^", "<", "~~", "|", "\\|"])
def test_endless_halves_of_tables_are_no_tables(text):
    assert read_tables(text * (200_000 // len(text))) == ()


def test_a_row_of_either_of_two_runs_of_its_seed_is_held_to_the_one_that_fits(tmp_path):
    logs = styles.three() | {"again_seed1": styles.int6(1, styles.SEEDS[1]).replace("15700000", "15800000")}
    rows = {seed: (bpb, 15_800_000 if seed == 1 else 15_700_000) for seed, bpb in styles.SEEDS.items()}
    path = folder(tmp_path, logs, TITLE.format("1.1705") + styles.table(rows, "1.1705"), {"val_bpb": 1.1705})
    finding = next(finding for finding in audit(path).findings if finding.check == "tables.rows")
    assert finding.verdict is Verdict.HOLDS


def test_a_score_that_is_one_of_many_validations_alone_makes_no_row_the_runs(tmp_path):
    early = "step:400/20000 val_loss:2.1107 val_bpb:1.2501 train_time:1ms\n"
    logs = {name: log.replace("step:800/", early + "step:800/") for name, log in styles.three().items()}
    older = "\n" + pipes(["Seed", "BPB", "Artifact"], ["1", "1.2501", "15,999,001"], ["7", "1.2502", "15,999,002"])
    facts = {"val_bpb": 1.1705, "seeds": [1, 2, 3]}
    path = folder(tmp_path, logs, TITLE.format("1.1705") + of_cells("{}")(SCORES) + older, facts)
    assert not [finding for finding in audit(path).findings if finding.verdict is Verdict.CONTRADICTED]


def test_cells_that_end_a_row_may_be_left_out():
    assert read_tables("a | b | c\n---|---|---\n1 | 2\n")[0].rows == (("1", "2", ""),)
