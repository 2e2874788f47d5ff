"""Records that can't be compared are told before they are trained."""

import pytest

from tests.small import RECORDS
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.experiments.alike import check_alike
from tritgolf.experiments.ready import ready


@pytest.mark.parametrize("name", [path.stem for path in sorted((RECORDS / "experiments").glob("*.yaml"))])
def test_the_repository_s_are_alike(name, tmp_path):
    part = "/trials" if name in ("isobyte", "isobyte_gpu", "isobyte_tiny") else ""
    if name in ("isobyte_gpu_seconds", "isobyte_long", "isobyte_repeated"):
        pytest.skip("made of what another one's trials chose")
    made = ready(f"{name}{part}", RECORDS, tmp_path)
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
