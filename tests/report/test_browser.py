"""Every page in a real browser, on a desktop's and a phone's width: it shows, nothing is blocked, no script errs."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.audit.test_roundtrip_page import PAPER
from tests.audit.test_roundtrip_page import page as laboratory_page
from tests.browser import WIDTHS, Browser, chromium, running
from tests.report import synthetic
from tests.small import REPOSITORY
from tritgolf.audit import roundtrip_page as roundtrip_page_module
from tritgolf.audit import roundtrip_paper as roundtrip_paper_module
from tritgolf.audit.leaderboard import read_leaderboard
from tritgolf.audit.leaderboard_page import leaderboard_page
from tritgolf.audit.measurements_reader import read_measurements
from tritgolf.audit.roundtrip_page import read_kept
from tritgolf.audit.roundtrip_paper import roundtrip_paper
from tritgolf.report.catalogue import PLOTS, draw, make_table
from tritgolf.report.metrics import load_run
from tritgolf.report.pages import as_html
from tritgolf.report.run_pages import Reported, kept_overview, overview, read_captions, record_page
from tritgolf.report.style import FORMATS, save

FIGURES = REPOSITORY / "docs" / "figures" / "roundtrip"
LARGEST = 1_500_000  # bytes of a page: above 2 MiB Chromium shows nothing of one that is set into another
PAGES = (
    "report.html",
    "demo/report.html",
    "measured/report.html",
    "measured/roundtrip.html",
    "leaderboard.html",
    "demo/tables/seeds.html",
)
TABLES = ("seeds", "roundtrip", "laboratory")
DRAWN = ("loss", "rt_gap", "waterfall")
SAMPLE = "Return the\n\n    sum <script>of</script>"
KEPT = ("ternary_honest_docs_en", "int6_recurrent_800_docs_en_2xh200")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """A folder of results with every kind of page."""
    results = tmp_path_factory.mktemp("results")
    run = load_run(synthetic.write_run(results / "demo"))
    for name in TABLES:
        make_table(name, run, []).write(results / "demo" / "tables" / name)
    for name in DRAWN:
        save(draw(name, run), results / "demo" / "plots" / name, formats=["svg"])
        for suffix in (*FORMATS[1:], "csv"):
            (results / "demo" / "plots" / f"{name}.{suffix}").touch()
    shown = Reported(run, results / "demo", (*TABLES, *DRAWN))
    captions = read_captions((REPOSITORY / "captions").glob("*.rst"))
    titles = {name: name.capitalize() for name in (*TABLES, *PLOTS)}
    kept = {name: load_run(REPOSITORY / "measured" / name) for name in KEPT}
    pages = {
        "report.html": overview([shown], captions, results),
        "demo/report.html": record_page(shown, titles, captions, [], "[Results](../report.html)", SAMPLE),
        "measured/report.html": kept_overview(kept, {"estimator_demo": "Absmean or rms scales"}),
        "measured/roundtrip.html": _laboratory(tmp_path_factory.mktemp("figures")),
        "leaderboard.html": leaderboard_page(read_leaderboard(REPOSITORY / "tests/fixtures/submissions")),
    }
    for name, text in pages.items():
        (results / name).parent.mkdir(exist_ok=True)
        (results / name).write_text(text, encoding="utf-8")
    return results


def _laboratory(figures: Path) -> str:
    """The page of all kept runs; for each figure the committed one of its kind, or another: drawn they take long."""
    committed = {path.stem.split("docs_en_")[1].partition("_")[2]: path for path in FIGURES.glob("*.svg")}

    def stand_in(kind: str, stem: Path, formats: list[str]) -> None:
        shutil.copy(committed.get(kind, committed["rt_gap"]), f"{stem}.svg")

    measured = REPOSITORY / "measured"
    with pytest.MonkeyPatch.context() as patch:
        for module in (roundtrip_page_module, roundtrip_paper_module):
            patch.setattr(module, "save", stand_in)
            patch.setattr(module, "draw", lambda kind, _: kind)
        tables = laboratory_page(measured, figures)
        blocks = [*roundtrip_paper(PAPER, read_kept(measured), read_measurements(measured), figures), *tables]
    return as_html(blocks, "The roundtrip laboratory")


def test_what_a_model_writes_is_shown_as_it_is(results):
    page = (results / "demo/report.html").read_text()
    assert "Return the\n\n    sum &lt;script&gt;of&lt;/script&gt;" in page


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if chromium() is None:
        pytest.skip("no browser: Chromium is not installed (apt-get install chromium)")
    with running(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_too_large_and_none_loads_anything(results, name):
    text = (results / name).read_text(encoding="utf-8")
    assert len(text.encode()) <= LARGEST
    assert not re.search(r'src="|@import|<link rel="style|url\((?!#)', text)


def test_every_link_to_a_file_leads_to_one(results):
    for name in ("report.html", "demo/report.html"):
        links = re.findall(r'href="([^"#]+)"', (results / name).read_text(encoding="utf-8"))
        files = [link for link in links if not re.match(r"\w+:", link)]
        assert len(files) > len(FORMATS)
        assert [link for link in files if not (results / name).parent.joinpath(unquote(link)).exists()] == []


def test_no_mark_of_markdown_is_left_in_prose(results):
    text = (results / "demo/report.html").read_text(encoding="utf-8")
    prose = re.findall(r"<(?:p|li|figcaption)[^>]*>(.*?)</", text, re.DOTALL)
    assert len(prose) > 10
    assert [words for words in prose if re.search(r"\*\w|`|\]\(", words)] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_in_a_browser(results, browser: Browser, name, width):
    browser.open(results / name, WIDTHS[width])
    assert browser.complaints == []
    assert browser.value("document.querySelector('h1').getBoundingClientRect().height") > 10
    assert browser.value("document.body.innerText.length") > 300
    assert browser.value("document.documentElement.scrollWidth") <= WIDTHS[width]  # only tables scroll sideways
    narrow = "[...document.querySelectorAll('svg[role=img]')].filter(s => s.getBoundingClientRect().width < 300).length"
    assert browser.value(narrow) == 0


def test_the_first_screen_says_what_a_run_is_and_how_it_ended(results, browser: Browser):
    browser.open(results / "report.html", WIDTHS["desktop"])
    above = "[...document.querySelectorAll({!r})].every(e => e.getBoundingClientRect().bottom < 900)"
    for what in ("h1", "dl.facts", ".tritgolf table", "figure svg[role=img]"):
        assert browser.value(above.format(what)), what
    for words in ("Demo: the ternary U-Net on two CPU cores", "Synthetic processor", "1337", "bits per byte"):
        assert words in browser.value("document.body.innerText"), words


def test_what_is_wrong_on_a_page_is_seen(browser: Browser, tmp_path):
    (tmp_path / "wrong.html").write_text('<h1>x</h1><img src="none.png"><script>nothing()</script>')
    browser.open(tmp_path / "wrong.html", WIDTHS["phone"])
    told = " ".join(browser.complaints)
    assert "ERR_FILE_NOT_FOUND" in told and "nothing is not defined" in told
