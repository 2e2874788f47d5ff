"""Bits a weight in the file: what coding leaves of a grid's."""

import json

import pytest

from tests.kept import BEST, MEASURED
from tritgolf.report.coded import coded_bits
from tritgolf.report.metrics import load_run


def bits(folder, seed=0):
    run = load_run(folder)
    return coded_bits(run.facts, run.seeds[seed].exported("final", "own"))


def test_trits_of_absmean_scales_take_all_of_log2_of_3():
    """By hand: 12,854,856 bytes of trits, which are 64,880,640."""
    [best] = [folder for folder in BEST if folder.name == "ternary_best_fits_docs_en_h200"]
    stored = json.loads((best / "seed42/final/export/export.json").read_text())["metrics"]["storages"]["own"]
    assert stored["bytes_by_kind"]["trits"] == 12_854_856
    assert bits(best) == pytest.approx(8 * 12_854_856 / 64_880_640) == pytest.approx(1.585, abs=1e-3)


def test_int6_takes_what_normal_weights_take_on_its_grid():
    """3.328 bits by the estimate of artifacts, which was not made for these weights."""
    assert bits(MEASURED / "best_int6_docs_en_h200") == pytest.approx(3.328, abs=0.01)


def test_the_matrices_count_and_not_smaller_tables_of_other_bits():
    points = MEASURED / "isobyte_gpu_h200"
    assert bits(points / "isobyte_gpu_4_gptq_tokens") == pytest.approx(3.53, abs=0.01)
    assert bits(points / "isobyte_gpu_8_gptq_tokens") == pytest.approx(6.94, abs=0.01)


@pytest.mark.parametrize("folder", ["ternary_honest_docs_en", "int6_recurrent_800_docs_en_2xh200"])
def test_codes_that_a_general_compressor_shortens_are_not_told(folder):
    run = load_run(MEASURED / folder)
    stored = next(iter(run.seeds[0].export("final").storages.values()))
    assert coded_bits(run.facts, stored) != coded_bits(run.facts, stored)
