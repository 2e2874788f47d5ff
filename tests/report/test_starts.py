"""How runs at full size begin: what is compared, and in what words."""

import json

import pytest

from tritgolf.errors import InputError
from tritgolf.report.starts import LAST, compared_steps, read_starts, starts_caption, starts_table

PROVENANCE = {"hardware": {"gpus": ["NVIDIA H200"]}}


def lines(**losses):
    """A line a run, whose loss at step 10n is ``offset + 1/n``, for as many n as said."""
    return "\n".join(
        json.dumps(
            {
                "what": what,
                "seed": 42,
                "batch_tokens": 1024,
                "settings": {"steps": 100},
                "loss_by_step": {str(10 * n): offset + 1 / n for n in range(1, count + 1)},
                "provenance": PROVENANCE,
            }
        )
        for what, (offset, count) in losses.items()
    )


@pytest.fixture
def starts(tmp_path):
    def read(text):
        (tmp_path / "starts_x.jsonl").write_text(text)
        return read_starts(tmp_path)

    return read


def test_the_last_steps_that_all_reached_are_compared(starts):
    found = starts(lines(a=(2.0, 9), b=(1.75, 7), c=(2.5, 8)))
    assert compared_steps(found) == [30, 40, 50, 60, 70]
    frame = starts_table(found).frame
    assert frame["loss"].iloc[0] == pytest.approx(2 + sum(1 / n for n in range(3, 8)) / LAST)
    assert frame["below_first"].tolist() == pytest.approx([0, 0.25, -0.5])
    assert set(frame["tokens"]) == {70 * 1024}


def test_the_caption_names_the_machine(starts):
    assert "Trained on 1 × NVIDIA H200, some side by side" in starts_caption(starts(lines(a=(1.0, 9))))


def test_too_few_steps_and_broken_lines_are_told(starts):
    with pytest.raises(ValueError, match="share 0 logged steps"):
        compared_steps([*starts(lines(a=(1.0, 9))), *starts(lines(b=(1.0, 9)).replace('0":', '1":'))])
    for text in ("{", json.dumps({"what": "x"})):
        with pytest.raises(InputError, match=r"starts_x\.jsonl.*no run's start"):
            starts(text)
