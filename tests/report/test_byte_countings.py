"""Of a text whose raw bytes are known, every table says which bytes its figures are by, and shows just those."""

import json

import pytest

from tests.report import synthetic
from tritgolf.report.comparisons import published_table, records_table
from tritgolf.report.metrics import load_run
from tritgolf.report.published import read_published
from tritgolf.report.summary import summary
from tritgolf.report.tables import roundtrip_table, seeds_table

RATIO = 1.25  # raw bytes for each that the published code counts
BY_RAW = "(BPB by its raw bytes, 1.2500 for each that the published code counts)"
BY_PUBLISHED = "(BPB by the bytes that the published code counts, 1.2500 raw ones for each)"


def counted(value):
    """Metrics as a text with a sidecar has them: the synthetic scores are by raw bytes."""
    if isinstance(value, list):
        return [counted(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {key: counted(inner) for key, inner in value.items()}
    if "bpb" not in found:
        return found
    if "record_bpb" in found:
        found["record_bpb"] *= RATIO
    return found | {"bpb_published_bytes": found["bpb"] * RATIO, "byte_counting": "raw"}


def run_of(folder, record="demo", **settings):
    synthetic.write_run(folder, record)
    for path in folder.rglob("*.json"):
        facts = json.loads(path.read_text())
        if "metrics" in facts:
            facts["metrics"] = counted(facts["metrics"])
        for key, value in settings.items():
            section, _, name = key.partition("__")
            facts.get(section, {}).update({name: value})
        path.write_text(json.dumps(facts))
    return load_run(folder)


@pytest.mark.parametrize(
    ("bytes_", "z_loss", "sliding", "val", "gap", "told"),
    [
        ("raw", False, "2.4500", "2.5000", "+0.0009", BY_RAW),
        ("published", False, "3.0625", "3.1250", "+0.0011", BY_PUBLISHED),
        ("published", True, "3.0625", "3.1288", "+0.0011", BY_PUBLISHED),
    ],
)
def test_a_headline_is_by_one_counting(tmp_path, bytes_, z_loss, sliding, val, gap, told):
    run = run_of(tmp_path / "demo", report__bytes=bytes_, evaluate__headline_z_loss=z_loss)
    table = seeds_table(run)
    assert table.cells.iloc[0][["sliding BPB", "val BPB", "RT gap"]].tolist() == [sliding, val, gap]
    for text in (table.markdown(), records_table([run]).markdown(), summary([run])):
        assert told in text
        assert (BY_RAW in text) + (BY_PUBLISHED in text) == 1
    assert max(map(len, summary([run]).splitlines())) <= 100
    other = f"Val BPB as pure cross-entropy: {3.125 + RATIO / 3000:.4f}"
    assert (other in table.markdown()) == z_loss


def test_a_comparison_with_published_figures_is_by_published_bytes(tmp_path):
    run = run_of(tmp_path / "v2", "ternary_v2", report__bytes="raw")
    published = read_published("published/pr920")
    text = published_table(run, published).markdown()
    assert BY_PUBLISHED in text
    assert BY_RAW not in text


def test_pure_cross_entropy_of_a_faithful_record_is_by_raw_bytes_and_says_so(tmp_path):
    table = roundtrip_table(run_of(tmp_path / "v2", "ternary_v2"))
    assert table.cells["trained BPB"].iloc[-1] == "2.5003"
    assert BY_RAW in table.markdown()
