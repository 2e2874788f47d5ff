"""The rules of a grid's records: its trials are planned first."""

import pytest

pytestmark = pytest.mark.workflow


def test_trials_and_their_table_are_planned(untrained):
    jobs = untrained.planned("compared", experiment="isobyte_tiny/trials")
    for stage in ("train", "export", "roundtrip"):
        of_stage = {job for job in jobs if job.startswith(f"{stage}_isobyte_tiny")}
        assert of_stage == {f"{stage}_isobyte_tiny_trial_{point}_like_920" for point in ("1_58_qat", "8_gptq")}
    assert jobs["compared_table"] == 1
