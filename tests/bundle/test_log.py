"""The log of a run in the contest's style."""

import pytest

from tests.small import RECORDS
from tritgolf.bundle import log
from tritgolf.config.record import load_record


@pytest.mark.parametrize(("record", "told"), [("tiny", True), ("tiny_int6", False)])
def test_zeros_of_the_last_step_are_not_told_of_averaged_weights(record, told):
    train = load_record(record, RECORDS).train
    run, score = {"steps": train.steps, "training_seconds": 1.5}, {"nats": 1.0, "bpb": 0.5, "bpb_published_bytes": 0.5}
    last = {"zero_fraction": {"all": 0.36}}
    [line] = log.trained(score, last, run, train)
    assert line.endswith("zero_frac:0.360" if told else "train_time:1500ms")
