"""benchmarks/entropy.py: the lengths of adaptive codes, and what contexts know."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "entropy.py"


@pytest.fixture(scope="module")
def entropy():
    spec = importlib.util.spec_from_file_location("entropy", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules["entropy"] = module
    spec.loader.exec_module(module)
    return module


def one_by_one(symbols, contexts, alphabet):
    """The same length, symbol by symbol."""
    counts, bits = {}, 0.0
    for symbol, context in zip(symbols, contexts, strict=True):
        seen = counts.setdefault(context, [0.5] * alphabet)
        bits -= math.log2(seen[symbol] / sum(seen))
        seen[symbol] += 1
    return bits / 8


def test_a_length_is_that_of_coding_symbol_by_symbol(entropy):
    random = np.random.default_rng(0)
    symbols, contexts = random.integers(0, 3, 200), random.integers(0, 4, 200)
    found = entropy.code_bytes(symbols, contexts, 3)
    assert found == pytest.approx(one_by_one(symbols.tolist(), contexts.tolist(), 3))
    assert entropy.code_bytes(symbols, 0, 3) == pytest.approx(one_by_one(symbols.tolist(), [0] * 200, 3))


def test_a_context_that_tells_the_symbol_saves_nearly_all_and_one_that_does_not_costs(entropy):
    random = np.random.default_rng(0)
    symbols = random.integers(0, 3, 3000)
    alone = entropy.code_bytes(symbols, 0, 3)
    assert entropy.code_bytes(symbols, symbols, 3) < 0.02 * alone
    assert entropy.code_bytes(symbols, random.integers(0, 50, 3000), 3) > 1.01 * alone


def test_no_context_looks_ahead(entropy):
    """What is known of a trit is a function of those before it in the row-major order, and of scales."""
    random = np.random.default_rng(0)
    trits, scales = random.integers(0, 3, (40, 8)), random.integers(0, 16, (40, 2))
    changed = trits.copy()
    changed[20, 4:] = (changed[20, 4:] + 1) % 3
    changed[21:] = (changed[21:] + 1) % 3
    before = np.arange(trits.size).reshape(trits.shape) <= 20 * 8 + 4
    for (name, found), (_, other) in zip(
        entropy.trit_contexts(trits, scales), entropy.trit_contexts(changed, scales), strict=True
    ):
        same = np.broadcast_to(found, trits.shape)[before] == np.broadcast_to(other, trits.shape)[before]
        assert same.all(), name


def test_a_coder_is_worth_its_code_from_a_hundredth_of_the_artifact_on(entropy):
    lengths = {"trits": {"matrix": 950.0, "column": 900.0}, "table": {"order 0": 520.0}}
    told = entropy.verdict(10_000, {"trits": 1000, "table": 500}, lengths)
    assert told["best"] == {"trits": "column", "table": "order 0"}
    assert told["saved_bytes"] == {"trits": 100, "table": -20}
    assert (told["share_of_the_artifact"], told["worth_a_coder"]) == (0.01, True)
    assert not entropy.verdict(10_001, {"trits": 1000, "table": 500}, lengths)["worth_a_coder"]
