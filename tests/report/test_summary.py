from tests.report import synthetic
from tritgolf.report.metrics import load_run
from tritgolf.report.summary import summary


def test_summary_fits_a_terminal_and_names_every_place(folder, tmp_path):
    runs = [load_run(folder), load_run(synthetic.write_run(tmp_path / "v2", "ternary_v2"))]
    text = summary(runs)
    assert max(map(len, text.splitlines())) <= 100
    for place in (
        "results/report.html",
        "results/demo/tables/",
        "results/demo/plots/",
        "results/ternary_v2/tables/",
        "results/tables/records.md",
    ):
        assert place in text
    assert text.index("1337        300") < text.index("results/report.html")
    assert "val, RT: pure cross-entropy.\nText: docstrings (BPB by published bytes)." in text
    assert "val, RT: with the z-loss term, as published.\nText: fineweb (BPB by published bytes)." in text
