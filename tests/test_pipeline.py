"""``config.yaml`` and what is laid over records from it or from the command line."""

import pytest

from tritgolf.errors import InputError
from tritgolf.pipeline import load_pipeline, resolve_record


def resolved(**overrides):
    return resolve_record(load_pipeline({"records": ["ternary_v2"], "overrides": overrides}), "ternary_v2", "records")


def test_null_and_numbers_may_come_as_the_strings_that_the_command_line_makes_of_them():
    record = resolved(train={"seconds": "null", "steps": "1900", "checkpoints": ["600"]}, model={"smear": "true"})
    assert (record.train.seconds, record.train.steps, record.train.checkpoints) == (None, 1900, (600,))
    assert record.model.smear is True


def test_words_that_are_no_yaml_values_stay_strings():
    with pytest.raises(InputError, match=r"train\.steps: 'many'"):
        resolved(train={"steps": "many"})


def test_a_mistake_laid_over_a_record_is_not_blamed_on_its_file_alone():
    with pytest.raises(InputError, match=r"ternary_v2\.yaml with the settings laid over it: .*widht: unknown key"):
        resolved(model={"widht": 3})


def test_an_unknown_record_lists_the_known_ones():
    with pytest.raises(InputError, match=r"record 'nope': is unknown; known records: .*ternary_v2"):
        resolve_record(load_pipeline({"records": ["nope"], "seeds": [1]}), "nope", "records")
