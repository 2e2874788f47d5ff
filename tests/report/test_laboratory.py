"""The laboratory's tables and plots from synthetic measurements."""

import math
import shutil
from pathlib import Path

import pytest

from tests.report import synthetic
from tests.report.test_metrics import edit
from tests.report.test_plots import texts
from tritgolf.config.export import FACTORS, StorageConfig
from tritgolf.errors import InputError
from tritgolf.report import laboratory_tables
from tritgolf.report.catalogue import TABLES, draw
from tritgolf.report.laboratory import decomposition_frame, grid_frame, length_frame
from tritgolf.report.laboratory_plots import LOOKS
from tritgolf.report.laboratory_tables import shown_checkpoints
from tritgolf.report.metrics import load_files, load_run
from tritgolf.report.style import look

REPOSITORY = Path(__file__).parents[2]
NAMES = (*laboratory_tables.TABLES, "mechanisms")


@pytest.fixture
def run(folder):
    return load_run(folder)


def one_seed(folder: Path):
    for seed in ("seed1337", "seed7"):
        shutil.rmtree(folder / seed)
    return load_run(folder)


def cells(table, **where) -> dict:
    rows = table.cells
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0].to_dict()


def test_no_two_storages_have_one_colour():
    assert len({look(position)["color"] for position in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_has_a_rule_and_a_caption(name):
    assert f'"{name}": (' in (REPOSITORY / "rules" / "report_files.smk").read_text()
    assert (REPOSITORY / "captions" / f"{name}.rst").read_text().strip()


def test_the_factors_are_those_of_a_storage():
    assert tuple(StorageConfig.model_fields) == FACTORS


def test_the_grid_shows_the_last_checkpoint_and_the_csv_all(run):
    table = TABLES["laboratory"](run)
    own, half = cells(table, storage="own"), cells(table, storage="scales_fp16")
    assert own["RT gap"] == "+0.000820 ± 0.000023"  # 0.00004 / √3 seeds
    assert own["over own storage"] == "own"
    assert half["what it is"] == "own but for scales float16"
    assert half["over own storage"] == "+0.000010 ± 0.000017"
    assert cells(table, storage="scales_bf16")["what it is"] == "the same as own"
    assert cells(table, storage="only_mixes")["what it is"] == "lossless but for mixes e4m3"
    assert cells(table, storage="lossless")["RT gap"] == "0 exactly"
    assert len(table.frame) == 3 * 3 * (len(synthetic.GRID) + 1)
    assert table.frame.query("storage == 'own'")["gap_bpb"].tolist()[0] == pytest.approx(0.00082 / 3)


def test_a_single_seed_keeps_its_own_standard_error(folder):
    table = TABLES["laboratory"](one_seed(folder))
    assert cells(table, storage="own")["RT gap"] == "+0.000820 ± 0.000040"
    assert "std over seeds" not in table.cells


def test_the_decomposition_adds_up(run):
    frame = decomposition_frame(run)
    for _, group in frame.groupby(["checkpoint", "seed"]):
        gaps = dict(zip(group["part"], group["gap_bpb"], strict=True))
        assert gaps.pop("all together") == pytest.approx(sum(gaps.values()))
    table = TABLES["decomposition"](run)
    mixes = cells(table, decision="format of mixes and skips")
    assert mixes["alone, step 300"] == "+0.000500 ± 0.000023"
    assert mixes["taken back at the end"] == "+0.000450 ± 0.000017"
    assert cells(table, decision="remainder (interaction)")["alone, step 300"] == "+0.000020 ± 0.000003"


def test_amplification_is_that_of_the_true_zeros(run):
    frame = length_frame(run)
    last = frame[frame["checkpoint"] == "final"].iloc[0]
    z = synthetic.zeros(300)["all"]
    assert last["zero_fraction"] == z
    assert last["absmean_amplification"] == pytest.approx(1 / (1 - z))
    assert last["rms_amplification"] == pytest.approx(1 / math.sqrt(1 - z))
    table = TABLES["training_length"](run)
    assert [row["step"] for _, row in table.cells.iterrows()] == ["100", "200", "300"]
    assert cells(table, step="300")["gap, scales_fp16"] == "+0.000830 ± 0.000023"
    assert table.frame["scales_fp16_gap_bpb"].iloc[-1] == pytest.approx(0.00083)


def test_mechanisms_say_where_training_is_and_where_they_break(run):
    table = TABLES["mechanisms"](run)
    half = cells(table, mechanism="scales in float16: range")
    assert half["breaks"] == "between ×2^−4 and ×2^−8"
    assert half["trained numbers"] == "0.004 … 1"
    assert half["largest is below the end by"] == "16.0 binades"
    assert half["largest gap when pushed"] == "+0.010000 ± 0.000002"
    zeros = cells(table, mechanism="float16 scales, shrinkage, BF16 reload: zeros")
    assert zeros["breaks"] == "not at 50%"


def of_one_mechanism(folder: Path, seeds: dict[str, dict[float, float]], parameter: str = "shift", **broken) -> dict:
    """The only row of the mechanisms' table, where each of ``seeds`` has a gap at each setting."""
    for seed, gaps in seeds.items():
        path = folder / seed / "final" / "probes.json"
        point = {"gap_se": 0.0, "relative_error": 0.0, "trits_changed": 0}
        points = [point | {"at": at, "gap_bpb": gap} for at, gap in gaps.items()]
        mechanism = {"parameter": parameter, "kind": "scales", "choice": "float16", "points": points}
        edit(path, metrics__mechanisms=[mechanism | {"below": None, "above": None} | broken.get(seed, {})])
    return TABLES["mechanisms"](load_run(folder)).cells.iloc[0].to_dict()


def test_a_gap_below_zero_keeps_its_sign(folder):
    one_seed(folder)
    row = of_one_mechanism(folder, {"seed42": {0: 0.02, 8: -0.4}}, "crowding", seed42={"above": 8})
    assert row["breaks"] == "between ×1 and ×2^−8"
    assert row["gap where training is"].startswith("+0.020000")
    assert row["largest gap when pushed"].startswith("−0.400000")


def test_the_first_seed_that_breaks_counts_and_what_all_of_them_held(folder):
    seeds = {
        "seed42": {-4: 0.5, -2: 0.0, 0: 0.0, 4: 0.0, 8: 0.5},
        "seed1337": {-4: 0.0, 0: 0.0, 4: 0.0, 6: 0.5, 7: 0.5, 8: 0.5},
        "seed7": {-4: 0.0, 0: 0.0, 4: 0.0, 5: 0.0, 8: 0.0},
    }
    broken = {"seed42": {"below": -4, "above": 8}, "seed1337": {"above": 6}}
    row = of_one_mechanism(folder, seeds, **broken)
    assert row["breaks"] == "between ×1 and ×2^−4; between ×2^4 and ×2^6"


def test_the_waterfall_ends_at_the_whole_gap(run):
    figure = draw("waterfall", run)
    assert len(figure.axes) == 3
    last = figure.axes[-1]
    bars = {label.get_text(): bar for label, bar in zip(last.get_yticklabels(), last.patches, strict=True)}
    assert "+0.82" in [text.get_text() for text in last.texts]
    assert {text.get_text() for text in figure.legends[0].get_texts()} >= {"costs", "remainder"}
    whole, rest = bars["all together: the record's storage"], bars["remainder (interaction)"]
    assert whole.get_x() == 0
    assert whole.get_width() == pytest.approx(0.82)
    assert rest.get_x() + rest.get_width() == pytest.approx(whole.get_width())
    assert "standard error" in last.get_xlabel()
    assert last.get_title("left") == "after 300 steps, mean of 3 seeds"


def test_plots_say_what_they_show(run):
    assert "paired over windows" in texts(draw("gap_length", run))
    assert "scales float16" in texts(draw("probes", run))


def test_probes_are_marked_where_they_were_tried(folder):
    one_seed(folder)
    of_one_mechanism(folder, {"seed42": {-8: 0.5, -4: -0.25, 0: 0.0, 4: 0.0}}, seed42={"below": -4})
    figure = draw("probes", load_run(folder))
    markers = {line.get_fillstyle(): line for line in figure.axes[0].lines if line.get_marker() != "None"}
    assert markers["full"].get_xydata().tolist() == [[-8, 0.5], [0, 0.0], [4, 0.0]]  # zero where it is zero
    assert markers["none"].get_xydata().tolist() == [[-4, 0.25]]  # better than where training is
    assert {line.get_linestyle() for line in markers.values()} == {"None"}
    assert "lines only join" in " ".join(text.get_text() for text in figure.texts)


def test_many_checkpoints_are_thinned_but_for_the_ends(run):
    frame = grid_frame(run)
    assert list(shown_checkpoints(frame, 2)) == ["step_000100", "final"]
    assert list(shown_checkpoints(frame, 9)) == ["step_000100", "step_000200", "final"]


def test_a_run_that_was_measured_in_the_laboratory_alone_is_reported(folder):
    files = [*folder.rglob("laboratory.json"), *folder.rglob("probes.json")]
    run = load_files(files, synthetic.facts())
    assert [len(TABLES[name](run).cells) > 0 for name in NAMES] == [True] * 4
    with pytest.raises(InputError, match="no roundtrip metrics"):
        TABLES["roundtrip"](run)


def test_a_run_without_measurements_is_told(folder):
    for path in [*folder.rglob("laboratory.json"), *folder.rglob("probes.json")]:
        path.unlink()
    with pytest.raises(InputError, match="run the laboratory stage first"):
        TABLES["laboratory"](load_run(folder))
    with pytest.raises(InputError, match="run the probes stage first"):
        TABLES["mechanisms"](load_run(folder))


def test_a_damaged_measurement_is_named(folder):
    path = folder / "seed42" / "final" / "laboratory.json"
    edit(path, metrics__decomposition__remainder_se=-1)
    with pytest.raises(InputError, match=r"laboratory\.json: metrics\.decomposition\.remainder_se"):
        load_run(folder)
