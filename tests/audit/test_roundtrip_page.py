"""The laboratory's page, from synthetic runs and as it is kept in docs/."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.artifact.conftest import PUBLISHED
from tests.report import synthetic
from tests.report.test_metrics import edit
from tests.small import RECORDS, REPOSITORY
from tritgolf.audit import roundtrip_page as roundtrip_page_module
from tritgolf.audit import roundtrip_paper as roundtrip_paper_module
from tritgolf.audit.ledger import read_ledger
from tritgolf.audit.ledger_page import ledger_page
from tritgolf.audit.measurements import Gap
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.roundtrip_page import (
    CLAIMS,
    decision_table,
    figure_names,
    read_kept,
    roundtrip_page,
    zeros_table,
)
from tritgolf.audit.roundtrip_paper import roundtrip_paper
from tritgolf.cli import main
from tritgolf.report.pages import Beside, Facts, Heading, Picture, as_html, as_markdown, fill, inline_svg

PAPER, TEMPLATE = ((REPOSITORY / "captions" / f"roundtrip_{part}.md").read_text() for part in ("paper", "page"))


def page(measured: Path, figures: Path) -> list:
    figures.mkdir(parents=True, exist_ok=True)
    entries = read_ledger(REPOSITORY / "published", measured)
    kept = read_kept(measured)
    return roundtrip_page(TEMPLATE, kept, read_measurements(measured), entries, measured, figures)


def placeholder(figure, stem, formats) -> None:
    """For ``save``, where the name of a figure matters and not its lines."""
    for suffix in formats:
        Path(f"{stem}.{suffix}").write_text("<svg/>")


@pytest.fixture(scope="module")
def restored(tmp_path_factory) -> Path:
    """What the laboratory says of a published sample."""
    facts = tmp_path_factory.mktemp("restored") / "sample.json"
    sample = PUBLISHED / "sample_pr640.ternary.ptz"
    main(["laboratory", str(sample), "--records", str(RECORDS), "--grid", "essential", "--json", str(facts)])
    return facts


def write_measured(folder: Path, restored: Path) -> Path:
    """Two kept runs, the second measured in the laboratory alone, and an artifact's restorations."""
    synthetic.write_run(folder / "whole")
    synthetic.write_run(folder / "grid_only")
    for pattern in ("roundtrip.json", "export.json", "evaluate.json", "train.json", "metrics.jsonl"):
        for path in (folder / "grid_only").rglob(pattern):
            path.unlink()
    (folder / "artifacts").mkdir()
    shutil.copy(restored, folder / "artifacts")
    return folder


@pytest.fixture
def measured(tmp_path, restored):
    """``write_measured``, to be changed."""
    return write_measured(tmp_path / "measured", restored)


@pytest.fixture(scope="module")
def made(tmp_path_factory, restored) -> tuple[list, Path]:
    """The page of ``write_measured``, and the folder it lies in; figures in ``figures/roundtrip``."""
    folder = tmp_path_factory.mktemp("page")
    return page(
        write_measured(folder / "measured", restored), folder / "docs" / "figures" / "roundtrip"
    ), folder / "docs"


def test_every_kept_run_artifact_and_claim_is_on_the_page(made):
    blocks, docs = made
    text = as_markdown(blocks, docs)
    for run in ("whole", "grid_only"):
        assert f"### `{run}`" in text
        for plot in ("waterfall", "gap_length", "probes"):
            assert f"](figures/roundtrip/{run}_{plot}.svg)" in text
            assert (docs / "figures" / "roundtrip" / f"{run}_{plot}.svg").is_file()
    assert "+0.000820 ± 0.000023" in text  # the synthetic own gap
    assert "### `sample`" in text
    assert all(f"| {claim}" in text for claim in CLAIMS)
    assert "<!--" not in text


def test_a_run_without_any_gap_has_no_waterfall(measured):
    for path in (measured / "whole").rglob("laboratory.json"):
        edit(path, metrics__rows__own__gap_bpb=0.0)
    kept = {kept.name: kept for kept in read_kept(measured)}
    assert figure_names(kept["whole"]) == ["gap_length", "probes"]


def test_over_training_the_plot_with_the_most_checkpoints_is_shown(measured, tmp_path, monkeypatch):
    """A grid of one checkpoint draws no line, but the roundtrips of all do."""
    for checkpoint in ("step_000100", "step_000200"):
        for path in (measured / "whole").rglob(f"{checkpoint}/laboratory.json"):
            path.unlink()
    kept = {kept.name: kept for kept in read_kept(measured)}
    assert figure_names(kept["whole"]) == ["waterfall", "rt_gap", "probes"]
    assert figure_names(kept["grid_only"]) == ["waterfall", "gap_length", "probes"]
    monkeypatch.setattr(roundtrip_page_module, "save", placeholder)
    text = as_markdown(page(measured, tmp_path / "figures"), tmp_path)
    assert "](figures/whole_rt_gap.svg)" in text
    assert "whole_gap_length" not in text


