"""Plots are drawn from metrics alone, show what they should, and are the same bytes every time."""

import struct
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.report import synthetic
from tests.report.test_metrics import edit, metrics_files
from tritgolf.errors import InputError
from tritgolf.report.bytes_plot import bytes_plot
from tritgolf.report.catalogue import PLOTS, draw, write_plot
from tritgolf.report.metrics import load_files, load_run
from tritgolf.report.plots import loss_plot
from tritgolf.report.step_axis import step_axis
from tritgolf.report.style import COLOURS, look, save

REPOSITORY = Path(__file__).parents[2]


def test_every_plot_is_written_in_every_form_with_its_data_and_its_run(folder, tmp_path):
    run = load_run(folder)
    for name in PLOTS:
        write_plot(name, run, tmp_path / name)
        svg, png = (tmp_path / f"{name}.svg").read_text(), (tmp_path / f"{name}.png").read_bytes()
        assert "<svg" in svg
        assert "<dc:date>" not in svg
        assert ">demo (this project) · honest · text docstrings · 300 steps, 3 seeds" in svg  # text is text
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert len((tmp_path / f"{name}.csv").read_text().splitlines()) > len(synthetic.SEEDS)
        width, height = struct.unpack(">II", png[16:24])  # the PNG header's size, in dots
        assert width == 1280
        assert height > 300
    assert plt.get_fignums() == []  # nothing piles up in matplotlib's global state


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_has_a_rule_and_a_caption(name):
    assert f'"{name}": (' in (REPOSITORY / "rules" / "report_files.smk").read_text()
    assert (REPOSITORY / "captions" / f"{name}.rst").read_text().strip()


def test_numbers_at_ticks_do_not_run_into_each_other():
    axes = Figure().subplots()
    step_axis(axes, [600, 1200, 1800, 1900])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["600", "1,200", "\n1,800", "1,900"]
    step_axis(axes, [100, 1000, 1100, 10_000], logarithmic=True)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["100", "\n1,000", "1,100", "10,000"]
    step_axis(axes, [600, 1800, 1850, 1900])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["600", "", "\n1,850", "1,900"]
    step_axis(axes, [240])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["240"]


def test_svg_bytes_are_the_same_in_another_process(folder, tmp_path):
    save(draw("rt_gap", load_run(folder)), tmp_path / "here")
    code = (
        "import sys; from tritgolf.report.metrics import load_run; from tritgolf.report.catalogue import draw; "
        "from tritgolf.report.style import save; save(draw('rt_gap', load_run(sys.argv[1])), sys.argv[2])"
    )
    subprocess.run([sys.executable, "-c", code, folder, tmp_path / "there"], check=True)
    assert (tmp_path / "here.svg").read_bytes() == (tmp_path / "there.svg").read_bytes()


def texts(figure) -> str:
    """All words in a figure."""
    legends = [legend for legend in (*[axes.get_legend() for axes in figure.axes], *figure.legends) if legend]
    words = [text.get_text() for legend in legends for text in legend.get_texts()]
    for axes in figure.axes:
        words += [
            axes.get_title("left"),
            axes.get_xlabel(),
            axes.get_ylabel(),
            *[text.get_text() for text in axes.texts],
        ]
    return " | ".join(words)


def test_axes_and_bands_say_what_they_are(folder):
    run = load_run(folder)
    assert "nats per token" in texts(draw("loss", run))
    assert "lowest to highest of 3 seeds" in texts(draw("loss", run))
    assert "± sample std over seeds" in texts(draw("rt_gap", run))
    assert "the record's count" in texts(draw("zero_fraction", run))
    assert "the limit of 16.00 MB, off the scale" in texts(draw("bytes", run))
    assert "321.0 kB, 2.0% of the limit" in texts(draw("bytes", run))
    assert "−0.0509" in texts(draw("sliding", run))
    assert "2.4500" in texts(draw("sliding", run))
    assert "seed 1337" in texts(draw("temperature", run))


def test_one_seed_shows_its_standard_error(folder):
    run = load_files([path for path in metrics_files(folder) if "seed42" in path.parts], synthetic.facts())
    assert "± standard error, paired over windows" in texts(draw("rt_gap", run))
    assert "one seed" in texts(draw("loss", run))


