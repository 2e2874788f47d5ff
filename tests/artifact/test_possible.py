"""A storage that no file can have is told where the work is planned, not after a training."""

import pytest

from tests.small import RECORDS
from tritgolf.artifact.possible import check_storages
from tritgolf.config.record import known_records, load_record
from tritgolf.errors import InputError

OWN = load_record("tiny_int6", RECORDS).export.model_dump(mode="json")["storages"]["own"]["roles"]
TRITS = {"grid": "ternary", "quantizer": {"group_size": 48, "arithmetic": "float64"}, "scales": "float16"}


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"attention": {"format": "float16"}}, "don't say how control is stored"),
        (OWN | {"attention": {"grid": "integer", "bits": 7}}, "has no codes of 7 bits"),
        (OWN | {"attention": TRITS}, r"blocks\.0\.attn\.c_q\.weight of shape \[32, 32\] has no whole groups of 48"),
    ],
)
def test_it_is_told_with_its_record_and_name(roles, expected):
    record = load_record("tiny_int6", RECORDS, {"export": {"storages": {"other": {"roles": roles}}}})
    with pytest.raises(InputError, match=r"^record tiny_int6: export\.storages\.other:? .*" + expected):
        check_storages(record.name, record.export, record.model)


def test_all_records_can_be_stored():
    for name in known_records(RECORDS):
        record = load_record(name, RECORDS)
        check_storages(name, record.export, record.model)