def test_one_checkpoint_is_a_table_and_no_course(measured, tmp_path, monkeypatch):
    for pattern in ("step_*/*.json", "laboratory.json", "probes.json"):
        for path in (measured / "whole").rglob(pattern):
            path.unlink()
    kept = {kept.name: kept for kept in read_kept(measured)}
    assert figure_names(kept["whole"]) == []
    monkeypatch.setattr(roundtrip_page_module, "save", placeholder)
    text = as_markdown(page(measured, tmp_path / "figures"), tmp_path)
    of_run = text.split("### `whole`")[1].split("###")[0]
    assert "RT gap" in of_run and "whole_rt_gap" not in text


def test_the_html_page_holds_its_figures_and_loads_nothing(made):
    html = as_html(made[0], "Title")
    assert html.count("<svg") == 6
    assert "<h2>All tables</h2>" in html and "<strong>" in html and "**" not in html
    assert "<code>tritgolf laboratory FILE</code>" in html
    assert "<li><strong>own</strong>" in html
    assert 'src="http' not in html
    assert {link for link in re.findall(r'href="([^"]+)"', html) if not link.startswith("#")} == set()  # alone


def test_paired_errors_decide_what_the_scales_format_does(measured):
    found = read_measurements(measured)
    effects = [e for e in found.effects("scales", "float16", "bfloat16") if e.row.run == "grid_only"]
    assert len(effects) == 3 * 3  # checkpoints and seeds
    last = max(effects, key=lambda effect: effect.row.step)
    assert last.difference == pytest.approx(0.00001)
    assert last.error == 0.00003  # over own, paired; as if independent it would be 0.000057
    mixes = next(e for e in found.effects("mixes", "e4m3", "float32") if e.row.storage == "own")
    assert mixes.error == 0.00003


def test_the_error_of_a_difference_is_never_less_than_what_is_known_of_it():
    """The laboratory knows a row's difference to the own storage; of a roundtrip's row that is not known."""

    def gap(error: float, over_own: float | None, own: bool = False) -> Gap:
        return Gap("run", "rms", True, 42, 1900, "x", {}, 0.001, error, over_own, own)

    own, near, far = gap(0.00005, 0.0, own=True), gap(0.00005, 0.000006), gap(0.00005, 0.00002)
    assert own.difference_error(near) == near.difference_error(own) == 0.000006
    assert near.difference_error(far) == pytest.approx(0.000026)  # by way of the own storage
    of_roundtrip = gap(0.00004, None)
    assert own.difference_error(of_roundtrip) == of_roundtrip.difference_error(own) == pytest.approx(0.000064, abs=1e-6)
    exact = dataclasses.replace(near, error=0.0, over_own_error=0.000066)  # more than as if independent
    assert own.difference_error(exact) == exact.difference_error(own) == 0.000066
    assert gap(0, 0.00005).difference_error(gap(0.000002, 0.00005)) == 0.000002  # of lossless and nearly lossless


def test_decisions_are_compared_with_everything_else_as_in_the_record(measured):
    """A pair of nearly lossless storages has the smaller error, but is another question."""
    path = measured / "grid_only" / "seed42" / "final" / "laboratory.json"
    content = json.loads(path.read_text())
    rows = content["metrics"]["rows"]
    rows["only_table"]["gap_se"] = 0.000001
    path.write_text(json.dumps(content))
    cells = decision_table(read_measurements(measured)).cells
    row = cells[(cells["run"] == "grid_only") & (cells["seed"] == "42")].iloc[0]
    assert row["table, e4m3 less BF16"] == "+0.000270 ± 0.000030"  # not +0.000300 ± 0.000001


def test_modes_are_told_by_what_a_run_recorded_and_not_by_its_name(measured):
    path = measured / "grid_only" / "record.json"
    edit(path, mode="faithful", model__quantizer__arithmetic="bf16_weight")
    found = read_measurements(measured)
    for table in (decision_table(found), zeros_table(found)):
        modes = dict(zip(table.cells["run"], table.cells["mode"], strict=True))
        assert modes == {"grid_only": "as written (weights rounded to BF16)", "whole": "honest"}
    assert found.as_written == ["grid_only"]
    told = ledger_page(read_ledger(REPOSITORY / "published", measured), found.as_written)
    assert "weights rounded to BF16 (grid_only)" in " ".join(told.split())
    edit(path, mode="faithful", model__quantizer__arithmetic="float64")
    assert dict(read_measurements(measured).modes) == {"grid_only": "faithful", "whole": "honest"}


