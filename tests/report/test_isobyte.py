"""The table and the figure of points at equal bytes, and the choices of trials, from synthetic runs."""

import json

import pytest
import yaml
from scipy import stats

from tests.report import synthetic
from tests.report.test_metrics import edit
from tritgolf.report.experiment_kinds import write_experiment
from tritgolf.report.experiments import load_experiment
from tritgolf.report.isobyte_plot import SHOWN, isobyte_figure
from tritgolf.report.isobyte_table import isobyte_table
from tritgolf.report.isobyte_trials import choices, trials_table
from tritgolf.report.statistics import dunnett

SCORES = {"ternary": (1.00, 1.01, 1.02), "int4": (1.05, 1.06, 1.08), "int4_gptq": (1.55, 1.50, 1.60)}
BYTES = {"ternary": 250_000, "int4": 251_000, "int4_gptq": 260_000}
SEEDS = (42, 1337, 7)


def row(record, bits, method, series="tokens"):
    sizes = {"width": 128, "mlp_width": 512, "recipe": "mine", "trained_by": "mine × 1", "estimate": 240_000}
    what = f"{bits} bits, {method} in words"
    return {"record": record, "storage": "bf16", "what": what, "bits": bits, "method": method, "series": series} | sizes


@pytest.fixture
def folder(tmp_path):
    """Three points, of which ``int4_gptq`` is off its bytes and off the figure's scale."""
    rows = [row("ternary", 1.58, "qat"), row("int4", 4, "qat"), row("int4_gptq", 4, "gptq")]
    rows = [{**one, "of": f"{one['bits']} {one['method']}"} for one in rows]
    facts = {"kind": "isobyte", "title": "Bits", "bytes": 250_000, "tolerance": 0.005}
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump({**facts, "rows": rows}))
    for name, scores in SCORES.items():
        synthetic.write_run(tmp_path / name, "demo")
        for seed, score in zip(SEEDS, scores, strict=True):
            edit(tmp_path / name / f"seed{seed}/final/roundtrip.json", metrics__storages__bf16__bpb=score)
            edit(tmp_path / name / f"seed{seed}/final/export/export.json", metrics__storages__bf16__bytes=BYTES[name])
    return tmp_path


def test_each_point_is_tested_against_the_best_of_its_series(folder):
    table = isobyte_table(*load_experiment(folder))
    cells = table.cells.set_index("weights")
    assert list(cells["over the best"]) == ["best", "+0.0533", "+0.5400"]
    wanted = stats.dunnett(*list(SCORES.values())[1:], control=SCORES["ternary"], alternative="greater").pvalue
    assert list(table.frame.drop_duplicates("record")["p"].iloc[1:]) == pytest.approx(list(wanted), abs=2e-3)
    first, second, third = cells["p"]
    assert (first, third) == ("", "<0.001") and float(second) == pytest.approx(wanted[0], abs=2e-3)


def test_against_one_other_group_dunnett_is_students_test():
    scores, best = [1.05, 1.06, 1.08], [1.0, 1.01, 1.02]
    (p,) = dunnett([scores], best)
    assert p == pytest.approx(stats.ttest_ind(scores, best, alternative="greater").pvalue, abs=1e-3)
    assert dunnett([[1.0], [2.0]], [0.5]) == pytest.approx([float("nan")] * 2, nan_ok=True)
    assert dunnett([[2.0, 2.0], [1.0, 1.0]], [1.0, 1.0]) == [0.0, 1.0]


def test_an_artifact_of_other_bytes_is_named(folder):
    table = isobyte_table(*load_experiment(folder))
    assert list(table.cells["off target"]) == ["+0.00%", "+0.40%", "+4.00%"]
    named = ", ".join(f"int4_gptq seed {seed} +4.00%" for seed in SEEDS)
    assert f"Off by more: {named}." in table.notes[0]


def test_how_well_points_fill_their_bytes_is_written_for_those_to_be_made_again(folder):
    loaded = load_experiment(folder)
    write_experiment(*loaded, folder / "compared")
    found = json.loads((folder / "compared.json").read_text())
    assert found["int4_gptq"] == {
        "off_target": pytest.approx(0.04),
        "over_estimate": pytest.approx(26 / 24),
        "width": 128,
    }
    assert [one["off_target"] for one in found.values()] == pytest.approx([0, 0.004, 0.04])


def test_times_on_a_shared_machine_are_not_shown(folder):
    experiment = yaml.safe_load((folder / "experiment.yaml").read_text())
    assert "training s" in isobyte_table(*load_experiment(folder)).cells
    (folder / "experiment.yaml").write_text(yaml.safe_dump({**experiment, "timed": False, "note": "Beside others."}))
    table = isobyte_table(*load_experiment(folder))
    assert "training s" not in table.cells
    assert "Beside others." in table.notes


def test_a_single_seed_has_no_p(folder):
    experiment = yaml.safe_load((folder / "experiment.yaml").read_text())
    (folder / "experiment.yaml").write_text(yaml.safe_dump({**experiment, "seeds": [7]}))
    table = isobyte_table(*load_experiment(folder))
    assert list(table.cells["p"]) == ["", "—", "—"]
    assert list(table.cells["over the best"]) == ["best", "+0.0600", "+0.5800"]


def test_the_figure_shows_means_with_their_spread_and_names_what_is_off_its_scale(folder):
    figure = isobyte_figure(*load_experiment(folder))
    (axes,) = figure.axes
    assert axes.get_ylim()[1] == pytest.approx(1.01 + SHOWN)
    assert [text.get_text() for text in axes.texts] == ["↑ 1.55"]
    line = axes.containers[0].lines[0]
    assert list(line.get_xdata()) == [1.58, 4]
    assert list(line.get_ydata()) == pytest.approx([1.01, 3.19 / 3])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["qat in words", "gptq in words"]


def test_trials_choose_the_best_recipe_and_its_bytes_over_the_estimate(folder):
    experiment = yaml.safe_load((folder / "experiment.yaml").read_text())
    rows = [{**one, "recipe": name, "of": "4 qat"} for one, name in zip(experiment["rows"], "abc", strict=True)]
    trials = {**experiment, "kind": "isobyte_trials", "rows": rows}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(trials))
    loaded = load_experiment(folder)
    assert choices(*loaded) == {"4 qat": {"recipe": "a", "over_estimate": pytest.approx(250_000 / 240_000)}}
    assert list(trials_table(*loaded).cells["chosen"]) == ["yes", "", ""]
    write_experiment(*loaded, folder / "compared")
    assert json.loads((folder / "compared.json").read_text()).keys() == {"4 qat"}


def test_runs_of_other_texts_are_not_compared(folder):
    edit(folder / "int4/record.json", dataset="other")
    with pytest.raises(Exception, match="int4 has the text other"):
        load_experiment(folder)
