import pytest

from tests.audit.folders import text
from tritgolf.audit.expected import expected
from tritgolf.audit.logs import parse_log
from tritgolf.config.record import load_record
from tritgolf.model.counts import count_parameters


def implied(name, *edits):
    return expected(parse_log(text(name, *edits), name))


@pytest.mark.parametrize(
    ("name", "count"), [("pr640/seed42", 73_685_840), ("pr920/seed42", 74_250_064), ("pr923/seed7", 74_257_744)]
)
def test_published_counts_follow_from_the_logged_settings(name, count):
    assert implied(name).counts.published == count


@pytest.mark.parametrize(
    ("log", "record"), [("pr640/seed42", "ternary_v1"), ("pr920/seed42", "ternary_v2"), ("pr923/seed7", "ternary_100k")]
)
def test_the_logs_settings_are_the_records(log, record):
    assert implied(log).counts == count_parameters(load_record(record).model)


def test_bytes_follow_from_the_settings():
    sizes = implied("pr920/seed42")
    assert sizes.base3_bytes == 13_989_910
    assert sizes.scale_bytes == 2 * 506_880
    assert sizes.fp_bytes == 3_101_600  # as logged
    assert implied("pr640/seed42").fp_bytes == 2_537_376


def test_the_zero_fraction_is_exact_up_to_padding():
    sizes = implied("pr920/seed42")
    mask, total = sum(size // 8 for size in sizes.matrices), sizes.counts.ternary
    for share in (0.0, 0.25, 0.4465, 1.0):
        nonzero = round((1 - share) * total)
        size = sizes.scale_bytes + mask + -(-nonzero // 8)
        zeros = sizes.zero_fraction(size)
        assert zeros.low - 1e-7 <= 1 - nonzero / total <= zeros.high + 1e-7
        assert zeros.high - zeros.low < 5e-6


def test_a_size_no_bitmask_has_gives_no_zero_fraction():
    sizes = implied("pr920/seed42")
    assert sizes.zero_fraction(int(sizes.bitmask_bytes.low) - 1) is None
    assert sizes.zero_fraction(int(sizes.bitmask_bytes.high) + 1) is None


@pytest.mark.parametrize(
    "edit",
    [
        ("num_heads=8", "num_heads=7"),
        ("num_heads=8", "num_heads=0"),
        ("model_dim=768", "model_dim=-768"),
        ("model_dim=768", "model_dim=99999999999"),
        ("bitnet_group_size=128", "bitnet_group_size=100"),
        ("vocab_size=8192", "vocab_size=many"),
        ("fp_storage=True", "fp_storage=False"),
        ("tie_embeddings=1", "tie_embeddings=0"),
        ("activation_type=relu2", "activation_type=swiglu"),
        ("refiner=False", "refiner=True"),
    ],
)
def test_impossible_and_other_settings_imply_nothing(edit):
    assert implied("pr640/seed42", edit) is None
