"""Progress of a stage where nobody looks: nothing for what is done soon, else a line a minute."""

from tritgolf import progress as progress_module
from tritgolf.progress import progress


def test_what_is_done_soon_says_nothing(capsys):
    assert list(progress(range(3), what="windows", unit="batches")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_what_takes_long_says_how_long(capsys, monkeypatch):
    monkeypatch.setattr(progress_module, "MINUTE", 0.0)
    bar = progress(total=4, what="windows", unit="batches")
    bar.start_t -= 120  # two minutes ago
    bar.update(2)
    bar.close()
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("windows: 2 of 4 batches, 02:0") and first.endswith(" left")


def test_other_ranks_are_silent(capsys, monkeypatch):
    monkeypatch.setattr(progress_module, "MINUTE", 0.0)
    monkeypatch.setenv("RANK", "1")
    bar = progress(total=4, what="windows", unit="batches")
    bar.start_t = -120.0
    bar.update(2)
    assert capsys.readouterr().err == ""
