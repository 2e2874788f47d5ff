import shutil

import pytest

from tests.audit.folders import PUBLISHED
from tritgolf.audit.published import marks, read_csv, read_seed_table, recomputed, table_systems
from tritgolf.audit.published_tables import differences, rebuilt_table
from tritgolf.errors import InputError


def differing(system, folder=PUBLISHED):
    found = marks(read_seed_table(system, folder))
    return {
        (m.row, m.figure, m.comparison.printed.text): m.comparison.status
        for m in found
        if m.comparison.status != "agrees"
    }


def test_means_and_sample_stds_are_recomputed():
    table = read_seed_table("pr640", PUBLISHED)
    assert recomputed(table, "sliding_bpb") == pytest.approx((1.157033, 0.000681), abs=1e-6)
    assert recomputed(table, "total_bytes") == pytest.approx((15994103.67, 1491.88), abs=0.01)


def test_every_printed_figure_that_differs_is_marked_and_no_other():
    assert differing("pr640") == {
        ("42", "ms_per_step", "91.7"): "differs",
        ("std", "steps", "5"): "differs",
        ("std", "total_bytes", "1498"): "differs",
    }
    assert differing("pr920") == {
        ("std", "steps", "5"): "differs",
        ("std", "rt_bpb", "0.0008"): "within rounding",
        ("std", "total_bytes", "1033"): "differs",
    }


def test_a_changed_figure_is_marked(tmp_path):
    shutil.copytree(PUBLISHED, tmp_path / "published")
    for name, old, new in (("seeds.csv", "1.1565,1.1816", "1.1566,1.1816"), ("summary.csv", "1.1821", "1.1824")):
        path = tmp_path / "published" / "pr640" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    found = differing("pr640", tmp_path / "published")
    assert found[("42", "sliding_bpb", "1.1566")] == "differs"
    assert found[("mean", "val_bpb", "1.1824")] == "differs"


def test_systems_without_printed_summaries_are_rebuilt_too():
    stages = read_seed_table("pr1722", PUBLISHED)
    assert stages.figures == ("slot_v2", "slot_v3_ttt", "int6_gptq_mlp3")
    assert recomputed(stages, "slot_v2") == pytest.approx((0.66757139, 0.00091298), abs=1e-8)
    assert recomputed(read_seed_table("pr1716", PUBLISHED), "ttt_bpb")[0] == pytest.approx(1.07882)
    assert differing("pr1716") == differing("pr1722") == {}


@pytest.mark.parametrize("system", table_systems(PUBLISHED))
def test_the_rendered_table_has_every_row_and_a_mark_for_every_difference(system):
    seed_table = read_seed_table(system, PUBLISHED)
    table = rebuilt_table(seed_table)
    assert len(table.cells) == len(seed_table.seeds) + 2 + len(seed_table.printed)
    marked = sum(cell.endswith(("†", "‡")) for row in table.cells.to_numpy().tolist() for cell in row)
    assert marked == len(differing(system))
    assert len(differences(seed_table)) == len(list(marks(seed_table)))
    table.markdown(), table.html(), table.csv()


def test_an_unknown_system_is_one_line():
    with pytest.raises(InputError, match="known: pr1716, pr1722, pr640, pr920"):
        read_seed_table("pr1", PUBLISHED)


@pytest.mark.parametrize("content", ["", "a,b\n", "a,b\n1\n", "a,b\n1,2,3\n"])
def test_damaged_csv_is_one_line(content, tmp_path):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(InputError, match=r"x\.csv"):
        read_csv(tmp_path / "x.csv")


def test_published_scores_that_are_no_valid_ones_are_marked():
    """#1722's, fitted to the targets that they are of; the model under them has a valid score."""
    cells = rebuilt_table(read_seed_table("pr1722", PUBLISHED)).cells
    assert list(cells.columns) == ["row", "slot_v2 (not causal)", "slot_v3_ttt (not causal)", "int6_gptq_mlp3"]
