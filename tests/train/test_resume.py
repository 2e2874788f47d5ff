"""What trained a run, by stretch of steps."""

import pytest

from tritgolf.train.resume import stretches

A, B = ["A", "A"], ["B"]


@pytest.mark.parametrize(
    ("before", "devices", "step", "after"),
    [
        ([], A, 4, [(4, A)]),
        ([(4, A)], A, 9, [(9, A)]),
        ([(4, A)], B, 9, [(4, A), (9, B)]),
        ([(4, A), (6, B)], A, 9, [(4, A), (6, B), (9, A)]),
        ([(4, A), (6, B)], B, 9, [(4, A), (9, B)]),
        ([(9, A)], B, 9, [(9, A)]),  # all was trained already
    ],
)
def test_a_stretch_ends_where_other_devices_go_on(before, devices, step, after):
    def told(listed):
        return [{"to_step": last, "devices": names} for last, names in listed]

    assert stretches(told(before), devices, step) == told(after)
