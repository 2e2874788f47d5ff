import pytest

from tests.audit.folders import README_640
from tritgolf.audit.markdown import figure, read_tables, write_table


def test_tables_are_read_without_emphasis():
    seeds, deltas = read_tables(README_640)
    assert seeds.header[0] == "Seed"
    assert seeds.rows[0][3] == "1.1565"
    assert [row[0] for row in seeds.rows] == ["42", "1337", "7", "Mean", "Std"]
    assert deltas.rows[0] == ("Sliding BPB", "1.1570", "1.1539", "-0.0031")


def test_what_is_no_table_is_passed_over():
    assert read_tables("| a | b |\n| c | d |\n\ntext | more\n") == ()


def test_ragged_rows_are_left_out():
    assert read_tables("| a | b |\n|---|---|\n| 1 |\n| 2 | 3 |")[0].rows == (("2", "3"),)


def test_a_written_table_reads_back():
    (table,) = read_tables(write_table(("a", "b"), [("1", "2"), ("3", "4")]))
    assert (table.header, table.rows) == (("a", "b"), (("1", "2"), ("3", "4")))


@pytest.mark.parametrize(
    ("cell", "text"),
    [("15,993,853 bytes", "15993853"), ("−0.0031", "-0.0031"), ("+0.0016", "+0.0016"), ("identical", None)],
)
def test_figures_of_cells(cell, text):
    assert figure(cell) is None if text is None else figure(cell).text == text
