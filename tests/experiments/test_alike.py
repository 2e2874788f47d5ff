"""Records that can't be compared are told before they are trained."""

import pytest

from tests.small import RECORDS
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.experiments.alike import check_alike
from tritgolf.experiments.ready import ready

CHANGES = ("demo_fp8", "demo_levers", "demo_optimizers", "demo_parts", "levers")
ROWS = ("hybrid_start", "trinity_v1")
TRIALS = ("isobyte/trials", "isobyte_gpu/trials", "isobyte_tiny/trials")


@pytest.mark.parametrize("name", [*CHANGES, *ROWS, *TRIALS])
def test_the_repository_s_are_alike(name, tmp_path):
    made = ready(name, RECORDS, tmp_path)
    check_alike(made, [load_record(given, RECORDS) for given in made.records])


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"seeds": [7, 42]}, "seeds 7, 42, the baseline demo_hybrid_never 42, "),
        ({"dataset": "tiny"}, "text tiny, the baseline demo_hybrid_never docstrings"),
        ({"train": {"checkpoints": [80]}}, "checkpoints final, step_000080, the baseline demo_hybrid_never final;"),
    ],
)
def test_what_differs_is_told_of_the_experiment(over, told):
    made = ready("hybrid_start", RECORDS)
    records = [load_record(given, RECORDS, over if given == "demo_hybrid" else None) for given in made.records]
    with pytest.raises(InputError, match=f"^{made.source}: demo_hybrid has the {told}.*give both the same"):
        check_alike(made, records)
