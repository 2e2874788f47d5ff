"""Bits a weight in the file: what coding leaves of a grid's."""

import math
from pathlib import Path

import pytest

from tests.kept import MEASURED
from tritgolf.report.coded import coded_bits, inspected_weights
from tritgolf.report.experiments import load_experiment
from tritgolf.report.full_size import read_full_size
from tritgolf.report.isobyte_table import isobyte_frame
from tritgolf.report.schemas import ExportedStorage


def stored(layout="arithmetic", **bytes_by_kind):
    sizes = {"file": "own.tgolf", "bytes": 10, "layout_bytes": {layout: 10}}
    return ExportedStorage(layout=layout, bytes_by_kind=bytes_by_kind, **sizes)


def test_the_longest_codes_count_and_nothing_else():
    assert coded_bits(stored(scales=900, codes8=20, codes4=50), 100) == 4
    assert coded_bits(stored("columns", trits=20, table=900), 100) == 1.6
    for unknown in ((stored("byte_planes", codes6=60), 100), (stored(codes6=60), None)):
        assert math.isnan(coded_bits(*unknown))
    assert inspected_weights(Path("nowhere")) is None


@pytest.fixture(scope="module")
def at_full_size():
    own = [row for row in read_full_size(MEASURED).rows if not row["is_published"]]
    return {row["run"]: row["coded_bits"] for row in own if row["seed"] == 42}


def test_trits_of_absmean_scales_take_all_of_log2_of_3(at_full_size):
    """By hand: 12,854,856 bytes of trits, which are 64,880,640."""
    found = at_full_size["ternary_best_fits_docs_en_h200"]
    assert found == pytest.approx(8 * 12_854_856 / 64_880_640) == pytest.approx(math.log2(3), abs=1e-3)


def test_int6_takes_what_normal_weights_take_on_its_grid(at_full_size):
    """3.328 bits by the estimate of artifacts, which was not made for these weights."""
    assert at_full_size["best_int6_docs_en_h200"] == pytest.approx(3.328, abs=0.01)
    assert math.isnan(at_full_size["int6_recurrent_800_docs_en_2xh200"])  # left to a general compressor


def test_points_take_fewer_bits_than_their_grids_have():
    frame = isobyte_frame(*load_experiment(MEASURED / "isobyte_gpu_h200"))
    bits = frame.groupby(["bits", "method"])["coded_bits"].mean()
    assert bits[4, "gptq"] == pytest.approx(3.53, abs=0.01) and bits[8, "gptq"] == pytest.approx(6.94, abs=0.01)
    assert all(taken <= of for (of, _), taken in bits.items())