def test_the_curves_are_the_metrics(folder):
    run = load_run(folder)
    lines = {line.get_label(): line.get_xydata() for line in draw("loss", run).axes[0].lines}
    loss = lines["training, mean of 3 seeds"]
    assert len(loss) == 30
    expected = sum(synthetic.log(seed)[4]["loss"] for seed in synthetic.SEEDS) / 3
    assert loss[4].tolist() == pytest.approx([50, expected])
    nats = sum(synthetic.roundtrip(seed, "final")["trained"]["nats"] for seed in synthetic.SEEDS) / 3
    assert lines["validation, at checkpoints"][-1].tolist() == pytest.approx([300, nats])
    zeros = {line.get_label(): line.get_xydata() for line in draw("zero_fraction", run).axes[0].lines}
    assert zeros["mlp.proj"][-1].tolist() == pytest.approx([300, 100 * synthetic.zeros(300)["mlp.proj"]])
    assert zeros["the record's count"][-1].tolist() == pytest.approx([300, 100 * synthetic.record_zeros(300)])


def test_steps_that_a_seed_did_not_reach_are_left_out(folder):
    log = folder / "seed7/train/metrics.jsonl"
    log.write_text("\n".join(log.read_text().splitlines()[:20]) + "\n")
    assert draw("loss", load_run(folder)).axes[0].lines[0].get_xydata()[-1][0] == 200


def test_where_colours_come_round_again_the_stroke_and_the_marker_differ():
    looks = [look(position) for position in range(2 * len(COLOURS))]
    assert len({(each["color"], each["linestyle"]) for each in looks}) == len(looks)
    assert len({(each["color"], each["marker"]) for each in looks}) == len(looks)


def test_a_long_loss_is_smoothed_and_says_over_what(folder):
    log = pd.DataFrame([{"seed": 42, "step": step, "loss": float(step % 2)} for step in range(1, 401)])
    figure = loss_plot(log, pd.DataFrame(columns=["checkpoint", "step", "validation_nats"]))
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert set(lines["each logged step"]) == {0, 1}
    smooth = lines["training, one seed, of 10 logged steps"]
    assert len(smooth) == 400 and smooth[200] == 0.5


def test_storages_are_compared_by_the_differences_within_seeds(folder):
    own, other = draw("rt_gap", load_run(folder)).axes
    assert [line.get_label() for line in own.lines if not line.get_label().startswith("_")] == []  # in the legend: bf16
    assert own.get_legend().get_texts()[0].get_text() == "bf16"
    marks = {line.get_label().partition(":")[0]: line.get_xydata() for line in other.lines}
    over = [synthetic.roundtrip(seed, "final")["storages"] for seed in synthetic.SEEDS]
    over = [1e3 * (each["fp16"]["gap_bpb"] - each["bf16"]["gap_bpb"]) for each in over]
    assert marks["fp16"][-1].tolist() == pytest.approx([300, sum(over) / 3])
    assert marks["each seed"][-3:, 1].tolist() == pytest.approx(over)
    assert [step for step, _ in marks["fp32"]] == [100, 200, 300]  # true distances


def test_a_storage_that_loses_nothing_is_named_and_not_drawn(folder):
    for path in folder.rglob("roundtrip.json"):
        edit(path, metrics__storages__fp32__gap_bpb=0.0)
    figure = draw("rt_gap", load_run(folder))
    assert "0 exactly: fp32" in texts(figure)
    assert "fp32: " not in texts(figure)


def test_a_near_limit_is_drawn(folder):
    near = synthetic.export(42, "final") | {"byte_limit": 400_000}
    for path in folder.rglob("export.json"):
        edit(path, metrics=near)
    figure = draw("bytes", load_run(folder))
    assert [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_label() == "limit 400.00 kB"] == [400.0]
    assert "320.04 kB" in texts(figure)


@pytest.mark.parametrize("name", ["loss", "zero_fraction"])
def test_a_run_without_its_log_is_an_input_error(folder, name):
    run = load_files(folder.rglob("train.json"), synthetic.facts())
    with pytest.raises(InputError, match=r"record 'demo': has no .* in a training log"):
        draw(name, run)


def test_kinds_that_no_storage_has_are_not_in_the_legend():
    row = {"storage": "own", "artifact_bytes": 40, "code_bytes": 9, "byte_limit": 1000}
    sizes = pd.DataFrame(
        [{**row, "kind": kind, "payload_bytes": size} for kind, size in {"trits": 0, "codes6": 50}.items()]
    )
    figure = bytes_plot(sizes)
    assert [text.get_text() for text in figure.axes[1].get_legend().get_texts()] == ["codes6"]