def test_zeros_of_a_run_that_only_the_laboratory_had(measured):
    zeros = {(z.seed, z.step): z for z in read_measurements(measured).zeros if z.run == "grid_only"}
    assert len(zeros) == 3 * 3
    assert zeros[42, 300].true == synthetic.zeros(300)["all"]
    assert zeros[42, 300].record == synthetic.record_zeros(300)


def test_a_row_by_another_estimator_is_no_storage_of_the_record(measured):
    path = measured / "grid_only" / "seed42" / "final" / "laboratory.json"
    content = json.loads(path.read_text())
    row = content["metrics"]["rows"]["scales_fp16"]
    row["factors"]["estimator"] = "absmean"
    path.write_text(json.dumps(content))
    rows = [gap for gap in read_measurements(measured).gaps if gap.run == "grid_only" and gap.storage == "scales_fp16"]
    assert {(gap.seed, gap.step) for gap in rows} == {(s, t) for s in (42, 1337, 7) for t in (100, 200, 300)} - {
        (42, 300)
    }


def test_the_kept_paper_is_what_the_rule_makes(tmp_path, monkeypatch):
    """If this fails: ``snakemake --cores 1 paper``."""
    monkeypatch.setattr(roundtrip_paper_module, "save", placeholder)
    measured, figures = REPOSITORY / "measured", tmp_path / "figures" / "roundtrip"
    figures.mkdir(parents=True)
    blocks = roundtrip_paper(PAPER, read_kept(measured), read_measurements(measured), figures)
    made = as_markdown(blocks, tmp_path)
    kept = (REPOSITORY / "docs" / "roundtrip.md").read_text()
    assert made.replace(f"{REPOSITORY}/", "") == kept
    shown = {path.name for path in (tmp_path / "figures" / "roundtrip").glob("*.svg")}
    assert {path.name for path in (REPOSITORY / "docs" / "figures" / "roundtrip").glob("*.svg")} == shown


def test_a_template_is_filled_and_an_unknown_place_is_an_error():
    assert fill("a\n\n<!-- x -->\n\nb", {"x": ["c"]}.__getitem__) == ["a", "c", "b"]
    with pytest.raises(KeyError):
        fill("<!-- y -->", {"x": []}.__getitem__)


def test_a_paper_that_names_what_is_not_there_is_an_error(tmp_path, measured):
    runs, measurements = read_kept(measured), read_measurements(measured)
    for place in ("<!-- decision -->", "<!-- figure nobody waterfall -->"):
        with pytest.raises(KeyError):
            roundtrip_paper(place, runs, measurements, tmp_path)
    (picture,) = roundtrip_paper("<!-- figure whole waterfall -->", runs, measurements, tmp_path)
    assert picture.path == tmp_path / "whole_waterfall.svg" and picture.path.is_file()


def test_blocks_are_what_they_say(tmp_path):
    picture = tmp_path / "figures" / "a.svg"
    picture.parent.mkdir()
    picture.write_text("<svg/>")
    assert as_markdown(["# T", Picture(picture, "cap")], tmp_path) == "# T\n\n![cap](figures/a.svg)\n\ncap\n"
    html = as_html(["# T & U", "- one\n- **two** `x` [y](z)"], "T")
    assert "<h1>T &amp; U</h1>" in html
    assert '<li>one</li>\n<li><strong>two</strong> <code>x</code> <a href="z">y</a></li>' in html
    for mark, made in {"*a*": "<em>a</em>", "1. a": "<ol>", "```\na\n```": "<pre>", "|a|\n|-|\n|b|": "<table>"}.items():
        assert made in as_html([mark], "T")
    table = as_html([Facts({"a": "b"}), Heading("A", "a", 3), Beside(["x"], ["y"])], "T")
    assert "<dt>a</dt><dd>b</dd>" in table and '<h3 id="a">A</h3>' in table and table.count("<div><p>") == 2
    assert "<script>" not in as_html(["<script>"], "T")


def test_two_figures_on_a_page_do_not_share_names():
    drawing = '<?xml version="1.0"?>\n<svg width="9pt" height="9pt" viewBox="0 0 9 9"><g id="a"/>'
    drawing += '<use href="#a" clip-path="url(#b)"/></svg>'
    one = inline_svg(drawing, "loss", "A & B")
    assert one.startswith('<svg role="img" aria-label="A &amp; B" viewBox="0 0 9 9">')
    assert 'id="loss-a"' in one and 'href="#loss-a"' in one and "url(#loss-b)" in one
